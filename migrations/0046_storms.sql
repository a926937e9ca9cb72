-- +goose Up

-- What became of a summary is recorded in parts, each found by where the one before it ended. What a person was told is counted by
-- messages: pages that a summary stands for, of a storm nearly all, need not stand in those indexes.
DROP INDEX pages_by_summary, pages_sent, pages_sent_to_all;
CREATE INDEX pages_by_summary ON pages (summary, id) WHERE summary IS NOT NULL;
CREATE INDEX pages_sent ON pages (person, sent_at) WHERE person IS NOT NULL AND sent_at IS NOT NULL AND NOT bundled;
CREATE INDEX pages_sent_to_all ON pages (sent_at) WHERE person IS NOT NULL AND sent_at IS NOT NULL AND NOT bundled;

-- The oldest open ticket of a severity is asked for at each scrape, in a storm of hundreds of thousands that nobody has cleared up.
DROP INDEX tickets_unresolved;
CREATE INDEX tickets_unresolved ON tickets (state, severity, created_at) WHERE state <> 'resolved';

-- +goose Down
DROP INDEX tickets_unresolved;
CREATE INDEX tickets_unresolved ON tickets (state) WHERE state <> 'resolved';
DROP INDEX pages_by_summary, pages_sent, pages_sent_to_all;
CREATE INDEX pages_by_summary ON pages (summary) WHERE summary IS NOT NULL;
CREATE INDEX pages_sent ON pages (person, sent_at) WHERE person IS NOT NULL AND sent_at IS NOT NULL;
CREATE INDEX pages_sent_to_all ON pages (sent_at) WHERE person IS NOT NULL AND sent_at IS NOT NULL;
