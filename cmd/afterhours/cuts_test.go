package main

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The full form is go test ./cmd/afterhours -run ConnectionsThatAreCut -cuts 100.
var cuts = flag.Int("cuts", 10, "how often the connection to the database is cut in the middle of a mail's way")

var (
	committing = regexp.MustCompile(`(?i)^commit$`)
	ofTickets  = regexp.MustCompile(`INSERT INTO tickets`)
)

// cutAt are the places at which a connection is cut: with and without what was asked for being carried out.
var cutAt = []statementFault{
	{code: losesQuestion, statements: takingMail},
	{code: losesAnswer, statements: takingMail},
	{code: losesQuestion, statements: takingTickets},
	{code: losesQuestion, statements: committing, behind: ofTickets},
	{code: losesAnswer, statements: committing, behind: ofTickets},
}

// TestConnectionsThatAreCutLoseAndDoubleNothing cuts the connection of each mail once: while it is stored, while its ticket
// is written, and at the commits of both, whose outcome nobody learns.
func TestConnectionsThatAreCutLoseAndDoubleNothing(t *testing.T) {
	longTest(t)
	t.Parallel()
	for name, change := range map[string]func(*settings){"with a spool": func(s *settings) { s.spooling(t) }, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana, ben := newHook(t), newHook(t)
			app, d := serveTroubled(t, change)
			app.configure(t, team(ana, ben, "1h"))
			for i := range *cuts {
				struck, fault := d.database.struck(), cutAt[i%len(cutAt)]
				d.database.setOnce(&fault)
				if _, err := sendMail(t, app.smtpAddr, "defender@test.example", cutMail(i)); err != nil {
					t.Fatalf("mail %d: %v, want it taken", i, err)
				}
				eventually(t, "the connection was cut", func() bool { return d.database.struck() > struck })
			}
			app.settled(t)
			told := func() int { return len(pagesByTitle(ana)) }
			eventually(t, "a page for each", func() bool { return told() == *cuts })
			app.wantOnce(t, *cuts)
			doubles := 0
			for title, pages := range pagesByTitle(ana) {
				if doubles += pages - 1; pages != 1 {
					t.Errorf("%s: %d pages, want one", title, pages)
				}
			}
			t.Logf("%d connections cut: %d mails told of, %d doubles", d.database.struck(), told(), doubles)
		})
	}
}

// TestAnAnswerOfTheDatabaseThatIsLostIs451AndTheMailIsTakenOnce: each attempt was committed, and none was heard of.
func TestAnAnswerOfTheDatabaseThatIsLostIs451AndTheMailIsTakenOnce(t *testing.T) {
	longTest(t)
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app, d := serveTroubled(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	d.database.set(&statementFault{code: losesAnswer, statements: takingMail})
	began := time.Now()
	_, err := sendMail(t, app.smtpAddr, "defender@test.example", cutMail(0))
	if err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("got %v, want 451", err)
	}
	within(t, "the answer", time.Since(began), 5*time.Second)
	d.database.set(nil)
	eventually(t, "the mail is taken when it comes again", func() bool {
		_, err := sendMail(t, app.smtpAddr, "defender@test.example", cutMail(0))
		return err == nil
	})
	app.settled(t)
	eventually(t, "a page", func() bool { return len(ana.deliveries()) > 0 })
	app.wantOnce(t, 1)
	t.Logf("stored %d times, %d pages", app.counted(t, `SELECT count(*) FROM mails`), len(ana.deliveries()))
	if got := len(ana.deliveries()); got != 1 {
		t.Errorf("got %d pages, want one", got)
	}
}

// wantOnce fails unless there are so many tickets, each with one mail that counts.
func (a *application) wantOnce(t *testing.T, want int) {
	t.Helper()
	if got := a.counted(t, `SELECT count(*) FROM tickets`); got != want {
		t.Errorf("got %d tickets, want %d", got, want)
	}
	if got := a.counted(t, `SELECT count(*) FROM tickets WHERE message_count <> 1`); got != 0 {
		t.Errorf("%d tickets count a mail more than once", got)
	}
}

func cutMail(i int) []byte {
	return vouched(alertMail("High", fmt.Sprintf("Cut %d", i), "pc", fmt.Sprintf("da5555555555%06d_1", i), fmt.Sprintf("cut-%d@example", i)))
}

// pagesByTitle counts the pages, by their ids, that a hook got of each matter.
func pagesByTitle(h *hook) map[string]int {
	pages, seen := map[string]int{}, map[string]bool{}
	for _, delivery := range h.deliveries() {
		if delivery.message.Type == "page" && !seen[delivery.id] {
			seen[delivery.id] = true
			pages[delivery.message.Data.Ticket.Title]++
		}
	}
	return pages
}
