package pgtest

import (
	"context"
	"testing"
	"time"

	"afterhours/migrations/pgserver"
)

// Server is a database server of one test's own, for tests of what happens while the database is away.
type Server struct {
	t    testing.TB
	slot *slot
	name string // of the migrated database
}

// Own starts a server for this test alone, with a migrated and otherwise empty database, and returns it running. It
// keeps what was committed through Stop, Kill, Abort and Start. The cleanup ends it. It does not use the server that
// AFTERHOURS_TEST_DATABASE_URL names.
func Own(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	template, err := templateName()
	if err != nil {
		t.Fatalf("test server: %v", err)
	}
	slot, err := claim(ctx, template, false)
	if err != nil {
		t.Fatalf("test server: %v", err)
	}
	t.Cleanup(func() {
		if err := slot.close(); err != nil {
			t.Errorf("test server: %v", err)
		}
	})
	from, err := prepare(ctx, slot.server.URL(), template)
	if err != nil {
		t.Fatalf("test server: %v", err)
	}
	name := newName()
	if err := from.create(ctx, name); err != nil {
		t.Fatalf("make the test's database: %v", err)
	}
	return &Server{t: t, slot: slot, name: name} // the slot's next use drops the database
}

// URL is the address of the migrated database; it stays the same through Stop, Kill, Abort and Start.
func (s *Server) URL() string { return withDatabase(s.slot.server.URL(), s.name) }

// Stop ends the server in good order and waits for its end.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.slot.server.Stop(); err != nil {
		s.t.Fatalf("stop the test server: %v", err)
	}
}

// Kill ends the server's main process without giving it a say, and waits for its end.
func (s *Server) Kill() {
	s.t.Helper()
	s.end(kill)
}

// Abort ends the server as pg_ctl stop -m immediate does: at once, with recovery left to the next start. It waits for its end.
func (s *Server) Abort() {
	s.t.Helper()
	s.end(abort)
}

func (s *Server) end(by func(pid int) error) {
	s.t.Helper()
	if err := by(s.slot.server.Pid()); err != nil {
		s.t.Fatalf("end the test server: %v", err)
	}
	select {
	case <-s.slot.server.Done():
	case <-time.After(patience):
		s.t.Fatal("the test server that was ended is still there")
	}
}

// Start starts the server again after Stop, Kill or Abort and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: s.slot.dir})
	if err != nil {
		s.t.Fatalf("start the test server: %v", err)
	}
	s.slot.server = server
}
