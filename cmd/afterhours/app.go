package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/parser"
	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
	"afterhours/web/auth"
)

const (
	stopWithin        = 25 * time.Second
	housekeepingEvery = "@every 1h"
	watchEvery        = "@every 10s" // a silence is told within a minute
)

// application is everything that serves. It is built in order by start and stopped in reverse by stop.
type application struct {
	settings settings
	log      *slog.Logger
	now      func() time.Time

	clock      *clock
	db         database
	rooms      *rooms
	gateway    *gateway
	vitals     vitals
	counters   *counters
	tracing    *tracing     // nil without a collector
	outside    *http.Client // calls the heartbeat's address
	reader     *tickets.Reader
	auth       *auth.Auth
	handler    *lateHandler
	publicAddr string     // as bound; empty without a public listener
	smtpAddr   string     // as bound
	smtpsAddr  string     // as bound; empty without it
	baseURL    string     // of links
	failed     chan error // a part that ended by itself

	late      lateness
	latePlace int // among the cleanups, of what begins once the database is there
	// stopWaiting ends the wait for a database that was away at the start; nil where it was there.
	stopWaiting func()
	cleanups    []cleanup
}

type cleanup struct {
	name string
	stop func(ctx context.Context) error
}

func (a *application) onStop(name string, stop func(ctx context.Context) error) {
	a.cleanups = append(a.cleanups, cleanup{name, stop})
}

// start builds the application. What was built is stopped again where a later step fails.
func start(ctx context.Context, s settings, log *slog.Logger, now func() time.Time) (a *application, err error) {
	a = &application{log: log, now: now, failed: make(chan error, 4), counters: newCounters(), outside: notify.NewHTTPClient(notify.Guard{AllowPrivate: true})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.stop())
		}
	}()
	if a.settings, err = s.complete(); err != nil {
		return a, err
	}
	steps := []func(context.Context) error{
		a.listenHTTP, a.openDatabase, a.wireRooms, a.startTracing, a.openGateway, a.showPages, a.startGateway, a.comeUp, a.startSMTP, a.goOn,
	}
	return a, a.begin(ctx, steps...)
}

// stop ends everything in reverse order, within stopWithin.
func (a *application) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if a.stopWaiting != nil {
		a.stopWaiting()
	}
	var errs []error
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		if err := a.cleanups[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", a.cleanups[i].name, err))
		}
	}
	a.cleanups = nil
	return errors.Join(errs...)
}

func (a *application) openDatabase(ctx context.Context) (err error) {
	if a.db, err = openDatabase(ctx, a.settings, a.log); err != nil {
		return err
	}
	a.onStop("database", func(context.Context) error { return a.db.close() })
	if a.db.server != nil {
		keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
		a.onStop("keeping the database", func(context.Context) error { stop(); return nil })
		go func() {
			if err := a.db.server.keep(keeping); err != nil {
				a.failed <- err
			}
		}()
	}
	a.clock = newClock(a.now())
	a.now = a.clock.Now
	return nil
}

func (a *application) wireRooms(ctx context.Context) (err error) {
	if a.rooms, err = wire(a.settings, a.db, a.baseURL, a.log, a.now); err != nil {
		return err
	}
	if err = a.prepare(ctx); a.mayComeLate(err) {
		a.late.set(err)
		return nil
	}
	return err
}

// openGateway opens the spool and reads what an earlier process left there.
func (a *application) openGateway(context.Context) error {
	if a.settings.Spool != "off" {
		if err := makeDataDir(a.settings.DataDir); err != nil {
			return err
		}
	}
	opened, err := openSpool(a.settings, filepath.Join(a.settings.DataDir, "spool"), a.now)
	if err != nil {
		return err
	}
	r := a.rooms
	r.intake.Spooled = opened != nil
	if opened != nil {
		r.standby.Record = opened.Record
		if state := opened.State(); state.Mails > 0 || state.Damaged > 0 {
			a.log.Warn("mail waits in the spool from before", "mails", state.Mails, "damaged", state.Damaged)
		}
	}
	a.gateway = &gateway{
		accepted: a.accepted, intake: r.intake, store: r.mails, spool: opened, standby: r.standby, ping: a.ping, parse: parser.Parse,
		takeRoster: r.oncall.Configuration, sealer: r.sealer, hold: holdWithin, log: a.log, now: a.now,
		reconcile: func(ctx context.Context) error { return r.oncall.ReconcileRest(ctx, r.acknowledge) },
	}
	var mails tickets.MailStore = countedMails{r.intake, a.counters.batches}
	if a.tracing != nil {
		mails = tracedMails{mails, a.tracing}
	}
	a.reader = &tickets.Reader{
		Store: mails, Parse: r.parse, Replies: r.probes, Directories: r.defender.directories, Log: a.log, Wake: r.intake.Wake(),
		Unwritten: a.gateway.unwritten,
	}
	a.gateway.readAlone = a.reader.ReadAlone
	a.gateway.away.Store(a.late.why() != nil)
	if err := a.gateway.loadRoster(); err != nil && !errors.Is(err, os.ErrNotExist) {
		a.log.Warn("the kept roster cannot be used; a new one is taken", "error", err)
	}
	return nil
}

