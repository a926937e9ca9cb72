package playbook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

// world is a database with engines, the devices that they act on, and a clock that the test moves.
type world struct {
	pool     *pgxpool.Pool
	playbook Playbook

	mutex     sync.Mutex
	now       time.Time
	devices   map[string]Device
	requested []Order    // in the order in which they arrived
	running   []Progress // as Microsoft knows them
	request   func(Order) error
	told      []Run
	hangs     string // a device whose look-up never answers
}

func newWorld(t *testing.T, p Playbook) *world {
	t.Helper()
	return &world{pool: pgtest.New(t), playbook: p, now: time.Date(2026, 3, 28, 3, 0, 0, 0, time.UTC), devices: map[string]Device{}}
}

func (w *world) clock() time.Time {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.now
}

func (w *world) advance(span time.Duration) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.now = w.now.Add(span)
}

func (w *world) Find(ctx context.Context, _, idOrName string) (Device, error) {
	if idOrName == w.hangs {
		<-ctx.Done()
		return Device{}, ctx.Err()
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, device := range w.devices {
		if device.ID == idOrName || device.Name == idOrName {
			return device, nil
		}
	}
	return Device{}, ErrNoDevice
}

func (w *world) Request(_ context.Context, _ string, order Order) (Progress, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.requested = append(w.requested, order)
	if w.request != nil {
		if err := w.request(order); err != nil {
			return Progress{}, err
		}
	}
	progress := Progress{ID: fmt.Sprint("action-", len(w.requested)), Status: "Pending", Comment: order.Comment, CreatedAt: w.now}
	w.running = append(w.running, progress)
	return progress, nil
}

func (w *world) Requested(context.Context, string, Order) ([]Progress, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.running), nil
}

func (w *world) Follow(_ context.Context, _, action string) (Progress, error) {
	return Progress{ID: action, Status: "Succeeded", Ended: true, Succeeded: true}, nil
}

func (w *world) engine() *Engine {
	return &Engine{
		Pool: w.pool, Now: w.clock, Isolator: w, Log: slog.New(slog.DiscardHandler),
		Playbooks: func(context.Context) ([]Playbook, error) {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			return []Playbook{w.playbook}, nil
		},
		InForce: func(context.Context, pgx.Tx) ([]Playbook, func(string) (string, bool), error) {
			return []Playbook{w.playbook}, func(string) (string, bool) { return "contoso", true }, nil
		},
		AddEvents: func(context.Context, pgx.Tx, []tickets.Entry) error { return nil },
		Tell: func(_ context.Context, _ pgx.Tx, run Run, _ time.Time) error {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.told = append(w.told, run)
			return nil
		},
	}
}

