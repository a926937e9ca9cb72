-- +goose Up

-- Accepted mails. A row here is what a 250 promised; its body stands in mail_bodies.
CREATE TABLE mails (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at     timestamptz NOT NULL,
    envelope_from   text NOT NULL,
    envelope_to     text[] NOT NULL,
    remote          inet,
    helo            text NOT NULL DEFAULT '',
    tls             boolean NOT NULL DEFAULT false,
    verified        boolean,
    digest          bytea NOT NULL CHECK (octet_length(digest) = 32),
    size            integer NOT NULL CHECK (size >= 0),
    state           text NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'read', 'repeated')),
    attempts        smallint NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    read_at         timestamptz,
    ticket          bigint,
    message_id      text NOT NULL DEFAULT '',
    subject         text NOT NULL DEFAULT '',
    fingerprint     bytea,
    alert           jsonb,
    CHECK ((state = 'accepted') = (ticket IS NULL))
);
CREATE INDEX mails_pending ON mails (id) WHERE state = 'accepted';
CREATE INDEX mails_by_ticket ON mails (ticket, id);
CREATE INDEX mails_by_fingerprint ON mails (fingerprint, received_at) WHERE fingerprint IS NOT NULL;

-- Raw bodies, partitioned by month so that their retention drops a partition.
CREATE TABLE mail_bodies (
    mail            bigint NOT NULL,
    received_at     timestamptz NOT NULL,
    raw             bytea NOT NULL
) PARTITION BY RANGE (received_at);
ALTER TABLE mail_bodies ALTER COLUMN raw SET STORAGE EXTERNAL;
CREATE INDEX mail_bodies_by_mail ON mail_bodies (mail);
-- Bodies for whose month no partition was prepared: never refused, only harder to drop.
CREATE TABLE mail_bodies_default PARTITION OF mail_bodies DEFAULT;

CREATE TABLE tickets (
    number          bigint GENERATED ALWAYS AS IDENTITY (START WITH 1001) PRIMARY KEY,
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'resolved')),
    severity        text NOT NULL CHECK (severity IN ('high', 'medium', 'low', 'informational', 'unknown')),
    kind            text NOT NULL,
    product         text NOT NULL,
    title           text NOT NULL,
    description     text NOT NULL DEFAULT '',
    category        text NOT NULL DEFAULT '',
    organisation    text NOT NULL DEFAULT '',
    tenant_id       text NOT NULL DEFAULT '',
    incident_id     text NOT NULL DEFAULT '',
    alert_ids       text[] NOT NULL DEFAULT '{}',
    devices         text[] NOT NULL DEFAULT '{}',
    users           text[] NOT NULL DEFAULT '{}',
    links           jsonb NOT NULL DEFAULT '[]',
    classification  text NOT NULL DEFAULT '',
    assignee        text NOT NULL DEFAULT '',
    policy          text NOT NULL DEFAULT '',
    runbook         text NOT NULL DEFAULT '',
    verified        boolean,
    source          text NOT NULL CHECK (source IN ('email', 'api', 'import', 'manual')),
    message_count   integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text NOT NULL DEFAULT '',
    resolved_at     timestamptz,
    merged_into     bigint REFERENCES tickets (number),
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK (state <> 'acknowledged' OR acknowledged_at IS NOT NULL)
);
CREATE INDEX tickets_by_state ON tickets (state, number DESC);

ALTER TABLE mails ADD FOREIGN KEY (ticket) REFERENCES tickets (number);

-- What makes two mails one matter. A key belongs to at most one unresolved ticket.
CREATE TABLE ticket_keys (
    key             text NOT NULL,
    ticket          bigint NOT NULL REFERENCES tickets (number),
    active          boolean NOT NULL DEFAULT true, -- the ticket is not resolved
    PRIMARY KEY (key, ticket)
);
CREATE UNIQUE INDEX ticket_keys_active ON ticket_keys (key) WHERE active;
CREATE INDEX ticket_keys_by_ticket ON ticket_keys (ticket);

-- The timeline: append-only.
CREATE TABLE ticket_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket          bigint NOT NULL REFERENCES tickets (number),
    at              timestamptz NOT NULL,
    type            text NOT NULL,
    actor           text NOT NULL,
    data            jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ticket_events_by_ticket ON ticket_events (ticket, id);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER ticket_events_append_only BEFORE UPDATE OR DELETE ON ticket_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- +goose Down
DROP TABLE ticket_events, ticket_keys, mail_bodies, mails, tickets;
DROP FUNCTION refuse_change;
