package main

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestTwoReplicasTellEachPersonOnce runs two applications on one database: mails come in by both, steps are due for both,
// and every ticket pages the primary once and, after the wait, the secondary once.
func TestTwoReplicasTellEachPersonOnce(t *testing.T) {
	t.Parallel()
	const mails = 40
	ana, ben := newHook(t), newHook(t)
	first := serveTest(t, trusting)
	second := serveTest(t, func(s *settings) {
		trusting(s)
		s.DatabaseURL = first.settings.DatabaseURL
	})
	first.configure(t, team(ana, ben, "2s"))
	var senders sync.WaitGroup
	for i := range mails {
		senders.Go(func() {
			address := first.smtpAddr
			if i%2 == 1 {
				address = second.smtpAddr
			}
			raw := alertMail("High", fmt.Sprintf("Ransomware %d", i), "pc1", fmt.Sprintf("da11111111111111%02d_1", i), fmt.Sprintf("%d@example", i))
			if _, err := sendMail(t, address, "defender@test.example", vouched(raw)); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	senders.Wait()
	eventually(t, "the secondary is told of every ticket", func() bool { return len(ben.deliveries()) >= mails })
	deadline := time.After(3 * time.Second) // what would come twice comes within the next ticks
	<-deadline
	t.Logf("%d mails by two applications: Ana was told %d times, Ben %d times", mails, len(ana.deliveries()), len(ben.deliveries()))
	for name, h := range map[string]*hook{"ana": ana, "ben": ben} {
		seen := map[int64]int{}
		for _, delivery := range h.deliveries() {
			seen[delivery.message.Data.Ticket.Number]++
		}
		if len(seen) != mails {
			t.Errorf("%s was told of %d tickets, want %d", name, len(seen), mails)
		}
		for number, times := range seen {
			if times != 1 {
				t.Errorf("%s was told of ticket %d %d times", name, number, times)
			}
		}
	}
}
