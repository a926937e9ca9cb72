package defender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"afterhours/tickets"
)

// How a poll asks.
const (
	LeastPoll   = time.Second
	DefaultPoll = time.Minute

	firstLook   = time.Hour       // how far a tenant's first poll looks back
	overlap     = 5 * time.Minute // what is asked for twice: Microsoft's clock is not ours, and lists lag
	pageSize    = 1000
	incidentTop = 100
	pageOverlap = 20 // rows of the page before with which a page begins
	restarts    = 5  // how often a list that keeps shifting is begun anew
	batchSize   = 200
	maxPages    = 2000
	staleAfter  = 30 * time.Minute // of failures that pass by themselves, before people are told
	mailWithin  = 30 * time.Minute
	backOff     = time.Minute // after a fault that somebody must mend
)

// Writer writes what was read.
type Writer interface {
	WriteReadings(ctx context.Context, readings []tickets.Reading) error
}

// Poller polls tenants. Any number of pollers may tick side by side.
type Poller struct {
	Client  *Client
	Store   *Store
	Tickets Writer
	// Tenants are the configured tenants.
	Tenants func(ctx context.Context) ([]Tenant, error)
	// Person is the configured person of an address, or empty.
	Person  func(ctx context.Context, address string) (string, error)
	Notices *Notices
	Now     func() time.Time
	Log     *slog.Logger

	polls  sync.WaitGroup
	places chan struct{} // one for each poll that may run beside the others
	once   sync.Once
}

// pollsAtOnce bounds how many tenants one process polls at once, and with it what their pages hold in memory. What finds no
// place stays due, for the next tick or for another replica.
const pollsAtOnce = 32

// Tick begins the polls whose turn has come and returns; a poll that is long holds up no other tenant.
func (p *Poller) Tick(ctx context.Context) error {
	all, err := p.Tenants(ctx)
	if err != nil {
		return fmt.Errorf("poll tenants: %w", err)
	}
	p.once.Do(func() { p.places = make(chan struct{}, pollsAtOnce) })
	waiting, err := p.Store.notDue(ctx, p.Now())
	if err != nil {
		return err
	}
	for _, tenant := range all {
		if waiting[tenant.ID] {
			continue
		}
		select {
		case p.places <- struct{}{}:
		default:
			return nil
		}
		claimed, ok, err := p.Store.claimPoll(ctx, tenant, p.Now())
		if err != nil || !ok {
			<-p.places
			if err != nil {
				return err
			}
			continue
		}
		p.polls.Go(func() {
			defer func() { <-p.places }()
			if err := p.leased(ctx, tenant, claimed); err != nil && ctx.Err() == nil {
				p.Log.Error("poll failed", "tenant", tenant.ID, "error", err)
			}
		})
	}
	return nil
}

// Wait returns when no poll is running any more.
func (p *Poller) Wait() { p.polls.Wait() }

// releaseWithin bounds giving a lease back while the process stops.
const releaseWithin = 2 * time.Second

// leased polls while the lease is held: it is lengthened all the time, the poll ends where another replica has it, and it is
// given back where the poll breaks off.
func (p *Poller) leased(ctx context.Context, t Tenant, c claim) error {
	held, lost := context.WithCancelCause(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		beat := time.NewTicker(pollBeat)
		defer beat.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-beat.C:
				// A database that is away for a moment is no reason to stop: the next beat tries again.
				if err := p.Store.hold(held, c); errors.Is(err, errLostLease) {
					lost(err)
				}
			}
		}
	})
	err := p.poll(held, t, c)
	if cause := context.Cause(held); cause != nil && ctx.Err() == nil {
		err = cause
	}
	lost(nil)
	beating.Wait()
	if err != nil && !errors.Is(err, errLostLease) {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
		defer cancel()
		if released := p.Store.release(ending, c); released != nil {
			return errors.Join(err, released)
		}
	}
	return err
}

// poll is one poll of one tenant. What Microsoft refuses stands in the tenant's status and is no error here.
func (p *Poller) poll(ctx context.Context, t Tenant, c claim) error {
	begin := p.Now().UTC()
	since := begin.Add(-firstLook)
	if c.mark != nil {
		since = c.mark.Add(-overlap)
	}
	read, lag, err := p.alerts(ctx, t, c, since)
	var fault *Fault
	if errors.As(err, &fault) {
		return p.failed(ctx, t, c, fault)
	}
	if err != nil {
		return err
	}
	told, err := p.Store.told(ctx, t.ID)
	if err != nil {
		return err
	}
	if err := p.Notices.over(ctx, t, told, aboutPolls); err != nil {
		return err
	}
	switch {
	case t.Source == SourceGraph:
		err = p.Notices.over(ctx, t, told, aboutIncidents) // they are asked for no more
	case c.incidents:
		err = p.incidents(ctx, t, c, begin, told)
	}
	if err != nil {
		return err
	}
	if err := p.watchMail(ctx, t, c, told); err != nil {
		return err
	}
	if err := p.Store.forget(ctx, begin); err != nil {
		return fmt.Errorf("forget requests: %w", err)
	}
	return p.Store.finish(ctx, c, begin, read, lag)
}