// accepted counts and traces one reply to a mail's data.
func (a *application) accepted(began, ended time.Time, id string, err error) {
	a.counters.accepted(began, ended, id, err)
	a.tracing.accepted(began, ended, id, err)
}

// startTracing sends traces where a collector is named.
func (a *application) startTracing(ctx context.Context) (err error) {
	key, err := loadSecret(a.settings)
	if err != nil {
		return err
	}
	if a.tracing, err = openTracing(ctx, a.settings.OTel, key.derive("traces"), a.gatewayName(), a.counters.spans, a.log, a.now); err != nil || a.tracing == nil {
		return err
	}
	a.tracing.firstMail = a.rooms.tickets.FirstMail
	a.rooms.tracing = a.tracing
	a.rooms.deliverer.Store = tracedPages{a.rooms.deliverer.Store, a.tracing}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { a.tracing.run(running) })
	a.onStop("traces", func(context.Context) error {
		cancel()
		group.Wait()
		return nil
	})
	return nil
}

func (a *application) startQueue(ctx context.Context) error {
	if err := a.rooms.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	a.onStop("queue", a.rooms.queue.Stop)
	return nil
}

// startGateway follows the database: it comes before what needs that, and ends after it.
func (a *application) startGateway(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { a.gateway.run(ctx) })
	a.onStop("gateway", func(context.Context) error {
		cancel()
		group.Wait()
		return nil
	})
	return nil
}

// startReader runs the intake's committers and the workers that read mails into tickets.
func (a *application) startReader(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { a.rooms.intake.Run(ctx) })
	group.Go(func() { a.reader.Run(ctx) })
	group.Go(func() {
		channels := []string{ticketdb.MailsChannel, ticketdb.ConfigurationChannel}
		a.rooms.mails.Listen(ctx, a.db.directly(), channels, a.gateway.heard, a.log)
	})
	a.onStop("reader", func(stopping context.Context) error {
		cancel()
		group.Wait()
		if err := a.rooms.intake.Release(stopping); !errors.Is(err, tickets.ErrUnavailable) {
			return err
		}
		return nil // their lease ends by itself
	})
	return nil
}

// forgetBatches bounds how many batches of tickets one hour forgets, so that a shortened retention does not hold up the rest.
const forgetBatches = 100

// keepHouse prepares the months to come and forgets the raw mails and tickets that are kept no longer.
func (a *application) keepHouse(ctx context.Context) error {
	if err := a.rooms.tickets.PrepareMonths(ctx, a.now()); err != nil {
		return err
	}
	configuration, err := a.rooms.oncall.Configuration(ctx)
	if err != nil {
		return err
	}
	if kept := time.Duration(configuration.Retention.Raw); kept > 0 {
		if err := a.rooms.tickets.ForgetRaw(ctx, a.now().Add(-kept)); err != nil {
			return err
		}
	}
	if err := a.rooms.oncall.ForgetChanges(ctx, a.now().Add(-oncall.UndoLifetime)); err != nil {
		return err
	}
	if err := a.rooms.oncall.ResumeShares(ctx, a.now()); err != nil {
		return err
	}
	resolved, err := a.forget(ctx, configuration.Retention.Resolved(), a.rooms.tickets.ForgetTickets)
	if err != nil {
		return err
	}
	abandoned, err := a.forget(ctx, configuration.Retention.Abandoned(), a.rooms.tickets.ForgetUnresolved)
	if resolved+abandoned > 0 {
		a.log.Info("tickets forgotten: they are older than retention says", "resolved", resolved, "unresolved", abandoned)
	}
	return err
}

