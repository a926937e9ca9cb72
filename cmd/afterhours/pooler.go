package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pooling is what stands between a gateway and its server.
type pooling int

const (
	unpooled        pooling = iota
	pooledBySession         // a client keeps its server's session until it leaves
	pooledByTransaction
)

// poolingLooks is how often a session is watched for being another one. Other clients of the pooler can make one look miss.
const poolingLooks = 10

// refusedStart says whether a connection was refused for a setting of its session, as poolers do.
func refusedStart(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "08P01" && strings.Contains(refused.Message, "startup parameter")
}

// sessionOf is the server's process behind a connection, and whether that is whom the connection was made to.
func sessionOf(ctx context.Context, conn *pgx.Conn) (process uint32, own bool, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&process)
	return process, process == conn.PgConn().PID(), err
}

// poolingOf finds out what an address leads through. A pooler answers with process ids of its own making; one that hands out
// sessions by transaction gives that of a connection that rests to another one.
func poolingOf(ctx context.Context, pool *pgxpool.Pool) (found pooling, err error) {
	resting, err := pool.Acquire(ctx)
	if err != nil {
		return unpooled, err
	}
	defer resting.Release()
	process, own, err := sessionOf(ctx, resting.Conn())
	if err != nil || own {
		return unpooled, err
	}
	working, err := pool.Acquire(ctx)
	if err != nil {
		return unpooled, err
	}
	defer working.Release()
	found = pooledBySession
	for range poolingLooks {
		err := pgx.BeginFunc(ctx, working, func(pgx.Tx) error {
			other, _, err := sessionOf(ctx, working.Conn())
			if err != nil {
				return err
			}
			again, _, err := sessionOf(ctx, resting.Conn())
			if other == process || again != process {
				found = pooledByTransaction
			}
			return err
		})
		if err != nil || found == pooledByTransaction {
			return found, err
		}
	}
	return found, nil
}

// checkPooling holds what the settings say of a pooler against what is there.
func (db database) checkPooling(ctx context.Context) error {
	if db.direct == nil {
		found, err := poolingOf(ctx, db.pool)
		if err != nil {
			return fmt.Errorf("look for a pooler: %w", err)
		}
		if found == pooledByTransaction {
			return usageError{fmt.Errorf("%s leads through a pooler that hands out connections by transaction: set %s to the same database past it",
				variable("database-url"), variable("database-direct-url"))}
		}
		if found == pooledBySession { // which may keep our settings to itself
			return db.checkCommits(ctx)
		}
		return nil
	}
	name := variable("database-direct-url")
	if err := db.direct.Ping(ctx); err != nil {
		at := db.direct.Config().ConnConfig
		return fmt.Errorf("the Postgres at %s, database %s, does not answer: %w; check %s", at.Host, at.Database, err, name)
	}
	if found, err := poolingOf(ctx, db.direct); err != nil {
		return fmt.Errorf("look for a pooler: %w", err)
	} else if found != unpooled {
		return usageError{fmt.Errorf("%s leads through a pooler, too: name Postgres itself", name)}
	}
	const identity = `SELECT system_identifier::text || ' ' || current_database() FROM pg_control_system()`
	var pooled, direct string
	if err := db.pool.QueryRow(ctx, identity).Scan(&pooled); err != nil {
		return fmt.Errorf("ask which database it is: %w", err)
	}
	if err := db.direct.QueryRow(ctx, identity).Scan(&direct); err != nil {
		return fmt.Errorf("ask which database it is: %w", err)
	}
	if pooled != direct {
		return usageError{fmt.Errorf("%s and %s lead to different databases", variable("database-url"), name)}
	}
	return db.checkCommits(ctx)
}

// checkCommits refuses sessions behind a pooler whose commits are not on disk.
func (db database) checkCommits(ctx context.Context) error {
	missing, err := db.missingSettings(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(missing, "synchronous_commit") {
		return usageError{fmt.Errorf("behind the pooler a commit does not wait for the disk, and a 250 would promise too much; %s", alterRole(ctx, db, "synchronous_commit"))}
	}
	return nil
}

// missingSettings are those that sessions behind a pooler lack.
func (db database) missingSettings(ctx context.Context) ([]string, error) {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(sessionSettings)) {
		var value string
		if err := db.pool.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return nil, fmt.Errorf("ask for %s: %w", name, err)
		}
		if value != sessionSettings[name] && (name != "synchronous_commit" || value != "remote_apply") { // which waits for more
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// alterRole is the statement that gives the role's sessions a setting.
func alterRole(ctx context.Context, db database, names ...string) string {
	at := db.pool.Config().ConnConfig
	var user, name string
	if err := db.pool.QueryRow(ctx, `SELECT current_user, current_database()`).Scan(&user, &name); err != nil {
		user, name = at.User, at.Database
	}
	statements := make([]string, len(names))
	for i, setting := range names {
		statements[i] = fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET %s = '%s'", pgx.Identifier{user}.Sanitize(), pgx.Identifier{name}.Sanitize(), setting, sessionSettings[setting])
	}
	return "run: " + strings.Join(statements, "; ")
}

// checkPooler tells what connections lead through, and what the role's sessions lack.
func checkPooler(ctx context.Context, db database) verdict {
	found, err := poolingOf(ctx, db.pool)
	switch {
	case err != nil:
		return bad("check the database", "whether there is one cannot be found out")
	case found == unpooled && db.direct == nil:
		return good("none")
	case found == unpooled:
		return warning("leave "+variable("database-direct-url")+" away", "none, although %s is set: statements are sent as if there were one", variable("database-direct-url"))
	case db.direct == nil: // by session: else nothing would have begun
		return good("hands out connections by session")
	}
	how := map[pooling]string{pooledBySession: "session", pooledByTransaction: "transaction"}[found]
	missing, err := db.missingSettings(ctx)
	if err != nil {
		return bad("check the database", "what sessions behind it have cannot be read")
	}
	if len(missing) > 0 {
		return warning(alterRole(ctx, db, missing...), "hands out connections by %s; its sessions lack settings", how)
	}
	return good("hands out connections by %s; notifications and migrations go past it", how)
}
