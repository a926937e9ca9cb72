package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/emersion/go-smtp"
)

// The answers of a session.
var (
	errTLSFirst   = &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Must issue a STARTTLS command first"}
	errNoMailbox  = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox here; check the address that notifications are sent to"}
	errNoSender   = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "mail from this sender is not accepted here"}
	errTooLarge   = &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "message too large"}
	errNoRoom     = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "too much mail at once, try again later"}
	errCutOff     = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "the message was cut off, try again"}
	errNotStored  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "the message could not be stored, try again later"}
	errOurFault   = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "internal error, try again later"}
	errUnverified = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 26}, Message: "the author of this mail is not authenticated"}
	errLineLength = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "a line of the message is longer than 1 MiB"}
)

// session is one client's dialogue. RSET and QUIT can come beside a running Data, so its state is guarded.
type session struct {
	server *Server
	client *smtp.Conn
	conn   *conn

	mutex sync.Mutex
	from  string
	to    []string
	// account is whom the client signed in as.
	account string
}

func (s *Server) newSession(client *smtp.Conn) (smtp.Session, error) {
	raw := client.Conn()
	if encrypted, ok := raw.(*tls.Conn); ok {
		raw = encrypted.NetConn()
	}
	bounded, ok := raw.(*conn)
	if !ok {
		return nil, errOurFault
	}
	return &session{server: s, client: client, conn: bounded}, nil
}

// Mail begins a mail. STARTTLS is asked for each time: a failed handshake goes on in clear text.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if _, isTLS := s.client.TLSConnectionState(); s.server.config.TLSRequired && !isTLS {
		return errTLSFirst
	}
	if senders := s.server.config.Senders; senders != nil && from != "" && !senders(from) {
		return errNoSender
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.from, s.to = from, nil
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.server.config.Recipients(to) {
		return errNoMailbox
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.to = append(s.to, to)
	return nil
}

// Reset forgets the mail that was begun.
func (s *session) Reset() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.from, s.to = "", nil
}

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// Data reads one mail whole and hands it over. Its result is always an SMTP answer.
func (s *session) Data(r io.Reader) (answer error) {
	_, chunked := r.(*io.PipeReader) // go-smtp hands BDAT over through a pipe
	s.conn.enterData(chunked)
	defer s.conn.leaveData()
	defer func() {
		if fault := recover(); fault != nil {
			s.server.config.Log.Error("smtp session failed", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			answer = errOurFault
		}
	}()
	envelope := s.envelope()
	authenticate := func([]byte) Authentication { return Authentication{} }
	if begin := s.server.config.Authenticate; begin != nil {
		authenticate = begin(envelope)
	}
	lines := &missedLines{from: r}
	if !chunked {
		r = lines
	}
	held := memory{server: s.server}
	defer held.release()
	raw, answer := s.read(r, &held)
	if lines.ended {
		s.conn.endData(lines.idle)
	}
	if answer != nil {
		return answer
	}
	envelope.Authentication = authenticate(raw)
	ctx, cancel := context.WithTimeout(context.Background(), s.server.config.AcceptTimeout)
	defer cancel()
	verified := envelope.Authentication.Verified
	if refuse := s.server.config.RefuseUnverified; refuse != nil && (verified == nil || !*verified) && refuse(ctx, envelope) {
		return errUnverified
	}
	id, err := s.server.config.Accept(ctx, envelope, raw)
	if err != nil {
		s.server.config.Log.Error("mail not accepted", "remote", envelope.Remote, "size", len(raw), "error", err)
		return errNotStored
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "accepted as " + id}
}

func (s *session) envelope() Envelope {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, isTLS := s.client.TLSConnectionState()
	return Envelope{
		From: s.from, To: slices.Clone(s.to), Helo: s.client.Hostname(), Remote: s.conn.address, TLS: isTLS,
		ReceivedAt: s.server.config.Now(), Account: s.account,
	}
}

// read takes in a mail; what it holds of the memory for mails in flight is for the caller to release.
func (s *session) read(r io.Reader, held *memory) (raw []byte, answer error) {
	buffer := s.server.buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer func() {
		if buffer.Cap() <= 2*block { // the rare large one is not kept
			s.server.buffers.Put(buffer)
		}
	}()
	for {
		if !held.grow(buffer.Len()) {
			return nil, errNoRoom
		}
		n, err := io.CopyN(buffer, r, block)
		switch {
		case int64(buffer.Len()) > s.server.config.MaxSize:
			return nil, errTooLarge
		case errors.Is(err, io.EOF) && s.conn.broken(): // BDAT cut off looks like a clean end
			return nil, errCutOff
		case errors.Is(err, io.EOF):
			if held.large {
				return buffer.Bytes(), nil
			}
			return bytes.Clone(buffer.Bytes()), nil // of its own size: many mails may wait in memory
		case errors.Is(err, smtp.ErrDataTooLarge):
			return nil, errTooLarge
		case errors.Is(err, smtp.ErrDataReset): // RSET, QUIT or the end came between two chunks; nobody reads the answer
			return nil, errCutOff
		case errors.Is(err, smtp.ErrTooLongLine):
			s.conn.poison()
			return nil, errLineLength
		case err != nil:
			s.conn.poison()
			return nil, errCutOff
		case n < block:
			return nil, errCutOff
		}
	}
}
