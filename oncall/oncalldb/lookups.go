package oncalldb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

const newestPages = 200

const pageColumns = `id, coalesce(ticket, 0) AS ticket, coalesce(person, '') AS person, webhook, contact, channel, type, generation, round, step,
	repetition, state, attempts, last_error, provider_id, due_at, created_at, sent_at, finished_at, bundled, reason`

// scanPage reads pageColumns, and more into extra. Times are in UTC.
func scanPage(row pgx.CollectableRow, extra ...any) (oncall.Page, error) {
	var p oncall.Page
	err := row.Scan(append([]any{
		&p.ID, &p.Ticket, &p.Person, &p.Webhook, &p.Contact, &p.Channel, &p.Type, &p.Generation, &p.Round, &p.Step,
		&p.Repetition, &p.State, &p.Attempts, &p.LastError, &p.ProviderID, &p.DueAt, &p.CreatedAt, &p.SentAt, &p.FinishedAt, &p.Bundled, &p.Reason,
	}, extra...)...)
	p.DueAt, p.CreatedAt = p.DueAt.UTC(), p.CreatedAt.UTC()
	if p.SentAt != nil {
		*p.SentAt = p.SentAt.UTC()
	}
	if p.FinishedAt != nil {
		*p.FinishedAt = p.FinishedAt.UTC()
	}
	return p, err
}

// Pages returns a ticket's pages, oldest first; ticket 0 means the newest of all tickets.
func (s *Store) Pages(ctx context.Context, ticket int64) ([]oncall.Page, error) {
	if ticket == 0 {
		return s.pages(ctx, `SELECT `+pageColumns+` FROM pages WHERE type = 'page' ORDER BY id DESC LIMIT $1`, newestPages)
	}
	return s.pages(ctx, `SELECT `+pageColumns+` FROM pages WHERE ticket = $1 AND type = 'page' ORDER BY id`, ticket)
}

// Outgoing returns mail pages, newest first, that have left or were held; before 0 begins at the newest. What goes with a summary
// does not leave by itself.
func (s *Store) Outgoing(ctx context.Context, limit int, before int64) ([]oncall.Page, error) {
	return s.pages(ctx, `
		SELECT `+pageColumns+` FROM pages
		WHERE channel = 'email' AND NOT bundled AND ($2 = 0 OR id < $2)
		ORDER BY id DESC LIMIT $1`, limit, before)
}

func (s *Store) pages(ctx context.Context, query string, args ...any) ([]oncall.Page, error) {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.Pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read pages: %w", err)
	}
	pages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
	if err != nil {
		return nil, fmt.Errorf("read pages: %w", err)
	}
	for i := range pages {
		pages[i].Recipient = s.recipient(configuration, pages[i])
	}
	return pages, nil
}

func (s *Store) recipient(configuration oncall.Configuration, page oncall.Page) string {
	address := ""
	if page.Webhook != "" {
		webhook, _ := configuration.Webhook(page.Webhook)
		address = webhook.URL
	} else if person, ok := configuration.Person(page.Person); ok {
		contact, _ := person.Contact(page.Contact)
		address = contact.To
	}
	return s.Recipient(page.Channel, address)
}

// HeldPages counts the pages that wait for a way out, of tickets that are not resolved.
func (s *Store) HeldPages(ctx context.Context) (int, error) {
	var held int
	err := s.Pool.QueryRow(ctx, `
		SELECT count(*) FROM pages JOIN tickets ON tickets.number = pages.ticket
		WHERE pages.state = 'held' AND tickets.state <> 'resolved'`).Scan(&held)
	if err != nil {
		return 0, fmt.Errorf("count held pages: %w", err)
	}
	return held, nil
}

// Letter returns a page as its recipient reads it, or tickets.ErrNotFound.
func (s *Store) Letter(ctx context.Context, id int64) (oncall.Letter, error) {
	dispatch, err := s.Dispatch(ctx, id)
	if err != nil {
		return oncall.Letter{}, err
	}
	message, err := oncall.Compose(dispatch, s.Links)
	if err != nil {
		return oncall.Letter{}, err
	}
	return oncall.Letter{
		To: dispatch.Page.Recipient, Subject: message.Subject, Text: message.Text, HTML: message.HTML, Link: message.Link,
	}, nil
}

// Invitation returns what an acknowledge link stands for; tickets.ErrNotFound for one that is unknown, forged or
// expired.
func (s *Store) Invitation(ctx context.Context, token string) (oncall.Invitation, error) {
	var invitation oncall.Invitation
	err := s.Pool.QueryRow(ctx, `
		SELECT pages.id, pages.ticket, coalesce(pages.person, ''), coalesce(people.name, '')
		FROM pages LEFT JOIN people ON people.id = pages.person
		WHERE pages.token_hash = $1 AND pages.token_expires > $2`, oncall.HashToken(token), s.Now()).
		Scan(&invitation.Page, &invitation.Ticket, &invitation.Person, &invitation.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return invitation, fmt.Errorf("acknowledge link: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return invitation, fmt.Errorf("acknowledge link: %w", err)
	}
	return invitation, nil
}
