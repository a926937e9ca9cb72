-- +goose Up

-- Webhooks of the team that their receivers have ended: a 410 disables one until its URL changes or somebody enables it.
CREATE TABLE webhook_states (
    webhook         text PRIMARY KEY,
    url_digest      bytea NOT NULL, -- of the URL that answered 410
    disabled_at     timestamptz NOT NULL,
    reason          text NOT NULL
);

-- Who was on call when it was looked at last, so that a change is told once.
CREATE TABLE on_call_now (
    schedule        text PRIMARY KEY,
    person          text NOT NULL DEFAULT '', -- empty in a gap
    since           timestamptz NOT NULL
);

-- An event need not be of a ticket.
ALTER TABLE pages ALTER COLUMN ticket DROP NOT NULL;
ALTER TABLE pages ADD CONSTRAINT pages_of_a_ticket CHECK (ticket IS NOT NULL OR type NOT IN ('page', 'page.summary'));
CREATE INDEX pages_by_webhook ON pages (webhook, id DESC) WHERE webhook <> '';

-- +goose Down
DROP INDEX pages_by_webhook;
DELETE FROM pages WHERE ticket IS NULL;
ALTER TABLE pages DROP CONSTRAINT pages_of_a_ticket;
ALTER TABLE pages ALTER COLUMN ticket SET NOT NULL;
DROP TABLE on_call_now, webhook_states;
