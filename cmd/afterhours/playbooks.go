package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/defender"
	"afterhours/tickets/playbook"
	"afterhours/tickets/ticketdb"
)

// wirePlaybooks makes the engine that carries out what the configuration says.
func wirePlaybooks(pool *pgxpool.Pool, r *rooms, base string, log *slog.Logger, now func() time.Time) *playbook.Engine {
	return &playbook.Engine{
		Pool: pool, Now: now, Log: log, AddEvents: ticketdb.AddEvents, Isolator: isolator{r.defender},
		Playbooks: func(ctx context.Context) ([]playbook.Playbook, error) {
			configuration, err := r.oncall.Configuration(ctx)
			if err != nil {
				return nil, err
			}
			return playbooksOf(configuration), nil
		},
		InForce: func(ctx context.Context, tx pgx.Tx) ([]playbook.Playbook, func(string) (string, bool), error) {
			configuration, err := r.oncall.ConfigurationIn(ctx, tx)
			tenants := r.defender.tenantsOf(configuration)
			return playbooksOf(configuration), func(directory string) (string, bool) {
				tenant, ok := defender.Find(tenants, directory)
				return tenant.ID, ok && directory != ""
			}, err
		},
		Tell: func(ctx context.Context, tx pgx.Tx, run playbook.Run, now time.Time) error {
			ticket, err := ticketdb.TicketIn(ctx, tx, run.Ticket)
			if err != nil {
				return err
			}
			said := map[string]any{"playbook": map[string]any{
				"id": run.Playbook, "run": run.ID, "action": run.Action, "device": run.DeviceName(), "state": run.State, "reason": run.Reason,
				"automatic": run.Automatic, "url": fmt.Sprintf("%s/playbooks/runs/%d", base, run.ID),
			}}
			if what := failure(run); what != "" {
				changes, err := ticketdb.Insist(ctx, tx, run.Ticket, what, now)
				if err != nil {
					return err
				}
				if len(changes) > 0 {
					if err := r.oncall.Changed(ctx, tx, changes); err != nil {
						return err
					}
				}
			}
			if run.State != playbook.Waiting {
				return r.oncall.TellOf(ctx, tx, oncall.EventPlaybookFinished, ticket, said, now)
			}
			question := oncall.Question{
				Run: run.ID, Playbook: run.Playbook, Action: string(run.Action), Device: run.DeviceName(), Until: *run.DecideBy,
				URL: fmt.Sprintf("%s/playbooks/runs/%d", base, run.ID),
			}
			if err := r.oncall.Ask(ctx, tx, ticket, question, now); err != nil {
				return err
			}
			return r.oncall.TellOf(ctx, tx, oncall.EventApprovalRequested, ticket, said, now)
		},
	}
}

// failure is what people must hear of a run: a device that was to be shut off is not, or one that was to be given back is
// still shut off. Of an action that changes nothing of that the timeline tells. Empty where there is nothing to hear.
func failure(run playbook.Run) string {
	if run.State != playbook.Failed {
		return ""
	}
	what := map[playbook.Action]string{
		playbook.IsolateDevice: "NOT isolated", playbook.ReleaseDevice: "NOT released",
		playbook.RestrictApps: "Programs NOT restricted", playbook.AllowApps: "Programs still restricted",
	}[run.Action]
	if what == "" {
		return ""
	}
	return what + ": " + run.DeviceName() + ": " + run.Reason
}

