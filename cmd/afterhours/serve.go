package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const setupLinkLifetime = 24 * time.Hour

type serveCommand struct{ settings }

// Help says how settings are given.
func (serveCommand) Help() string {
	return "Each flag is also an environment variable: AFTERHOURS_ and the flag's name in capitals, with underscores; " +
		"with _FILE after it, it names a file that holds the value. A flag wins over the environment, the environment over --config."
}

// Run serves until ctx ends or a part fails.
func (c *serveCommand) Run(ctx context.Context, env environment) error {
	go limitMemory(ctx, env.vars)
	c.OTel = traceVariables(env.vars)
	app, err := start(ctx, c.settings, newLog(c.settings, env.stderr), env.now)
	if err != nil {
		return err
	}
	if err := app.greet(ctx, env.stdout); err != nil {
		return errors.Join(err, app.stop())
	}
	return app.wait(ctx)
}

// wait blocks until ctx ends or a part fails, then stops everything.
func (a *application) wait(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-a.failed:
	}
	return errors.Join(err, a.stop())
}

// greet prints where to look and, while nobody can sign in yet, the link that makes the first administrator.
func (a *application) greet(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "Web:   %s\nMail:  smtp://%s  (point Defender's notifications at %s)\n", a.baseURL, a.smtpAddr, a.intakeAddress())
	if err := a.late.why(); err != nil {
		fmt.Fprintf(out, "The database is away; mail waits in the spool until it is there: %s\n", oneLine(err))
		return nil
	}
	exist, err := a.auth.HasAccounts(ctx)
	if err != nil {
		return err
	}
	if !exist {
		token, err := a.auth.CreateLoginLink(ctx, nil, setupLinkLifetime)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "First start: make the administrator's account at %s/login/%s  (works once, for 24 hours)\n", a.baseURL, token)
	}
	return nil
}
