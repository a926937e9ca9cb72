-- +goose Up

-- How an account wants times to be shown; an account without a row has the defaults.
CREATE TABLE account_views (
    account         text PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    timezone        text NOT NULL DEFAULT '', -- empty: that of the person of the same id, else UTC
    date_order      text NOT NULL DEFAULT 'day' CHECK (date_order IN ('day', 'month', 'iso')),
    twelve_hours    boolean NOT NULL DEFAULT false
);

-- +goose Down
DROP TABLE account_views;
