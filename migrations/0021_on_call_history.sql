-- +goose Up

-- Schedules as they were in force, each version from its moment on; without a definition the schedule was removed. From
-- them the history is filled where nobody wrote it for a while. Append-only.
CREATE TABLE schedule_versions (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule        text NOT NULL,
    at              timestamptz NOT NULL,
    definition      jsonb
);
CREATE INDEX schedule_versions_newest ON schedule_versions (schedule, id DESC);
CREATE TRIGGER schedule_versions_append_only BEFORE UPDATE OR DELETE ON schedule_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER schedule_versions_kept BEFORE TRUNCATE ON schedule_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
INSERT INTO schedule_versions (schedule, at, definition)
SELECT id, coalesce(applied_at, now()), definition FROM schedules, configuration ORDER BY position;

-- Who was on call, from a moment on and until the schedule's next row. Append-only.
CREATE TABLE on_call_history (
    schedule        text NOT NULL,
    at              timestamptz NOT NULL,
    person          text NOT NULL DEFAULT '', -- empty where nobody was
    source          text NOT NULL CHECK (source ~ '^[a-z]+$'),
    recorded_at     timestamptz NOT NULL,
    reconstructed   boolean NOT NULL,         -- nobody looked at that moment: it follows from the schedule that was in force
    PRIMARY KEY (schedule, at),
    CHECK ((person = '') = (source IN ('gap', 'removed')))
);
CREATE TRIGGER on_call_history_append_only BEFORE UPDATE OR DELETE ON on_call_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER on_call_history_kept BEFORE TRUNCATE ON on_call_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- How far the history is written: until a moment, by a version of the configuration and a last row of schedule_versions.
-- Whoever writes it holds this row.
CREATE TABLE on_call_recorded (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    until           timestamptz,
    configuration   bigint NOT NULL DEFAULT -1,
    last_version    bigint NOT NULL DEFAULT 0
);
INSERT INTO on_call_recorded DEFAULT VALUES;

-- +goose Down
DROP TABLE on_call_recorded, on_call_history, schedule_versions;
