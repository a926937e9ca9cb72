package smtpd

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Bounds of failed sign-ins: of one connection, which ends then, and of one address for a while.
const (
	failuresOfConnection = 3
	failuresOfAddress    = 10
	failuresWithin       = 10 * time.Minute
	mostAddresses        = 10_000
)

// The answers to AUTH.
var (
	errBadLogin      = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong user or password"}
	errTooManyLogins = &smtp.SMTPError{Code: 454, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "too many failed sign-ins, try again in ten minutes"}
	errNoMechanism   = &smtp.SMTPError{Code: 504, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "use PLAIN or LOGIN"}
)

// AuthMechanisms are what a client may sign in with; none where no account is configured. go-smtp offers them over TLS
// alone, and refuses AUTH in clear text.
func (s *session) AuthMechanisms() []string {
	if s.server.config.Login == nil {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth begins a sign-in.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if s.server.config.Login == nil {
		return nil, smtp.ErrAuthUnsupported
	}
	if s.server.failures.exceeded(s.conn.address, s.server.config.Now()) {
		return nil, errTooManyLogins
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return s.login(user, password) }), nil
	case sasl.Login:
		return &loginServer{login: s.login}, nil
	}
	return nil, errNoMechanism
}

func (s *session) login(user, password string) error {
	if !s.server.config.Login(user, password) {
		s.server.failures.add(s.conn.address, s.server.config.Now())
		s.server.config.Log.Warn("smtp sign-in failed", "remote", s.conn.address)
		if s.conn.failedLogins.Add(1) >= failuresOfConnection {
			s.conn.poison() // the connection ends after the answer
		}
		return errBadLogin
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.account = user
	return nil
}

// loginServer is the LOGIN mechanism, which has no standard and which Outlook and many devices speak: the server asks
// for the user and then for the password.
type loginServer struct {
	login func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch {
	case l.step == 1 && response == nil:
		return []byte("Username:"), false, nil
	case l.step == 1:
		l.step++
		fallthrough
	case l.step == 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	case l.step == 3:
		return nil, true, l.login(l.user, string(response))
	}
	return nil, false, errors.New("smtpd: the sign-in is over")
}

// failures counts failed sign-ins by address.
type failures struct {
	mutex sync.Mutex
	of    map[netip.Addr][]time.Time
}

func (f *failures) exceeded(address netip.Addr, now time.Time) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	recent := 0
	for _, at := range f.of[address] {
		if now.Sub(at) < failuresWithin {
			recent++
		}
	}
	return recent >= failuresOfAddress
}

func (f *failures) add(address netip.Addr, now time.Time) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.of == nil || len(f.of) >= mostAddresses {
		f.of = map[netip.Addr][]time.Time{}
	}
	times := append(f.of[address], now)
	f.of[address] = times[max(0, len(times)-failuresOfAddress):]
}
