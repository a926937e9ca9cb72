package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations"
	"afterhours/migrations/pgserver"
)

type backupCommand struct {
	settings
	To string `arg:"" optional:"" name:"file" help:"Where to write; default: a new file in the backups folder of the data directory."`
}

type restoreCommand struct {
	settings
	From string `arg:"" name:"file" type:"existingfile" help:"What backup wrote."`
}

// Run writes the whole database into one file, while everything goes on.
func (c *backupCommand) Run(ctx context.Context, env environment) error {
	return withDatabase(ctx, c.settings, env, func(db database) error {
		file := c.To
		if file == "" {
			file = filepath.Join(backupFolder(c.settings), backupName(env.now()))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return fmt.Errorf("folder of backups: %w", err)
			}
		}
		if err := dump(ctx, db.directly(), file); err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		fmt.Fprintf(env.stdout, "wrote %s, %d KiB. Stored credentials are sealed in it: keep the secret key, too, in another place\n", file, (info.Size()+1023)>>10)
		return nil
	})
}

// Run puts a backup into an empty database and brings its schema up to date.
func (c *restoreCommand) Run(ctx context.Context, env environment) error {
	return withDatabase(ctx, c.settings, env, func(db database) error {
		var tables int
		if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables); err != nil {
			return fmt.Errorf("look into the database: %w", err)
		}
		if tables > 0 {
			return fmt.Errorf("the database has %d tables already: restore into an empty one, with another %s or %s", tables, variable("data-dir"), variable("database-url"))
		}
		if err := restore(ctx, db.directly(), c.From); err != nil {
			return err
		}
		applied, err := migrations.Up(ctx, db.directly())
		if err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		var tickets, mails int
		if err := db.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM mails)`).Scan(&tickets, &mails); err != nil {
			return fmt.Errorf("count what was restored: %w", err)
		}
		fmt.Fprintf(env.stdout, "restored %d %s and %d %s; %d migrations applied\n", tickets, plural(tickets, "ticket", "tickets"), mails, plural(mails, "mail", "mails"), applied)
		return nil
	})
}

// dump writes a database into a file that is there whole or not at all. It holds raw mail and hashes of passwords: nobody
// else may read it.
func dump(ctx context.Context, pool *pgxpool.Pool, file string) error {
	part := file + ".part"
	created, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	dumping, err := postgresTool(ctx, pool, "pg_dump", "--format=custom", "--no-owner", "--no-privileges")
	if err == nil {
		dumping.Stdout = created
		err = runTool(dumping)
	}
	err = errors.Join(err, created.Sync(), created.Close())
	if err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		_ = os.Remove(part) // the error tells what matters
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func restore(ctx context.Context, pool *pgxpool.Pool, file string) error {
	restoring, err := postgresTool(ctx, pool, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	from, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer from.Close()
	restoring.Stdin = from
	if err := runTool(restoring); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// postgresTool is a program of Postgres', not older than the server, that works on the database of a pool. The password
// goes by the environment: arguments can be read by everybody on the machine.
func postgresTool(ctx context.Context, pool *pgxpool.Pool, name string, args ...string) (*exec.Cmd, error) {
	var version int
	if err := pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::integer / 10000`).Scan(&version); err != nil {
		return nil, fmt.Errorf("ask for the server's version: %w", err)
	}
	program, err := findTool(ctx, name, version)
	if err != nil {
		return nil, err
	}
	config := pool.Config().ConnConfig
	address, err := url.Parse(config.ConnString())
	if err != nil || address.Scheme != "postgres" && address.Scheme != "postgresql" { // another form could hold the password anywhere
		return nil, fmt.Errorf("write %s as a URL like postgres://user:password@host/database", variable("database-url"))
	}
	if address.User != nil {
		address.User = url.User(address.User.Username())
	}
	query := address.Query()
	for name := range query {
		if strings.HasPrefix(name, "pool_") || name == "password" {
			query.Del(name)
		}
	}
	address.RawQuery = query.Encode()
	command := exec.CommandContext(ctx, program, append(args, "--dbname="+address.String())...)
	command.Env = append(os.Environ(), "PGPASSWORD="+config.Password)
	return command, nil
}

// findTool looks for a program that knows a server's version, on PATH first and then beside the server's own.
func findTool(ctx context.Context, name string, version int) (string, error) {
	var candidates []string
	if path, err := exec.LookPath(name); err == nil {
		candidates = append(candidates, path)
	}
	if programs, err := pgserver.Find(ctx); err == nil {
		candidates = append(candidates, filepath.Join(programs.Bin, name))
	}
	for _, candidate := range candidates {
		said, err := exec.CommandContext(ctx, candidate, "--version").Output() // pg_dump (PostgreSQL) 15.9
		fields := strings.Fields(string(said))
		if err != nil || len(fields) < 3 {
			continue
		}
		major, _, _ := strings.Cut(fields[2], ".")
		if number, err := strconv.Atoi(major); err == nil && number >= version {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("there is no %s of version %d or newer; install it, on Debian with apt-get install postgresql-client-%d", name, version, version)
}

// runTool runs a program; where it fails, its last word says why.
func runTool(command *exec.Cmd) error {
	var complaint strings.Builder
	command.Stderr = &complaint
	if err := command.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		return fmt.Errorf("%s: %w: %s", filepath.Base(command.Path), err, lines[len(lines)-1])
	}
	return nil
}
