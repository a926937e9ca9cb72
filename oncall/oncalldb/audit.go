package oncalldb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// auditColumns read the entries "shown" of the audit log. An entry is undone where the newest of those that undo it is not undone itself: the
// chain of these has an odd length.
const auditColumns = `, chain AS (
		SELECT s.id AS of, u.entry AS by, u.entry AS last, 1 AS length
		FROM shown s CROSS JOIN LATERAL (SELECT max(entry) AS entry FROM configuration_changes WHERE undoes = s.id) u
		WHERE u.entry IS NOT NULL
		UNION ALL
		SELECT c.of, c.by, u.entry, c.length + 1
		FROM chain c CROSS JOIN LATERAL (SELECT max(entry) AS entry FROM configuration_changes WHERE undoes = c.last) u
		WHERE u.entry IS NOT NULL
	), undone AS (SELECT of, by FROM chain GROUP BY of, by HAVING count(*) % 2 = 1)
	SELECT s.id, s.at, s.actor, s.action, s.difference, coalesce(k.undoes, 0) AS undoes, coalesce(u.by, 0) AS undone_by,
		coalesce(b.left_out, '{}') AS left_out, coalesce(k.things, '{}') AS things,
		CASE WHEN k.entry IS NULL THEN '' WHEN k.state IS NOT NULL THEN 'kept' ELSE k.forgotten END AS state
	FROM shown s
	LEFT JOIN configuration_changes k ON k.entry = s.id
	LEFT JOIN undone u ON u.of = s.id
	LEFT JOIN configuration_changes b ON b.entry = u.by
	ORDER BY s.id DESC`

// AuditLog returns changes of the configuration, newest first; before 0 begins at the newest.
func (s *Store) AuditLog(ctx context.Context, limit int, before int64) ([]oncall.Change, error) {
	return s.auditEntries(ctx, s.Pool, `
		WITH RECURSIVE shown AS (SELECT * FROM audit_log WHERE $2 = 0 OR id < $2 ORDER BY id DESC LIMIT $1)`+auditColumns, limit, before)
}

// Change returns one entry of the audit log, or tickets.ErrNotFound.
func (s *Store) Change(ctx context.Context, entry int64) (oncall.Change, error) {
	return s.auditEntry(ctx, s.Pool, entry)
}

func (s *Store) auditEntry(ctx context.Context, db querier, entry int64) (oncall.Change, error) {
	found, err := s.auditEntries(ctx, db, `WITH RECURSIVE shown AS (SELECT * FROM audit_log WHERE id = $1)`+auditColumns, entry)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("entry %d of the audit log: %w", entry, tickets.ErrNotFound)
	}
	if err != nil {
		return oncall.Change{}, err
	}
	return found[0], nil
}

// ChangedSince returns, newest first, which later changes touched any of the things that an entry changed.
func (s *Store) ChangedSince(ctx context.Context, entry int64, limit int) ([]oncall.Change, error) {
	return s.auditEntries(ctx, s.Pool, `
		WITH RECURSIVE shown AS (
			SELECT a.* FROM configuration_changes k JOIN audit_log a ON a.id = k.entry
			WHERE k.entry > $1 AND k.things && (SELECT things FROM configuration_changes WHERE entry = $1)
			ORDER BY k.entry DESC LIMIT $2)`+auditColumns, entry, limit)
}

func (s *Store) auditEntries(ctx context.Context, db querier, query string, args ...any) ([]oncall.Change, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.Change])
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	return found, nil
}
