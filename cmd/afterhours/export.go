package main

import (
	"context"
)

type exportCommand struct{ settings }

// Run prints the configuration in force as YAML that apply takes back without a difference. Credentials are sealed with
// the installation's key.
func (c *exportCommand) Run(ctx context.Context, env environment) error {
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		text, err := r.export(ctx)
		if err != nil {
			return err
		}
		_, err = env.stdout.Write(text)
		return err
	})
}

// export is the configuration in force as YAML, its credentials sealed.
func (r *rooms) export(ctx context.Context) ([]byte, error) {
	configuration, err := r.oncall.Export(ctx)
	if err != nil {
		return nil, err
	}
	return configuration.Export()
}