// alert plans what a fresh alert on a new device calls for, on a ticket of its own.
func (w *world) alert(t *testing.T, device string) {
	t.Helper()
	w.mutex.Lock()
	w.devices[device] = Device{ID: "id-" + device, Name: device}
	w.mutex.Unlock()
	now := w.clock()
	err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		var number int64
		err := tx.QueryRow(t.Context(), `
			INSERT INTO tickets (severity, kind, product, title, source, created_at, updated_at) VALUES ('high', 'alert', 'endpoint', 'Ransomware', 'api', $1, $1)
			RETURNING number`, now).Scan(&number)
		if err != nil {
			return err
		}
		return w.engine().Read(t.Context(), tx, []tickets.Outcome{outcome(number, now, tickets.Machine{ID: "id-" + device, Name: device})}, now)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pass lets time pass in steps and moves what is due, by as many engines as are given.
func (w *world) pass(t *testing.T, span time.Duration, engines ...*Engine) {
	t.Helper()
	if len(engines) == 0 {
		engines = []*Engine{w.engine()}
	}
	for range int(span / (5 * time.Second)) {
		w.advance(5 * time.Second)
		var group sync.WaitGroup
		for _, engine := range engines {
			group.Go(func() {
				if err := engine.Tick(t.Context()); err != nil {
					t.Errorf("tick: %v", err)
				}
			})
		}
		group.Wait()
	}
}

func (w *world) runs(t *testing.T, filter Filter) []Run {
	t.Helper()
	filter.Limit = 100
	runs, err := w.engine().Runs(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

func (w *world) only(t *testing.T) Run {
	t.Helper()
	runs := w.runs(t, Filter{})
	if len(runs) != 1 {
		t.Fatalf("got %d runs, want one", len(runs))
	}
	return runs[0]
}

// asking asks at every hour.
func asking() Playbook {
	return Playbook{ID: "isolate", Action: IsolateDevice, Otherwise: Ask, Approvers: 1, Expires: DefaultExpires, PerHour: DefaultPerHour}
}

func alone() Playbook {
	p := asking()
	p.Otherwise = Automatic
	return p
}

// TestTheHourlyLimitHoldsForAllEnginesTogether lets three of them decide at once.
func TestTheHourlyLimitHoldsForAllEnginesTogether(t *testing.T) {
	t.Parallel()
	p := alone()
	p.PerHour, p.RunOnEnd, p.Expires = 4, true, 10*time.Minute
	w := newWorld(t, p)
	for i := range 12 {
		w.alert(t, fmt.Sprint("ws-", i))
	}
	w.pass(t, time.Minute, w.engine(), w.engine(), w.engine())
	if done, asks := w.runs(t, Filter{State: Succeeded}), w.runs(t, Filter{State: Waiting}); len(done) != 4 || len(asks) != 8 {
		t.Errorf("got %d by themselves and %d that ask, want 4 and 8", len(done), len(asks))
	}
	if len(w.requested) != 4 {
		t.Errorf("got %d requests, want one for each of the four", len(w.requested))
	}
	w.pass(t, 11*time.Minute)
	if got := w.runs(t, Filter{State: Expired}); len(got) != 8 {
		t.Errorf("got %d expired, want all that the limit asked about: nobody's silence lifts it", len(got))
	}
	w.advance(time.Hour)
	w.alert(t, "ws-later")
	w.pass(t, time.Minute)
	if run := w.runs(t, Filter{})[0]; run.State != Succeeded || !run.Automatic {
		t.Errorf("an hour later: got %s (%s), want it by itself", run.State, run.Reason)
	}
}

func TestFourEyesAreTwoPeopleAndOneNoEndsIt(t *testing.T) {
	t.Parallel()
	p := asking()
	p.Approvers = 2
	w := newWorld(t, p)
	w.alert(t, "ws-1")
	w.alert(t, "ws-2")
	w.pass(t, 5*time.Second)
	asks := w.runs(t, Filter{State: Waiting})
	if len(asks) != 2 || len(w.told) != 2 {
		t.Fatalf("got %d that ask and %d told, want two of each", len(asks), len(w.told))
	}
	answer := func(run Run, person string, yes bool) error {
		return w.engine().Answer(t.Context(), run.ID, person, yes)
	}
	if err := answer(asks[0], "ana", true); err != nil {
		t.Fatal(err)
	}
	if err := answer(asks[0], "ana", true); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the same person again: got %v, want a conflict", err)
	}
	w.pass(t, 10*time.Second)
	if len(w.requested) != 0 {
		t.Error("one person was enough")
	}
	if err := answer(asks[0], "ben", true); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(answer(asks[1], "ana", true), answer(asks[1], "ben", false)); err != nil {
		t.Fatal(err)
	}
	if err := answer(asks[1], "chi", true); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("after a no: got %v, want a conflict", err)
	}
	w.pass(t, time.Minute)
	if done, no := w.runs(t, Filter{State: Succeeded}), w.runs(t, Filter{State: Declined}); len(done) != 1 || len(no) != 1 || done[0].Automatic {
		t.Errorf("got %d done and %d declined, want one of each", len(done), len(no))
	}
	if err := answer(Run{ID: 99}, "ana", true); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a run that is none: got %v", err)
	}
}

func TestAQuestionEndsAtItsMomentAndFallsBack(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		runs      bool
		approvers int
		want      State
	}{
		"to nothing":                    {false, 1, Expired},
		"to running":                    {true, 1, Succeeded},
		"to nothing, where two must do": {true, 2, Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := asking()
			p.RunOnEnd, p.Approvers, p.Expires = at.runs, at.approvers, 2*time.Minute
			w := newWorld(t, p)
			w.alert(t, "ws-1")
			w.pass(t, 5*time.Second)
			w.pass(t, 110*time.Second)
			if run := w.only(t); run.State != Waiting {
				t.Fatalf("before its end: got %s (%s)", run.State, run.Reason)
			}
			w.advance(11 * time.Second)
			if err := w.engine().Answer(t.Context(), w.only(t).ID, "ana", true); !errors.Is(err, tickets.ErrConflict) {
				t.Errorf("an answer after the end: got %v, want a conflict", err)
			}
			w.pass(t, time.Minute)
			if run := w.only(t); run.State != at.want || (at.want == Succeeded) != run.Automatic {
				t.Errorf("got %s (%s), want %s", run.State, run.Reason, at.want)
			}
		})
	}
}

func TestAnExclusionWinsOverAnApproval(t *testing.T) {
	t.Parallel()
	for name, exclude := range map[string]func(*world){
		"by its tag at Microsoft": func(w *world) {
			w.devices["ws-1"] = Device{ID: "id-ws-1", Name: "ws-1", Tags: []string{"DomainController"}}
		},
		"by the playbook": func(w *world) { w.playbook.Exclude = Exclusion{Device: []string{"ws-*"}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, asking())
			w.alert(t, "ws-1")
			w.pass(t, 5*time.Second)
			w.mutex.Lock()
			exclude(w)
			w.mutex.Unlock()
			if err := w.engine().Answer(t.Context(), w.only(t).ID, "ana", true); err != nil {
				t.Fatal(err)
			}
			w.pass(t, time.Minute)
			if run := w.only(t); run.State != Skipped || len(w.requested) != 0 {
				t.Errorf("got %s (%s) and %d requests", run.State, run.Reason, len(w.requested))
			}
		})
	}
}

