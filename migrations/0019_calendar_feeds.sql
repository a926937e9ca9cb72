-- +goose Up

-- Secret addresses of calendars: whoever has one reads shifts, and nothing else.
CREATE TABLE calendar_feeds (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE,
    account         text NOT NULL REFERENCES accounts (id), -- who made it
    kind            text NOT NULL CHECK (kind IN ('person', 'schedule')),
    subject         text NOT NULL,                          -- the id of the person or schedule
    created_at      timestamptz NOT NULL,
    read_at         timestamptz,
    revoked_at      timestamptz
);
CREATE INDEX calendar_feeds_by_account ON calendar_feeds (account, id) WHERE revoked_at IS NULL;

-- +goose Down
DROP TABLE calendar_feeds;
