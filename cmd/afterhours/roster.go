package main

import (
	"context"
	"fmt"

	"afterhours/oncall"
	"afterhours/tickets/spool"
)

// keepRoster takes the roster of the hours ahead and keeps it sealed beside the spool.
func (g *gateway) keepRoster(ctx context.Context) error {
	g.keeping.Lock()
	defer g.keeping.Unlock()
	ctx, cancel := context.WithTimeout(ctx, databaseAnswer)
	defer cancel()
	configuration, err := g.takeRoster(ctx)
	if err != nil {
		return err
	}
	roster := configuration.TakeRoster(g.now())
	g.standby.SetRoster(roster)
	if g.spool == nil {
		return nil
	}
	text, err := roster.Encode()
	if err != nil || text == g.kept {
		return err
	}
	sealed, err := g.sealer.Seal(text)
	if err != nil {
		return err
	}
	if err := g.spool.WriteSealed("roster", sealed); err != nil {
		return err
	}
	g.kept = text
	return nil
}

// loadRoster reads the roster that an earlier process left.
func (g *gateway) loadRoster() error {
	if g.spool == nil {
		return nil
	}
	roster, err := storedRoster(g.spool, g.sealer)
	if err == nil {
		g.standby.SetRoster(roster)
	}
	return err
}

func storedRoster(from *spool.Spool, sealer sealer) (oncall.Roster, error) {
	sealed, err := from.ReadSealed("roster")
	if err != nil {
		return oncall.Roster{}, err
	}
	text, err := sealer.Open(sealed)
	if err != nil {
		return oncall.Roster{}, fmt.Errorf("roster %w", err)
	}
	return oncall.DecodeRoster(text)
}

// configuration is the one in force, or while the database is away the roster's. It is asked for at most once a second,
// and anew where somebody applied another.
func (g *gateway) configuration(ctx context.Context) oncall.Configuration {
	g.policy.Lock()
	defer g.policy.Unlock()
	now := g.now()
	if !g.policyAt.IsZero() && now.Sub(g.policyAt) < policyFresh && !g.applied.Swap(false) {
		return g.known
	}
	g.policyAt = now
	if !g.away.Load() {
		asking, cancel := context.WithTimeout(ctx, databaseAnswer)
		defer cancel()
		if configuration, err := g.takeRoster(asking); err == nil {
			g.known = configuration
			return g.known
		}
	}
	if roster, ok := g.standby.Roster(); ok {
		g.known = roster.Configuration
	}
	return g.known
}
