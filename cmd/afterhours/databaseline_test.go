package main

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// TestASilentHostKeepsNobodyWaitingTwice calls a host that is silent, again, and once more when it answers.
func TestASilentHostKeepsNobodyWaitingTwice(t *testing.T) {
	t.Parallel()
	answers := false
	var given time.Duration // to the call
	line := newDatabaseLine(func(ctx context.Context, _, _ string) (net.Conn, error) {
		deadline, ok := ctx.Deadline()
		if !ok {
			t.Fatal("a call without an end")
		}
		if given = time.Until(deadline); answers {
			return nil, nil
		}
		return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded} // as when the time has passed
	})
	call := func() time.Duration {
		ctx, cancel := context.WithTimeout(t.Context(), connectWithin)
		defer cancel()
		_, _ = line.dial(ctx, "tcp", "192.0.2.1:5432") // what it was given counts
		return given
	}
	if got := call(); got <= knockWithin {
		t.Errorf("the first call was given %s, want about %s", got, connectWithin)
	}
	if got := call(); got > knockWithin {
		t.Errorf("a silent host was given %s, want at most %s", got, knockWithin)
	}
	answers = true
	call()
	if got := call(); got <= knockWithin {
		t.Errorf("a host that answered was given %s, want about %s", got, connectWithin)
	}
}

// TestTheURLSaysHowLongAHostIsWaitedFor leaves connect_timeout to whoever writes the address.
func TestTheURLSaysHowLongAHostIsWaitedFor(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]time.Duration{
		"postgres://a@one,two/afterhours":                   connectWithin,
		"postgres://a@one,two/afterhours?connect_timeout=7": 7 * time.Second,
		"postgres:///afterhours?host=/run/postgresql":       0, // nobody else is to be asked
	} {
		config, err := pgxpool.ParseConfig(address)
		if err != nil {
			t.Fatal(err)
		}
		watchLine(&config.ConnConfig.Config)
		if got := config.ConnConfig.ConnectTimeout; got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
