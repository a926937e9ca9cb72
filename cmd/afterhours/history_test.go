package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// history is what senders saw: each mail with its unique Message-ID is sent until it gets its 250, over new connections
// where one breaks, as mail servers do it.
type history struct {
	addresses atomic.Pointer[[]string] // of the gateways that live
	pace      time.Duration            // between the beginnings of a session's mails, made good when late; 0: as fast as the answers come
	tenths    bool                     // each tenth mail pages by itself, the others as a storm does
	open      atomic.Bool              // new mails may begin
	over      atomic.Bool              // none begins any more

	next     atomic.Int64
	attempts atomic.Int64
	mutex    sync.Mutex
	promised map[int64]bool // mails that got a 250
	tickets  map[int64]kept // and what became of them
	refused  []string       // answers of 5xx: none may come
	sessions sync.WaitGroup
}

const resendAfter = 20 * time.Millisecond

// titleOf is the title of a mail's ticket.
func titleOf(mail int64) string { return fmt.Sprintf("Kept promise %06d", mail) }

func historyMail(mail int64) []byte {
	return vouched(alertMail("High", titleOf(mail), fmt.Sprintf("pc%d", mail), fmt.Sprintf("da%016d_1", mail), fmt.Sprintf("kept-%d@example", mail)))
}

// at says where mail is taken.
func (h *history) at(addresses ...string) { h.addresses.Store(&addresses) }

func (h *history) begin(sessions int) {
	h.promised = map[int64]bool{}
	for range sessions {
		h.sessions.Go(h.session)
	}
}

func (h *history) session() {
	var client *smtpClient
	due := time.Now()
	for !h.over.Load() {
		if !h.open.Load() {
			time.Sleep(time.Millisecond) // the pace of polling
			continue
		}
		mail := h.next.Add(1)
		raw := stuffed(historyMail(mail))
		for {
			var err error
			if client, err = h.attempt(client, raw); err == nil {
				break
			}
			var answer refusal
			if errors.As(err, &answer) && strings.HasPrefix(answer.line, "5") {
				h.mutex.Lock()
				h.refused = append(h.refused, answer.line)
				h.mutex.Unlock()
				return
			}
			time.Sleep(resendAfter) // a sender's pause
		}
		h.mutex.Lock()
		h.promised[mail] = true
		h.mutex.Unlock()
		due = due.Add(h.pace)
		time.Sleep(time.Until(due)) // a sender that sends at a rate
	}
	if client != nil {
		client.close()
	}
}

// attempt sends over client, or over a new one; it returns nil where that is of no use any more.
func (h *history) attempt(client *smtpClient, raw []byte) (*smtpClient, error) {
	var err error
	if client == nil {
		addresses := *h.addresses.Load()
		if client, err = dialSMTP(addresses[rand.IntN(len(addresses))]); err != nil {
			return nil, err
		}
	}
	h.attempts.Add(1)
	if _, _, err = client.send("defender@test.example", raw); err != nil {
		client.close()
		return nil, err
	}
	return client, nil
}

// answered is how many mails have got their 250.
func (h *history) answered() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return len(h.promised)
}

// end lets each session get its last 250.
func (h *history) end() {
	h.over.Store(true)
	h.sessions.Wait()
}

// kept is what became of one mail.
type kept struct {
	read, repeated, waiting int // rows of the mail
	tickets, count, created int // that it came to; mails that they count; beginnings on their timelines
	number                  int64
	title                   string
}