// failed records a fault, and tells people once of one that they must mend or that goes on.
func (p *Poller) failed(ctx context.Context, t Tenant, c claim, fault *Fault) error {
	now := p.Now()
	again := fault.Again
	if fault.Lasting {
		again = now.Add(max(backOff, t.Poll))
	}
	code := ""
	switch {
	case fault.Lasting:
		code = fault.cause()
	case c.failedAt != nil && now.Sub(*c.failedAt) > staleAfter && fault.Code != "Budget":
		code = "Stale"
	}
	if code != "" {
		title := "The Defender API of " + t.ID + " cannot be polled: " + fault.Says
		if err := p.Notices.tell(ctx, t, notice{aboutPolls, code, title, fault.Mend, tickets.Medium}); err != nil {
			return err
		}
	}
	return p.Store.fail(ctx, c, fault, again)
}

// alerts reads everything that changed since a moment. lag is from the newest new alert's change to now.
func (p *Poller) alerts(ctx context.Context, t Tenant, c claim, since time.Time) (read int, lag time.Duration, err error) {
	of, list := endpointAPI, func(skip int) string {
		return query("/api/alerts", "$filter", "lastUpdateTime ge "+filterTime(since), "$expand", "evidence", "$top", strconv.Itoa(pageSize), "$skip", strconv.Itoa(skip))
	}
	reader := readEndpointAlert
	if t.Source == SourceGraph {
		of, reader = graphAPI, readGraphAlert
		list = func(skip int) string {
			return query("/v1.0/security/alerts_v2", "$filter", "lastUpdateDateTime ge "+filterTime(since), "$top", strconv.Itoa(pageSize), "$skip", strconv.Itoa(skip))
		}
	}
	err = p.pages(ctx, t, of, list, pageSize, func(raw []json.RawMessage) ([]string, error) {
		readings := make([]tickets.Reading, 0, len(raw))
		ids := make([]string, 0, len(raw))
		for _, element := range raw {
			reading, ok := reader(t, element)
			if !ok {
				p.Log.Warn("an alert of the API has no id", "tenant", t.ID)
				continue
			}
			ids = append(ids, reading.Report.About())
			readings = append(readings, reading)
		}
		written, late, err := p.write(ctx, t, c, readings)
		read += written
		lag = max(lag, late)
		return ids, err
	})
	return read, lag, err
}

// incidents reads merges, and the alerts of other products. That it is refused does not stop the alerts.
func (p *Poller) incidents(ctx context.Context, t Tenant, c claim, begin time.Time, told map[string]string) error {
	since := begin.Add(-firstLook)
	if c.incMark != nil {
		since = c.incMark.Add(-overlap)
	}
	list := func(skip int) string {
		return query("/api/incidents", "$filter", "lastUpdateTime ge "+filterTime(since), "$top", strconv.Itoa(incidentTop), "$skip", strconv.Itoa(skip))
	}
	err := p.pages(ctx, t, xdrAPI, list, incidentTop, func(raw []json.RawMessage) ([]string, error) {
		var readings []tickets.Reading
		var ids []string
		for _, element := range raw {
			var least struct {
				ID text `json:"incidentId"`
			}
			_ = json.Unmarshal(element, &least) // readIncident leaves out what is no incident
			ids = append(ids, string(least.ID))
			readings = append(readings, readIncident(t, element)...)
		}
		_, _, err := p.write(ctx, t, c, readings)
		return ids, err
	})
	var fault *Fault
	if errors.As(err, &fault) {
		if fault.Lasting {
			title := "The incidents of " + t.ID + " cannot be read: " + fault.Says
			if err := p.Notices.tell(ctx, t, notice{aboutIncidents, fault.cause(), title, fault.Mend, tickets.Low}); err != nil {
				return err
			}
		}
		return p.Store.record(ctx, c, `incident_error = $3`, fault.Error())
	}
	if err != nil {
		return err
	}
	if err := p.Notices.over(ctx, t, told, aboutIncidents); err != nil {
		return err
	}
	return p.Store.record(ctx, c, `incident_mark = $3, incident_error = ''`, begin)
}

