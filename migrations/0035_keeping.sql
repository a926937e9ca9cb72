-- +goose Up

-- A ticket under hold is kept, with its mails, however old: {"reason", "by", "at"}.
ALTER TABLE tickets ADD COLUMN hold jsonb CHECK (hold IS NULL OR hold ->> 'reason' <> '');
CREATE INDEX tickets_held ON tickets (number) WHERE hold IS NOT NULL;

-- Tickets end by their age.
CREATE INDEX tickets_by_resolution ON tickets (resolved_at) WHERE state = 'resolved';
CREATE INDEX outage_events_by_mail ON outage_events (mail);

-- What is append-only stays so, with two exceptions that a transaction has to name: retention ends whole tickets, and the
-- erasure of a person changes words, never what happened, when, in which order and by whom.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    words text[] := ARRAY['data', 'difference', 'body', 'says'];
BEGIN
    IF TG_LEVEL = 'ROW' AND TG_OP = 'DELETE' AND current_setting('afterhours.exception', true) = 'retention'
        AND TG_TABLE_NAME IN ('ticket_events', 'playbook_steps') THEN
        RETURN OLD;
    END IF;
    IF TG_LEVEL = 'ROW' AND TG_OP = 'UPDATE' AND current_setting('afterhours.exception', true) = 'erasure'
        AND TG_TABLE_NAME IN ('ticket_events', 'playbook_steps', 'audit_log', 'handover_notes')
        AND to_jsonb(NEW) - words = to_jsonb(OLD) - words THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
DROP INDEX outage_events_by_mail;
DROP INDEX tickets_by_resolution, tickets_held;
ALTER TABLE tickets DROP COLUMN hold;