// playbooksOf are the playbooks of a configuration in the terms of their own room, with every default filled in.
func playbooksOf(configuration oncall.Configuration) []playbook.Playbook {
	var all []playbook.Playbook
	for _, from := range configuration.Playbooks {
		p := playbook.Playbook{
			ID: from.ID, Action: playbook.Action(from.Action), Otherwise: playbook.Mode(from.Otherwise), Approvers: max(1, from.Approvers),
			Expires: time.Duration(from.Expires), RunOnEnd: from.OnExpiry == "run", PerHour: from.PerHour,
			Match: playbook.Match{
				Severity: from.Match.Severity, Category: from.Match.Category, Product: from.Match.Product, Title: from.Match.Title, Device: from.Match.Device,
				Group: from.Match.Group, Tag: from.Match.Tag, Source: from.Match.Source, Tenant: from.Match.Tenant, Hours: from.Match.Hours,
			},
			Exclude:  playbook.Exclusion{Device: from.Exclude.Device, Group: from.Exclude.Group, Tag: from.Exclude.Tag},
			Settings: playbook.Settings{Tag: from.Tag},
		}
		switch p.Action {
		case playbook.IsolateDevice:
			p.Settings.Isolation = "Full"
			if from.Isolation == "selective" {
				p.Settings.Isolation = "Selective"
			}
		case playbook.AntivirusScan:
			p.Settings.Scan = "Quick"
			if from.Scan == "full" {
				p.Settings.Scan = "Full"
			}
		}
		if p.Otherwise == "" {
			p.Otherwise = playbook.Ask
		}
		if p.Expires == 0 {
			p.Expires = playbook.DefaultExpires
		}
		if p.PerHour == 0 {
			p.PerHour = playbook.DefaultPerHour
		}
		for _, window := range from.Approval {
			zone, err := time.LoadLocation(window.Timezone)
			if err != nil {
				zone = time.UTC // what is stored was checked
			}
			p.Approval = append(p.Approval, playbook.Window{Window: window.Window(), Zone: zone, Mode: playbook.Mode(window.Mode)})
		}
		all = append(all, p)
	}
	return all
}

// actionsOf are the actions that the playbooks of a configuration may take.
func actionsOf(configuration oncall.Configuration) []playbook.Action {
	var actions []playbook.Action
	for _, p := range playbooksOf(configuration) {
		actions = append(actions, p.Action)
	}
	return actions
}

// isolator carries playbooks' orders to Defender.
type isolator struct{ defender *defenderRooms }

// paths are the actions as Microsoft's API names them: in its addresses and in its records.
var paths = map[playbook.Action]struct{ path, kind string }{
	playbook.IsolateDevice:  {"isolate", "Isolate"},
	playbook.ReleaseDevice:  {"unisolate", "Unisolate"},
	playbook.AntivirusScan:  {"runAntiVirusScan", "RunAntiVirusScan"},
	playbook.RestrictApps:   {"restrictCodeExecution", "RestrictCodeExecution"},
	playbook.AllowApps:      {"unrestrictCodeExecution", "UnrestrictCodeExecution"},
	playbook.CollectPackage: {"collectInvestigationPackage", "CollectInvestigationPackage"},
}

func (i isolator) tenant(ctx context.Context, id string) (defender.Tenant, error) {
	tenants, err := i.defender.tenants(ctx)
	if err != nil {
		return defender.Tenant{}, err
	}
	tenant, ok := defender.Find(tenants, id)
	if !ok {
		return tenant, playbook.Permanent{Err: fmt.Errorf("the tenant %s is not configured any more", id)}
	}
	return tenant, nil
}

// Find looks a device up by its id or its name.
func (i isolator) Find(ctx context.Context, tenant, idOrName string) (playbook.Device, error) {
	t, err := i.tenant(ctx, tenant)
	if err != nil {
		return playbook.Device{}, err
	}
	machine, err := i.defender.client.Machine(ctx, t, idOrName)
	return playbook.Device{ID: machine.ID, Name: machine.Name, Group: machine.Group, Tags: machine.Tags}, meaning(err)
}

