-- +goose Up

-- What the API adds to a ticket.
ALTER TABLE tickets
    ADD COLUMN machines    jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN techniques  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN evidence    jsonb NOT NULL DEFAULT '[]';

-- The last report of each alert that the API showed. key is the alert's id without prefix and case.
CREATE TABLE api_alerts (
    tenant          text NOT NULL,
    key             text NOT NULL,
    alert_id        text NOT NULL,
    ticket          bigint NOT NULL REFERENCES tickets (number),
    fingerprint     bytea NOT NULL,
    status          text NOT NULL,
    classification  text NOT NULL DEFAULT '',
    assigned_to     text NOT NULL DEFAULT '',
    severity        text NOT NULL,
    product         text NOT NULL,
    created_at      timestamptz NOT NULL, -- at Microsoft
    updated_at      timestamptz NOT NULL,
    first_seen_at   timestamptz NOT NULL,
    alert           jsonb NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX api_alerts_by_ticket ON api_alerts (ticket);
CREATE INDEX api_alerts_by_first_seen ON api_alerts (tenant, first_seen_at);

-- Configuration as code, like the other lists.
CREATE TABLE tenants (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);
CREATE TABLE playbooks (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);

-- How far the polls of a tenant are. One replica polls at a time: the one that holds the lease; fence tells it from one
-- that held it before and does not know that it has lost it.
CREATE TABLE tenant_polls (
    tenant          text PRIMARY KEY,
    mark            timestamptz,            -- everything that changed before it is read
    incident_mark   timestamptz,
    next_poll_at    timestamptz NOT NULL,
    next_incidents_at timestamptz NOT NULL,
    lease_until     timestamptz,
    fence           bigint NOT NULL DEFAULT 0,
    polled_at       timestamptz,            -- the last poll that came to its end
    failed_at       timestamptz,
    failures        integer NOT NULL DEFAULT 0,
    error           text NOT NULL DEFAULT '',
    mend            text NOT NULL DEFAULT '',
    told_code       text NOT NULL DEFAULT '', -- the lasting fault that people were told of
    incident_error  text NOT NULL DEFAULT '',
    lag             interval,               -- from the last new alert's change to its ticket
    alerts          bigint NOT NULL DEFAULT 0,
    mail_told_at    timestamptz             -- when people were told that the mail path is broken
);

-- Requests of the last hour, counted in short stretches for all replicas together.
CREATE TABLE api_requests (
    tenant          text NOT NULL,
    service         text NOT NULL,
    stretch         timestamptz NOT NULL,
    requests        integer NOT NULL,
    PRIMARY KEY (tenant, service, stretch)
);
CREATE TABLE api_blocks (
    tenant          text NOT NULL,
    service         text NOT NULL,
    until           timestamptz NOT NULL,
    PRIMARY KEY (tenant, service)
);

-- What people decided here and Defender is yet to be told. The row is the truth; it is claimed, sent and tried again.
CREATE TABLE api_writes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant          text NOT NULL,
    alert_id        text NOT NULL,
    ticket          bigint NOT NULL REFERENCES tickets (number),
    body            jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'failed')),
    due_at          timestamptz NOT NULL,
    lease_until     timestamptz,
    attempts        integer NOT NULL DEFAULT 0,
    error           text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz
);
CREATE INDEX api_writes_due ON api_writes (due_at) WHERE state = 'queued';
CREATE INDEX api_writes_by_ticket ON api_writes (ticket, id);

-- +goose Down
DROP TABLE api_writes, api_blocks, api_requests, tenant_polls, playbooks, tenants, api_alerts;
ALTER TABLE tickets DROP COLUMN evidence, DROP COLUMN techniques, DROP COLUMN machines;
