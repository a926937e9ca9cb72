package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"afterhours/tickets"
	"afterhours/web/auth"
)

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make a token and print it, alone; it is shown this once."`
}

type tokenCreateCommand struct {
	settings
	Name    string `required:"" help:"What the token is for; its actions are shown as token:NAME."`
	Role    string `required:"" enum:"viewer,responder,admin" help:"viewer, responder or admin."`
	Expires string `placeholder:"DURATION" help:"Lifetime like 12h or 90d; without it the token does not expire."`
}

// Run prints the new token alone.
func (c *tokenCreateCommand) Run(ctx context.Context, env environment) error {
	expires, err := c.expiry(env.now())
	if err != nil {
		return usageError{err}
	}
	return withRooms(ctx, c.settings, env, func(_ *rooms, db database) error {
		token, err := auth.New(db.pool, auth.Options{Now: env.now}).CreateToken(ctx, tickets.ActorSystem, c.Name, c.Role, expires)
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, token)
		return nil
	})
}

func (c *tokenCreateCommand) expiry(now time.Time) (*time.Time, error) {
	if c.Expires == "" {
		return nil, nil
	}
	lifetime, err := time.ParseDuration(c.Expires)
	if days, ok := strings.CutSuffix(c.Expires, "d"); ok {
		var count int
		count, err = strconv.Atoi(days)
		lifetime = time.Duration(count) * 24 * time.Hour
	}
	if err != nil || lifetime <= 0 {
		return nil, fmt.Errorf("--expires: %q is not a duration like 12h or 90d", c.Expires)
	}
	end := now.Add(lifetime)
	return &end, nil
}
