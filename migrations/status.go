package migrations

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Set says whose migration it is.
type Set string

// The two sets, in the order in which they are applied.
const (
	SetAfterhours Set = "afterhours"
	SetRiver      Set = "river"
)

// Migration is one step of the schema.
type Migration struct {
	Set       Set
	Version   int64      // counts within its set
	Name      string     // what it does, such as "mails_and_tickets"
	AppliedAt *time.Time // nil: not applied yet
}

// Status lists every migration that this program knows, in the order of application, with the time at which the
// database took it. It only reads: on an empty database every migration is pending and nothing is made.
func Status(ctx context.Context, pool *pgxpool.Pool) ([]Migration, error) {
	return status(ctx, pool, files)
}

func status(ctx context.Context, pool *pgxpool.Pool, fsys fs.FS) ([]Migration, error) {
	list, err := ownMigrations(fsys)
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: silent()})
	if err != nil {
		return nil, fmt.Errorf("read the job queue's migrations: %w", err)
	}
	for _, m := range river.AllVersions() {
		list = append(list, Migration{Set: SetRiver, Version: int64(m.Version), Name: m.Name})
	}

	// Goose keeps local time without a zone, in the zone of the session that wrote it.
	own, err := appliedVersions(ctx, pool, "goose_db_version", `
		SELECT version_id, max(tstamp) AT TIME ZONE current_setting('TimeZone')
		FROM goose_db_version WHERE is_applied GROUP BY version_id`)
	if err != nil {
		return nil, err
	}
	queue, err := appliedVersions(ctx, pool, "river_migration", `
		SELECT version, max(created_at) FROM river_migration GROUP BY version`)
	if err != nil {
		return nil, err
	}
	for i := range list {
		applied := own
		if list[i].Set == SetRiver {
			applied = queue
		}
		if at, ok := applied[list[i].Version]; ok {
			list[i].AppliedAt = &at
		}
	}
	return list, nil
}

// ownMigrations reads the files' names: NNNN_what.sql.
func ownMigrations(fsys fs.FS) ([]Migration, error) {
	names, err := fs.Glob(fsys, "*.sql") // in lexical order, which the leading zeros make the order of versions
	if err != nil {
		return nil, err
	}
	list := make([]Migration, 0, len(names))
	for _, name := range names {
		number, what, found := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !found {
			return nil, fmt.Errorf("the name of %s is not of the form NNNN_what.sql", name)
		}
		list = append(list, Migration{Set: SetAfterhours, Version: version, Name: what})
	}
	return list, nil
}

// appliedVersions runs query, which yields pairs of version and time, unless its table does not exist yet.
func appliedVersions(ctx context.Context, pool *pgxpool.Pool, table, query string) (map[int64]time.Time, error) {
	var exists bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&exists); err != nil {
		return nil, fmt.Errorf("look for %s: %w", table, err)
	}
	if !exists {
		return nil, nil
	}
	rows, err := pool.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	applied := make(map[int64]time.Time)
	var version int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&version, &at}, func() error {
		applied[version] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	return applied, nil
}
