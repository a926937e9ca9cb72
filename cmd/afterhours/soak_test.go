package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	soakFor   = flag.Duration("soak", 0, "let mail come in for so long and watch memory, goroutines, sessions and disk; 60m is the full form")
	soakRate  = flag.Int("soak-rate", 500, "mails a second meanwhile, half of what the machine takes")
	soakGraph = flag.String("soak-graph", "", "write the graph into this SVG file")
)

const (
	soakEvery = 10 * time.Second // between two looks
	soakPages = time.Second      // between two mails that page at once and are acknowledged
)

// soakLook is what was seen at one moment, the replies and pages since the moment before.
type soakLook struct {
	after                         time.Duration
	mails                         int
	memory, databaseMemory        float64 // MiB, the latter with what its sessions share counted once
	goroutines, files, sessions   int
	journal, stored, atRest       float64 // MiB: Postgres's journal, its tables, what else lies in the data folder
	waiting                       int     // accepted mails that are not yet read
	dataP99, pageP99, pageLongest time.Duration
}

// TestAGatewayStaysTheSameForAnHour sends at half the top rate, each mail a ticket of its own, and once a second a mail whose
// page is acknowledged by its link. Memory, goroutines, files, sessions and what is not the mails' own disk stay flat.
func TestAGatewayStaysTheSameForAnHour(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("only where a time is given: -soak 60m")
	}
	ana, ben := newHook(t), newHook(t)
	gateway := startGateway(t)
	yaml := strings.Replace(team(ana, ben, "24h"), "bundle: {after: 0}", "bundle: {after: 5, within: 5m}", 1)
	yaml = strings.Replace(yaml, "policies:\n", "policies:\n  - {id: single, steps: [{notify: [\"schedule:secondary\"], wait: 24h}], bundle: {after: 0}}\n", 1)
	yaml = strings.Replace(yaml, "routes:\n", "routes:\n  - {match: {title: \"Ransomware*\"}, policy: single}\n", 1)
	configureDatabase(t, gateway.database, yaml)

	ctx, stop := context.WithTimeout(t.Context(), *soakFor)
	defer stop()
	began := time.Now()
	var since soakSince
	var group sync.WaitGroup
	group.Go(func() {
		sendAtRate(t, gateway.smtp, madeInTurn(t, 1, 1<<31), *soakRate, ctx.Done(), since.replied)
	})
	group.Go(func() { since.acknowledge(ctx, t, gateway.smtp, ben) })
	var looks []soakLook
	fmt.Println(" after    mails  memory  database MiB  goroutines  files  sessions  journal MiB  stored MiB  other MiB  waiting  DATA p99  page p99   most")
	for tick := time.NewTicker(soakEvery); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-tick.C:
			look := gateway.look(t, time.Since(began), &since)
			looks = append(looks, look)
			if len(looks)%6 == 0 {
				fmt.Printf("%6s  %7d  %6.0f  %12.0f  %10d  %5d  %8d  %11.0f  %10.0f  %9.1f  %7d  %8.0f  %8.0f  %5.0f\n", look.after.Round(time.Second), look.mails, look.memory, look.databaseMemory,
					look.goroutines, look.files, look.sessions, look.journal, look.stored, look.atRest, look.waiting, milliseconds(look.dataP99), milliseconds(look.pageP99), milliseconds(look.pageLongest))
			}
		}
	}
	group.Wait()
	gateway.settled(t, 10*patience)
	if tickets := gateway.count(t, `SELECT count(*) FROM tickets`); tickets != since.sent+since.paged {
		t.Errorf("%d tickets of %d mails", tickets, since.sent+since.paged)
	}
	eventually(t, "every mail that pages at once has paged", func() bool { return len(ben.deliveries()) >= since.paged })
	if *soakGraph != "" {
		if err := os.WriteFile(*soakGraph, drawSoak(looks), 0o600); err != nil {
			t.Error(err)
		}
	}
	soakVerdict(t, looks)
	if _, err := gateway.terminate(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// soakVerdict compares the second sixth with the last.
func soakVerdict(t *testing.T, looks []soakLook) {
	t.Helper()
	sixth := len(looks) / 6
	if sixth == 0 {
		return
	}
	early, late := looks[sixth:2*sixth], looks[len(looks)-sixth:]
	for _, figure := range []struct {
		what string
		of   func(soakLook) float64
		more float64 // that the last sixth may have, on average
	}{
		{"memory, MiB", func(l soakLook) float64 { return l.memory }, 15},
		{"goroutines", func(l soakLook) float64 { return float64(l.goroutines) }, 10},
		{"files", func(l soakLook) float64 { return float64(l.files) }, 10},
		{"sessions", func(l soakLook) float64 { return float64(l.sessions) }, 5},
		{"journal, MiB", func(l soakLook) float64 { return l.journal }, 300},
		{"octets stored of a mail", func(l soakLook) float64 { return l.stored * (1 << 20) / float64(l.mails) }, 1500},
		{"other files, MiB", func(l soakLook) float64 { return l.atRest }, 5},
	} {
		before, after := average(early, figure.of), average(late, figure.of)
		fmt.Printf("%-26s second sixth %8.1f, last %8.1f\n", figure.what, before, after)
		if after > before+figure.more {
			t.Errorf("%s: from %.1f to %.1f", figure.what, before, after)
		}
	}
}

func average(looks []soakLook, of func(soakLook) float64) (mean float64) {
	for _, look := range looks {
		mean += of(look) / float64(len(looks))
	}
	return mean
}

// soakSince counts what came since the last look.
type soakSince struct {
	mutex          sync.Mutex
	sent, paged    int // since the beginning
	replies, pages []time.Duration
}

func (s *soakSince) replied(took time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sent++
	s.replies = append(s.replies, took)
}

// acknowledge sends a mail that pages at once, waits for its page and acknowledges it, again and again.
func (s *soakSince) acknowledge(ctx context.Context, t *testing.T, address string, told *hook) {
	client, err := dialSender(address)
	if err != nil {
		t.Error(err)
		return
	}
	defer client.close()
	pace := time.NewTicker(soakPages)
	defer pace.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		sent, title := time.Now(), fmt.Sprintf("Ransomware %d", i)
		mail := stuffed(vouched(alertMail("High", title, "srv-sql-07", fmt.Sprintf("da%018d_%d", 637551227677560813+i, i), fmt.Sprintf("soak-%d@example", i))))
		if _, _, err := client.send("defender@test.example", mail); err != nil {
			t.Error(err)
			return
		}
		var page delivery
		eventually(t, "the page has come", func() bool {
			all := told.deliveries()
			place := slices.IndexFunc(all, func(d delivery) bool { return d.message.Data.Ticket.Title == title })
			if place < 0 {
				return false
			}
			page = all[place]
			return true
		})
		response, err := http.Post(page.message.Data.AckURL, "application/x-www-form-urlencoded", nil)
		if err != nil {
			t.Error(err)
			return
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("acknowledge: got %s", response.Status)
		}
		s.mutex.Lock()
		s.paged++
		s.pages = append(s.pages, page.at.Sub(sent))
		s.mutex.Unlock()
	}
}