// check holds the history against the database: of every mail with a 250 none is lost, and none has two effects.
func (h *history) check(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	for _, line := range h.refused {
		t.Errorf("refused for good: %s", line)
	}
	found := map[[sha256.Size]byte]*kept{}
	rows, err := pool.Query(t.Context(), `
		SELECT m.digest, count(*) FILTER (WHERE m.state = 'read'), count(*) FILTER (WHERE m.state = 'repeated'),
			count(*) FILTER (WHERE m.state = 'accepted'), count(DISTINCT m.ticket), coalesce(sum(DISTINCT t.message_count), 0),
			(SELECT count(*) FROM ticket_events e WHERE e.ticket = min(m.ticket) AND e.type = 'created'), coalesce(min(m.ticket), 0),
			coalesce(min(t.title), '')
		FROM mails m LEFT JOIN tickets t ON t.number = m.ticket GROUP BY m.digest`)
	if err != nil {
		t.Fatal(err)
	}
	var digest []byte
	var k kept
	if _, err := pgx.ForEachRow(rows, []any{&digest, &k.read, &k.repeated, &k.waiting, &k.tickets, &k.count, &k.created, &k.number, &k.title}, func() error {
		one := k
		found[[sha256.Size]byte(digest)] = &one
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h.tickets = map[int64]kept{}
	lost, doubled, repeats, unreadable := 0, 0, 0, 0
	for mail := range h.promised {
		k := found[sha256.Sum256(historyMail(mail))]
		switch {
		case k == nil:
			lost++
			t.Errorf("mail %d got its 250 and is lost", mail)
		case k.read != 1 || k.waiting != 0 || k.tickets != 1 || k.count != 1 || k.created != 1:
			doubled++
			t.Errorf("mail %d: got %+v, want one effect on one ticket", mail, *k)
		default:
			repeats += k.repeated
			h.tickets[mail] = *k
			if k.title != titleOf(mail) { // every process died that read it
				unreadable++
			}
		}
	}
	var tickets, titles int
	if err := pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT title) FILTER (WHERE title LIKE 'Kept promise%') FROM tickets`).Scan(&tickets, &titles); err != nil {
		t.Fatal(err)
	}
	if tickets != len(h.promised) || titles != tickets-unreadable {
		t.Errorf("got %d tickets of %d titles for %d mails", tickets, titles, len(h.promised))
	}
	t.Logf("%d mails with a 250 after %d attempts: %d lost, %d with two effects; %d stored again and recognised; %d not parsed after too many deaths",
		len(h.promised), h.attempts.Load(), lost, doubled, repeats, unreadable)
}

// checkPages waits until each mail with a 250 has told the person on call, while pages still arrive, and counts what was told
// twice.
func (h *history) checkPages(t *testing.T, told *hook, pause time.Duration) {
	t.Helper()
	pages := map[string][]string{} // ids by title
	numbers := map[int64]bool{}
	missing := func() (missing []int64) {
		clear(pages)
		for _, delivery := range told.deliveries() {
			title := delivery.message.Data.Ticket.Title
			pages[title] = append(pages[title], delivery.id)
			numbers[delivery.message.Data.Ticket.Number] = true
		}
		for mail := range h.promised {
			if h.alone(mail) && len(pages[titleOf(mail)]) == 0 && !numbers[h.tickets[mail].number] {
				missing = append(missing, mail)
			}
		}
		return missing
	}
	deadline, before := time.Now().Add(pause), len(h.promised)+1
	for left := missing(); len(left) > 0; left = missing() {
		if len(left) < before {
			deadline, before = time.Now().Add(pause), len(left)
		}
		if time.Now().After(deadline) {
			t.Errorf("paged for nobody: %d mails, first %d", len(left), slices.Min(left))
			break
		}
		time.Sleep(200 * time.Millisecond) // the pace of polling
	}
	again, other, paged := 0, 0, 0
	for mail := range h.promised {
		if len(pages[titleOf(mail)]) > 0 {
			paged++
		}
		ids := map[string]bool{}
		for _, id := range pages[titleOf(mail)] {
			if ids[id] {
				again++
			}
			ids[id] = true
		}
		other += max(0, len(ids)-1)
	}
	t.Logf("%d mails paged by themselves; doubles: %d with the same id, %d with another", paged, again, other)
}
