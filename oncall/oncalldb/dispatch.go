package oncalldb

import (
	"context"
	"fmt"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Dispatch returns what a page would say now.
func (s *Store) Dispatch(ctx context.Context, id int64) (oncall.Dispatch, error) {
	pages, err := s.pages(ctx, `SELECT `+pageColumns+` FROM pages WHERE id = $1`, id)
	if err != nil {
		return oncall.Dispatch{}, err
	}
	if len(pages) == 0 {
		return oncall.Dispatch{}, fmt.Errorf("page %d: %w", id, tickets.ErrNotFound)
	}
	if err := s.Pool.QueryRow(ctx, `SELECT payload FROM pages WHERE id = $1`, id).Scan((*[]byte)(&pages[0].Payload)); err != nil {
		return oncall.Dispatch{}, fmt.Errorf("page %d: %w", id, err)
	}
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return oncall.Dispatch{}, err
	}
	var before told
	if err := s.Pool.QueryRow(ctx, `SELECT `+toldBefore+` FROM pages p WHERE id = $1`, id).Scan(&before.people, &before.note); err != nil {
		return oncall.Dispatch{}, fmt.Errorf("who was told before page %d: %w", id, err)
	}
	var ticket tickets.Ticket
	if pages[0].Ticket != 0 {
		if ticket, err = s.GetTicket(ctx, pages[0].Ticket); err != nil {
			return oncall.Dispatch{}, err
		}
	}
	return dispatch(pages[0], ticket, configuration, before), nil
}

// dispatch adds to a page and its ticket the person and the contact as they are now, and who was told of the ticket before.
func dispatch(page oncall.Page, ticket tickets.Ticket, configuration oncall.Configuration, before told) oncall.Dispatch {
	dispatch := oncall.Dispatch{Page: page, Ticket: ticket}
	if dispatch.Ticket.State != tickets.Open && dispatch.Ticket.AcknowledgedBy != "" {
		dispatch.Holder = configuration.Name(dispatch.Ticket.AcknowledgedBy)
	}
	if page.Webhook != "" {
		webhook, _ := configuration.Webhook(page.Webhook)
		dispatch.Contact = webhook.Target()
		return dispatch
	}
	person, _ := configuration.Person(page.Person)
	contact, _ := person.Contact(page.Contact)
	dispatch.Person = person
	dispatch.Contact = contact.Target()
	before.add(&dispatch, configuration)
	return dispatch
}

// told is who was notified of a page's ticket before it, in order, and what its policy was begun for.
type told struct {
	people []string
	note   string
}

// toldBefore are the columns of told, of a page p.
const toldBefore = `
	coalesce((SELECT array_agg(person ORDER BY first) FROM (
		SELECT person, min(id) AS first FROM pages
		WHERE ticket = p.ticket AND id < p.id AND person IS NOT NULL AND person <> p.person AND state IN ('sent', 'delivered')
		GROUP BY person) AS before), '{}'),
	coalesce((SELECT note FROM escalations WHERE ticket = p.ticket), '')`

func (t told) add(dispatch *oncall.Dispatch, configuration oncall.Configuration) {
	dispatch.Told = make([]string, len(t.people))
	for i, id := range t.people {
		dispatch.Told[i] = configuration.Name(id)
	}
	if t.note != "" && dispatch.Page.Type == oncall.PageType {
		dispatch.Notes = []string{t.note}
		dispatch.Urgent, _, _ = strings.Cut(t.note, ": ")
	}
}
