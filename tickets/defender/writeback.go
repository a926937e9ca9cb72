package defender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// How changes are written back.
const (
	writeLease   = 3 * time.Minute
	writeBatch   = 20
	writeFirst   = 10 * time.Second
	writeLongest = 30 * time.Minute
	writeGiveUp  = 24 * time.Hour
	maxComment   = 1_000 // characters
)

// change is what Defender shall know of an alert, in the words of its API.
type change struct {
	Status         string `json:"status,omitempty"`
	AssignedTo     string `json:"assignedTo,omitempty"`
	Classification string `json:"classification,omitempty"`
	Determination  string `json:"determination,omitempty"`
	Comment        string `json:"comment,omitempty"`
}

// Writing adds to a transaction what Defender is to be told of changes of tickets.
type Writing struct {
	// InForce are the tenants, and the people as Defender is told of them, as a transaction sees them: the name stands in a
	// comment, the mail address, empty where there is none, is whom an alert is assigned to.
	InForce func(ctx context.Context, tx pgx.Tx) (tenants []Tenant, person func(actor string) (name, address string), err error)
}

// Changed queues what acknowledged and resolved tickets mean for their alerts. What people did in the portal is known
// there.
func (w *Writing) Changed(ctx context.Context, tx pgx.Tx, changes []tickets.Change) error {
	for _, of := range changes {
		if of.FromPortal || of.Ticket == nil || of.Kind != tickets.ChangeAcknowledged && of.Kind != tickets.ChangeResolved || of.Actor == tickets.ActorSystem {
			continue
		}
		writing, person, err := w.writing(ctx, tx)
		if err != nil || len(writing) == 0 {
			return err
		}
		name, address := person(of.Actor)
		body := change{Status: "InProgress", AssignedTo: address, Comment: name + " acknowledged ticket #" + fmt.Sprint(of.Ticket.Number) + "."}
		if of.Kind == tickets.ChangeResolved {
			body = change{Status: tickets.StatusResolved, Classification: of.Ticket.Classification, Comment: name + " resolved ticket #" + fmt.Sprint(of.Ticket.Number) + "."}
			if body.Classification != "" {
				// The one determination that every version of Microsoft's lists has for every classification.
				body.Determination = "Other"
			}
		}
		if err := queue(ctx, tx, writing, of.Ticket.Number, body, of.At); err != nil {
			return err
		}
	}
	return nil
}

// Noted queues a note as a comment.
func (w *Writing) Noted(ctx context.Context, tx pgx.Tx, ticket int64, actor, text string, now time.Time) error {
	writing, person, err := w.writing(ctx, tx)
	if err != nil || len(writing) == 0 {
		return err
	}
	name, _ := person(actor)
	return queue(ctx, tx, writing, ticket, change{Comment: clean(name+": "+text, maxComment)}, now)
}

// writing are the ids of the tenants that are written back to.
func (w *Writing) writing(ctx context.Context, tx pgx.Tx) (ids []string, person func(actor string) (name, address string), err error) {
	tenants, person, err := w.InForce(ctx, tx)
	for _, tenant := range tenants {
		if tenant.WriteBack {
			ids = append(ids, tenant.ID)
		}
	}
	return ids, person, err
}

