-- +goose Up

-- Selections of tickets that somebody keeps under a name; query is that of the list's address.
CREATE TABLE saved_filters (
    account         text NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name            text NOT NULL,
    query           text NOT NULL,
    PRIMARY KEY (account, name)
);

-- +goose Down
DROP TABLE saved_filters;
