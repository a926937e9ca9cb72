package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"afterhours/migrations"
	"afterhours/tickets/ticketdb"
)

const (
	lateEvery    = time.Second // between two attempts to reach a database that was away at the start
	lateLogEvery = time.Minute
)

// lateness says why the database has not been ready since the start; the zero one says that it was.
type lateness struct {
	mutex  sync.Mutex
	reason error
}

func (l *lateness) set(reason error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.reason = reason
}

func (l *lateness) why() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.reason
}

// comeUp begins what needs the database. While an external one is away, mail goes into the spool and people are paged from
// the sealed roster, as in any outage: the gateway does not wait for it with closed doors.
func (a *application) comeUp(ctx context.Context) error {
	if a.late.why() == nil {
		err := a.startQueue(ctx)
		if err == nil {
			return a.startReader(ctx)
		}
		if !a.mayComeLate(err) { // else the database went away again
			return err
		}
		a.late.set(err)
	}
	a.latePlace = len(a.cleanups) // what comes late is stopped after what begins now
	return nil
}

// goOn begins what is stopped first, or waits for the database.
func (a *application) goOn(ctx context.Context) error {
	err := a.late.why()
	if err == nil {
		return a.startCron(ctx)
	}
	a.log.Warn("the database is away: mail goes into the spool until it is there", "error", err)
	waiting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.awaitDatabase(waiting)
	}()
	a.stopWaiting = func() {
		cancel()
		<-ended
	}
	return nil
}

// awaitDatabase tries until the database is there, and then begins the rest.
func (a *application) awaitDatabase(ctx context.Context) {
	after := a.cleanups[a.latePlace:]
	a.cleanups = a.cleanups[:a.latePlace:a.latePlace]
	defer func() { a.cleanups = append(a.cleanups, after...) }()
	pace := time.NewTicker(lateEvery)
	defer pace.Stop()
	told := a.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		err := a.begin(ctx, a.prepare, a.startQueue)
		if err == nil {
			break
		}
		if !ticketdb.IsAway(err) && ctx.Err() == nil {
			a.failed <- err
			return
		}
		a.late.set(err)
		if now := a.now(); now.Sub(told) >= lateLogEvery {
			told = now
			a.log.Warn("the database is still away", "error", err)
		}
	}
	if err := a.begin(ctx, a.startReader, a.startCron); err != nil {
		a.failed <- err
		return
	}
	a.late.set(nil)
	a.log.Info("the database is there", "web", a.baseURL, "smtp", a.smtpAddr)
}

func (a *application) begin(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare brings the database up to date and follows its clock.
func (a *application) prepare(ctx context.Context) error {
	if err := a.db.answers(ctx); err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, a.db.directly()); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	if err := a.clock.anchorAt(ctx, a.db.pool); err != nil {
		return err
	}
	return a.rooms.tickets.PrepareMonths(ctx, a.now())
}

// ping asks the database on the intake's own connections.
func (a *application) ping(ctx context.Context) error {
	if err := a.late.why(); err != nil {
		return err
	}
	return a.db.intake.Ping(ctx)
}

// mayComeLate says whether a fault at the start is an outage that the gateway can wait for.
func (a *application) mayComeLate(err error) bool {
	return err != nil && a.settings.DatabaseURL != "" && a.settings.Spool != "off" && ticketdb.IsAway(err) && !errors.Is(err, context.Canceled)
}