// write stores the readings that are news, in batches that other replicas and the mails' readers can pass by.
func (p *Poller) write(ctx context.Context, t Tenant, c claim, readings []tickets.Reading) (written int, lag time.Duration, err error) {
	if err := p.Store.hold(ctx, c); err != nil {
		return 0, 0, err
	}
	if len(readings) == 0 {
		return 0, 0, nil
	}
	news, err := p.Store.fresh(ctx, t.ID, last(readings))
	if err != nil {
		return 0, 0, err
	}
	for i := range news {
		if address := news[i].Report.AssignedTo; strings.Contains(address, "@") {
			if news[i].Report.Assignee, err = p.Person(ctx, address); err != nil {
				return 0, 0, err
			}
		}
	}
	for batch := range slices.Chunk(news, batchSize) {
		if err := p.writeBatch(ctx, t, batch); err != nil {
			return written, lag, err
		}
		written += len(batch)
		now := p.Now()
		for _, reading := range batch {
			if age := now.Sub(reading.Report.UpdatedAt); age < firstLook {
				lag = max(lag, age)
			}
		}
	}
	return written, lag, nil
}

// last leaves of several readings of one alert the last.
func last(readings []tickets.Reading) []tickets.Reading {
	seen := map[string]bool{}
	var kept []tickets.Reading
	for _, reading := range slices.Backward(readings) {
		if key := reading.Report.Key(); !seen[key] {
			seen[key] = true
			kept = append(kept, reading)
		}
	}
	slices.Reverse(kept)
	return kept
}

// writeBatch writes readings together, or, where that fails, one by one; one that fails alone is written as a bare notice
// of its id, so that no alert is lost for what it says.
func (p *Poller) writeBatch(ctx context.Context, t Tenant, batch []tickets.Reading) error {
	err := p.Tickets.WriteReadings(ctx, batch)
	if err == nil || errors.Is(err, tickets.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	for _, reading := range batch {
		err := p.Tickets.WriteReadings(ctx, []tickets.Reading{reading})
		if err == nil {
			continue
		}
		if errors.Is(err, tickets.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		p.Log.Error("what an alert says could not be stored", "tenant", t.ID, "alert", reading.Report.AlertID, "error", err)
		if reading.Report.AlertID == "" {
			return err // news of a merge or a notice of ours: it comes again with the next poll
		}
		alert := newAlert(t, text(reading.Report.AlertID), text(reading.Alert.Severity), "", "")
		bare := tickets.Report{Tenant: t.ID, AlertID: reading.Report.AlertID, Subject: reading.Report.Subject, CreatedAt: reading.Report.CreatedAt, UpdatedAt: reading.Report.UpdatedAt, Status: reading.Report.Status}
		if err := p.Tickets.WriteReadings(ctx, []tickets.Reading{tickets.NewReport(alert, bare, t.TenantID, t.Sole)}); err != nil {
			return err
		}
	}
	return nil
}

// watchMail tells once that the mail path is broken: an alert that the rules should have mailed stands here by the API
// alone. A mail that comes afterwards ends that, and lets it be told anew.
func (p *Poller) watchMail(ctx context.Context, t Tenant, c claim, told map[string]string) error {
	if len(t.ExpectMail) == 0 {
		return p.Notices.over(ctx, t, told, aboutMail)
	}
	now := p.Now()
	if c.mailTold != nil {
		mailed, err := p.Store.mailedSince(ctx, t.ID, *c.mailTold)
		if err != nil || !mailed {
			return err
		}
		if err := p.Notices.over(ctx, t, told, aboutMail); err != nil {
			return err
		}
		return p.Store.record(ctx, c, `mail_told_at = NULL`)
	}
	ids, count, err := p.Store.unmailed(ctx, t, now)
	if err != nil || count == 0 {
		return err
	}
	title := fmt.Sprintf("The mail path of %s is broken: %d alerts came by the API and by no mail within 30 minutes", t.ID, count)
	if count == 1 {
		title = fmt.Sprintf("The mail path of %s is broken: an alert came by the API and by no mail within 30 minutes", t.ID)
	}
	mend := "look at the notification rules in the Defender portal under Settings > Endpoints > Email notifications, at the message trace of Exchange, and at the intake's address; the first alerts are " + strings.Join(ids, ", ")
	if err := p.Notices.tell(ctx, t, notice{aboutMail, "Mail", title, mend, tickets.High}); err != nil {
		return err
	}
	return p.Store.record(ctx, c, `mail_told_at = $3`, now)
}
