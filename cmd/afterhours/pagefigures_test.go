package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	pageTable = flag.Bool("page-table", false, "print the table of make bench-pages")
	pageMails = flag.Int("page-mails", 500, "mails that page, of each row of the table")
)

// pageEvery is the distance of two mails that page, pageWarm how many of them come before those that count, for a gateway
// that has just started opens its connections first; pageSessions are the sessions over which the others come in.
const (
	pageEvery    = 50 * time.Millisecond
	pageWarm     = 100
	pageSessions = 20
	pageRest     = 5 * time.Second // for which others go on coming in while the last pages are awaited
)

// TestPageTable measures from a mail's end of data to the arrival of its page, while one target of every step hangs: at
// rest, and while other mail, which is recorded alone, comes in at a rate.
func TestPageTable(t *testing.T) {
	if !*pageTable {
		t.Skip("only where the table is asked for: make bench-pages")
	}
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(func() { close(release); hanging.Close() })
	fmt.Printf("\n%d mails that page, one each %s, a target of every step hangs\n\n", *pageMails, pageEvery)
	fmt.Println("other mails/s  came in  page p50 ms       p95       p99      p99.9       max")
	for _, rate := range []int{0, 200, 500, 1000} {
		ana := newHook(t)
		gateway := startGateway(t)
		yaml := strings.Replace(team(ana, ana, "1h"), `notify: ["schedule:primary"]`, `notify: ["webhook:hanging", "schedule:primary"]`, 1)
		configureDatabase(t, gateway.database, yaml+fmt.Sprintf("webhooks: [{id: hanging, url: %q, secret: %q}]\n", hanging.URL, signingSecret))
		row, came := gateway.pages(t, ana, rate)
		fmt.Printf("%13d  %7.0f  %11.1f  %8.1f  %8.1f  %9.1f  %8.1f\n", rate, came, milliseconds(row.percentile(50)), milliseconds(row.percentile(95)),
			milliseconds(row.percentile(99)), milliseconds(row.percentile(99.9)), milliseconds(row.percentile(100)))
		if _, err := gateway.terminate(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
}

// pages sends the mails that page, others beside them, and returns how long the pages took and how many others came in a
// second.
func (g *gatewayAlone) pages(t *testing.T, ana *hook, rate int) (row load, came float64) {
	t.Helper()
	lows := inTurn(sampleMails(t, 1000, "low", rate*int((time.Duration(pageWarm+*pageMails)*pageEvery+pageRest)/time.Second), 0))
	stop, others := make(chan struct{}), make(chan int, 1)
	var accepted atomic.Int64
	go func() {
		sendAtRate(t, g.smtp, lows, rate, stop, func(time.Duration) { accepted.Add(1) })
		others <- int(accepted.Load())
	}()
	client, err := dialSMTP(g.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer client.close()
	sent := map[string]time.Time{}
	first, pace := time.Now(), time.NewTicker(pageEvery)
	began := first
	defer pace.Stop()
	for i := range pageWarm + *pageMails {
		if i == pageWarm {
			began = time.Now()
		}
		<-pace.C
		title := fmt.Sprintf("Ransomware %d", i)
		mail := stuffed(vouched(alertMail("High", title, "srv-sql-07", fmt.Sprintf("da%018d_%d", 637551227677560813+i, i), fmt.Sprintf("page-%d@example", i))))
		sent[title] = time.Now()
		if _, _, err := client.send("defender@test.example", mail); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "every page has come", func() bool { return len(ana.deliveries()) >= pageWarm+*pageMails })
	close(stop)
	background := <-others
	for _, delivery := range ana.deliveries() {
		if mailed := sent[delivery.message.Data.Ticket.Title]; !mailed.Before(began) {
			row.replies = append(row.replies, delivery.at.Sub(mailed))
		}
	}
	slices.Sort(row.replies)
	return row, float64(background) / time.Since(first).Seconds()
}

// sendAtRate sends mails, so many a second, until it is stopped or has no more, and tells how long each reply took; several
// sessions tell at once.
func sendAtRate(t *testing.T, address string, next func() ([]byte, bool), rate int, stop <-chan struct{}, saw func(took time.Duration)) {
	if rate == 0 {
		return
	}
	var group sync.WaitGroup
	for range pageSessions {
		group.Go(func() {
			client, err := dialSender(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer client.close()
			pace := time.NewTicker(time.Second * pageSessions / time.Duration(rate))
			defer pace.Stop()
			for mail, ok := next(); ok; mail, ok = next() {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				_, took, err := client.send("defender@test.example", mail)
				if err != nil {
					t.Error(err)
					return
				}
				saw(took)
			}
		})
	}
	group.Wait()
}
