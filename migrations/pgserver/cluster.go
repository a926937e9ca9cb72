package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// access lets the application in by password and nobody else; the socket is the only door.
const access = "# Written by afterhours.\nlocal all all scram-sha-256\n"

// ensureCluster makes the cluster where there is none. All the work happens in a sibling folder that becomes the
// cluster by one rename, so what was cut off never looks like a cluster.
func ensureCluster(ctx context.Context, at layout, user account, programs Programs, throwaway bool) error {
	if _, err := os.Stat(filepath.Join(at.cluster(), "PG_VERSION")); err == nil {
		return user.own(at.cluster())
	}
	at.removeUnfinished()
	defer at.removeUnfinished()
	made, err := initialise(ctx, at, user, programs, throwaway)
	if err != nil {
		return err
	}
	password, err := readPassword(at)
	if errors.Is(err, os.ErrNotExist) {
		password = newPassword()
		err = writeFile(at.password(), []byte(password+"\n"))
	}
	if err != nil {
		return fmt.Errorf("keep the database's password: %w", err)
	}
	err = single(ctx, made, user, programs, throwaway,
		"CREATE ROLE "+role+" LOGIN CREATEDB IN ROLE pg_monitor PASSWORD '"+password+"'",
		"CREATE DATABASE "+role+" OWNER "+role)
	if err != nil {
		return err
	}
	if err := os.Rename(made, at.cluster()); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	if err := syncDir(at.dir); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	return nil
}

// initialise runs initdb and returns the folder that it filled. Text sorts by bytes, which no update of the system's
// library can change under an index, and upper and lower case follow Unicode where the system can do that.
func initialise(ctx context.Context, at layout, user account, programs Programs, throwaway bool) (string, error) {
	locales := [][]string{
		{"--locale=C", "--lc-ctype=C.UTF-8"},
		{"--locale=C"}, // not every system has C.UTF-8
	}
	if programs.Major >= 17 {
		locales = [][]string{{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}}
	}
	var failure error
	for _, locale := range locales {
		// A name of its own: an initdb whose parent was killed may still be writing under another.
		dir, err := os.MkdirTemp(at.dir, unfinished+"*")
		if err == nil {
			err = user.makePrivate(dir)
		}
		if err != nil {
			return "", fmt.Errorf("make the database's cluster: %w", err)
		}
		args := append([]string{
			"--pgdata", dir, "--username", "postgres", "--auth", "reject",
			"--encoding", "UTF8", "--data-checksums", "--no-instructions",
		}, locale...)
		if throwaway {
			args = append(args, "--no-sync")
		}
		output, err := user.command(ctx, filepath.Join(programs.Bin, "initdb"), args...).CombinedOutput()
		if err != nil {
			failure = fmt.Errorf("make the database's cluster: initdb: %w: %s", err, complaint(output))
			continue
		}
		if err := overwrite(filepath.Join(dir, "pg_hba.conf"), []byte(access)); err != nil {
			return "", fmt.Errorf("make the database's cluster: %w", err)
		}
		return dir, nil
	}
	return "", failure
}

// single runs statements as the superuser, without a server. They go by standard input: what stands in arguments is
// visible to every user of the machine.
func single(ctx context.Context, dir string, user account, programs Programs, throwaway bool, statements ...string) error {
	args := []string{
		"--single", "-D", dir,
		"-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-c", "password_encryption=scram-sha-256",
		"-c", "lc_messages=C",
	}
	if throwaway {
		args = append(args, "-c", "fsync=off")
	}
	command := user.command(ctx, filepath.Join(programs.Bin, "postgres"), append(args, "postgres")...)
	command.Stdin = strings.NewReader(strings.Join(statements, ";\n") + ";\n")
	var output strings.Builder
	command.Stderr = &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("prepare the database's cluster: %w: %s", err, complaint([]byte(output.String())))
	}
	return nil
}

// ensurePassword reads the application's password. A lost one is replaced by a new one: it protects nothing that the
// owner of the folder could not read anyway.
func ensurePassword(ctx context.Context, at layout, user account, programs Programs) (string, error) {
	password, err := readPassword(at)
	if err == nil {
		return password, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the database's password: %w", err)
	}
	if err := adoptPidFile(at.cluster()); err != nil {
		return "", err
	}
	password = newPassword()
	if err := single(ctx, at.cluster(), user, programs, false, "ALTER ROLE "+role+" PASSWORD '"+password+"'"); err != nil {
		return "", err
	}
	if err := writeFile(at.password(), []byte(password+"\n")); err != nil {
		return "", fmt.Errorf("keep the database's password: %w", err)
	}
	return password, nil
}

// readPassword returns os.ErrNotExist for an empty file too.
func readPassword(at layout) (string, error) {
	content, err := os.ReadFile(at.password())
	if err != nil {
		return "", err
	}
	password := strings.TrimSpace(string(content))
	if password == "" {
		return "", os.ErrNotExist
	}
	return password, nil
}

// ensureDatabase signs in once, and makes the application's database where somebody has dropped it.
func ensureDatabase(ctx context.Context, socket, password string, at layout) error {
	conn, err := pgx.Connect(ctx, socketURL(socket, password, role))
	if err == nil {
		return conn.Close(ctx)
	}
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("sign in to the embedded Postgres: %w", err)
	}
	switch refusal.Code {
	case "28P01": // invalid_password
		return fmt.Errorf("the password in %s is not the database's: remove that file, and the next start sets a new one", at.password())
	case "3D000": // invalid_catalog_name
		conn, err := pgx.Connect(ctx, socketURL(socket, password, "postgres"))
		if err != nil {
			return fmt.Errorf("sign in to the embedded Postgres: %w", err)
		}
		_, err = conn.Exec(ctx, "CREATE DATABASE "+role)
		if err := errors.Join(err, conn.Close(ctx)); err != nil {
			return fmt.Errorf("make the database %s: %w", role, err)
		}
		return nil
	}
	return fmt.Errorf("sign in to the embedded Postgres: %s", refusal.Message)
}

// complaint is the line of a program's output that says what went wrong, else its last.
func complaint(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	for _, line := range lines {
		for _, mark := range []string{"error: ", "FATAL: ", "PANIC: "} {
			if _, what, found := strings.Cut(line, mark); found {
				return strings.TrimSpace(what)
			}
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
