package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"afterhours/oncall"
)

type secretCommand struct {
	Rotate rotateCommand `cmd:"" help:"Make a new generated key, or go over to a configured one, and seal what is stored with it."`
	Forget forgetCommand `cmd:"" help:"Remove the former generated key, seven days after a rotation."`
}

type rotateCommand struct{ settings }

// Help names the steps.
func (rotateCommand) Help() string {
	return "With the generated key: run it, then restart serve. With a configured key: give every gateway the new one as " +
		variable("secret-key-former") + " first, then exchange the two, then run this. It can be interrupted and repeated."
}

// Run makes the new key where it is ours to make, and seals every credential with it.
func (c *rotateCommand) Run(ctx context.Context, env environment) error {
	if c.SecretKey != "" && c.FormerKey == "" {
		return usageError{fmt.Errorf("set %s to a new key and %s to the one before", variable("secret-key"), variable("secret-key-former"))}
	}
	if c.SecretKey == "" {
		if err := rotateKeyFile(c.DataDir); err != nil {
			return err
		}
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		changed, err := r.oncall.Reseal(ctx)
		if err != nil {
			return err
		}
		until := env.now().Add(oncall.LinkLifetime).UTC()
		fmt.Fprintf(env.stdout, "%d entries sealed with the new key; links of messages sent before hold until %s\n", changed, until.Format("2 Jan 2006 15:04 MST"))
		if c.SecretKey == "" {
			fmt.Fprintln(env.stdout, "restart serve now, so that it knows the new key; after that moment run `afterhours secret forget`")
		} else {
			fmt.Fprintf(env.stdout, "after that moment remove %s from every gateway\n", variable("secret-key-former"))
		}
		return nil
	})
}

// rotateKeyFile puts a new key in the place of the generated one and keeps that beside it. A rotation that was cut off goes
// on where it was: the former key is kept before the new one counts, and while it is kept, no further one is made.
func rotateKeyFile(dir string) error {
	path, former := filepath.Join(dir, "secret.key"), filepath.Join(dir, formerKeyFile)
	current, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("secret key: %w; start serve first, which makes one", err)
	}
	kept, err := os.ReadFile(former)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.Link(path, former); err != nil {
			return fmt.Errorf("keep the former key: %w", err)
		}
	case err != nil:
		return fmt.Errorf("former key: %w", err)
	case string(kept) != string(current):
		return nil // the new key is there already
	}
	next := filepath.Join(dir, "secret.key.next")
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("new key: %w", err)
	}
	if err := generateKey(next); err != nil {
		return fmt.Errorf("new key: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("new key: %w", err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("new key: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}

type forgetCommand struct {
	settings
	Force bool `help:"Also before the links of messages that were sent have expired."`
}

// Run seals once more, so that nothing is left that the former key alone opens, and removes it.
func (c *forgetCommand) Run(ctx context.Context, env environment) error {
	former := filepath.Join(c.DataDir, formerKeyFile)
	if c.SecretKey != "" {
		return usageError{fmt.Errorf("the key is configured: remove %s from every gateway", variable("secret-key-former"))}
	}
	if _, err := os.Stat(former); err != nil {
		return fmt.Errorf("there is no former key in %s", c.DataDir)
	}
	made, err := os.Stat(filepath.Join(c.DataDir, "secret.key"))
	if err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	if until := made.ModTime().Add(oncall.LinkLifetime); env.now().Before(until) && !c.Force {
		return fmt.Errorf("links of messages that were sent before the rotation hold until %s; wait, or use --force", until.UTC().Format("2 Jan 2006 15:04 MST"))
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		if _, err := r.oncall.Reseal(ctx); err != nil {
			return err
		}
		if err := os.Remove(former); err != nil {
			return fmt.Errorf("former key: %w", err)
		}
		fmt.Fprintln(env.stdout, "the former key is gone; restart serve. Browsers that ring have to be allowed again")
		return nil
	})
}
