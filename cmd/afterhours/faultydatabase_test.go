package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// faultyDatabase stands in front of a Postgres and answers statements that a fault is for as that would, by an SQLSTATE.
// Everything else goes through.
type faultyDatabase struct {
	listener net.Listener
	server   string // the socket of the real one
	url      string

	mutex sync.Mutex
	fault *statementFault
	open  map[net.Conn]bool
}

// statementFault is what a Postgres in trouble answers.
type statementFault struct {
	code       string // SQLSTATE
	statements *regexp.Regexp
	severity   string // ERROR, or FATAL where the session ends with it
}

func inFrontOf(t *testing.T, address string) *faultyDatabase {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := target.Query()
	f := &faultyDatabase{server: filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port")), open: map[net.Conn]bool{}}
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	target.Host, target.RawQuery = f.listener.Addr().String(), "sslmode=disable"
	f.url = target.String()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := f.listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = f.listener.Close() // and with it the loop above
		f.cut()
		serving.Wait()
	})
	return f
}

// set begins a fault, or ends it with nil.
func (f *faultyDatabase) set(fault *statementFault) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.fault = fault
}

func (f *faultyDatabase) now() *statementFault {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.fault
}

// cut ends every connection.
func (f *faultyDatabase) cut() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for conn := range f.open {
		_ = conn.Close() // both ends learn of it
	}
}

func (f *faultyDatabase) hold(conn net.Conn, open bool) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if open {
		f.open[conn] = true
	} else {
		delete(f.open, conn)
	}
}

// session is one connection. Answers of the server and of ours share the way to the client.
type faultySession struct {
	*faultyDatabase
	client, server net.Conn
	writing        sync.Mutex
	status         byte              // of the transaction, as the server said last
	names          map[string]string // of prepared statements
}

func (f *faultyDatabase) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", f.server)
	if err != nil {
		return
	}
	defer server.Close()
	f.hold(client, true)
	defer f.hold(client, false)
	s := &faultySession{faultyDatabase: f, client: client, server: server, names: map[string]string{}}
	go func() {
		defer client.Close()
		for {
			kind, frame, err := readFrame(server)
			if err != nil || s.answer(kind, frame) != nil {
				return
			}
		}
	}()
	// The session ends with its connection, whichever side closed it.
	_ = s.follow()
}

func (s *faultySession) answer(kind byte, frame []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if kind == 'Z' {
		s.status = frame[5]
	}
	_, err := s.client.Write(frame)
	return err
}

// follow hands on what the client says, group by group: up to a Sync, or one simple query.
func (s *faultySession) follow() error {
	var length [4]byte
	if _, err := io.ReadFull(s.client, length[:]); err != nil { // the startup message has no type
		return err
	}
	startup := make([]byte, binary.BigEndian.Uint32(length[:])-4)
	if _, err := io.ReadFull(s.client, startup); err != nil {
		return err
	}
	if _, err := s.server.Write(append(length[:], startup...)); err != nil {
		return err
	}
	var group []byte
	var hit *statementFault
	for {
		kind, frame, err := readFrame(s.client)
		if err != nil {
			return err
		}
		group = append(group, frame...)
		if fault := s.now(); fault != nil && fault.statements.MatchString(s.statement(kind, frame[5:])) {
			hit = fault
		}
		if bytes.IndexByte([]byte("PBDEC"), kind) >= 0 {
			continue
		}
		if hit != nil && (kind == 'S' || kind == 'Q') {
			err = s.refuse(*hit)
		} else {
			_, err = s.server.Write(group)
		}
		if err != nil {
			return err
		}
		group, hit = nil, nil
	}
}

// statement is the text that a message is about; empty for one that is about none.
func (s *faultySession) statement(kind byte, body []byte) string {
	first, rest, _ := bytes.Cut(body, []byte{0})
	second, _, _ := bytes.Cut(rest, []byte{0})
	switch kind {
	case 'Q':
		return string(first)
	case 'P':
		s.names[string(first)] = string(second)
		return string(second)
	case 'B':
		return s.names[string(second)]
	}
	return ""
}

var errSessionEnded = errors.New("the session ended with its error")

func (s *faultySession) refuse(fault statementFault) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	said, err := (&pgproto3.ErrorResponse{Severity: fault.severity, SeverityUnlocalized: fault.severity, Code: fault.code, Message: "no: " + fault.code}).Encode(nil)
	if err == nil && fault.severity != "FATAL" {
		status := byte('I')
		if s.status != 'I' {
			status = 'E'
		}
		said, err = (&pgproto3.ReadyForQuery{TxStatus: status}).Encode(said)
	}
	if err == nil {
		_, err = s.client.Write(said)
	}
	if err == nil && fault.severity == "FATAL" {
		err = errSessionEnded
	}
	return err
}

func readFrame(from io.Reader) (kind byte, frame []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(from, head); err != nil {
		return 0, nil, err
	}
	frame = make([]byte, 1+binary.BigEndian.Uint32(head[1:]))
	copy(frame, head)
	_, err = io.ReadFull(from, frame[5:])
	return head[0], frame, err
}
