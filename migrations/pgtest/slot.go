package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"afterhours/migrations/pgserver"

	"github.com/jackc/pgx/v5"
)

// idleLimit is how long an unused cluster is kept.
const idleLimit = 6 * time.Hour

// slot is a kept cluster that one test binary has to itself for a while. Making a cluster, or copying one, costs more
// than many a package's tests; so a binary takes the first that is free and leaves it for the next.
//
// A slot is written without any care for durability. That is safe for as long as the machine runs, so the name of a
// slot holds the machine's boot.
type slot struct {
	dir     string
	release func()
	server  *pgserver.Server
}

// claim takes the first free slot, or makes one, and starts its server. Of the templates that are there, it leaves the
// named one.
func claim(ctx context.Context, template string, throwaway bool) (*slot, error) {
	programs, err := pgserver.Find(ctx)
	if err != nil {
		return nil, err
	}
	base, err := makeBase()
	if err != nil {
		return nil, fmt.Errorf("make a folder for test servers: %w", err)
	}
	sweep(base)
	for number := 0; ; number++ {
		dir := filepath.Join(base, fmt.Sprintf("%d-%s-%d", programs.Major, boot(), number))
		release, free, err := take(dir + ".claim")
		if err != nil {
			return nil, fmt.Errorf("claim a test server: %w", err)
		}
		if !free {
			continue
		}
		s := &slot{dir: dir, release: release}
		if err := s.open(ctx, template, throwaway); err != nil {
			release()
			return nil, err
		}
		return s, nil
	}
}

// open starts the server; a cluster that does not start or answer is damaged, and is made anew.
func (s *slot) open(ctx context.Context, template string, throwaway bool) error {
	err := s.start(ctx, template, throwaway)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	if removeErr := os.RemoveAll(s.dir); removeErr != nil {
		return errors.Join(err, removeErr)
	}
	return s.start(ctx, template, throwaway)
}

func (s *slot) start(ctx context.Context, template string, throwaway bool) error {
	if err := os.Mkdir(s.dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: s.dir, Throwaway: throwaway})
	if err != nil {
		return err
	}
	s.server = server
	if err := s.clear(ctx, template); err != nil {
		return errors.Join(fmt.Errorf("clear the test server: %w", err), server.Stop())
	}
	return nil
}

// clear drops the databases of tests that were killed, and templates of other schemas than this one.
func (s *slot) clear(ctx context.Context, template string) error {
	conn, err := pgx.Connect(ctx, s.server.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `
		SELECT datname::text FROM pg_database
		WHERE starts_with(datname::text, $1) OR starts_with(datname::text, $2) AND datname <> $3`,
		prefix, templatePrefix, template)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

// close stops the server and leaves the slot to the next.
func (s *slot) close() error {
	err := s.server.Stop()
	s.release()
	return err
}

// makeBase makes the folder of slots, which the server's user may enter and nobody else may write.
func makeBase() (string, error) {
	base := filepath.Join(os.TempDir(), "afterhours-test-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(base, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(base)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || !owned(info) {
		return "", fmt.Errorf("%s is not a folder of this user's", base)
	}
	return base, os.Chmod(base, 0o711)
}

// boot tells one run of the machine from the next, where the system has a name for it.
func boot() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(id) < 8 {
		return "0"
	}
	return string(id[:8])
}

// sweep removes slots that have been idle for long: those of earlier boots, old versions and busier days.
func sweep(base string) {
	claims, _ := filepath.Glob(filepath.Join(base, "*.claim"))
	for _, path := range claims {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < idleLimit {
			continue
		}
		release, free, err := take(path)
		if err != nil || !free {
			continue
		}
		if os.RemoveAll(strings.TrimSuffix(path, ".claim")) == nil {
			_ = os.Remove(path)
		}
		release()
	}
}
