-- +goose Up

-- How long raw mails and tickets are kept; the JSON form of the on-call room's type.
ALTER TABLE configuration ADD COLUMN retention jsonb NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE configuration DROP COLUMN retention;
