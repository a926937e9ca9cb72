// Package smtpd is the SMTP server that mail comes in by. It hands each complete mail, byte for byte as DATA or BDAT
// carried it, to an Accept function, and answers 250 only once that function returned. It knows nothing of what a mail
// says.
//
// It stands on go-smtp and owns what that library leaves open: the connections (limit.go), whose deadlines, rates and
// line lengths are bounded and whose read errors are never taken for the end of a mail (conn.go), the memory of mails in
// flight, and a stop that tells idle clients. Every limit has a default that is not unlimited. A fault of ours is 451,
// which the sender tries again; only what cannot become right by waiting is 5xx, and no answer shows an error's text.
package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// Envelope is what the SMTP dialogue said about one mail. From is empty for the null sender.
type Envelope struct {
	From       string
	To         []string
	Helo       string
	Remote     netip.Addr
	TLS        bool
	ReceivedAt time.Time
	Account    string // that the client signed in as; empty where it did not
	// Authentication is what was found out about the author; the zero one where nothing is looked at.
	Authentication Authentication
}

// AcceptFunc takes over one mail; its id is named in the reply. It returns once the mail cannot be lost any more.
type AcceptFunc func(ctx context.Context, envelope Envelope, raw []byte) (id string, err error)

// Config is a server's configuration; the zero value of a limit is its default.
type Config struct {
	Domain     string                    // name in the greeting
	Recipients func(address string) bool // others get 550 5.1.1
	Senders    func(address string) bool // nil accepts all; others get 550 5.7.1; the null sender is always accepted

	// Authenticate fills Envelope.Authentication: it begins beside the data and ends with the whole mail. It is
	// Authenticator.Begin; nil looks at nothing.
	Authenticate func(envelope Envelope) func(raw []byte) Authentication
	// RefuseUnverified says whether a mail of an author who is not authenticated gets 550 5.7.26; nil refuses none.
	RefuseUnverified func(ctx context.Context, envelope Envelope) bool

	// Login says whether a user may sign in; nil offers no AUTH. It is asked over TLS alone.
	Login func(user, password string) bool

	TLS         *tls.Config // nil: STARTTLS is not offered
	TLSRequired bool        // MAIL in clear text gets 530 5.7.0

	MaxSize        int64 // octets of one mail, 25 MiB; larger gets 552 5.3.4
	MaxInFlight    int64 // octets of all mails being received, 128 MiB; more gets 452 4.3.1
	MaxLarge       int   // mails above 1 MiB being received at once, 2; others wait for LargeWait and get 452 4.3.1 then
	MaxRecipients  int   // of one mail, 100
	MaxConnections int   // at once, 2000; more get 421
	MaxPerAddress  int   // at once from one address, 100; loopback is exempt

	CommandTimeout time.Duration // for the next command, 5 minutes (RFC 5321, 4.5.3.2.7)
	DataTimeout    time.Duration // for the next block of data, 3 minutes (4.5.3.2.5)
	SessionTimeout time.Duration // of a connection in all, 1 hour
	AcceptTimeout  time.Duration // of Accept, 20 seconds
	LargeWait      time.Duration // of a large mail for its place, 2 minutes
	LeastRate      int64         // octets a second of data, 64, asked for after a first minute

	Accept AcceptFunc
	Now    func() time.Time
	Log    *slog.Logger
}

// Bounds that nobody needs to choose.
const (
	maxDataLine    = 1<<20 + 1024 // octets of a line inside DATA
	maxCommandLine = 2000         // octets of a command line
	writeTimeout   = time.Minute
	rateGrace      = time.Minute
)

// Server is an SMTP server.
type Server struct {
	config   Config
	smtp     *smtp.Server
	limiter  *limiter
	failures failures // of sign-ins
	inFlight atomic.Int64
	large    chan struct{} // a place for each large mail
	buffers  sync.Pool     // of mails that are being read
}

// New returns a server, or an error for a configuration that cannot serve.
func New(config Config) (*Server, error) {
	if config.Accept == nil || config.Recipients == nil || config.Now == nil || config.Log == nil || config.Domain == "" {
		return nil, errors.New("smtpd: Domain, Recipients, Accept, Now and Log are required")
	}
	if config.TLSRequired && config.TLS == nil {
		return nil, errors.New("smtpd: TLSRequired needs TLS")
	}
	config.MaxSize = orDefault(config.MaxSize, 25<<20)
	config.MaxInFlight = orDefault(config.MaxInFlight, 128<<20)
	config.MaxLarge = orDefault(config.MaxLarge, 2)
	config.LargeWait = orDefault(config.LargeWait, 2*time.Minute)
	config.MaxRecipients = orDefault(config.MaxRecipients, 100)
	config.MaxConnections = orDefault(config.MaxConnections, 2000)
	config.MaxPerAddress = orDefault(config.MaxPerAddress, 100)
	config.CommandTimeout = orDefault(config.CommandTimeout, 5*time.Minute)
	config.DataTimeout = orDefault(config.DataTimeout, 3*time.Minute)
	config.SessionTimeout = orDefault(config.SessionTimeout, time.Hour)
	config.AcceptTimeout = orDefault(config.AcceptTimeout, 20*time.Second)
	config.LeastRate = orDefault(config.LeastRate, 64)

	s := &Server{config: config, large: make(chan struct{}, config.MaxLarge), buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	s.limiter = newLimiter(&s.config)
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain = config.Domain
	s.smtp.MaxMessageBytes = config.MaxSize
	s.smtp.MaxRecipients = config.MaxRecipients
	s.smtp.MaxLineLength = maxDataLine // command lines are bounded by the connection
	s.smtp.WriteTimeout = writeTimeout // reads are bounded by the connection
	s.smtp.TLSConfig = config.TLS
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = libraryLog{config.Log}
	return s, nil
}

func orDefault[T int | int64 | time.Duration](value, fallback T) T {
	if value <= 0 {
		return fallback
	}
	return value
}

// Serve accepts connections until Shutdown. It may be called for several listeners.
func (s *Server) Serve(listener net.Listener) error {
	return s.serve(s.limiter.listen(listener))
}

// ServeTLS is Serve for a listener on which TLS begins at once (RFC 8314, 3).
func (s *Server) ServeTLS(listener net.Listener) error {
	if s.config.TLS == nil {
		return errors.New("smtpd: ServeTLS needs TLS")
	}
	return s.serve(tls.NewListener(s.limiter.listen(listener), s.config.TLS))
}

func (s *Server) serve(listener net.Listener) error {
	err := s.smtp.Serve(listener)
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, tells idle clients 421, lets mails that are being received end, and closes what is left
// when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.limiter.drain()
	err := s.smtp.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		s.limiter.closeAll()
		return nil
	}
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// libraryLog takes what go-smtp would print. Its texts hold peers' addresses and go-smtp's own words only.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, args ...any) {
	l.log.Debug("smtp connection", "detail", fmt.Sprintf(format, args...))
}

func (l libraryLog) Println(args ...any) {
	l.log.Debug("smtp connection", "detail", fmt.Sprint(args...))
}
