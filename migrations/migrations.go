// Package migrations holds the database schema and brings a database up to it.
//
// The schema is two sets that move together: afterhours' own files in this folder, applied by goose, and the job
// queue's, applied by River's migrator. Each migration is its own transaction, so a run that is cut off leaves whole
// steps behind and the next run goes on from there.
//
// Up promises that any number of replicas may call it at once: one applies, the others wait and then find nothing to
// do. One advisory lock covers both sets. It is taken inside a transaction of its own connection, not for a session:
// such a lock also holds behind a pooler that hands out connections by transaction, and it goes with its connection
// when the process dies. It is asked for again and again rather than waited for, because a waiting statement holds a
// snapshot, for which CREATE INDEX CONCURRENTLY in the other replica would wait in turn.
//
// The package refuses to go back: the schema only moves forward. A database that is newer than the program is left
// as it is.
package migrations

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

// lockID is the key of the advisory lock, unique to afterhours within a database ("afterhou" in ASCII).
const lockID int64 = 0x6166746572686f75

// lockPause is the time between two attempts at the lock.
const lockPause = 100 * time.Millisecond

// Up applies every migration that the database lacks and returns how many those were, of both sets. One that fails
// is named in the error; those before it stay. It waits for another process that is applying them, until ctx ends. It opens connections of its own with pool's configuration
// and without that configuration's statement and lock timeouts.
func Up(ctx context.Context, pool *pgxpool.Pool) (applied int, err error) {
	return up(ctx, pool, files)
}

func up(ctx context.Context, caller *pgxpool.Pool, fsys fs.FS) (applied int, err error) {
	pool, err := openPool(ctx, caller)
	if err != nil {
		return 0, err
	}
	defer pool.Close()

	unlock, err := lock(ctx, pool)
	if err != nil {
		return 0, fmt.Errorf("lock the schema: %w", err)
	}
	defer unlock()

	applied, err = upOwn(ctx, pool, fsys)
	if err != nil {
		return applied, fmt.Errorf("apply the schema: %w", err)
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: silent()})
	if err != nil {
		return applied, fmt.Errorf("read the job queue's migrations: %w", err)
	}
	result, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return applied, fmt.Errorf("apply the job queue's schema: %w", err)
	}
	return applied + len(result.Versions), nil
}

// upOwn applies afterhours' own files.
func upOwn(ctx context.Context, pool *pgxpool.Pool, fsys fs.FS) (int, error) {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, fsys,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return len(partial.Applied), fmt.Errorf("%s: %w", path.Base(partial.Failed.Source.Path), partial.Err)
	}
	return len(results), err
}

// openPool opens the few connections that a run needs: the caller's pool may be as small as one.
func openPool(ctx context.Context, caller *pgxpool.Pool) (*pgxpool.Pool, error) {
	config := caller.Config()
	config.MaxConns, config.MinConns, config.MinIdleConns = 3, 0, 0
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(config.ConnConfig.RuntimeParams, name)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open connections for migrations: %w", err)
	}
	return pool, nil
}

// lock takes the schema's lock and returns the function that gives it back.
func lock(ctx context.Context, pool *pgxpool.Pool) (unlock func(), err error) {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	unlock = func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }

	// The transaction idles for as long as the migrations take.
	if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		unlock()
		return nil, err
	}
	for {
		var taken bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, lockID).Scan(&taken); err != nil {
			unlock()
			return nil, err
		}
		if taken {
			return unlock, nil
		}
		select {
		case <-ctx.Done():
			unlock()
			return nil, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// Digest identifies the content of both sets: two programs with the same digest make the same schema. It is 16
// hexadecimal digits.
func Digest() (string, error) {
	hash := sha256.New()
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
	}
	river, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Logger: silent()})
	if err != nil {
		return "", fmt.Errorf("read the job queue's migrations: %w", err)
	}
	for _, migration := range river.AllVersions() {
		fmt.Fprintf(hash, "river %d %d\n%s", migration.Version, len(migration.SQLUp), migration.SQLUp)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
