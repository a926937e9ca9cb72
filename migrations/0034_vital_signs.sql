-- +goose Up

-- Every gateway writes down once a minute how it is: that the write succeeds is part of what it says.
CREATE TABLE gateways (
    name            text PRIMARY KEY,
    version         text NOT NULL,
    started_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    ailing          text NOT NULL DEFAULT '', -- what is wrong; empty while all is well
    heartbeat_at    timestamptz,              -- the outside address answered a heartbeat of it last
    heartbeat_fault text NOT NULL DEFAULT ''  -- why it did not answer the newest one
);

-- The self-test: a mail through the whole way in, again and again. waited counts only the time in which somebody watched,
-- so that a gateway that was off for an hour does not take its own absence for a lost mail.
CREATE TABLE self_test (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id              bigint NOT NULL DEFAULT 0, -- of the newest mail
    begun_at        timestamptz,               -- its time came
    tried_at        timestamptz,               -- somebody began to send it
    sent_at         timestamptz,               -- it got its 250
    arrived_at      timestamptz,               -- it was read
    watched_at      timestamptz,
    waited          interval NOT NULL DEFAULT '0',
    fault           text NOT NULL DEFAULT '',  -- why it could not be sent, or what was read wrongly of it
    last_arrived_at timestamptz,               -- of any that was read well
    ticket          bigint REFERENCES tickets (number) -- tells that one did not arrive; null while they do
);
INSERT INTO self_test DEFAULT VALUES;

-- +goose Down
DROP TABLE self_test, gateways;
