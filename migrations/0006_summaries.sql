-- +goose Up

-- A storm is bundled: a page that would be one too many waits for its recipient's next summary. single_at is when a page
-- was first sent by itself; what a recipient got singly of late decides about the next page.
ALTER TABLE pages
    ADD COLUMN unverified    boolean NOT NULL DEFAULT false, -- of mail whose author is not authenticated: it has a budget of its own
    ADD COLUMN bundle_after  integer NOT NULL DEFAULT 0,     -- single pages before this one is bundled; 0: never
    ADD COLUMN bundle_within interval NOT NULL DEFAULT '0',
    ADD COLUMN single_at     timestamptz,
    ADD COLUMN bundled       boolean NOT NULL DEFAULT false,
    ADD COLUMN summary       bigint REFERENCES pages (id);   -- the page that stands for this one
DROP INDEX pages_due;
CREATE INDEX pages_due ON pages (due_at) WHERE state = 'queued' AND NOT bundled;
CREATE INDEX pages_single ON pages (coalesce(person, 'webhook:' || webhook), single_at) WHERE single_at IS NOT NULL;
CREATE INDEX pages_single_unverified ON pages (single_at) WHERE single_at IS NOT NULL AND unverified;
CREATE INDEX pages_bundled ON pages (coalesce(person, 'webhook:' || webhook), due_at) WHERE state = 'queued' AND bundled AND summary IS NULL;
CREATE INDEX pages_by_summary ON pages (summary) WHERE summary IS NOT NULL;
CREATE INDEX pages_summaries ON pages (coalesce(person, 'webhook:' || webhook), created_at) WHERE type = 'page.summary';

-- +goose Down
DROP INDEX pages_summaries, pages_by_summary, pages_bundled, pages_single_unverified, pages_single, pages_due;
UPDATE pages SET state = 'cancelled' WHERE state = 'queued' AND bundled;
DELETE FROM pages WHERE type = 'page.summary' AND NOT EXISTS (SELECT FROM pages p WHERE p.summary = pages.id);
ALTER TABLE pages DROP COLUMN summary, DROP COLUMN bundled, DROP COLUMN single_at, DROP COLUMN bundle_within,
    DROP COLUMN bundle_after, DROP COLUMN unverified;
CREATE INDEX pages_due ON pages (due_at) WHERE state = 'queued';
