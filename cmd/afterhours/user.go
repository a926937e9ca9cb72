package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"afterhours/tickets"
	"afterhours/web/auth"
)

type userCommand struct {
	Create        userCreateCommand        `cmd:"" help:"Make an account and print its password, alone; it is shown this once."`
	List          userListCommand          `cmd:"" help:"List the accounts."`
	ResetPassword userResetPasswordCommand `cmd:"" help:"Print a new password for an account, alone."`
	Disable       userDisableCommand       `cmd:"" help:"Keep an account from signing in."`
}

type userCreateCommand struct {
	settings
	Email string `required:"" help:"The address to sign in with."`
	Name  string `required:"" help:"The name that others see."`
	Role  string `enum:"viewer,responder,admin" default:"responder" help:"viewer, responder or admin (default ${default})."`
	ID    string `name:"id" help:"The id of the person that this account belongs to; default: the address before the @."`
}

// Run prints the new password alone.
func (c *userCreateCommand) Run(ctx context.Context, env environment) error {
	return withAccounts(ctx, c.settings, env, func(accounts *auth.Auth) error {
		_, password, err := accounts.CreateAccount(ctx, tickets.ActorSystem, auth.Account{ID: c.ID, Name: c.Name, Email: c.Email, Role: auth.Role(c.Role)})
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, password)
		return nil
	})
}

type userListCommand struct{ settings }

// Run lists one account a line.
func (c *userListCommand) Run(ctx context.Context, env environment) error {
	return withAccounts(ctx, c.settings, env, func(accounts *auth.Auth) error {
		all, err := accounts.Accounts(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		for _, account := range all {
			state := "enabled"
			if account.DisabledAt != nil {
				state = "disabled"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", account.ID, account.Name, account.Email, account.Role, state)
		}
		return table.Flush()
	})
}

type userResetPasswordCommand struct {
	settings
	Account string `arg:"" help:"Id or address."`
}

// Run prints the new password alone.
func (c *userResetPasswordCommand) Run(ctx context.Context, env environment) error {
	return withAccounts(ctx, c.settings, env, func(accounts *auth.Auth) error {
		password, err := accounts.ResetPassword(ctx, tickets.ActorSystem, c.Account)
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, password)
		return nil
	})
}

type userDisableCommand struct {
	settings
	Account string `arg:"" help:"Id or address."`
}

// Run disables the account.
func (c *userDisableCommand) Run(ctx context.Context, env environment) error {
	return withAccounts(ctx, c.settings, env, func(accounts *auth.Auth) error { return accounts.Disable(ctx, tickets.ActorSystem, c.Account) })
}

func withAccounts(ctx context.Context, s settings, env environment, work func(*auth.Auth) error) error {
	return withRooms(ctx, s, env, func(_ *rooms, db database) error {
		return work(auth.New(db.pool, auth.Options{Now: env.now}))
	})
}
