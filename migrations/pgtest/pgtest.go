// Package pgtest gives each test a database of its own on a real Postgres, with the schema in place.
//
// The first call in a test binary starts a server for that binary, on a cluster that is kept in the system's temporary
// folder from one run to the next. A test's database is a copy of a migrated template inside that server; the
// template's name holds the schema's digest, so a changed migration never meets an old one. The server ends with the
// test binary, also when that panics or is killed.
//
// Where AFTERHOURS_TEST_DATABASE_URL is set, that server is used instead; its role must be allowed to create
// databases.
//
// A Postgres that is missing or does not start fails the test with the mend; it never skips it.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// patience is the longest that one step of the setup may take, on a machine that is busy with other tests.
const patience = 2 * time.Minute

// prefix begins the name of every test's database.
const prefix = "test_"

func newName() string { return prefix + strings.ToLower(rand.Text()) }

// shared starts this binary's server, or finds the one that the environment names, when it is first called.
var shared = sync.OnceValues(func() (source, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return openSource(ctx)
})

// New returns a pool on a fresh, migrated database of the test's own. The cleanup closes the pool and drops the
// database; connections that the test has not given back by then are an error.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), URL(t))
	if err != nil {
		t.Fatalf("open a pool on the test's database: %v", err)
	}
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

// URL makes a fresh, migrated database of the test's own and returns its address. The cleanup drops it, with whoever
// is still connected.
func URL(t testing.TB) string {
	t.Helper()
	return database(t, source.create)
}

// Empty makes a fresh database without any schema and returns its address: for tests of the migrations themselves. The
// cleanup drops it, with whoever is still connected.
func Empty(t testing.TB) string {
	t.Helper()
	return database(t, func(from source, ctx context.Context, name string) error {
		return from.exec(ctx, "CREATE DATABASE "+name)
	})
}

func database(t testing.TB, create func(from source, ctx context.Context, name string) error) string {
	t.Helper()
	from, err := shared()
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	name := newName()
	// t.Context is over by the time of the cleanup.
	ctx := context.WithoutCancel(t.Context())
	if err := create(from, ctx, name); err != nil {
		t.Fatalf("make the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := from.drop(ctx, name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(from.url, name)
}

// closePool closes a pool with a bound: pgxpool waits for every connection to come back.
func closePool(t testing.TB, pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Errorf("%d connections of the test's pool were never given back", pool.Stat().AcquiredConns())
	}
}

// withDatabase is the address of another database on the same server.
func withDatabase(address, name string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address // unreachable: pgx has connected with it
	}
	parsed.Path = "/" + name
	return parsed.String()
}
