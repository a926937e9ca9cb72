package main

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"afterhours/oncall"
	"afterhours/tickets"
)

// What is told of a mail: accept mail → read mail → write ticket → queue page → send page → acknowledge ticket. Ids, kinds and
// results alone stand in it: no name, no address, no subject.

// accepted tells of one reply to a mail's data.
func (t *tracing) accepted(began, ended time.Time, id string, err error) {
	if t == nil || err != nil {
		return
	}
	t.add(step{
		name: "accept mail", id: "accept " + id, mail: id, kind: trace.SpanKindServer, began: began, ended: ended,
		attributes: []attribute.KeyValue{attribute.String("afterhours.message", id), attribute.String("afterhours.into", acceptedInto(id, nil))},
	})
}

// tracedMails tells of mails that are claimed and written.
type tracedMails struct {
	tickets.MailStore
	tracing *tracing
}

// ClaimMails implements tickets.MailStore.
func (m tracedMails) ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]tickets.Claimed, error) {
	claimed, err := m.MailStore.ClaimMails(ctx, limit, lease)
	for _, mail := range claimed {
		m.tracing.took(mailNumber(mail.Mail.ID))
	}
	return claimed, err
}

// outcomesKey is under which a transaction leaves what became of its mails.
type outcomesKey struct{}

// WriteReadings implements tickets.MailStore.
func (m tracedMails) WriteReadings(ctx context.Context, readings []tickets.Reading) error {
	began := m.tracing.now()
	var outcomes []tickets.Outcome
	err := m.MailStore.WriteReadings(context.WithValue(ctx, outcomesKey{}, &outcomes), readings)
	if err == nil {
		m.tracing.read(outcomes, began, m.tracing.now())
	}
	return err
}

// noteOutcomes leaves what became of mails to whoever asked for it in ctx.
func noteOutcomes(ctx context.Context, outcomes []tickets.Outcome) {
	if into, ok := ctx.Value(outcomesKey{}).(*[]tickets.Outcome); ok {
		*into = outcomes
	}
}

// read tells of a batch that is written.
func (t *tracing) read(outcomes []tickets.Outcome, began, ended time.Time) {
	for _, outcome := range outcomes {
		if outcome.Ticket == nil || outcome.Reading.Mail.ID == 0 {
			continue
		}
		id, number := strconv.FormatInt(outcome.Reading.Mail.ID, 10), outcome.Ticket.Number
		attributes := []attribute.KeyValue{attribute.String("afterhours.message", id), attribute.Int64("afterhours.ticket", number)}
		t.add(step{
			name: "read mail", id: "read " + id, mail: id, parent: "accept " + id, kind: trace.SpanKindConsumer,
			began: t.since(mailName(id), began), ended: began, attributes: attributes[:1],
		})
		t.add(step{
			name: "write ticket", id: "write " + id, mail: id, ticket: number, parent: "read " + id, kind: trace.SpanKindInternal, began: began, ended: ended,
			opens: outcome.Ticket.MessageCount == 1 && outcome.State == tickets.MailRead,
			attributes: append(
				attributes, attribute.String("afterhours.kind", string(outcome.Ticket.Kind)), attribute.String("afterhours.severity", string(outcome.Ticket.Severity)),
				attribute.String("afterhours.result", string(outcome.State)), attribute.Int("afterhours.batch", len(outcomes)),
			),
		})
	}
}

// tracedPages tells of attempts at pages.
type tracedPages struct {
	oncall.PageStore
	tracing *tracing
}

func pageName(id int64) string { return "page " + strconv.FormatInt(id, 10) }

// ClaimPage implements oncall.PageStore.
func (p tracedPages) ClaimPage(ctx context.Context, page int64) (oncall.Dispatch, bool, error) {
	dispatch, ok, err := p.PageStore.ClaimPage(ctx, page)
	if ok {
		p.tracing.took(pageName(page))
	}
	return dispatch, ok, err
}

// FinishAttempt implements oncall.PageStore. The attempt is told of before its record is written, which may take its time.
func (p tracedPages) FinishAttempt(ctx context.Context, dispatch oncall.Dispatch, outcome oncall.Outcome) error {
	p.tracing.attempted(dispatch.Page, outcome)
	return p.PageStore.FinishAttempt(ctx, dispatch, outcome)
}

// attempted tells of one attempt, and, with the first, of how long the page waited for it.
func (t *tracing) attempted(page oncall.Page, outcome oncall.Outcome) {
	ended := t.now()
	began := t.since(pageName(page.ID), ended)
	if outcome.Untried {
		return
	}
	id, attempt := strconv.FormatInt(page.ID, 10), strconv.Itoa(page.Attempts)
	attributes := []attribute.KeyValue{
		attribute.String("afterhours.page", id), attribute.Int64("afterhours.ticket", page.Ticket), attribute.String("afterhours.channel", page.Channel),
		attribute.String("afterhours.type", page.Type),
	}
	if page.Attempts <= 1 {
		due := page.DueAt
		if page.CreatedAt.After(due) {
			due = page.CreatedAt
		}
		if due.After(began) {
			due = began
		}
		t.add(step{
			name: "queue page", id: "queue " + id, ticket: page.Ticket, kind: trace.SpanKindProducer, began: due, ended: began, attributes: attributes,
		})
	}
	t.add(step{
		name: "send page", id: "send " + id + "/" + attempt, parent: "queue " + id, ticket: page.Ticket, kind: trace.SpanKindClient, began: began, ended: ended,
		failed: outcome.State == oncall.PageFailed || outcome.State == oncall.PageQueued,
		attributes: append(
			attributes, attribute.Int("afterhours.attempt", page.Attempts), attribute.String("afterhours.result", string(outcome.State)),
		),
	})
}

// changed tells of tickets that somebody took.
func (t *tracing) changed(changes []tickets.Change) {
	if t == nil {
		return
	}
	for _, change := range changes {
		if change.Kind != tickets.ChangeAcknowledged {
			continue
		}
		t.add(step{
			name: "acknowledge ticket", id: "acknowledge " + ticketName(change.Ticket.Number) + change.At.UTC().Format(time.RFC3339Nano),
			ticket: change.Ticket.Number, kind: trace.SpanKindInternal, began: change.At, ended: change.At,
			attributes: []attribute.KeyValue{attribute.Int64("afterhours.ticket", change.Ticket.Number)},
		})
	}
}
