package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The connections of a process leave room for several replicas below Postgres' usual hundred. The intake has some for
// itself, so that nothing else, be it a page whose turn comes late or a costly search at the desk, keeps mail waiting.
const (
	poolSize       = 20
	intakePoolSize = 6
	directPoolSize = 4
	// On a small machine with an embedded Postgres: each of its sessions takes some 8 MiB.
	smallPoolSize       = 10
	smallIntakePoolSize = 2
	answerWithin        = 10 * time.Second
	// transactionIdle ends the transaction of a process that stands still, so that another one can take over what it had locked.
	transactionIdle = "15s"
)

// sessionSettings are what each session is to have; behind a pooler its role must.
var sessionSettings = map[string]string{
	"synchronous_commit":                  "on", // a 250 means that the mail is on disk
	"idle_in_transaction_session_timeout": transactionIdle,
	"max_parallel_workers_per_gather":     "0", // starting workers takes longer than any query of ours should
}

// database is an open pool, that of the intake, and the embedded server behind them, if this process runs one. Where those
// lead through a pooler, direct leads past it.
type database struct {
	pool   *pgxpool.Pool
	intake *pgxpool.Pool
	direct *pgxpool.Pool // nil without a pooler
	server *embedded
}

// directly is the pool for what a pooler cannot do.
func (db database) directly() *pgxpool.Pool {
	if db.direct != nil {
		return db.direct
	}
	return db.pool
}

// openDatabase opens the configured Postgres, or the embedded one, which it starts unless another process runs it on the
// same data directory. Whether the configured one is there is seen when it is asked.
func openDatabase(ctx context.Context, s settings, log *slog.Logger) (db database, err error) {
	address := s.DatabaseURL
	if address == "" {
		if db.server, address, err = startEmbedded(ctx, s, log); err != nil {
			return db, err
		}
	}
	size, intakeSize := poolSize, intakePoolSize
	if s.small() {
		size, intakeSize = smallPoolSize, smallIntakePoolSize
	}
	if db.pool, err = connect(ctx, address, "database-url", size, s.DirectURL != ""); err != nil {
		return db, errors.Join(err, db.close())
	}
	if s.DirectURL != "" {
		if db.direct, err = connect(ctx, s.DirectURL, "database-direct-url", directPoolSize, false); err != nil {
			return db, errors.Join(err, db.close())
		}
	}
	config := db.pool.Config()
	config.MaxConns = int32(intakeSize)
	if db.intake, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return db, errors.Join(fmt.Errorf("connect to Postgres: %w", err), db.close())
	}
	return db, nil
}

// makeDataDir makes a data directory that the unprivileged user of an embedded Postgres can enter, not read. One that is
// there is left as it is.
func makeDataDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	err := os.MkdirAll(dir, 0o711)
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w; name another with %s", err, variable("data-dir"))
	}
	return nil
}

// connect opens a pool of a size on the address of a setting. A pooler takes no settings of sessions but the two that it knows, and
// another transaction may run in another session: nothing is prepared under a name then, and what a statement takes and
// returns is asked once.
func connect(ctx context.Context, address, setting string, size int, pooled bool) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: is not a Postgres URL like postgres://user:password@host/database", variable(setting))}
	}
	config.MaxConns = int32(size)
	config.MaxConnLifetime = time.Hour
	watchLine(&config.ConnConfig.Config)
	config.ConnConfig.RuntimeParams["application_name"] = "afterhours"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if pooled {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		for name, value := range sessionSettings {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	return pool, nil
}

// answers says why the database cannot be worked with.
func (db database) answers(ctx context.Context) error {
	ping, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := db.pool.Ping(ping); err != nil {
		at := db.pool.Config().ConnConfig
		if refusedStart(err) {
			return usageError{fmt.Errorf("what answers at %s is a pooler: set %s to the same database past it (%w)", at.Host, variable("database-direct-url"), err)}
		}
		return fmt.Errorf("the Postgres at %s, database %s, does not answer: %w; check %s", at.Host, at.Database, err, variable("database-url"))
	}
	return db.checkPooling(ping)
}

func (db database) close() error {
	for _, pool := range []*pgxpool.Pool{db.intake, db.direct, db.pool} {
		if pool != nil {
			pool.Close()
		}
	}
	if db.server != nil {
		return db.server.Stop()
	}
	return nil
}
