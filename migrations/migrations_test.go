package migrations_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"afterhours/migrations"
	"afterhours/migrations/pgtest"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// empty opens a pool on an empty database; settings are added to its address.
func empty(t *testing.T, settings ...string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), strings.Join(append([]string{pgtest.Empty(t)}, settings...), "&"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func tables(t *testing.T, pool *pgxpool.Pool) (count int) {
	t.Helper()
	err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func pending(t *testing.T, pool *pgxpool.Pool) (all, pending int) {
	t.Helper()
	list, err := migrations.Status(t.Context(), pool)
	if err != nil {
		t.Fatalf("Status: %v", err)
	}
	for _, m := range list {
		if m.AppliedAt == nil {
			pending++
		}
	}
	return len(list), pending
}

func TestUpBringsAnEmptyDatabaseToTheWholeSchemaOnce(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	all, missing := pending(t, pool)
	if all == 0 || missing != all {
		t.Errorf("before: %d of %d pending, want all", missing, all)
	}
	if got := tables(t, pool); got != 0 {
		t.Errorf("Status made %d tables, want none", got)
	}
	before := time.Now().Add(-time.Minute)
	applied, err := migrations.Up(t.Context(), pool)
	if err != nil || applied != all {
		t.Fatalf("Up = %d, %v, want %d", applied, err, all)
	}
	list, err := migrations.Status(t.Context(), pool)
	if err != nil {
		t.Fatalf("Status: %v", err)
	}
	for _, m := range list {
		if m.AppliedAt == nil || m.AppliedAt.Before(before) || m.AppliedAt.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s %d %q was applied at %v, want just now", m.Set, m.Version, m.Name, m.AppliedAt)
		}
	}
	if first := list[0]; first.Set != migrations.SetAfterhours || first.Version != 1 || first.Name == "" {
		t.Errorf("the first migration is %+v, want our own number 1", first)
	}
	if applied, err := migrations.Up(t.Context(), pool); err != nil || applied != 0 {
		t.Errorf("second Up = %d, %v, want 0", applied, err)
	}
	river, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := river.Validate(t.Context(), nil); err != nil || !result.OK {
		t.Errorf("the job queue finds its schema %+v, %v, want it whole", result, err)
	}
}

func TestReplicasThatStartTogetherApplyEachMigrationOnce(t *testing.T) {
	t.Parallel()
	first := empty(t)
	all, _ := pending(t, first)
	var group sync.WaitGroup
	var applied [4]int
	var errs [4]error
	for i := range applied {
		config := first.Config()
		config.MaxConns = 1 // the smallest pool there is
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		group.Go(func() { applied[i], errs[i] = migrations.Up(t.Context(), pool) })
	}
	group.Wait()
	total := 0
	for i := range applied {
		if errs[i] != nil {
			t.Errorf("replica %d: %v", i, errs[i])
		}
		if applied[i] != 0 && applied[i] != all {
			t.Errorf("replica %d applied %d, want all or none", i, applied[i])
		}
		total += applied[i]
	}
	if total != all {
		t.Errorf("together they applied %d, want %d", total, all)
	}
}

func TestUpWaitsForTheLockUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock($1)`, migrations.LockID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if applied, err := migrations.Up(ctx, pool); applied != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Up beside a held lock = %d, %v, want 0 and the context's error", applied, err)
	}
	if got := tables(t, pool); got != 0 {
		t.Errorf("%d tables were made without the lock, want none", got)
	}
	done := make(chan error, 1)
	go func() {
		_, err := migrations.Up(t.Context(), pool)
		done <- err
	}()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Up after the lock was given back: %v", err)
	}
}

func file(statements string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + statements + "\n")}
}

func TestBrokenMigrationIsNamedAndTheRunGoesOnAfterItsMend(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	fsys := fstest.MapFS{
		"0001_first.sql":  file("CREATE TABLE first ();"),
		"0002_second.sql": file("CREATE TABLE second ();\nSELECT broken;"),
	}
	applied, err := migrations.UpFrom(t.Context(), pool, fsys)
	if applied != 1 || err == nil || !strings.Contains(err.Error(), "0002_second.sql") {
		t.Errorf("Up = %d, %v, want 1 and an error that names 0002_second.sql", applied, err)
	}
	list, err := migrations.StatusFrom(t.Context(), pool, fsys)
	if err != nil {
		t.Fatal(err)
	}
	if list[0].AppliedAt == nil || list[1].AppliedAt != nil {
		t.Errorf("status = %+v, want the first applied and the second not", list[:2])
	}
	fsys["0002_second.sql"] = file("CREATE TABLE second ();")
	if _, err := migrations.UpFrom(t.Context(), pool, fsys); err != nil {
		t.Errorf("after the mend: %v", err)
	}
}

func TestDatabaseThatIsNewerThanTheProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	fsys := fstest.MapFS{"0001_first.sql": file("CREATE TABLE first ();"), "0002_second.sql": file("CREATE TABLE second ();")}
	if _, err := migrations.UpFrom(t.Context(), pool, fsys); err != nil {
		t.Fatal(err)
	}
	delete(fsys, "0002_second.sql")
	if applied, err := migrations.UpFrom(t.Context(), pool, fsys); applied != 0 || err != nil {
		t.Errorf("Up of an older program = %d, %v, want 0 and no error", applied, err)
	}
}

func TestThePoolsTimeLimitsDoNotEndAMigration(t *testing.T) {
	t.Parallel()
	pool := empty(t, "statement_timeout=50", "idle_in_transaction_session_timeout=50", "lock_timeout=50")
	fsys := fstest.MapFS{"0001_slow.sql": file("SELECT pg_sleep(0.3);")}
	if _, err := migrations.UpFrom(t.Context(), pool, fsys); err != nil {
		t.Errorf("Up: %v", err)
	}
}

func TestFileWithAWrongNameIsAnError(t *testing.T) {
	t.Parallel()
	_, err := migrations.StatusFrom(t.Context(), empty(t), fstest.MapFS{"first.sql": file("SELECT 1;")})
	if err == nil || !strings.Contains(err.Error(), "first.sql") {
		t.Errorf("error = %v, want one that names the file", err)
	}
}

func TestDigestIsSixteenHexadecimalDigits(t *testing.T) {
	t.Parallel()
	digest, err := migrations.Digest()
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(digest) {
		t.Errorf("Digest = %q, %v, want 16 hexadecimal digits", digest, err)
	}
}
