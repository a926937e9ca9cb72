-- +goose Up

-- What an entry of the audit log is called can name a person, too: whom an invitation went to, a title that was muted. The
-- erasure of a person may change those words.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    words text[] := ARRAY['data', 'difference', 'action', 'body', 'says'];
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
