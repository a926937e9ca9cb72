package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pollPause is the time between two looks at a process or its pid file.
const pollPause = 5 * time.Millisecond

// pidFile reads the postmaster.pid of a data directory: process id, data directory, start time, port, socket folder,
// address, shared memory, state; a line each. Nil where there is none.
func pidFile(cluster string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the database's pid file: %w", err)
	}
	return strings.Split(string(content), "\n"), nil
}

// pidOf is the process that a pid file names. A server in single-user mode writes its own with a minus sign.
func pidOf(lines []string) int {
	if len(lines) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return 0
	}
	return max(pid, -pid)
}

// endOrphan ends a server that still runs on the data directory although the process that started it is gone: the
// lock is ours. It never signals a process that is not that server.
func endOrphan(ctx context.Context, cluster string, log *slog.Logger) error {
	lines, err := pidFile(cluster)
	if err != nil {
		return err
	}
	pid := pidOf(lines)
	if pid <= 0 || !isServer(pid, cluster) {
		return adoptPidFile(cluster)
	}
	log.Warn("ending an orphaned database server", "pid", pid)
	process, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("end the orphaned database server %d: %w", pid, err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) && isServer(pid, cluster) {
			return fmt.Errorf("end the orphaned database server %d: %w", pid, err)
		}
		gone, err := until(ctx, fastShutdown, func() bool { return !isServer(pid, cluster) })
		if err != nil {
			return fmt.Errorf("end the orphaned database server %d: %w", pid, err)
		}
		if gone {
			return adoptPidFile(cluster)
		}
	}
	return fmt.Errorf("the orphaned database server %d does not end: end it by hand", pid)
}

// adoptPidFile deals with a dead server's pid file whose number another process has by now, on which Postgres would
// refuse to start; in a container, where the numbers begin again at 1, that is common. Postgres ignores a file that
// names its own parent, so this process's number is put there. The file itself stays: its other lines are how Postgres
// notices that a dead server's sessions still have the memory open.
func adoptPidFile(cluster string) error {
	lines, err := pidFile(cluster)
	if err != nil || lines == nil {
		return err
	}
	pid := pidOf(lines)
	if pid <= 0 || !alive(pid) || isServer(pid, cluster) {
		return nil
	}
	lines[0] = strconv.Itoa(os.Getpid())
	if err := overwrite(filepath.Join(cluster, "postmaster.pid"), []byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("correct the database's stale pid file: %w", err)
	}
	return nil
}

// until looks at condition every few milliseconds; false when the time is up.
func until(ctx context.Context, limit time.Duration, condition func() bool) (bool, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return false, nil
		case <-tick.C:
		}
	}
	return true, nil
}
