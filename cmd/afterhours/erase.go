package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
	"afterhours/web/auth"
)

type eraseCommand struct {
	settings
	Person string   `arg:"" help:"The person's id, as the configuration named them."`
	Also   []string `placeholder:"TEXT" help:"Further words to take out: a former number, a short name. May be repeated."`
	DryRun bool     `help:"Count what would change and change nothing."`
}

// Help says what stays.
func (eraseCommand) Help() string {
	return "Takes the name, addresses and numbers of a person who left out of people, accounts, timelines, letters, notes and the " +
		"audit log. What the person did stays, in its order, under the id. Mails as they were received, backups and logs are not touched."
}

// errTried ends the transaction of a dry run.
var errTried = errors.New("tried")

// Run erases in one transaction and prints what was changed and what was not.
func (c *eraseCommand) Run(ctx context.Context, env environment) error {
	return withRooms(ctx, c.settings, env, func(r *rooms, db database) error {
		accounts := auth.New(db.pool, auth.Options{Now: env.now})
		var erased []tickets.Erased
		err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) (err error) {
			if erased, err = r.erase(ctx, tx, accounts, c.Person, c.Also); err == nil && c.DryRun {
				return errTried
			}
			return err
		})
		if err != nil && !errors.Is(err, errTried) {
			return err
		}
		c.print(env.stdout, erased)
		return nil
	})
}

// erase takes a person out of every room, inside one transaction.
func (r *rooms) erase(ctx context.Context, tx pgx.Tx, accounts *auth.Auth, person string, also []string) ([]tickets.Erased, error) {
	erasure := tickets.Erasure{Person: person, Words: also}
	for _, room := range []func(context.Context, pgx.Tx, string) ([]string, error){r.oncall.WordsOf, accounts.WordsOf} {
		words, err := room(ctx, tx, person)
		if err != nil {
			return nil, err
		}
		erasure.Words = append(erasure.Words, words...)
	}
	if len(erasure.Words) == len(also) {
		return nil, fmt.Errorf("person %q: %w; the id is the one that the configuration or `afterhours user list` names", person, tickets.ErrNotFound)
	}
	erasure.Words = slices.DeleteFunc(erasure.Words, func(word string) bool { return strings.TrimSpace(word) == "" })
	if err := erasure.Check(); err != nil {
		return nil, err
	}
	var erased []tickets.Erased
	for _, room := range []func(context.Context, pgx.Tx, tickets.Erasure) ([]tickets.Erased, error){ticketdb.EraseIn, r.oncall.EraseIn, accounts.EraseIn} {
		more, err := room(ctx, tx, erasure)
		if err != nil {
			return nil, err
		}
		erased = append(erased, more...)
	}
	return erased, nil
}

func (c *eraseCommand) print(out io.Writer, erased []tickets.Erased) {
	verb := "changed"
	if c.DryRun {
		verb = "would change"
	}
	for _, place := range erased {
		fmt.Fprintf(out, "%-20s %d %s\n", place.Place, place.Rows, verb)
	}
	fmt.Fprintln(out, `not touched: mails as they were received and what was read of them (retention.raw and retention.tickets end these), backups
(they end as newer ones replace them), logs, and what channels and webhooks were sent. Words that were written otherwise, a
first name alone for example, are found with --also.`)
}
