package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"afterhours/cmd/afterhours/internal/samplemail"
	"afterhours/oncall"
	"afterhours/smtpd"
	"afterhours/tickets"
)

//go:embed demo.yaml
var demoTeam []byte

// demoMails are what the demo receives, newest last.
var demoMails = []struct{ kind, severity string }{
	{"alert", "informational"},
	{"vulnerability", "high"},
	{"alert", "low"},
	{"office365", "medium"},
	{"incident", "medium"},
	{"alert", "medium"},
	{"office365", "informational"},
	{"incident", "high"},
	{"merged", "high"},
	{"alert", "low"},
	{"unrecognised", "medium"},
	{"alert", "high"},
}

const (
	demoSeed     = 42
	demoSettling = 20 * time.Second
)

type demoCommand struct {
	settings
	WithAPI bool `name:"with-api" help:"Poll a made-up Defender API, too, with playbooks that act on its devices."`
	Keep    bool `help:"Keep the database under the data directory instead of a throw-away one."`
}

// Run serves the sample team until ctx ends.
func (c *demoCommand) Run(ctx context.Context, env environment) (err error) {
	if c.DatabaseURL != "" {
		return usageError{fmt.Errorf("the demo runs on an embedded Postgres: unset %s, or use `afterhours serve`", variable("database-url"))}
	}
	if !c.Keep {
		if c.DataDir, err = throwAwayDir(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.DataDir)) }()
	}
	if c.SmarthostURL == "" {
		catcher, stop, err := startCatcher(env)
		if err != nil {
			return err
		}
		defer stop()
		c.SmarthostURL = "smtp://" + catcher
	}
	if c.TrustedRelays == "" { // the sample mails come from here, and say that they are authenticated
		c.TrustedRelays, c.AuthservID = "127.0.0.0/8,::1", c.SMTPDomain
	}
	var api demoAPI
	if c.WithAPI {
		var stop func()
		if api, stop, err = startDemoAPI(env.now); err != nil {
			return err
		}
		defer stop()
		c.AllowPrivate = true // the made-up API is on this machine
	}
	c.OTel = traceVariables(env.vars)
	app, err := start(ctx, c.settings, quiet(newLog(c.settings, env.stderr)), env.now)
	if err != nil {
		return err
	}
	if err := c.introduce(ctx, app, env); err != nil {
		return errors.Join(err, app.stop())
	}
	if c.WithAPI {
		if err := api.join(ctx, app); err != nil {
			return errors.Join(err, app.stop())
		}
		fmt.Fprintf(env.stdout, "  Playbooks      %s/playbooks  (one waits for your approval)\n", app.baseURL)
	}
	return app.wait(ctx)
}

// throwAwayDir makes a directory that an unprivileged Postgres can enter.
func throwAwayDir() (string, error) {
	dir, err := os.MkdirTemp("", "afterhours-demo-")
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return dir, os.Chmod(dir, 0o711)
}

// startCatcher runs a mail server that takes the demo's outgoing mail, so that pages really leave and nothing leaves
// the machine. The desk shows each letter.
func startCatcher(env environment) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("demo: %w", err)
	}
	everyone, err := smtpd.ParseAddressList("*")
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	var caught atomic.Int64
	server, err := smtpd.New(smtpd.Config{
		Domain: "catcher.demo.example", Recipients: everyone.Contains, Now: env.now, Log: quiet(newLog(settings{}, env.stderr)),
		Accept: func(context.Context, smtpd.Envelope, []byte) (string, error) {
			return strconv.FormatInt(caught.Add(1), 10), nil
		},
	})
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	go func() { _ = server.Serve(listener) }() // it ends with Shutdown
	return listener.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx) // nothing of value is lost with it
	}, nil
}

// introduce sets up the team, sends the mails and prints where to look.
func (c *demoCommand) introduce(ctx context.Context, app *application, env environment) error {
	team, err := oncall.ParseFile("demo.yaml", demoTeam)
	if err != nil {
		return err
	}
	if _, err := app.rooms.apply(ctx, team); err != nil {
		return err
	}
	if err := app.auth.EnsureAccount(ctx, "ana", "Ana Ruiz", "ana@demo.example", "admin"); err != nil {
		return err
	}
	account := "ana"
	link, err := app.auth.CreateLoginLink(ctx, &account, setupLinkLifetime)
	if err != nil {
		return err
	}
	accepted, err := c.sendMails(ctx, app, env)
	if err != nil {
		return fmt.Errorf("send sample mails: %w", err)
	}
	letter, err := firstLetter(ctx, app, env.now().Add(demoSettling))
	if err != nil {
		return err
	}
	kept := "It is thrown away at the end; --keep keeps it."
	if c.Keep {
		kept = "It is kept in " + filepath.Clean(c.DataDir) + "."
	}
	executable, err := os.Executable()
	if err != nil {
		executable = "afterhours"
	}
	fmt.Fprintf(env.stdout, `afterhours demo: %d sample mails came in over SMTP.

  Web            %s
  Sign in        %s/login/%s  (works once)
  First page     %s
                 to %s: %s
  Outgoing mail  %s/settings/outgoing
  Send another   %s send-sample --smtp %s --severity high

Pages go to a mail catcher inside the demo; nothing leaves this machine. %s
Ctrl-C ends it.
`, accepted, app.baseURL, app.baseURL, link, letter.Link, letter.To, letter.Subject, app.baseURL, executable, app.smtpAddr, kept)
	return nil
}

func (c *demoCommand) sendMails(ctx context.Context, app *application, env environment) (int, error) {
	generator, err := samplemail.New(demoSeed)
	if err != nil {
		return 0, err
	}
	samples := demoMails
	mails, err := prepare(len(demoMails), func() (samplemail.Mail, error) {
		sample := samples[0]
		samples = samples[1:]
		mail, err := generator.Make(sample.kind, sample.severity, app.intakeAddress(), env.now())
		mail.Raw = slices.Concat(fmt.Appendf(nil, "Authentication-Results: %s; dmarc=pass header.from=microsoft.com\r\n", c.AuthservID), mail.Raw)
		return mail, err
	})
	if err != nil {
		return 0, err
	}
	replies, err := sendAll(ctx, app.smtpAddr, app.intakeAddress(), mails, 1, env.now)
	return len(replies), err
}

// firstLetter waits until the newest High ticket has paged and returns what its recipient reads.
func firstLetter(ctx context.Context, app *application, until time.Time) (oncall.Letter, error) {
	for app.now().Before(until) {
		high := tickets.Filter{Severities: []tickets.Severity{tickets.High}, States: []tickets.State{tickets.Open}, Limit: 1}
		pending, err := app.rooms.tickets.Pending(ctx)
		if err != nil {
			return oncall.Letter{}, err
		}
		list, err := app.rooms.tickets.List(ctx, high)
		if err != nil {
			return oncall.Letter{}, err
		}
		if pending == 0 && len(list.Tickets) > 0 {
			pages, err := app.rooms.oncall.Pages(ctx, list.Tickets[0].Number)
			if err != nil {
				return oncall.Letter{}, err
			}
			if len(pages) > 0 && pages[0].State != oncall.PageQueued {
				return app.rooms.oncall.Letter(ctx, pages[0].ID)
			}
		}
		select {
		case <-ctx.Done():
			return oncall.Letter{}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return oncall.Letter{}, errors.New("the sample mails have not become pages; the log says why (--log-level debug)")
}
