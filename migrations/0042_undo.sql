-- +goose Up

-- What an entry of the audit log replaced in the configuration and what it put there, so that it can be undone: by section
-- {"before", "after"}, credentials sealed. The state goes with its age, its size, a person that is erased or a key that is
-- lost; that it was there, and why it went, stays.
CREATE TABLE configuration_changes (
    entry           bigint PRIMARY KEY REFERENCES audit_log (id),
    at              timestamptz NOT NULL,
    undoes          bigint REFERENCES audit_log (id) CHECK (undoes < entry),
    things          text[] NOT NULL,
    left_out        text[] NOT NULL DEFAULT '{}',
    state           jsonb,
    forgotten       text NOT NULL DEFAULT '' CHECK (forgotten IN ('', 'age', 'size', 'erased', 'key')),
    CHECK ((state IS NULL) = (forgotten <> ''))
);
CREATE INDEX configuration_changes_by_undone ON configuration_changes (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX configuration_changes_kept ON configuration_changes (at) WHERE state IS NOT NULL;

-- +goose Down
DROP TABLE configuration_changes;
