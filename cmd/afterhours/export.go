package main

import (
	"context"
)

type exportCommand struct{ settings }

// Run prints the configuration in force as YAML that apply takes back without a difference. Credentials are sealed with
// the installation's key.
func (c *exportCommand) Run(ctx context.Context, env environment) error {
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		configuration, err := r.oncall.Export(ctx)
		if err != nil {
			return err
		}
		text, err := configuration.Export()
		if err != nil {
			return err
		}
		_, err = env.stdout.Write(text)
		return err
	})
}