// Request asks for an action.
func (i isolator) Request(ctx context.Context, tenant string, order playbook.Order) (playbook.Progress, error) {
	t, err := i.tenant(ctx, tenant)
	if err != nil {
		return playbook.Progress{}, err
	}
	if order.Action == playbook.TagDevice || order.Action == playbook.UntagDevice {
		err := i.defender.client.Tag(ctx, t, order.Machine, order.Settings.Tag, order.Action == playbook.UntagDevice)
		i.notice(ctx, t, err)
		return playbook.Progress{Status: "Succeeded", Ended: true, Succeeded: true}, meaning(err)
	}
	body := map[string]string{"Comment": order.Comment}
	switch order.Action {
	case playbook.IsolateDevice:
		body["IsolationType"] = order.Settings.Isolation
		if body["IsolationType"] == "" {
			body["IsolationType"] = "Full"
		}
	case playbook.AntivirusScan:
		body["ScanType"] = order.Settings.Scan
	}
	action, err := i.defender.client.Act(ctx, t, order.Machine, paths[order.Action].path, body)
	i.notice(ctx, t, err)
	return progressOf(action), meaning(err)
}

// notice tells those who can mend it that actions are refused, once, and that they are not any more. The run itself does
// not wait for that.
func (i isolator) notice(ctx context.Context, t defender.Tenant, err error) {
	var fault *defender.Fault
	switch {
	case err == nil:
		err = i.defender.notices.ActionTaken(ctx, t)
	case errors.As(err, &fault):
		err = i.defender.notices.ActionRefused(ctx, t, fault)
	default:
		return
	}
	if err != nil {
		i.defender.log.Error("people not told whether actions are refused", "tenant", t.ID, "error", err)
	}
}

// Requested returns the newest actions of an order's kind on its device.
func (i isolator) Requested(ctx context.Context, tenant string, order playbook.Order) ([]playbook.Progress, error) {
	t, err := i.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	actions, err := i.defender.client.Actions(ctx, t, order.Machine, paths[order.Action].kind)
	found := make([]playbook.Progress, len(actions))
	for k, action := range actions {
		found[k] = progressOf(action)
	}
	return found, meaning(err)
}

// Follow returns an action as it is now.
func (i isolator) Follow(ctx context.Context, tenant, action string) (playbook.Progress, error) {
	t, err := i.tenant(ctx, tenant)
	if err != nil {
		return playbook.Progress{}, err
	}
	found, err := i.defender.client.Action(ctx, t, action)
	return progressOf(found), meaning(err)
}

func progressOf(action defender.Action) playbook.Progress {
	return playbook.Progress{
		ID: action.ID, Status: action.Status, Comment: action.Comment, CreatedAt: action.CreatedAt, Ended: action.Ended(), Succeeded: action.Status == "Succeeded",
	}
}

// meaning tells a run what an error of Defender means to it.
func meaning(err error) error {
	var fault *defender.Fault
	switch {
	case !errors.As(err, &fault):
		return err
	case fault.Code == defender.CodeActive || strings.Contains(fault.Says, "already in progress"):
		return fmt.Errorf("%w", playbook.ErrActive)
	case fault.Code == defender.CodeNotFound:
		return fmt.Errorf("%w", playbook.ErrNoDevice)
	case fault.Lasting || fault.Refused():
		return playbook.Permanent{Err: fault}
	}
	return fault
}

// dryRun says what a playbook would have done since a moment.
func (r *rooms) dryRun(ctx context.Context, id string, since time.Time) ([]playbook.Would, error) {
	configuration, err := r.oncall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	tenants := r.defender.tenantsOf(configuration)
	for _, p := range playbooksOf(configuration) {
		if p.ID != id {
			continue
		}
		past, err := r.tickets.Past(ctx, since, dryRunLimit)
		if err != nil {
			return nil, err
		}
		return p.DryRun(past, func(directory string) (string, bool) {
			tenant, ok := defender.Find(tenants, directory)
			if !ok && directory == "" && len(tenants) == 1 {
				return tenants[0].ID, true
			}
			return tenant.ID, ok
		}), nil
	}
	return nil, fmt.Errorf("playbook %s: %w", id, tickets.ErrNotFound)
}

// dryRunLimit bounds how many readings a dry run looks at.
const dryRunLimit = 5000