// forget deletes what is older than ages say, batch by batch.
func (a *application) forget(ctx context.Context, ages []oncall.Age, some func(context.Context, []tickets.Severity, time.Time) (int, bool, error)) (forgotten int, err error) {
	for _, age := range ages {
		_, err := inBatches(forgetBatches, func() (bool, error) {
			batch, more, err := some(ctx, age.Severities, a.now().Add(-age.Kept))
			forgotten += batch
			return more, err
		})
		if err != nil {
			return forgotten, err
		}
	}
	return forgotten, nil
}

// inBatches goes on until nothing more waits, with so many batches at most.
func inBatches(most int, some func() (more bool, err error)) (more bool, err error) {
	for range most {
		if more, err = some(); err != nil || !more {
			break
		}
	}
	return more, err
}

// startCron drives the escalator each second. What is due stands in the database: a tick that is missed runs late. A stop lets a
// tick end, and breaks off what only tends: after a storm that takes longer than a stop may.
func (a *application) startCron(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	tending, endTending := context.WithCancel(ctx)
	escalator := &oncall.Escalator{Store: a.rooms.oncall}
	schedule := cron.New(cron.WithLocation(time.UTC), cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	_, err := schedule.AddFunc("@every 1s", func() {
		if err := escalator.Tick(ctx, a.now()); err != nil && ctx.Err() == nil {
			a.log.Error("escalator tick", "error", err)
		} else if err == nil {
			a.vitals.ticked(a.now())
		}
	})
	if err == nil {
		_, err = schedule.AddFunc(clockEvery, func() {
			if err := a.clock.correct(ctx, a.log); err != nil && ctx.Err() == nil {
				a.log.Error("clock", "error", err)
			}
		})
	}
	if err == nil {
		_, err = schedule.AddFunc(housekeepingEvery, func() {
			if err := a.keepHouse(tending); err != nil && tending.Err() == nil {
				a.log.Error("housekeeping", "error", err)
			}
			if err := a.backUp(tending); err != nil && tending.Err() == nil {
				a.log.Error("not backed up", "error", err)
			}
		})
	}
	if err == nil {
		_, err = schedule.AddFunc(watchEvery, func() {
			if err := a.rooms.oncall.WatchIntakes(ctx, a.now()); err != nil && ctx.Err() == nil {
				a.log.Error("intakes not watched", "error", err)
			}
			if err := a.rooms.oncall.RemindOfMaintenance(ctx, a.now()); err != nil && ctx.Err() == nil {
				a.log.Error("not reminded of maintenance", "error", err)
			}
			if err := a.watchSelfTest(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("self-test not watched", "error", err)
			}
		})
	}
	if err == nil {
		if err := a.appear(ctx); err != nil {
			a.log.Error("gateway not written down", "error", err)
		}
		_, err = schedule.AddFunc(vitalsEvery, func() {
			if err := a.beat(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("no heartbeat", "error", err)
			}
		})
	}
	if err == nil {
		err = a.rooms.defender.schedule(ctx, schedule, a.log)
	}
	if err == nil {
		_, err = schedule.AddFunc(readingsEvery, func() {
			if err := a.tendReadings(tending); err != nil && tending.Err() == nil {
				a.log.Error("tend readings", "error", err)
			}
		})
	}
	if err == nil {
		var again time.Time // before which the figures of days are not counted
		_, err = schedule.AddFunc(insightsEvery, func() {
			if err := a.tendInsights(tending, &again); err != nil && tending.Err() == nil {
				a.log.Error("tend insights", "error", err)
			}
			if err := a.tellWeeks(tending); err != nil && tending.Err() == nil {
				a.log.Error("weekly reports not sent", "error", err)
			}
		})
	}
	if err != nil {
		endTending()
		cancel()
		return fmt.Errorf("cron: %w", err)
	}
	schedule.Start()
	a.onStop("cron", func(stopping context.Context) error {
		done := schedule.Stop()
		endTending()
		select {
		case <-done.Done():
		case <-stopping.Done():
		}
		cancel()
		a.rooms.defender.poller.Wait()
		return nil
	})
	return nil
}
