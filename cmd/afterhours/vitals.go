package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/web"
)

// What counts as well.
const (
	vitalsEvery    = "@every 1m"
	vitalsWithin   = 30 * time.Second // all checks together, and then the call of the heartbeat
	tickLate       = 30 * time.Second // the escalator ticks each second
	stepLate       = time.Minute
	pageLate       = time.Minute // beyond its time for attempts
	readingLate    = 2 * time.Minute
	gatewayStale   = 3 * time.Minute
	vitalsFresh    = 90 * time.Second
	heartbeatStale = 5 * time.Minute
)

// vital is one thing that must be well for a page to leave. Ailing is empty where it is.
type vital struct{ Name, Ailing string }

// vitals watch over the process: what they found last, and when the escalator ran last.
type vitals struct {
	looking   sync.Mutex // of who asks between two beats
	mutex     sync.Mutex
	startedAt time.Time
	tickedAt  time.Time // the last tick without a fault
	beatAt    time.Time // the outside address answered last
	beats     int
	missed    int // calls of it that failed
	fault     string
	found     []vital
	foundAt   time.Time
}

// began starts the watch: nothing was late before it.
func (v *vitals) began(now time.Time) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.startedAt, v.tickedAt = now, now
}

func (v *vitals) ticked(now time.Time) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.tickedAt = now
}

func (v *vitals) find(found []vital, now time.Time) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.found, v.foundAt = found, now
}

// last is what was found last, and when.
func (v *vitals) last() ([]vital, time.Time) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.found, v.foundAt
}

// ailing is what is wrong, in one line; empty while all is well.
func ailing(found []vital) string {
	var wrong []string
	for _, v := range found {
		if v.Ailing != "" {
			wrong = append(wrong, v.Name+": "+v.Ailing)
		}
	}
	return strings.Join(wrong, "; ")
}

// examine looks at everything between a mail's arrival and its page's leaving.
func (a *application) examine(ctx context.Context) []vital {
	now := a.now()
	say := func(name string, err error) vital {
		if err != nil {
			return vital{name, oneLine(err)}
		}
		return vital{Name: name}
	}
	found := []vital{say("intake", a.intakeFault(ctx))}
	if err := a.ready(ctx); err != nil {
		return append(found, say("database", err), say("escalator", a.tickFault(now)))
	}
	return append(
		found, vital{Name: "database"}, say("reading", a.readingFault(ctx, now)), say("escalator", errors.Join(a.tickFault(now), a.overdueFault(ctx, now))),
		say("self-test", a.selfTestFault(ctx)),
	)
}

// intakeFault says why no mail is taken: neither database nor spool can, or the listener does not answer.
func (a *application) intakeFault(ctx context.Context) error {
	if err := a.gateway.ready(ctx); err != nil {
		return err
	}
	client, err := dialOwnSMTP(ctx, a.smtpAddr, false)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Hello("self-test.localhost"); err != nil {
		return fmt.Errorf("the own SMTP listener does not greet: %w", err)
	}
	return client.Quit()
}

func (a *application) tickFault(now time.Time) error {
	a.vitals.mutex.Lock()
	defer a.vitals.mutex.Unlock()
	if late := now.Sub(a.vitals.tickedAt); late > tickLate {
		return fmt.Errorf("has not run for %s", late.Round(time.Second))
	}
	return nil
}

func (a *application) overdueFault(ctx context.Context, now time.Time) error {
	step, page, err := a.rooms.oncall.Overdue(ctx, now)
	switch {
	case err != nil:
		return errors.New("what is overdue cannot be read")
	case !step.IsZero() && now.Sub(step) > stepLate:
		return fmt.Errorf("a step has been due since %s", step.UTC().Format(time.RFC3339))
	case !page.IsZero() && now.Sub(page) > pageLate:
		return fmt.Errorf("the queue stands still: a page has waited beyond its time since %s", page.UTC().Format(time.RFC3339))
	}
	return nil
}

func (a *application) readingFault(ctx context.Context, now time.Time) error {
	oldest, err := a.rooms.tickets.OldestPending(ctx)
	switch {
	case err != nil:
		return errors.New("the mails that wait cannot be counted")
	case !oldest.IsZero() && now.Sub(oldest) > readingLate:
		return fmt.Errorf("a mail has waited to be read since %s", oldest.UTC().Format(time.RFC3339))
	}
	return nil
}

func (a *application) selfTestFault(ctx context.Context) error {
	if a.settings.SelfTestEvery == 0 {
		return nil
	}
	test, err := a.rooms.oncall.SelfTest(ctx)
	if err != nil {
		return errors.New("where it stands cannot be read")
	}
	if text := test.Ailing(); text != "" {
		return errors.New(text)
	}
	return nil
}

