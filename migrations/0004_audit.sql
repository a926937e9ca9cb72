-- +goose Up

-- Who changed what of the configuration and the accounts, with the difference, without credentials. Append-only.
CREATE TABLE audit_log (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    actor           text NOT NULL,
    action          text NOT NULL,
    difference      text NOT NULL DEFAULT ''
);
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- An acknowledged ticket that nobody resolves waits for its acknowledgement's end.
ALTER TABLE escalations DROP CONSTRAINT escalations_state_check;
ALTER TABLE escalations ADD CONSTRAINT escalations_state_check CHECK (state IN ('running', 'stopped', 'exhausted', 'waiting'));
ALTER TABLE escalations DROP CONSTRAINT escalations_check;
ALTER TABLE escalations ADD CONSTRAINT escalations_check CHECK ((state IN ('running', 'waiting')) = (due_at IS NOT NULL));
CREATE INDEX escalations_waiting ON escalations (due_at) WHERE state = 'waiting';

-- +goose Down
DROP INDEX escalations_waiting;
UPDATE escalations SET state = 'stopped', due_at = NULL WHERE state = 'waiting';
ALTER TABLE escalations DROP CONSTRAINT escalations_check;
ALTER TABLE escalations ADD CONSTRAINT escalations_check CHECK ((state = 'running') = (due_at IS NOT NULL));
ALTER TABLE escalations DROP CONSTRAINT escalations_state_check;
ALTER TABLE escalations ADD CONSTRAINT escalations_state_check CHECK (state IN ('running', 'stopped', 'exhausted'));
DROP TABLE audit_log;
