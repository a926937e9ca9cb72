-- +goose Up

-- The load of a person, or of everybody, is that of the last months, however many pages there are from before.
CREATE INDEX pages_sent ON pages (person, sent_at) WHERE person IS NOT NULL AND sent_at IS NOT NULL;
CREATE INDEX pages_sent_to_all ON pages (sent_at) WHERE person IS NOT NULL AND sent_at IS NOT NULL;

-- +goose Down
DROP INDEX pages_sent_to_all, pages_sent;
