-- +goose Up

-- Tickets end by their age, and how long they are kept can depend on their severity: those that are kept for longer are not to
-- be walked past each hour. The index that knows no severity stays for the version before.
CREATE INDEX tickets_by_severity_and_resolution ON tickets (severity, resolved_at) WHERE state = 'resolved';

-- +goose Down
DROP INDEX tickets_by_severity_and_resolution;
