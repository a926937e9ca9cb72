// Package pgserver runs the embedded Postgres: a real server, from the programs that the system has installed, as a
// child of this process with a cluster of its own.
//
// A folder given by the caller holds all of it:
//
//	cluster/               the server's data directory, made by initdb
//	cluster.unfinished-*/  a data directory in the making; renamed only when it is whole and on the disk
//	socket/                the Unix socket, unless the path is too long for one
//	password               the application's password, readable by this process's user alone
//	running.json           where a ready server listens, for Attach
//	lock                   held by the process whose server it is
//
// The server listens on nothing but the socket and asks for a password there. The application is its own role, owner
// of its database and no superuser. Nobody can sign in as the superuser; maintenance that needs one uses
// "postgres --single".
//
// It promises: the server ends with this process, also when that is killed (on Linux the kernel sees to it; on other
// systems the next Start finds the orphan by its pid file and ends it); one folder has one server; a start that was
// cut off at any moment does not stand in the way of the next one; as root the server runs as an unprivileged user.
//
// It refuses to delete, upgrade or overwrite a cluster, whatever state it finds it in: a folder made by another major
// version is an error that names the mend.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Errors of Start that a caller may want to tell apart, beside *MissingError and *VersionError.
var (
	// ErrRunning: another process runs a server on this folder, or is starting one. Attach finds it once it is ready.
	ErrRunning = errors.New("another process runs the embedded Postgres of this folder")
	// ErrUnsupported: this operating system cannot run the embedded server.
	ErrUnsupported = errors.New("the embedded Postgres is not supported on this system: set AFTERHOURS_DATABASE_URL to a Postgres server")
)

// How long each stage of Stop may take.
const (
	fastShutdown      = 10 * time.Second // checkpoint included
	immediateShutdown = 10 * time.Second // Postgres itself kills what is left after 5 s
	sessionsEndWithin = 3 * time.Second  // of a server that was killed; then they hang
)

// role is the application's role and the name of its database.
const role = "afterhours"

// Options say where the cluster is and how it runs.
type Options struct {
	// Dir is the folder of the cluster; it is made when missing. When this process is root, every parent of it must
	// be enterable by the server's user.
	Dir string
	// Log receives the server's own log, a record a line. Nil: discarded.
	Log *slog.Logger
	// Memory is how many octets the machine has for all of its processes, by which the server's buffers and the length of its
	// journal are chosen. 0: not known, the least that is quick.
	Memory int64
	// Throwaway trades every promise of durability for speed. For tests and nothing else.
	Throwaway bool
}

// Server is a running Postgres. Its methods may be called from any goroutine.
type Server struct {
	url   string
	child *child
}

// Start starts the server of opts.Dir and returns when it answers, about 0.3 s later; the first start makes the
// cluster, which takes about two seconds. A server that was killed first replays its journal: only ctx bounds that.
// The server outlives ctx; Stop ends it.
func Start(ctx context.Context, opts Options) (*Server, error) {
	return start(ctx, opts, systemFinder())
}

func start(ctx context.Context, opts Options, find finder) (*Server, error) {
	if !supported {
		return nil, ErrUnsupported
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	at, err := makeLayout(opts.Dir)
	if err != nil {
		return nil, err
	}
	unlock, err := lockFile(at.lock())
	if err != nil {
		return nil, err
	}
	handedOver := false // to the child, whose end gives the lock back
	defer func() {
		if !handedOver {
			unlock()
		}
	}()

	user, err := serverAccount()
	if err != nil {
		return nil, err
	}
	major, err := at.major()
	if err != nil {
		return nil, err
	}
	programs, err := find.find(ctx, user, major)
	if err != nil {
		return nil, err
	}
	if major != 0 && programs.Major != major {
		return nil, &VersionError{Dir: at.cluster(), Have: major, Found: programs.Major, Install: find.install(major)}
	}
	if err := at.checkEnterable(ctx, user, programs); err != nil {
		return nil, err
	}
	if err := endOrphan(ctx, at.cluster(), opts.Log); err != nil {
		return nil, err
	}
	if err := ensureCluster(ctx, at, user, programs, opts.Throwaway); err != nil {
		return nil, err
	}
	password, err := ensurePassword(ctx, at, user, programs)
	if err != nil {
		return nil, err
	}
	socket, err := at.makeSocketDir(user)
	if err != nil {
		return nil, err
	}

	child, err := launchReady(ctx, at, socket, user, programs, opts)
	if err != nil {
		return nil, err
	}
	server := &Server{url: socketURL(socket, password, role), child: child}
	handedOver = true
	child.atEnd(func() {
		_ = os.Remove(at.running())
		if filepath.Dir(socket) != at.dir {
			_ = os.Remove(socket)
		}
		unlock()
	})
	err = ensureDatabase(ctx, socket, password, at)
	if err == nil {
		err = at.writeRunning(socket)
	}
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return server, nil
}

// URL is where the application's database is, for pgx. It contains the password: not for logs.
func (s *Server) URL() string { return s.url }

// Pid is the server's process id.
func (s *Server) Pid() int { return s.child.pid }

// Done is closed when the server's process has ended, by itself or through Stop. The folder is free again by then.
func (s *Server) Done() <-chan struct{} { return s.child.done }

// Stop ends the server: fast, which cuts connections and writes everything to the data files, and after ten seconds
// immediately, which leaves the journal to be replayed by the next start. Nothing that was committed is lost either
// way. Stopping a server that has ended is no error.
func (s *Server) Stop() error {
	if err := s.child.end(syscall.SIGINT, fastShutdown); err == nil {
		return nil
	}
	if err := s.child.end(syscall.SIGQUIT, immediateShutdown); err != nil {
		return fmt.Errorf("stop the embedded Postgres (pid %d): %w", s.child.pid, err)
	}
	return nil
}

// socketURL is the address of database behind the socket in the folder.
func socketURL(socket, password, database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, password),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {socket}, "port": {socketPort}, "sslmode": {"disable"}}.Encode(),
	}
	return address.String()
}

// Attach returns the URL of the server that another live process runs on dir. While there is none, or it is not ready
// yet, ok is false. An error means that there is one which this user may not reach.
func Attach(dir string) (url string, ok bool, err error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("embedded Postgres: %w", err)
	}
	return attach(layout{dir: resolved})
}