func queue(ctx context.Context, tx pgx.Tx, writing []string, ticket int64, body change, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO api_writes (tenant, alert_id, ticket, body, due_at, created_at)
		SELECT tenant, alert_id, ticket, $3, $4, $4 FROM api_alerts WHERE ticket = $1 AND tenant = ANY($2) AND alert_id <> '' ORDER BY key`,
		ticket, writing, body, now)
	if err != nil {
		return fmt.Errorf("queue what Defender is to be told of ticket %d: %w", ticket, err)
	}
	return nil
}

// Sender tells Defender what is queued. Any number of senders may tick side by side.
type Sender struct {
	Client  *Client
	Store   *Store
	Notices *Notices
	Tenants func(ctx context.Context) ([]Tenant, error)
	Now     func() time.Time
	Log     *slog.Logger
}

// queued is one change on its way.
type queued struct {
	ID        int64
	Tenant    string
	AlertID   string `db:"alert_id"`
	Ticket    int64
	Body      change
	Attempts  int
	CreatedAt time.Time
}

// Tick sends what is due.
func (s *Sender) Tick(ctx context.Context) error {
	due, err := s.Store.claimWrites(ctx, s.Now())
	if err != nil || len(due) == 0 {
		return err
	}
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, write := range due {
		tenant, ok := Find(tenants, write.Tenant)
		if !ok || !tenant.WriteBack {
			err = &Fault{Code: codeOff, Says: "the tenant does not write back any more", Lasting: true}
		} else {
			err = s.Client.update(ctx, tenant, write.AlertID, write.Body)
		}
		var fault *Fault
		if err != nil && !errors.As(err, &fault) {
			return err
		}
		if err := s.notice(ctx, tenant, fault); err != nil {
			return err
		}
		if err := s.Store.finishWrite(ctx, write, fault, s.Now()); err != nil {
			return err
		}
	}
	return nil
}

// codeOff is the code of a change whose tenant is not written back to any more.
const codeOff = "Off"

// notice tells of a fault that somebody must mend, and that it is mended.
func (s *Sender) notice(ctx context.Context, t Tenant, fault *Fault) error {
	switch {
	case fault == nil:
		told, err := s.Store.told(ctx, t.ID)
		if err != nil {
			return err
		}
		return s.Notices.over(ctx, t, told, aboutWrites)
	case fault.Lasting && fault.Code != codeOff:
		title := "Decisions cannot be written back to Defender of " + t.ID + ": " + fault.Says
		return s.Notices.tell(ctx, t, notice{aboutWrites, fault.cause(), title, fault.Mend, tickets.Low})
	}
	return nil
}

// hopeless says whether a change that failed is not tried again: nobody wants it, the alert is gone, or Microsoft does not
// take it as it is. What a person can mend within the day, like a permission, is tried again.
func (f *Fault) hopeless() bool {
	return f.Code == codeOff || f.Refused() && !f.Lasting
}

// update changes an alert at Microsoft. Graph takes comments at an address of their own and writes its enumerations small.
func (c *Client) update(ctx context.Context, t Tenant, alert string, body change) error {
	if t.Source != SourceGraph {
		return c.do(ctx, call{tenant: t, of: endpointAPI, method: http.MethodPatch, path: "/api/alerts/" + url.PathEscape(alert), body: body}, ignore)
	}
	address := "/v1.0/security/alerts_v2/" + url.PathEscape(alert)
	small := func(word string) string {
		if word == "" {
			return ""
		}
		return strings.ToLower(word[:1]) + word[1:]
	}
	comment := body.Comment
	body = change{Status: small(body.Status), AssignedTo: body.AssignedTo, Classification: small(body.Classification), Determination: small(body.Determination)}
	if body != (change{}) {
		if err := c.do(ctx, call{tenant: t, of: graphAPI, method: http.MethodPatch, path: address, body: body}, ignore); err != nil {
			return err
		}
	}
	if comment == "" {
		return nil
	}
	return c.do(ctx, call{tenant: t, of: graphAPI, method: http.MethodPost, path: address + "/comments", body: map[string]string{
		"@odata.type": "microsoft.graph.security.alertComment", "comment": comment,
	}}, ignore)
}

// claimWrites takes what is due, the changes of one alert in their order: a later one waits for the earlier.
func (s *Store) claimWrites(ctx context.Context, now time.Time) ([]queued, error) {
	rows, err := s.pool.Query(ctx, `
		WITH due AS (
			SELECT id FROM api_writes w
			WHERE state = 'queued' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
				AND NOT EXISTS (SELECT FROM api_writes e WHERE e.tenant = w.tenant AND e.alert_id = w.alert_id AND e.state = 'queued' AND e.id < w.id)
			ORDER BY due_at, id LIMIT $2
			FOR UPDATE SKIP LOCKED
		)
		UPDATE api_writes w SET lease_until = $3, attempts = attempts + 1 FROM due WHERE w.id = due.id
		RETURNING w.id, w.tenant, w.alert_id, w.ticket, w.body, w.attempts, w.created_at`, now, writeBatch, now.Add(writeLease))
	if err != nil {
		return nil, fmt.Errorf("claim changes for Defender: %w", classify(err))
	}
	due, err := pgx.CollectRows(rows, pgx.RowToStructByName[queued])
	if err != nil {
		return nil, fmt.Errorf("claim changes for Defender: %w", classify(err))
	}
	return due, nil
}

// finishWrite records what became of a change. What Defender took is known as the alert's last report, so that the next
// poll does not take it for the work of somebody in the portal.
func (s *Store) finishWrite(ctx context.Context, w queued, fault *Fault, now time.Time) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if fault != nil && !fault.hopeless() && now.Sub(w.CreatedAt) < writeGiveUp {
			again := now.Add(min(writeFirst<<min(w.Attempts, 10), writeLongest))
			if fault.Again.After(again) {
				again = fault.Again
			}
			_, err := tx.Exec(ctx, `UPDATE api_writes SET due_at = $2, error = $3, lease_until = NULL WHERE id = $1`, w.ID, again, fault.Says)
			return err
		}
		state, said := "done", ""
		data := map[string]any{"alert": w.AlertID, "tenant": w.Tenant, "told": w.Body.words()}
		if fault != nil {
			state, said = "failed", fault.Error()
			data["error"] = said
		}
		if _, err := tx.Exec(ctx, `UPDATE api_writes SET state = $2, error = $3, finished_at = $4, lease_until = NULL WHERE id = $1`, w.ID, state, said, now); err != nil {
			return err
		}
		if fault == nil {
			_, err := tx.Exec(ctx, `
				UPDATE api_alerts SET status = coalesce(nullif($3, ''), status), assigned_to = coalesce(nullif($4, ''), assigned_to),
					classification = coalesce(nullif($5, ''), classification)
				WHERE tenant = $1 AND alert_id = $2`, w.Tenant, w.AlertID, w.Body.Status, w.Body.AssignedTo, w.Body.Classification)
			if err != nil {
				return err
			}
		}
		return s.addEvents(ctx, tx, []tickets.Entry{{Ticket: w.Ticket, Event: tickets.Event{At: now, Type: tickets.EventWrittenBack, Actor: tickets.ActorSystem, Data: data}}})
	})
	if err != nil {
		return fmt.Errorf("record what Defender was told of %s: %w", w.AlertID, classify(err))
	}
	return nil
}

// words are what a change says, for a timeline.
func (c change) words() string {
	var parts []string
	switch {
	case c.Status == tickets.StatusResolved && c.Classification != "":
		parts = append(parts, "resolved as "+c.Classification)
	case c.Status == tickets.StatusResolved:
		parts = append(parts, "resolved")
	case c.Status != "":
		parts = append(parts, "in progress")
	}
	if c.AssignedTo != "" {
		parts = append(parts, "assigned to "+c.AssignedTo)
	}
	if c.Status == "" && c.Comment != "" {
		parts = append(parts, "a note")
	}
	return strings.Join(parts, ", ")
}
