package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"afterhours/tickets"
)

type reparseCommand struct {
	settings
	Ticket       int64 `xor:"what" placeholder:"N" help:"The mails of one ticket."`
	Unrecognised bool  `xor:"what" help:"The mails that were not understood."`
	All          bool  `xor:"what" help:"Every stored mail."`
	Again        bool  `help:"Begin anew where an earlier run was interrupted; without it that one goes on."`
	DryRun       bool  `help:"Show the differences and change nothing."`
}

// Help says what happens to tickets.
func (reparseCommand) Help() string {
	return "Reads stored mails again with this version's parser and the taught readings, and gives their tickets what they " +
		"say now. The timeline says what changed. Nobody is paged, except where the severity of a ticket that is not resolved goes up."
}

// Run reads the chosen mails again and prints what changed, ticket by ticket.
func (c *reparseCommand) Run(ctx context.Context, env environment) error {
	if c.Ticket == 0 && !c.Unrecognised && !c.All {
		return usageError{errors.New("say which mails: --ticket N, --unrecognised or --all")}
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		var total tickets.Reread
		var err error
		switch {
		case c.Ticket != 0:
			total, err = r.tickets.ReparseTicket(ctx, c.Ticket, tickets.ActorSystem, r.parse, c.DryRun)
			if errors.Is(err, tickets.ErrNotFound) {
				return fmt.Errorf("there is no ticket %d; the desk's list shows all numbers", c.Ticket)
			}
			printReread(env.stdout, total)
		case c.DryRun:
			total, err = c.try(ctx, r, env.stdout)
		default:
			total, err = c.run(ctx, r, env)
		}
		done := "changed"
		if c.DryRun {
			done = "would change"
		}
		fmt.Fprintf(env.stdout, "%d mails read again, %d of them differently; %d tickets %s\n", total.Mails, total.Changed, distinct(total.Tickets), done)
		if err != nil {
			return fmt.Errorf("reading again stopped: %w; run it again: it goes on where it was", err)
		}
		return nil
	})
}

func (c *reparseCommand) scope() string {
	if c.Unrecognised {
		return tickets.ScopeUnrecognised
	}
	return tickets.ScopeAll
}

func (c *reparseCommand) try(ctx context.Context, r *rooms, out io.Writer) (tickets.Reread, error) {
	var total tickets.Reread
	for after := int64(0); ; {
		reread, last, err := r.tickets.TryReparse(ctx, c.scope(), after, r.parse)
		if err != nil || last == 0 {
			return total, err
		}
		after = last
		printReread(out, reread)
		total = added(total, reread)
	}
}

func (c *reparseCommand) run(ctx context.Context, r *rooms, env environment) (tickets.Reread, error) {
	var total tickets.Reread
	run, err := r.tickets.StartReparse(ctx, c.scope(), tickets.RunnerCommand, tickets.ActorSystem, c.Again)
	if err != nil {
		return total, err
	}
	if run.Last > 0 {
		fmt.Fprintf(env.stdout, "going on with the run of %s: %d mails were read, %d of them differently; --again begins anew\n",
			run.StartedAt.UTC().Format(time.RFC3339), run.Mails, run.Changed)
	}
	for {
		reread, done, err := r.tickets.ContinueReparse(ctx, run.Scope, r.parse)
		if err != nil || done {
			return total, err
		}
		printReread(env.stdout, reread)
		total = added(total, reread)
	}
}

// distinct counts tickets of which several batches changed something once.
func distinct(changes []tickets.TicketChange) int {
	numbers := map[int64]bool{}
	for _, change := range changes {
		numbers[change.Number] = true
	}
	return len(numbers)
}

func added(total, more tickets.Reread) tickets.Reread {
	total.Mails, total.Changed = total.Mails+more.Mails, total.Changed+more.Changed
	total.Tickets = append(total.Tickets, more.Tickets...)
	return total
}

func printReread(out io.Writer, reread tickets.Reread) {
	for _, ticket := range reread.Tickets {
		fmt.Fprintf(out, "#%d %s\n", ticket.Number, ticket.Title)
		for _, field := range ticket.Fields {
			fmt.Fprintf(out, "  %s: %s -> %s\n", field.Field, shownValue(field.From), shownValue(field.To))
		}
		if ticket.Raised {
			fmt.Fprintln(out, "  raised: its people are told")
		}
	}
}

// longestValue bounds a value on a line, in characters.
const longestValue = 120

func shownValue(value string) string {
	if value == "" {
		return "(nothing)"
	}
	if runes := []rune(value); len(runes) > longestValue {
		value = string(runes[:longestValue]) + "…"
	}
	return fmt.Sprintf("%q", value)
}
