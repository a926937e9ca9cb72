-- +goose Up

-- The tickets of some days are found in the index alone; only those that are shown are read.
CREATE INDEX tickets_created ON tickets (created_at, number);
DROP INDEX tickets_by_creation;

-- +goose Down
CREATE INDEX tickets_by_creation ON tickets (created_at);
DROP INDEX tickets_created;
