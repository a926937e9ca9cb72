-- +goose Up

-- A key belongs to one unresolved ticket at most. An index in the order of keys, each of them in full, was what kept that, at random
-- and over twice as many pages as the table has; a hash of the key does as well, and finds keys besides. Those of resolved tickets
-- stand in an index of their own, so that a new one is written to one alone.
DROP INDEX ticket_keys_active, ticket_keys_by_key;
ALTER TABLE ticket_keys ADD CONSTRAINT ticket_keys_active EXCLUDE USING hash (key WITH =) WHERE (active);
CREATE INDEX ticket_keys_inactive ON ticket_keys USING hash (key) WHERE NOT active;

-- +goose Down
DROP INDEX ticket_keys_inactive;
ALTER TABLE ticket_keys DROP CONSTRAINT ticket_keys_active;
CREATE INDEX ticket_keys_by_key ON ticket_keys USING hash (key);
CREATE UNIQUE INDEX ticket_keys_active ON ticket_keys (key) WHERE active;
