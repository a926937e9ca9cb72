package main

import (
	"context"
	"fmt"

	"afterhours/oncall"
	"afterhours/tickets"
)

type applyCommand struct {
	settings
	DryRun bool     `help:"Print the difference and change nothing."`
	Files  []string `arg:"" name:"file" help:"YAML files; - reads standard input."`
}

// Run applies all files together in one transaction, or, where anything is wrong in them, nothing.
func (c *applyCommand) Run(ctx context.Context, env environment) error {
	documents := make([]oncall.Document, len(c.Files))
	for i, file := range c.Files {
		content, err := readInput(file, env.stdin)
		if err != nil {
			return fmt.Errorf("read configuration: %w", err)
		}
		if documents[i], err = oncall.ParseFile(file, content); err != nil {
			return err
		}
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		if c.DryRun {
			return r.printDifference(ctx, env, documents)
		}
		configuration, err := r.apply(ctx, documents...)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.stdout, "applied: %d people, %d schedules, %d policies, %d routes, %d webhooks, %d mutes, %d tenants, %d playbooks, %d readings\n",
			len(configuration.People), len(configuration.Schedules), len(configuration.Policies),
			len(configuration.Routes), len(configuration.Webhooks), len(configuration.Mutes), len(configuration.Tenants), len(configuration.Playbooks),
			len(configuration.Readings))
		for _, sentence := range unready(r.channels)(configuration) {
			fmt.Fprintf(env.stderr, "afterhours: warning: %s\n", sentence)
		}
		return nil
	})
}

func (r *rooms) printDifference(ctx context.Context, env environment, documents []oncall.Document) error {
	current, err := r.oncall.Configuration(ctx)
	if err != nil {
		return err
	}
	wanted, err := r.merge(current, documents)
	if err != nil {
		return err
	}
	difference, err := current.Difference(wanted)
	if err == nil && difference == "" {
		difference = "no difference\n"
	}
	fmt.Fprint(env.stdout, difference)
	return err
}

// apply merges documents into the configuration in force and returns what is in force then.
func (r *rooms) apply(ctx context.Context, documents ...oncall.Document) (applied oncall.Configuration, err error) {
	err = r.oncall.Apply(ctx, tickets.ActorSystem, "configuration applied", func(current oncall.Configuration) (oncall.Configuration, error) {
		applied, err = r.merge(current, documents)
		return applied, err
	})
	return applied, err
}

// merge puts documents over the configuration in force. A credential may also stand in them as export wrote it.
func (r *rooms) merge(current oncall.Configuration, documents []oncall.Document) (oncall.Configuration, error) {
	for i, document := range documents {
		opened, err := document.MapSecrets(r.sealer.openIfSealed)
		if err != nil {
			return current, err
		}
		documents[i] = opened
	}
	return oncall.Merge(current, checkContact(r.channels), documents...)
}
