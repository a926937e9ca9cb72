package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// TestAProcessThatIsStoppedIsReplaced stops one of two processes with SIGSTOP while steps are due for both, whatever it
// has locked and claimed, and lets it go on when the other one has told everybody.
func TestAProcessThatIsStoppedIsReplaced(t *testing.T) {
	t.Parallel()
	const mails = 30
	ana, ben := newHook(t), newHook(t)
	database := pgtest.URL(t)
	variables := []string{
		"AFTERHOURS_DATABASE_URL=" + database, "AFTERHOURS_SECRET_KEY=" + testSecret, "AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true",
		"AFTERHOURS_TRUSTED_RELAYS=127.0.0.0/8", "AFTERHOURS_AUTHSERV_ID=mx.test.example", "AFTERHOURS_SPOOL=off",
	}
	first, second := serveChild(t, variables...), serveChild(t, variables...)
	configureDatabase(t, database, team(ana, ben, "3s"))
	for i := range mails {
		address := first.smtp
		if i%2 == 1 {
			address = second.smtp
		}
		mustSend(t, address, vouched(alertMail("High", fmt.Sprintf("Ransomware %d", i), "pc1", fmt.Sprintf("da99999999999999%02d_1", i), fmt.Sprintf("still-%d@example", i))))
	}
	eventually(t, "the first steps of the second are due", func() bool { return len(ben.deliveries()) > 0 })
	if err := first.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	eventually(t, "the other one has told of every ticket", func() bool { return len(idsByTicket(ben)) == mails && len(idsByTicket(ana)) == mails })
	within(t, "all told by the process that goes on", time.Since(stopped), 30*time.Second+3*time.Second)
	if err := first.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stopped one works again", func() bool { return request(t, "GET", first.web+"/readyz", nil).StatusCode == 200 })
	quiet := time.After(3 * time.Second) // what would come twice comes within the next ticks
	<-quiet
	for name, h := range map[string]*hook{"ana": ana, "ben": ben} {
		for ticket, ids := range idsByTicket(h) {
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("%s was told of ticket %d under two ids", name, ticket)
				}
			}
		}
	}
	t.Logf("doubles: %d to ana, %d to ben", len(ana.deliveries())-mails, len(ben.deliveries())-mails)
}

// idsByTicket are the ids under which a hook was told of each ticket.
func idsByTicket(h *hook) map[int64][]string {
	ids := map[int64][]string{}
	for _, d := range h.deliveries() {
		ids[d.message.Data.Ticket.Number] = append(ids[d.message.Data.Ticket.Number], d.id)
	}
	return ids
}
