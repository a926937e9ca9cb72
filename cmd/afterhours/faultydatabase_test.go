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
	once  bool // it ends when it has struck
	hits  int  // how often faults struck
	open  map[net.Conn]bool
}

// statementFault is what a Postgres in trouble answers.
type statementFault struct {
	code       string // SQLSTATE; losesQuestion and losesAnswer cut the connection instead
	statements *regexp.Regexp
	severity   string         // ERROR, or FATAL where the session ends with it
	behind     *regexp.Regexp // what its transaction asked for before; nil: anything
}

// The codes of connections that are cut: before the server got a statement, and after it has carried it out, so that its
// outcome is unknown to whoever asked.
const (
	losesQuestion = "the question is lost"
	losesAnswer   = "the answer is lost"
)

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
	f.fault, f.once = fault, false
}

// setOnce begins a fault that strikes one group of messages alone.
func (f *faultyDatabase) setOnce(fault *statementFault) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.fault, f.once = fault, true
}

// strikes returns the fault that a statement meets; nil for none. A connection is cut where something is carried out, not
// where it is prepared.
func (f *faultyDatabase) strikes(kind byte, statement, before string) *statementFault {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	fault := f.fault
	if fault == nil || !fault.statements.MatchString(statement) || fault.behind != nil && !fault.behind.MatchString(before) ||
		(fault.code == losesQuestion || fault.code == losesAnswer) && kind != 'B' && kind != 'Q' {
		return nil
	}
	f.hits++
	if f.once {
		f.fault = nil
	}
	return fault
}

// struck is how often faults struck so far.
func (f *faultyDatabase) struck() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.hits
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
	mute           bool              // the next answer is lost, and the session ends with it
	names          map[string]string // of prepared statements
	before         string            // what the transaction asked for so far
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
	if s.mute {
		if kind == 'Z' { // by now it is done
			return errSessionEnded
		}
		return nil
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
		if statement := s.statement(kind, frame[5:]); statement != "" {
			s.writing.Lock()
			begins := s.status == 'I'
			s.writing.Unlock()
			if begins {
				s.before = ""
			}
			if hit == nil {
				hit = s.strikes(kind, statement, s.before)
			}
			s.before += statement + "\n"
		}
		if bytes.IndexByte([]byte("PBDEC"), kind) >= 0 {
			continue
		}
		switch {
		case hit == nil || kind != 'S' && kind != 'Q':
			_, err = s.server.Write(group)
		case hit.code == losesQuestion:
			err = errSessionEnded
		case hit.code == losesAnswer:
			s.writing.Lock()
			s.mute = true
			s.writing.Unlock()
			_, err = s.server.Write(group)
		default:
			err = s.refuse(*hit)
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
