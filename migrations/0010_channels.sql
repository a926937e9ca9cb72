-- +goose Up
-- When a page went to a telephone, by text message or call: a person's budget of them is counted by it.
ALTER TABLE pages ADD COLUMN phoned_at timestamptz;
CREATE INDEX pages_phoned ON pages (person, phoned_at) WHERE phoned_at IS NOT NULL;

-- Signed calls of providers that were taken, by the digest of their signature: a repetition is refused.
CREATE TABLE provider_calls (
    digest          bytea PRIMARY KEY,
    at              timestamptz NOT NULL
);
CREATE INDEX provider_calls_by_age ON provider_calls (at);

-- +goose Down
DROP TABLE provider_calls;
DROP INDEX pages_phoned;
ALTER TABLE pages DROP COLUMN phoned_at;
