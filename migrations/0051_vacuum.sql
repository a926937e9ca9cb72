-- +goose Up

-- Postgres vacuums a table once a fifth of it is dead or new. In a storm that is minutes later: by then a checkpoint has come, each
-- page that is cleaned goes whole into the journal, and so does each that new rows are written to again. What is cleaned while it
-- is fresh costs neither. A mail is written when it is accepted and when it is read, a page when it waits and when it has left.
ALTER TABLE mails SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 20000);
ALTER TABLE pages SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 20000);
ALTER TABLE ticket_events SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 50000);

-- Tickets are cleaned where many have changed, or once they have doubled: new ones leave nothing behind, and their words are sorted
-- through each time. The index of mails by reception is brought up to date by the vacuum; asked to be each few rows, the server
-- forgets most requests in a storm and says so for each.
ALTER TABLE tickets SET (autovacuum_vacuum_insert_scale_factor = 1);
ALTER INDEX mails_by_reception SET (autosummarize = off);

-- What the planner knows of them takes a second or more to gather, mostly of words: it does so after a quarter more, not a tenth.
ALTER TABLE mails SET (autovacuum_analyze_scale_factor = 0.25);
ALTER TABLE pages SET (autovacuum_analyze_scale_factor = 0.25);
ALTER TABLE tickets SET (autovacuum_analyze_scale_factor = 0.25);
ALTER TABLE ticket_events SET (autovacuum_analyze_scale_factor = 0.25);
ALTER TABLE ticket_keys SET (autovacuum_analyze_scale_factor = 0.25);

-- Raw mails are never changed, are looked up by their mails alone, and go by months.
-- +goose StatementBegin
DO $$
DECLARE
    month regclass;
BEGIN
    FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'mail_bodies'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 1)', month);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
    month regclass;
BEGIN
    FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'mail_bodies'::regclass LOOP
        EXECUTE format('ALTER TABLE %s RESET (autovacuum_vacuum_insert_threshold, autovacuum_analyze_scale_factor)', month);
    END LOOP;
END
$$;
-- +goose StatementEnd
ALTER INDEX mails_by_reception SET (autosummarize = on);
ALTER TABLE ticket_keys RESET (autovacuum_analyze_scale_factor);
ALTER TABLE tickets RESET (autovacuum_analyze_scale_factor, autovacuum_vacuum_insert_scale_factor);
ALTER TABLE ticket_events RESET (autovacuum_analyze_scale_factor, autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold);
ALTER TABLE pages RESET (autovacuum_analyze_scale_factor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold);
ALTER TABLE mails RESET (autovacuum_analyze_scale_factor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold);
