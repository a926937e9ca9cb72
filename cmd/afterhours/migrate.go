package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"afterhours/migrations"
)

type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" help:"Apply what is missing."`
	Status migrateStatusCommand `cmd:"" help:"List migrations and when they were applied."`
}

type migrateUpCommand struct{ settings }

// Run applies what is missing and says how many that were.
func (c *migrateUpCommand) Run(ctx context.Context, env environment) (err error) {
	return withDatabase(ctx, c.settings, env, func(db database) error {
		applied, err := migrations.Up(ctx, db.directly())
		if err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		fmt.Fprintf(env.stdout, "%d migrations applied; the schema is up to date\n", applied)
		return nil
	})
}

type migrateStatusCommand struct{ settings }

// Run lists every migration.
func (c *migrateStatusCommand) Run(ctx context.Context, env environment) error {
	return withDatabase(ctx, c.settings, env, func(db database) error {
		all, err := migrations.Status(ctx, db.directly())
		if err != nil {
			return fmt.Errorf("read the schema's state: %w", err)
		}
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		for _, migration := range all {
			applied := "pending"
			if migration.AppliedAt != nil {
				applied = migration.AppliedAt.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", migration.Set, migration.Version, migration.Name, applied)
		}
		return table.Flush()
	})
}

// withDatabase runs work on the configured database; the embedded one is started for it where no serve holds it.
func withDatabase(ctx context.Context, s settings, env environment, work func(database) error) error {
	s, err := s.complete()
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, s, quiet(newLog(s, env.stderr)))
	if err != nil {
		return err
	}
	if err = db.answers(ctx); err == nil {
		err = work(db)
	}
	return errors.Join(err, db.close())
}

// withRooms is withDatabase on an up-to-date schema, with everything wired to it and nothing running.
func withRooms(ctx context.Context, s settings, env environment, work func(*rooms, database) error) error {
	s, err := s.complete()
	if err != nil {
		return err
	}
	return withDatabase(ctx, s, env, func(db database) error {
		if _, err := migrations.Up(ctx, db.directly()); err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		wired, err := wire(s, db, s.PublicURL, newLog(s, env.stderr), env.now)
		if err != nil {
			return err
		}
		return work(wired, db)
	})
}
