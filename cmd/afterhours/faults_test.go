package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/migrations/pgtest"
)

var (
	faultHold = flag.Duration("fault-hold", 300*time.Millisecond, "how long a reply is held while the database has a fault; in production 20s")
	faultFor  = flag.Duration("fault-for", 0, "how long a fault lasts after the last mail was taken")
)

// troubled is an application on a database that a test brings into trouble.
type troubled struct {
	t        *testing.T
	server   *pgtest.Server
	database *faultyDatabase
}

// own works on the database itself, past the application.
func (d *troubled) own(work func(conn *pgx.Conn) error) {
	d.t.Helper()
	address := strings.Replace(d.server.URL(), "/"+d.name()+"?", "/postgres?", 1)
	conn, err := pgx.Connect(context.WithoutCancel(d.t.Context()), address)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(d.t.Context()))
	if err := work(conn); err != nil {
		d.t.Fatal(err)
	}
}

func (d *troubled) name() string {
	config, err := pgx.ParseConfig(d.server.URL())
	if err != nil {
		d.t.Fatal(err)
	}
	return config.Database
}

// alter changes a setting of the database and ends the sessions that do not know it yet.
func (d *troubled) alter(change string) {
	d.t.Helper()
	d.own(func(conn *pgx.Conn) error {
		ctx := context.WithoutCancel(d.t.Context())
		if _, err := conn.Exec(ctx, "ALTER DATABASE "+d.name()+" "+change); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, d.name())
		return err
	})
}

var (
	everyWrite    = regexp.MustCompile(`(?i)\b(insert|update|copy)\b`)
	everything    = regexp.MustCompile(`.`)
	takingMail    = regexp.MustCompile(`INSERT INTO mails`)
	takingTickets = regexp.MustCompile(`INSERT INTO tickets`)
)

// noTickets is a fault in which mails are taken.
const noTickets = "no tickets are written (53100)"

// faults begin a trouble and return what ends it.
var faults = map[string]func(d *troubled) (mend func()){
	"disk full (53100)":                   refusing("53100", "ERROR", everyWrite),
	"serialisation (40001)":               refusing("40001", "ERROR", everyWrite),
	"shutting down (57P01)":               refusing("57P01", "FATAL", everything),
	"a text that is none (22021)":         refusing("22021", "ERROR", takingMail),
	"read-only after a failover (25006)":  altered("SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
	"too many connections (53300)":        altered("CONNECTION LIMIT 0", "CONNECTION LIMIT -1"),
	"a lock that somebody holds (30 s)":   locked("mails"),
	"a lock on the tickets":               locked("tickets"),
	noTickets:                             refusing("53100", "ERROR", takingTickets),
	"the database is gone (10 min)":       func(d *troubled) func() { d.server.Kill(); return d.server.Start },
	"the database is aborted (immediate)": func(d *troubled) func() { d.server.Abort(); return d.server.Start },
	"the connections are cut, repeatedly": cutting,
	"the answers about mails are lost":    refusing(losesAnswer, "", takingMail),
}

func refusing(code, severity string, statements *regexp.Regexp) func(d *troubled) func() {
	return func(d *troubled) func() {
		d.database.set(&statementFault{code: code, statements: statements, severity: severity})
		return func() { d.database.set(nil) }
	}
}

func altered(begin, end string) func(d *troubled) func() {
	return func(d *troubled) func() {
		d.alter(begin)
		return func() { d.alter(end) }
	}
}

func locked(table string) func(d *troubled) func() {
	return func(d *troubled) func() {
		ctx := context.WithoutCancel(d.t.Context())
		conn, err := pgx.Connect(ctx, d.server.URL())
		if err != nil {
			d.t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, `BEGIN; LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			d.t.Fatal(err)
		}
		return func() { _ = conn.Close(ctx) } // and with it the transaction
	}
}

func cutting(d *troubled) func() {
	d.database.cut() // at once: over a connection that stands a mail is stored sooner than the first pace may come
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for pace := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-ended:
				pace.Stop()
				return
			case <-pace.C:
				d.database.cut()
			}
		}
	}()
	return func() {
		close(ended)
		<-done
	}
}

const troubledMails = 5

// TestAFaultOfTheDatabaseLosesAndDoublesNothing goes through each: mail is taken into the spool, whoever is on call is
// paged from the roster, nobody is refused for good, and once it is over mail is taken as ever, without a restart.
func TestAFaultOfTheDatabaseLosesAndDoublesNothing(t *testing.T) {
	longTest(t)
	t.Parallel()
	for name, begin := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ana, ben := newHook(t), newHook(t)
			app, d := serveTroubled(t, func(s *settings) { s.spooling(t) })
			app.gateway.hold = *faultHold
			app.configure(t, team(ana, ben, "1h"))
			app.rostered(t, "ana")
			t.Cleanup(func() {
				for _, delivery := range ana.deliveries() {
					t.Logf("told of %q by %s", delivery.message.Data.Ticket.Title, delivery.id)
				}
			})
			mend := begin(d)
			sent := map[string]time.Time{}
			for i := range troubledMails {
				sent[fmt.Sprintf("Trouble %d", i)] = time.Now()
				if _, err := sendMail(t, app.smtpAddr, "defender@test.example", faultMail(i)); err != nil {
					t.Errorf("mail %d: %v, want it taken", i, err)
				}
			}
			eventually(t, "a page for each", func() bool { return titlesTold(ana) == troubledMails })
			var longest time.Duration
			for _, delivery := range ana.deliveries() {
				if at, ok := sent[delivery.message.Data.Ticket.Title]; ok {
					longest = max(longest, delivery.at.Sub(at))
				}
			}
			within(t, "a page, after its mail", longest, 30*time.Second)
			time.Sleep(*faultFor) // the rest of the outage
			mend()
			mended := time.Now()
			eventually(t, "mail is taken by the database again", func() bool {
				reply, err := sendMail(t, app.smtpAddr, "defender@test.example", vouched(alertMail("High", "After", "pc", "da2222222222222222_1", "after@example")))
				_, number := strconv.Atoi(strings.TrimPrefix(reply, "2.0.0 accepted as "))
				return err == nil && number == nil
			})
			within(t, "mail is taken by the database again", time.Since(mended), 10*time.Second)
			eventually(t, "the spool is empty", func() bool { return app.gateway.spool.State().Mails == 0 && !app.gateway.away.Load() })
			app.settled(t)
			var tickets, titles, waiting int
			if err := app.db.pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT title), (SELECT count(*) FROM mails WHERE state = 'accepted') FROM tickets`).Scan(&tickets, &titles, &waiting); err != nil {
				t.Fatal(err)
			}
			if tickets != troubledMails+1 || titles != tickets || waiting != 0 {
				t.Errorf("got %d tickets of %d titles, %d mails wait; want %d", tickets, titles, waiting, troubledMails+1)
			}
			eventually(t, "a page for all", func() bool { return titlesTold(ana) == troubledMails+1 })
			for title, pages := range pagesByTitle(ana) {
				if pages != 1 {
					t.Errorf("%s: %d pages, want one", title, pages)
				}
			}
		})
	}
}

