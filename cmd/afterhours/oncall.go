package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

type oncallCommand struct {
	Show     oncallShowCommand     `cmd:"" default:"withargs" help:"Who is on call per schedule (the default)."`
	Simulate oncallSimulateCommand `cmd:"" help:"Whom a ticket would notify, when and how, without notifying anyone."`
}

type oncallShowCommand struct {
	settings
	At       string `placeholder:"TIME" help:"RFC 3339 moment, without an offset in the zone of this machine; default: now."`
	Schedule string `placeholder:"ID" help:"One schedule only."`
}

// momentOr reads the --at flag, empty for now. A moment without a zone is of the zone of this machine.
func momentOr(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--at: %q is not a moment like 2026-12-24T03:00:00+01:00, or like 2026-12-24T03:00 in the zone of this machine", text)}
}

// Run prints one line a schedule: who is on call, and by what. Of the past it says where the recorded history differs.
func (c *oncallShowCommand) Run(ctx context.Context, env environment) error {
	at, err := momentOr(c.At, env.now())
	if err != nil {
		return err
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		configuration, err := r.oncall.Configuration(ctx)
		if err != nil {
			return err
		}
		if len(configuration.Schedules) == 0 {
			return fmt.Errorf("there is no schedule yet: write one and run `afterhours apply FILE`")
		}
		if _, ok := configuration.Schedule(c.Schedule); c.Schedule != "" && !ok {
			return fmt.Errorf("schedule %q: %w", c.Schedule, tickets.ErrNotFound)
		}
		then, err := r.oncall.OnCallThen(ctx, at)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		for _, schedule := range configuration.Schedules {
			if c.Schedule != "" && schedule.ID != c.Schedule {
				continue
			}
			person, source, ok := schedule.At(at)
			was := recordedThen(configuration, then, schedule.ID, person)
			if !ok {
				fmt.Fprintf(table, "%s\tnobody\ta gap: pages fall through to the next target%s\n", schedule.ID, was)
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\tby %s%s\n", schedule.ID, person, configuration.Name(person), source, was)
		}
		return table.Flush()
	})
}

// recordedThen says who really was on call at a past moment, where that is not whom the present configuration names.
func recordedThen(configuration oncall.Configuration, then map[string]oncall.Record, schedule, person string) string {
	record, known := then[schedule]
	switch {
	case !known || record.Person == person:
		return ""
	case record.Person == "":
		return "; in truth nobody was: the schedule has changed since"
	}
	return fmt.Sprintf("; in truth %s (%s) was: the schedule has changed since", record.Person, configuration.Name(record.Person))
}

type oncallSimulateCommand struct {
	settings
	At       string `placeholder:"TIME" help:"RFC 3339 moment of the ticket, without an offset in the zone of this machine; default: now."`
	Severity string `enum:"high,medium,low,informational,unknown" default:"high" help:"high, medium, low, informational or unknown (default ${default})."`
	Kind     string `default:"alert" help:"Kind of the ticket (default ${default})."`
	Product  string `default:"endpoint" help:"Product of the ticket (default ${default})."`
	Title    string `default:"Simulated ticket" help:"Title of the ticket (default ${default})."`
	Device   string `help:"Device of the ticket."`
	To       string `help:"Address that its mail came to."`
}

// Run prints one line a notification: after how long, round and step, who, and by what.
func (c *oncallSimulateCommand) Run(ctx context.Context, env environment) error {
	at, err := momentOr(c.At, env.now())
	if err != nil {
		return err
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		configuration, err := r.oncall.Configuration(ctx)
		if err != nil {
			return err
		}
		ticket := &tickets.Ticket{
			Severity: tickets.Severity(c.Severity), Kind: tickets.Kind(c.Kind), Product: tickets.Product(c.Product), Title: c.Title,
		}
		if c.Device != "" {
			ticket.Devices = []string{c.Device}
		}
		simulation := configuration.Simulate(oncall.Facts{Ticket: ticket, To: []string{c.To}}, at)
		return printSimulation(env.stdout, configuration, simulation)
	})
}

func printSimulation(out io.Writer, configuration oncall.Configuration, simulation oncall.Simulation) error {
	if simulation.Recorded != "" {
		fmt.Fprintf(out, "recorded, nobody is paged: %s\n", simulation.Recorded)
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, page := range simulation.Pages {
		who, name := page.Person, configuration.Name(page.Person)
		if who == "" {
			who, name = "webhook:"+page.Webhook, ""
		}
		step := fmt.Sprintf("round %d step %d", page.Round, page.Step)
		if page.LastResort {
			step = "last resort"
		}
		how := page.Channel + " " + page.Contact
		if page.Quiet {
			how += ", after quiet hours"
		}
		fmt.Fprintf(table, "+%s\t%s\t%s\t%s\t%s\n", oncall.Duration(page.After), step, who, name, how)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, skipped := range simulation.Skipped {
		fmt.Fprintf(out, "skipped: %s\n", skipped)
	}
	if simulation.End != "" {
		fmt.Fprintf(out, "then: %s\n", simulation.End)
	}
	return nil
}
