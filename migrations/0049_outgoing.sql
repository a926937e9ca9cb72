-- +goose Up

-- What left by itself, by channel and by webhook: a page that goes with a summary is not listed there, and of a storm they are nearly
-- all pages.
DROP INDEX pages_by_channel, pages_by_webhook;
CREATE INDEX pages_by_channel ON pages (channel, id DESC) WHERE NOT bundled;
CREATE INDEX pages_by_webhook ON pages (webhook, id DESC) WHERE webhook <> '' AND NOT bundled;

-- +goose Down
DROP INDEX pages_by_channel, pages_by_webhook;
CREATE INDEX pages_by_channel ON pages (channel, id DESC);
CREATE INDEX pages_by_webhook ON pages (webhook, id DESC) WHERE webhook <> '';
