package defender

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// The subjects of notices: what of a tenant can be wrong.
const (
	aboutPolls     = "fault"
	aboutIncidents = "incidents"
	aboutMail      = "mail"
	aboutWrites    = "writes"
	aboutActions   = "actions"
)

// Notices tell people what is wrong with a tenant: a ticket for each cause, told once, to those whom the tenant names, and
// resolved when the cause is gone.
type Notices struct {
	Store   *Store
	Tickets Writer
	// Targets are whom a tenant names for its own faults.
	Targets func(ctx context.Context, tenant string) ([]string, error)
	Now     func() time.Time
}

// notice is one cause.
type notice struct {
	subject, code string
	title, mend   string
	severity      tickets.Severity
}

// tell opens the ticket of a cause unless that was told already. Another cause of the same subject is over then.
func (n *Notices) tell(ctx context.Context, t Tenant, of notice) error {
	told, err := n.Store.told(ctx, t.ID)
	if err != nil || told[of.subject] == of.code {
		return err
	}
	if before := told[of.subject]; before != "" {
		if err := n.settle(ctx, t, of.subject, before, "It was followed by another cause."); err != nil {
			return err
		}
	}
	targets, err := n.Targets(ctx, t.ID)
	if err != nil {
		return err
	}
	if err := n.write(ctx, t, of, tickets.Report{Notify: targets}); err != nil {
		return err
	}
	return n.Store.remember(ctx, t.ID, of.subject, of.code, n.Now())
}

// over resolves the ticket of a subject whose cause is gone. told is what the store knows.
func (n *Notices) over(ctx context.Context, t Tenant, told map[string]string, subject string) error {
	code := told[subject]
	if code == "" {
		return nil
	}
	if err := n.settle(ctx, t, subject, code, "The cause is gone."); err != nil {
		return err
	}
	return n.Store.remember(ctx, t.ID, subject, "", n.Now())
}

func (n *Notices) settle(ctx context.Context, t Tenant, subject, code, why string) error {
	of := notice{subject: subject, code: code, title: why, severity: tickets.Informational}
	return n.write(ctx, t, of, tickets.Report{OnlyKnown: true, Status: tickets.StatusResolved})
}

// write writes a notice as a reading of the API. Its keys are its own: no alert shares them.
func (n *Notices) write(ctx context.Context, t Tenant, of notice, report tickets.Report) error {
	now := n.Now().UTC()
	alert := newAlert(t, "", text(of.severity), "", text(of.title))
	alert.AlertIDs, alert.Links, alert.Product, alert.Category, alert.Description = []string{}, []tickets.Link{}, tickets.ProductUnknown, "afterhours", sentence(of.mend)
	report.Tenant, report.Subject, report.Notice, report.CreatedAt, report.UpdatedAt = t.ID, "notice:"+of.subject+"/"+of.code, true, now, now
	key := "notice:" + strings.ToLower(t.ID) + "/" + of.subject
	keys := []string{key + "/" + strings.ToLower(of.code)}
	if report.Status == tickets.StatusResolved {
		keys = append(keys, key) // as the versions before told of it
	}
	return n.Tickets.WriteReadings(ctx, []tickets.Reading{tickets.NewReport(alert, report, t.TenantID, false, keys...)})
}

// ActionRefused tells that a tenant does not let response actions through, ActionTaken that it does.
func (n *Notices) ActionRefused(ctx context.Context, t Tenant, fault *Fault) error {
	if !fault.Lasting {
		return nil
	}
	return n.tell(ctx, t, notice{aboutActions, fault.cause(), "Response actions on devices of " + t.ID + " are refused: " + fault.Says, fault.Mend, tickets.Medium})
}

// ActionTaken says that response actions are let through.
func (n *Notices) ActionTaken(ctx context.Context, t Tenant) error {
	told, err := n.Store.told(ctx, t.ID)
	if err != nil {
		return err
	}
	return n.over(ctx, t, told, aboutActions)
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// told are the causes that people know of, by their subjects.
func (s *Store) told(ctx context.Context, tenant string) (map[string]string, error) {
	rows, err := s.pool.Query(ctx, `SELECT subject, code FROM tenant_notices WHERE tenant = $1`, tenant)
	if err != nil {
		return nil, fmt.Errorf("read what was told of %s: %w", tenant, classify(err))
	}
	found := map[string]string{}
	var subject, code string
	_, err = pgx.ForEachRow(rows, []any{&subject, &code}, func() error { found[subject] = code; return nil })
	if err != nil {
		return nil, fmt.Errorf("read what was told of %s: %w", tenant, classify(err))
	}
	return found, nil
}

// remember keeps what was told of a subject; an empty code forgets it.
func (s *Store) remember(ctx context.Context, tenant, subject, code string, now time.Time) error {
	var err error
	if code == "" {
		_, err = s.pool.Exec(ctx, `DELETE FROM tenant_notices WHERE tenant = $1 AND subject = $2`, tenant, subject)
	} else {
		_, err = s.pool.Exec(ctx, `
			INSERT INTO tenant_notices (tenant, subject, code, told_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, subject) DO UPDATE SET code = EXCLUDED.code, told_at = EXCLUDED.told_at`, tenant, subject, code, now)
	}
	if err != nil {
		return fmt.Errorf("remember what was told of %s: %w", tenant, classify(err))
	}
	return nil
}