// beat examines everything, calls the outside address where all is well, and writes down how this gateway is. That the
// database takes the write is one of the things that must be well, so it comes first.
func (a *application) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*vitalsWithin)
	defer cancel()
	examining, done := context.WithTimeout(ctx, vitalsWithin)
	found := a.examine(examining)
	done()
	gateway := oncall.Gateway{
		Name: a.gatewayName(), Version: buildVersion(), StartedAt: a.vitals.startedAt, SeenAt: a.now(), Ailing: ailing(found),
	}
	written := a.rooms.oncall.SeeGateway(ctx, gateway)
	if written != nil {
		found = append(found, vital{"database", "does not take writes"})
		gateway.Ailing = ailing(found)
	}
	a.vitals.find(found, a.now())
	if gateway.Ailing != "" {
		a.log.Warn("not well: no heartbeat leaves", "because", gateway.Ailing)
		return nil
	}
	if a.settings.HeartbeatURL == "" {
		return nil
	}
	err := a.callHeartbeat(ctx)
	now := a.now()
	a.vitals.mutex.Lock()
	a.vitals.fault = ""
	if err == nil {
		a.vitals.beatAt, gateway.HeartbeatAt = now, &now
		a.vitals.beats++
	} else {
		a.vitals.fault, gateway.HeartbeatFault = oneLine(err), oneLine(err)
		a.vitals.missed++
	}
	a.vitals.mutex.Unlock()
	return errors.Join(err, a.rooms.oncall.SeeGateway(ctx, gateway))
}

// appear writes this gateway down as it begins.
func (a *application) appear(ctx context.Context) error {
	a.vitals.began(a.now())
	return a.rooms.oncall.SeeGateway(ctx, oncall.Gateway{
		Name: a.gatewayName(), Version: buildVersion(), StartedAt: a.vitals.startedAt, SeenAt: a.now(),
	})
}

// callHeartbeat asks for the outside address. The setting is the operator's own word, so an address inside the network is
// as good as one outside; redirects are not followed, and nothing of the answer is kept.
func (a *application) callHeartbeat(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.settings.HeartbeatURL, nil)
	if err != nil {
		return errors.New("heartbeat: the address cannot be requested")
	}
	request.Header.Set("User-Agent", "afterhours")
	response, err := a.outside.Do(request)
	if err != nil {
		return fmt.Errorf("heartbeat: %s does not answer", notify.Redact(a.settings.HeartbeatURL))
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("heartbeat: %s answers %d", notify.Redact(a.settings.HeartbeatURL), response.StatusCode)
	}
	return nil
}

// gatewayName tells gateways apart: by host, and on one host by port.
func (a *application) gatewayName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unnamed"
	}
	_, port, err := net.SplitHostPort(a.smtpAddr)
	if err != nil {
		return host
	}
	return host + ":" + port
}

// readyToPage says why no page would leave; nil while all is well. What was found of late is not looked for again: whoever
// asks need not sign in.
func (a *application) readyToPage(ctx context.Context) error {
	if text := ailing(a.vitalsOfLate(ctx)); text != "" {
		return errors.New(text)
	}
	return nil
}

func (a *application) vitalsOfLate(ctx context.Context) []vital {
	a.vitals.looking.Lock()
	defer a.vitals.looking.Unlock()
	found, at := a.vitals.last()
	if a.now().Sub(at) < vitalsFresh {
		return found
	}
	ctx, cancel := context.WithTimeout(ctx, vitalsWithin)
	defer cancel()
	found = a.examine(ctx)
	a.vitals.find(found, a.now())
	return found
}

// status is what the page for people shows.
func (a *application) status(ctx context.Context) web.Status {
	status := web.Status{}
	for _, v := range a.vitalsOfLate(ctx) {
		status.Vitals = append(status.Vitals, web.Vital{Name: v.Name, Ailing: v.Ailing})
	}
	if a.gateway.spool != nil {
		status.Spooled = a.gateway.spool.State().Mails
	}
	if a.db.server != nil {
		if _, newest, err := backupsIn(backupFolder(a.settings)); err == nil {
			status.BackupAt = newest
		}
	}
	status.Embedded = a.db.server != nil
	if a.ready(ctx) != nil {
		return status
	}
	var err error
	if status.Gateways, err = a.rooms.oncall.Gateways(ctx); err != nil {
		a.log.Warn("status without gateways", "error", err)
	}
	if status.SelfTest, err = a.rooms.oncall.SelfTest(ctx); err != nil {
		a.log.Warn("status without the self-test", "error", err)
	}
	if status.Polls, err = a.rooms.defender.polls(ctx); err != nil {
		a.log.Warn("status without polls", "error", err)
	}
	return status
}
