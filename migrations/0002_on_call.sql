-- +goose Up

-- Configuration as code. Definitions are the JSON form of the on-call room's types; credentials in them are sealed.
CREATE TABLE configuration (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version         bigint NOT NULL DEFAULT 0,
    applied_at      timestamptz
);
INSERT INTO configuration DEFAULT VALUES;

CREATE TABLE people (
    id              text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    name            text NOT NULL,
    position        integer NOT NULL,
    definition      jsonb NOT NULL,
    removed_at      timestamptz -- pages and timelines go on naming a person who left
);
CREATE TABLE schedules (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);
CREATE TABLE policies (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);
CREATE TABLE webhooks (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);
CREATE TABLE routes (
    position        integer PRIMARY KEY,
    definition      jsonb NOT NULL
);
CREATE TABLE mutes (
    position        integer PRIMARY KEY,
    definition      jsonb NOT NULL
);

-- Where a ticket stands in its policy: the step that was executed last (counted from 1; 0 before the first) and, in
-- due_at, the moment of the next.
CREATE TABLE escalations (
    ticket          bigint PRIMARY KEY REFERENCES tickets (number),
    policy          text NOT NULL,
    state           text NOT NULL CHECK (state IN ('running', 'stopped', 'exhausted')),
    round           integer NOT NULL DEFAULT 1,
    step            integer NOT NULL DEFAULT 0,
    due_at          timestamptz,
    reason          text NOT NULL DEFAULT '',
    started_at      timestamptz NOT NULL,
    generation      integer NOT NULL DEFAULT 1, -- one more each time that the policy starts again from its first step
    CHECK ((state = 'running') = (due_at IS NOT NULL))
);
CREATE INDEX escalations_due ON escalations (due_at) WHERE state = 'running';

-- One row a notification: the truth. A job only moves it and reads its state again before it sends.
CREATE TABLE pages (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text NOT NULL UNIQUE, -- what caused it; the same cause never makes two rows
    ticket          bigint NOT NULL REFERENCES tickets (number),
    person          text REFERENCES people (id),
    webhook         text NOT NULL DEFAULT '', -- a step's target webhook:ID, where there is no person
    contact         text NOT NULL DEFAULT '',
    channel         text NOT NULL,
    type            text NOT NULL DEFAULT 'page',
    generation      integer NOT NULL,
    round           integer NOT NULL,
    step            integer NOT NULL,
    repetition      integer NOT NULL DEFAULT 0, -- a push is repeated until somebody acknowledges
    reason          text NOT NULL DEFAULT '',
    state           text NOT NULL DEFAULT 'queued'
                    CHECK (state IN ('queued', 'held', 'sent', 'delivered', 'failed', 'cancelled')),
    due_at          timestamptz NOT NULL,
    give_up_at      timestamptz NOT NULL, -- after this a failed attempt is the last
    lease_until     timestamptz, -- a job for it exists until then
    started_at      timestamptz, -- of the attempt that runs
    attempts        integer NOT NULL DEFAULT 0,
    last_error      text NOT NULL DEFAULT '',
    provider_id     text NOT NULL DEFAULT '',
    token_hash      bytea, -- of the acknowledge link
    token_expires   timestamptz,
    created_at      timestamptz NOT NULL,
    sent_at         timestamptz,
    finished_at     timestamptz
);
CREATE INDEX pages_due ON pages (due_at) WHERE state = 'queued';
CREATE INDEX pages_by_ticket ON pages (ticket, id);
CREATE INDEX pages_by_channel ON pages (channel, id DESC);
CREATE INDEX pages_held ON pages (id) WHERE state = 'held';
CREATE UNIQUE INDEX pages_by_token ON pages (token_hash) WHERE token_hash IS NOT NULL;

-- +goose Down
DROP TABLE pages, escalations, mutes, routes, webhooks, policies, schedules, people, configuration;
