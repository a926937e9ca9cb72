package pgserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// settings are given on the command line, so that a new release changes them for old clusters too.
//
// A statement that fails is the application's to report: the server's own log would repeat its values, names and
// addresses among them. log_min_messages=log keeps what the server says about itself.
func settings(socket string, opts Options) []string {
	list := []string{
		"listen_addresses=", "port=" + socketPort,
		"unix_socket_directories=" + socket, "unix_socket_permissions=0700",
		"max_connections=100", "max_locks_per_transaction=256", "max_logical_replication_workers=0",
		"huge_pages=off", "jit=off", "autovacuum_naptime=30s", // a storm fills tables within a minute
		"timezone=UTC", "log_timezone=UTC", "lc_messages=C",
		"logging_collector=off", "log_destination=stderr", "log_line_prefix=", "log_checkpoints=off",
		"log_min_messages=log", "log_min_error_statement=panic",
		"password_encryption=scram-sha-256",
	}
	list = append(list, memorySettings(opts.Memory)...)
	if opts.Throwaway {
		return append(list, "max_connections=300", "fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"autovacuum=off") // its workers belong to the superuser: a database that one looks at cannot be dropped by force
	}
	return append(list, "fsync=on", "synchronous_commit=on", "full_page_writes=on")
}

// SmallMachine is the memory below which the server takes less of it, at the price of speed in a storm.
const SmallMachine = 512 << 20

// How much of a machine's memory is for buffers. A storm of hundreds of thousands of tickets writes all over its indexes: what the
// buffers do not hold of them is fetched and written again for each ticket. The journal is as long between two checkpoints as eight
// times the buffers, within bounds, because each page of an index is written whole to it after each.
const (
	partBuffered  = 16
	leastBuffered = 64 << 20
	mostBuffered  = 2 << 30
	journalLength = 8
	leastJournal  = 1 << 30 // Postgres's own
	mostJournal   = 4 << 30
)

// memorySettings suit a machine of so many octets of memory.
func memorySettings(memory int64) []string {
	if 0 < memory && memory < SmallMachine {
		return []string{
			"shared_buffers=16MB", "wal_buffers=1MB", "work_mem=2MB", "maintenance_work_mem=16MB", "autovacuum_max_workers=1", "max_wal_size=256MB",
		}
	}
	buffers := min(max(memory/partBuffered, leastBuffered), mostBuffered)
	return []string{
		fmt.Sprintf("shared_buffers=%dMB", buffers>>20), fmt.Sprintf("max_wal_size=%dMB", min(max(buffers*journalLength, leastJournal), mostJournal)>>20),
	}
}

// child is the server's process.
type child struct {
	pid     int
	process *os.Process
	done    chan struct{} // closed when the process has ended and cleanup has run

	mu      sync.Mutex
	ending  bool // because it was told to
	ended   bool
	state   string // how it ended
	said    string // its last complaint
	cleanup func()
}

// launchReady starts the server and waits until it takes connections. A dead server's sessions may hold its memory
// for a moment longer than it lived; for those it waits, and ends what hangs: a session that waited for another one which
// the death took never learns of it.
func launchReady(ctx context.Context, at layout, socket string, user account, programs Programs, opts Options) (*child, error) {
	deadline := time.NewTimer(fastShutdown)
	defer deadline.Stop()
	hanging := time.NewTimer(sessionsEndWithin)
	defer hanging.Stop()
	for {
		c, err := launch(at.cluster(), socket, user, programs, opts)
		if err != nil {
			return nil, err
		}
		err = c.waitReady(ctx, at.cluster())
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			if endErr := c.end(syscall.SIGINT, fastShutdown); endErr != nil {
				err = errors.Join(err, c.end(syscall.SIGQUIT, immediateShutdown))
			}
			return nil, err
		}
		if !strings.Contains(c.complaint(), "pre-existing shared memory block") {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-deadline.C:
			return nil, err
		case <-hanging.C:
			for _, pid := range serverProcesses(at.cluster()) {
				opts.Log.Warn("ending a session of the dead database server", "pid", pid)
				if process, err := os.FindProcess(pid); err == nil {
					_ = process.Kill() // it may have ended by itself
				}
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// launch starts the server. One goroutine stays on one thread for as long as the child lives: on Linux the kernel
// ends the child when the thread that started it ends, not when the process does.
func launch(cluster, socket string, user account, programs Programs, opts Options) (*child, error) {
	args := []string{"-D", cluster}
	for _, setting := range settings(socket, opts) {
		args = append(args, "-c", setting)
	}
	// Not bound to a context: the server outlives the call that started it.
	command := user.command(context.Background(), filepath.Join(programs.Bin, "postgres"), args...)
	dieWithParent(command.SysProcAttr)
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the embedded Postgres: %w", err)
	}
	command.Stdout, command.Stderr = write, write

	c := &child{done: make(chan struct{})}
	started := make(chan error)
	logged := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		_ = write.Close()
		if err == nil {
			c.process, c.pid = command.Process, command.Process.Pid
		}
		started <- err
		if err == nil {
			c.reap(command, logged)
		}
	}()
	if err := <-started; err != nil {
		_ = read.Close()
		return nil, fmt.Errorf("start the embedded Postgres: %w%s", err, user.hint(err))
	}
	go func() {
		defer close(logged)
		defer read.Close()
		c.forward(read, opts.Log)
	}()
	return c, nil
}

// reap waits for the end of the process and tells everybody.
func (c *child) reap(command *exec.Cmd, logged <-chan struct{}) {
	_ = command.Wait() // how it ended is in ProcessState
	select {
	case <-logged:
	case <-time.After(time.Second): // a session that is slow to die holds the pipe
	}
	c.mu.Lock()
	c.ended, c.state = true, command.ProcessState.String()
	cleanup := c.cleanup
	c.mu.Unlock()
	if cleanup != nil {
		cleanup()
	}
	close(c.done)
}

// atEnd runs f once when the process has ended, before done is closed; at once when it has ended already.
func (c *child) atEnd(f func()) {
	c.mu.Lock()
	ended := c.ended
	if !ended {
		c.cleanup = f
	}
	c.mu.Unlock()
	if ended {
		f()
	}
}

// forward hands the server's log on, line by line, each cut at 4 KiB. That sessions are ended is an error unless the server is
// to end.
func (c *child) forward(output io.Reader, log *slog.Logger) {
	reader := bufio.NewReaderSize(output, 4096)
	for {
		line, long, err := reader.ReadLine()
		if err != nil {
			return
		}
		text := string(line)
		for long && err == nil {
			_, long, err = reader.ReadLine()
		}
		level := slog.LevelInfo
		fatal, panics := strings.HasPrefix(text, "FATAL:"), strings.HasPrefix(text, "PANIC:")
		if fatal || panics {
			c.mu.Lock()
			c.said = strings.TrimSpace(text)
			if panics || !c.ending {
				level = slog.LevelError
			}
			c.mu.Unlock()
		}
		log.Log(context.Background(), level, "database server", "line", text)
	}
}

func (c *child) complaint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// waitReady waits for the word "ready" that the server writes into its pid file.
func (c *child) waitReady(ctx context.Context, cluster string) error {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		lines, err := pidFile(cluster)
		if err == nil && len(lines) > 7 && lines[0] == strconv.Itoa(c.pid) && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start the embedded Postgres: %w", ctx.Err())
		case <-c.done:
			c.mu.Lock()
			defer c.mu.Unlock()
			return fmt.Errorf("start the embedded Postgres: it ended with %s: %s", c.state, c.said)
		case <-tick.C:
		}
	}
}

// end signals the process and waits for its end.
func (c *child) end(signal os.Signal, limit time.Duration) error {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	if err := c.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("still running after %s", limit)
	}
}
