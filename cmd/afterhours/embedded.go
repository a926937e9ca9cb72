package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"afterhours/migrations/pgserver"
)

// How long a command waits for the process beside it that starts or stops the embedded server.
const (
	attachAttempts = 50
	attachPause    = 200 * time.Millisecond
)

// The pauses between attempts to start an embedded server again that ended by itself.
const (
	restartPause        = time.Second
	longestRestartPause = 30 * time.Second
)

// embedded is the embedded server of this process.
type embedded struct {
	settings settings
	log      *slog.Logger
	address  string

	mutex    sync.Mutex
	server   *pgserver.Server
	stopping bool
}

// startEmbedded starts the embedded server of the data directory, unless another process runs it: then server is nil.
func startEmbedded(ctx context.Context, s settings, log *slog.Logger) (server *embedded, address string, err error) {
	if err := makeDataDir(s.DataDir); err != nil {
		return nil, "", err
	}
	directory := filepath.Join(s.DataDir, "postgres")
	for patience := attachAttempts; ; patience-- {
		started, err := pgserver.Start(ctx, pgserver.Options{Dir: directory, Log: log, Memory: ownMemory()})
		if err == nil {
			return &embedded{settings: s, log: log, address: started.URL(), server: started}, started.URL(), nil
		}
		if !errors.Is(err, pgserver.ErrRunning) {
			return nil, "", err
		}
		if address, ok, err := pgserver.Attach(directory); ok || err != nil {
			return nil, address, err
		}
		if patience == 0 {
			return nil, "", fmt.Errorf("another process holds the embedded Postgres in %s and it does not answer; try again in a moment", directory)
		}
		select { // that process is starting or stopping it
		case <-time.After(attachPause):
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}

// keep starts the server again whenever it ends by itself, until Stop: mail goes to the spool meanwhile, as with any
// database that is away. Its error says that the database is another process's now, at an address that nobody here knows.
func (e *embedded) keep(ctx context.Context) error {
	pause := restartPause
	for {
		e.mutex.Lock()
		ended := e.server.Done()
		e.mutex.Unlock()
		<-ended
		e.mutex.Lock()
		stopping := e.stopping
		e.mutex.Unlock()
		if stopping {
			return nil
		}
		e.log.Error("the embedded Postgres ended by itself and is started again; its last lines are above")
		again, address, err := startEmbedded(ctx, e.settings, e.log)
		switch {
		case err != nil:
			e.log.Error("the embedded Postgres does not start", "error", err, "again_in", pause)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			pause = min(2*pause, longestRestartPause)
			continue
		case address != e.address || again == nil:
			return errors.New("the embedded Postgres ended by itself, and another process runs it now")
		}
		pause = restartPause
		e.mutex.Lock()
		e.server, stopping = again.server, e.stopping
		e.mutex.Unlock()
		if stopping { // while it started
			return again.server.Stop()
		}
	}
}

// Stop ends the server for good.
func (e *embedded) Stop() error {
	e.mutex.Lock()
	e.stopping = true
	server := e.server
	e.mutex.Unlock()
	return server.Stop()
}
