-- +goose Up

-- A team's webhook is told of events the way a person is paged: by a row. What the event was stands in payload, because
-- the ticket may be another by the time that the webhook answers.
ALTER TABLE pages ADD COLUMN payload jsonb;
DROP INDEX pages_by_ticket;
CREATE INDEX pages_by_ticket ON pages (ticket, id) WHERE type = 'page';

-- +goose Down
DELETE FROM pages WHERE type <> 'page';
DROP INDEX pages_by_ticket;
CREATE INDEX pages_by_ticket ON pages (ticket, id);
ALTER TABLE pages DROP COLUMN payload;