// TestAFaultWithoutASpoolIsToldWithinFiveSeconds: the sender keeps its mail, and comes again.
func TestAFaultWithoutASpoolIsToldWithinFiveSeconds(t *testing.T) {
	longTest(t)
	t.Parallel()
	for name, begin := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, d := serveTroubled(t, nil)
			mend := begin(d)
			began := time.Now()
			_, err := sendMail(t, app.smtpAddr, "defender@test.example", faultMail(0))
			took := time.Since(began)
			if name == noTickets {
				if err != nil {
					t.Errorf("got %v, want the mail taken", err)
				}
			} else if err == nil || !strings.Contains(err.Error(), "451") || !strings.Contains(err.Error(), "could not be stored, try again later") {
				t.Errorf("got %v, want 451 with a generic text", err)
			}
			within(t, "the answer", took, 5*time.Second)
			mend()
			eventually(t, "the mail is taken when it comes again", func() bool {
				_, err := sendMail(t, app.smtpAddr, "defender@test.example", faultMail(0))
				return err == nil
			})
			app.settled(t)
			eventually(t, "one ticket", func() bool {
				counts, err := app.rooms.tickets.Counts(t.Context())
				return err == nil && counts.Open == 1
			})
		})
	}
}

func faultMail(i int) []byte {
	return vouched(alertMail("High", fmt.Sprintf("Trouble %d", i), "pc", fmt.Sprintf("da111111111111111%d_1", i), fmt.Sprintf("trouble-%d@example", i)))
}

// titlesTold counts the matters that a hook was told of; the alarm of a long outage is none.
func titlesTold(h *hook) int {
	titles := map[string]bool{}
	for _, delivery := range h.deliveries() {
		if title := delivery.message.Data.Ticket.Title; !strings.HasPrefix(title, "afterhours ") {
			titles[title] = true
		}
	}
	return len(titles)
}

func serveTroubled(t *testing.T, change func(*settings)) (*application, *troubled) {
	t.Helper()
	d := &troubled{t: t, server: pgtest.Own(t)}
	d.database = inFrontOf(t, d.server.URL())
	s := testSettings(d.database.url)
	trusting(&s) // mail of unverified authors would have a small budget
	if change != nil {
		change(&s)
	}
	app, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return app, d
}