// take returns what came since, and begins anew.
func (s *soakSince) take() (mails int, replies, pages load) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	replies.replies, pages.replies = s.replies, s.pages
	s.replies, s.pages = nil, nil
	slices.Sort(replies.replies)
	slices.Sort(pages.replies)
	return s.sent + s.paged, replies, pages
}

func (g *gatewayAlone) look(t *testing.T, after time.Duration, since *soakSince) soakLook {
	t.Helper()
	look := soakLook{
		after: after, memory: g.memory("VmRSS"), databaseMemory: familyMemory(postmaster(g.cluster)), goroutines: g.goroutines(t),
		sessions: g.count(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()`),
		waiting:  g.count(t, `SELECT count(*) FROM mails WHERE state = 'accepted'`),
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.process.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	look.files = len(open)
	look.stored = folderSize(filepath.Join(g.cluster, "base"))
	look.journal = folderSize(filepath.Join(g.cluster, "pg_wal"))
	look.atRest = folderSize(filepath.Dir(filepath.Dir(g.cluster))) - look.stored - look.journal
	var replies, pages load
	look.mails, replies, pages = since.take()
	look.dataP99, look.pageP99, look.pageLongest = replies.percentile(99), pages.percentile(99), pages.percentile(100)
	return look
}

// goroutines is what /metrics says.
func (g *gatewayAlone) goroutines(t *testing.T) int {
	response, err := http.Get(g.web + "/metrics")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if figure, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			n, err := strconv.Atoi(figure)
			if err != nil {
				t.Error(err)
			}
			return n
		}
	}
	t.Error("no go_goroutines in /metrics")
	return 0
}

// folderSize is what the files below a folder hold, in MiB; files come and go meanwhile.
func folderSize(folder string) (all float64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // what is gone takes no room
		}
		if info, err := entry.Info(); err == nil {
			all += float64(info.Size()) / (1 << 20)
		}
		return nil
	})
	return all
}