// TestARunThatAnotherProcessHasBegunIsNotAskedForTwice takes the lease of a run away while it is in hand.
func TestARunThatAnotherProcessHasBegunIsNotAskedForTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, alone())
	w.alert(t, "ws-1")
	w.pass(t, 5*time.Second)
	approved := w.only(t)
	if approved.State != Approved {
		t.Fatalf("got %s, want it approved", approved.State)
	}
	first, second := w.engine(), w.engine()
	if err := first.begin(t.Context(), approved); err != nil {
		t.Fatal(err)
	}
	if err := second.begin(t.Context(), approved); !errors.Is(err, errMovedOn) {
		t.Errorf("the second process: got %v, want that the run has moved on", err)
	}
	if len(w.requested) != 1 {
		t.Errorf("got %d requests, want one", len(w.requested))
	}
}

// TestARequestWithoutAnAnswerIsReadBack loses the answer after Microsoft has taken the request, and before.
func TestARequestWithoutAnAnswerIsReadBack(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		arrived  bool
		requests int
	}{"after it arrived": {true, 1}, "before it arrived": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alone())
			w.request = func(order Order) error {
				w.request = nil
				if at.arrived {
					w.running = append(w.running, Progress{ID: "of another", Comment: "by hand"}, Progress{ID: "ours", Status: "Pending", Comment: order.Comment})
				}
				return errors.New("the connection ended")
			}
			w.alert(t, "ws-1")
			w.pass(t, time.Minute)
			run := w.only(t)
			if run.State != Succeeded || len(w.requested) != at.requests || at.arrived != (run.ActionID == "ours") {
				t.Errorf("got %s by the action %q after %d requests", run.State, run.ActionID, len(w.requested))
			}
		})
	}
}

func TestWhatDefenderRefusesFailsAndIsTold(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		err  error
		want State
		says string
	}{
		"for good":                 {Permanent{errors.New("the permission Machine.Isolate is missing")}, Failed, "Machine.Isolate"},
		"because it is going on":   {ErrActive, Succeeded, "done"},
		"because it is gone":       {ErrNoDevice, Failed, "no longer"},
		"for now, and for so long": {errors.New("503"), Failed, "two hours"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, alone())
			w.request = func(Order) error { return at.err }
			if errors.Is(at.err, ErrActive) {
				w.running = []Progress{{ID: "of another", Status: "InProgress", Comment: "by hand"}}
			}
			w.alert(t, "ws-1")
			w.pass(t, time.Minute)
			for i := 0; i < 30 && !w.only(t).State.Ended(); i++ {
				w.advance(5 * time.Minute)
				w.pass(t, 5*time.Second)
			}
			run := w.only(t)
			if run.State != at.want || !strings.Contains(run.Reason, at.says) {
				t.Errorf("got %s (%s)", run.State, run.Reason)
			}
			if len(w.told) != 1 || w.told[0].State != at.want {
				t.Errorf("told %+v, want its end once", w.told)
			}
		})
	}
}

func TestATenantThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, alone())
	w.hangs = "id-ws-1"
	w.alert(t, "ws-1")
	w.alert(t, "ws-2")
	engine := w.engine()
	engine.callWithin = 50 * time.Millisecond
	w.pass(t, 30*time.Second, engine)
	states := map[string]State{}
	for _, run := range w.runs(t, Filter{}) {
		states[run.DeviceName()] = run.State
	}
	if states["ws-1"] != Planned || states["ws-2"] != Succeeded {
		t.Errorf("got %v, want the one that hangs still planned and the other done", states)
	}
}

func TestTheAuditSaysEveryMoveAndCannotBeChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, asking())
	w.alert(t, "ws-1")
	w.pass(t, 5*time.Second)
	id := w.only(t).ID
	if err := w.engine().Answer(t.Context(), id, "ana", true); err != nil {
		t.Fatal(err)
	}
	w.pass(t, time.Minute)
	_, steps, err := w.engine().Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, step := range steps {
		said = append(said, string(step.State)+" by "+step.Actor)
	}
	want := "planned by system, waiting by system, approved by ana, requesting by system, running by system, succeeded by system"
	if got := strings.Join(said, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := w.pool.Exec(t.Context(), `UPDATE playbook_steps SET says = 'nothing' WHERE run = $1`, id); err == nil {
		t.Error("the audit can be changed")
	}
}
