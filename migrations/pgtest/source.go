package pgtest

import (
	"context"
	"fmt"
	"os"

	"afterhours/migrations"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// variable names a server to use instead of one of our own.
const variable = "AFTERHOURS_TEST_DATABASE_URL"

// templatePrefix begins the name of every template; the schema's digest follows.
const templatePrefix = "template_afterhours_"

func templateName() (string, error) {
	digest, err := migrations.Digest()
	return templatePrefix + digest, err
}

// source is a server with a template on it.
type source struct {
	url      string // of a database that nobody copies
	template string
	copying  string // how CREATE DATABASE copies
	slot     *slot  // nil for a server that is not ours; holds the claim for as long as the test binary lives
}

// openSource finds the server of the environment or starts one of our own.
func openSource(ctx context.Context) (source, error) {
	template, err := templateName()
	if err != nil {
		return source{}, err
	}
	if address := os.Getenv(variable); address != "" {
		from, err := prepare(ctx, address, template)
		if err != nil {
			return source{}, fmt.Errorf("%s: %w", variable, err)
		}
		return from, nil
	}
	slot, err := claim(ctx, template, true)
	if err != nil {
		return source{}, err
	}
	from, err := prepare(ctx, slot.server.URL(), template)
	if err != nil {
		return source{}, err
	}
	from.slot = slot
	return from, nil
}

// prepare makes the template where it is missing. It is migrated under another name and renamed when it is whole, all
// under a lock, since other test binaries may use the same server.
func prepare(ctx context.Context, address, template string) (source, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return source{}, err
	}
	defer conn.Close(ctx)
	from := source{url: address, template: template}
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext($1))`, template); err != nil {
		return source{}, fmt.Errorf("lock the template: %w", err)
	}
	var exists, choice bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1), current_setting('server_version_num')::int >= 150000`,
		template).Scan(&exists, &choice)
	if err != nil {
		return source{}, fmt.Errorf("look for the template: %w", err)
	}
	if choice {
		// Leaves little in the journal, which a killed server replays when it starts again. Before 15, the only way.
		from.copying = " STRATEGY file_copy"
	}
	if exists {
		return from, nil
	}
	making := template + "_making"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + making + " WITH (FORCE)", "CREATE DATABASE " + making} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return source{}, fmt.Errorf("make the template: %w", err)
		}
	}
	if err := migrate(ctx, withDatabase(address, making)); err != nil {
		return source{}, fmt.Errorf("make the template: %w", err)
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+template); err != nil {
		return source{}, fmt.Errorf("make the template: %w", err)
	}
	return from, nil
}

func migrate(ctx context.Context, address string) error {
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = migrations.Up(ctx, pool)
	return err
}

// create makes a copy of the template.
func (s source) create(ctx context.Context, name string) error {
	return s.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+s.template+s.copying)
}

// drop removes a database with whoever is still connected.
func (s source) drop(ctx context.Context, name string) error {
	return s.exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// exec runs one statement outside every transaction.
func (s source) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
