package oncall

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

// TestWhatIsAgreedUponIsWhatTheScheduleSays gives away and swaps random stretches of random schedules around the changes
// of the clock, and paints the strip: the stretches change hands, to the second, and nothing else does, also after storage.
func TestWhatIsAgreedUponIsWhatTheScheduleSays(t *testing.T) {
	t.Parallel()
	for name, year := range map[string]int{"Europe/Madrid": 2026, "Australia/Lord_Howe": 2026, "Africa/Casablanca": 2026, "Pacific/Apia": 2011} {
		clock := newClockTable(t, name, year)
		random := rand.New(rand.NewPCG(uint64(year), 7))
		agreed := 0
		for n := range 300 {
			agreed += clock.compareAgreed(t, random, fmt.Sprintf("%s, schedule %d", name, n))
		}
		if agreed < 30 {
			t.Errorf("%s: agreed %d times, want more", name, agreed)
		}
	}
}

func (c *clockTable) compareAgreed(t *testing.T, random *rand.Rand, which string) int {
	t.Helper()
	from := c.changes[random.IntN(len(c.changes))] - int(2*24*time.Hour/slot)
	to := from + int(5*24*time.Hour/slot)
	s := c.random(random, from)
	configuration := Configuration{Schedules: []Schedule{s}}
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		configuration.People = append(configuration.People, Person{ID: id, Name: id})
	}
	now := c.instant(from)
	turns := s.Turns(now.Add(slot), c.instant(to))
	one, two := turns[random.IntN(len(turns))], turns[random.IntN(len(turns))]
	if one.Person == "" || two.Person == "" || one.Person == two.Person {
		return 0
	}
	request := ShiftRequest{Schedule: "s", Giver: one.Person, Taker: two.Person, Start: one.Start, End: one.End, State: RequestAsked}
	if random.IntN(2) == 0 {
		request.OtherStart, request.OtherEnd = &two.Start, &two.End
	}
	after, err := configuration.Agree(request, now)
	if err != nil {
		t.Fatalf("%s: %+v of %+v: %v", which, request, turns, err)
	}
	text, err := json.Marshal(after.Schedules[0])
	if err != nil {
		t.Fatal(err)
	}
	var stored Schedule
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatalf("%s: %v in %s", which, err, text)
	}
	before, strip := c.paint(s, from, to), c.paint(stored, from, to)
	for i := range strip {
		at := c.instant(from + i)
		want := before[i]
		switch {
		case !at.Before(request.Start) && at.Before(request.End):
			want = spot{request.Taker, SourceOverride}
		case request.Swap() && !at.Before(two.Start) && at.Before(two.End):
			want = spot{request.Giver, SourceOverride}
		}
		if strip[i] != want {
			t.Fatalf("%s: %+v at %s: got %v, want %v in %s", which, request, at, strip[i], want, text)
		}
	}
	return 1
}

const shared = `
people:
  - {id: ana, name: Ana, email: ana@example.com}
  - {id: ben, name: Ben, email: ben@example.com, timezone: Europe/Madrid}
  - {id: chi, name: Chi, email: chi@example.com, detail: minimal}
  - {id: dee, name: Dee, contacts: [{id: phone, channel: sms, to: "+34600000001"}]}
schedules:
  - {id: primary, name: Primary, layers: [{people: [ana, ben, chi, dee], rotation: {every: 12h, start: "2026-03-02T08:00"}}]}
`

func at(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }

func moment(day, hour int) *time.Time { m := at(day, hour); return &m }

func TestWhatCannotBeAgreedUpon(t *testing.T) {
	t.Parallel()
	c, err := load(t, shared)
	if err != nil {
		t.Fatal(err)
	}
	now := at(2, 9)
	for _, refused := range []struct {
		request ShiftRequest
		want    error
		says    string
	}{
		{ShiftRequest{Schedule: "none", Giver: "ana", Taker: "ben", Start: at(2, 10), End: at(2, 12)}, tickets.ErrNotFound, ""},
		{ShiftRequest{Schedule: "primary", Giver: "zoe", Taker: "ben", Start: at(2, 10), End: at(2, 12)}, tickets.ErrInvalid, `no person "zoe"`},
		{ShiftRequest{Schedule: "primary", Giver: "", Taker: "ben", Start: at(2, 10), End: at(2, 12)}, tickets.ErrInvalid, `no person ""`},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ana", Start: at(2, 10), End: at(2, 12)}, tickets.ErrInvalid, "whoever has it"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(2, 12), End: at(2, 12)}, tickets.ErrInvalid, "ends before it begins"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(2, 12), End: at(32+10, 12)}, tickets.ErrInvalid, "31 days"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(400, 12), End: at(401, 12)}, tickets.ErrInvalid, "a year"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(2, 8), End: at(2, 9)}, tickets.ErrConflict, "over"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(2, 10), End: at(2, 21)}, tickets.ErrConflict, "from Mon 2 Mar 20:00 to Mon 2 Mar 21:00 UTC Ben is on call, not Ana"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Start: at(4, 10), End: at(4, 11), OtherStart: moment(3, 9), OtherEnd: moment(3, 10)}, tickets.ErrInvalid, "somebody to swap with"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "chi", Start: at(4, 10), End: at(4, 11), OtherStart: moment(3, 9)}, tickets.ErrInvalid, "both"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "chi", Start: at(2, 8), End: at(2, 20), OtherStart: moment(3, 9), OtherEnd: moment(3, 10)}, tickets.ErrConflict, "has begun"},
		{ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(4, 10), End: at(4, 11), OtherStart: moment(3, 9), OtherEnd: moment(3, 10)}, tickets.ErrConflict, "Chi is on call, not Ben"},
	} {
		if err := c.CheckRequest(refused.request, now); !errors.Is(err, refused.want) || !strings.Contains(err.Error(), refused.says) {
			t.Errorf("%+v: got %v, want %v with %q", refused.request, err, refused.want, refused.says)
		}
	}
	running := ShiftRequest{Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(2, 8), End: at(2, 12)}
	after, err := c.Agree(running, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(after.Schedules[0].Turns(at(2, 8), at(2, 13))); got != fmt.Sprint([]Turn{{"ana", at(2, 8), at(2, 9)}, {"ben", at(2, 9), at(2, 12)}, {"ana", at(2, 12), at(2, 13)}}) {
		t.Errorf("of a shift that runs: got %s", got)
	}
}

func TestARequestEndsByItself(t *testing.T) {
	t.Parallel()
	now := at(2, 9)
	for want, r := range map[time.Time]ShiftRequest{
		at(9, 9):                  {Start: at(20, 8), End: at(20, 20)},
		at(3, 8):                  {Start: at(3, 8), End: at(3, 20)},
		at(2, 10):                 {Start: at(2, 8), End: at(2, 20)},
		now.Add(30 * time.Minute): {Start: at(2, 8), End: now.Add(30 * time.Minute)},
		at(4, 8):                  {Start: at(5, 8), End: at(5, 20), OtherStart: moment(4, 8), OtherEnd: moment(4, 20)},
	} {
		if got := r.Expires(now); !got.Equal(want) {
			t.Errorf("%+v: got %s, want %s", r, got, want)
		}
	}
}

func TestWhoeverIsConcernedIsToldOfARequest(t *testing.T) {
	t.Parallel()
	c, err := load(t, shared)
	if err != nil {
		t.Fatal(err)
	}
	give := ShiftRequest{ID: 7, Schedule: "primary", Giver: "ana", Taker: "ben", Start: at(4, 8), End: at(4, 20), AskedBy: "ana", Says: "A wedding.", State: RequestAsked, ExpiresAt: at(4, 8)}
	take, open, swap := give, give, give
	take.AskedBy, take.Says = "ben", ""
	open.Taker = ""
	swap.OtherStart, swap.OtherEnd = moment(4, 20), moment(5, 8)
	end := func(r ShiftRequest, state, by string) ShiftRequest {
		r.State, r.SettledBy = state, by
		r.Reason = "from here to there Chi is on call"
		return r
	}
	for _, told := range []struct {
		request ShiftRequest
		want    string
	}{
		{give, "ben shift.asked: Ana asks you to be on call Wed 4 Mar 09:00 to 21:00 CET (Primary) / “A wedding.” / Say yes or no at the desk before Wed 4 Mar 09:00 CET. Until then nothing changes."},
		{take, "ana shift.asked: Ben would take your shift Wed 4 Mar 08:00 to 20:00 UTC (Primary) / Say yes or no at the desk before Wed 4 Mar 08:00 UTC. Until then nothing changes."},
		{open, "ben shift.asked: Ana asks who can be on call Wed 4 Mar 09:00 to 21:00 CET (Primary) / “A wedding.” / Say yes or no at the desk before Wed 4 Mar 09:00 CET. Until then nothing changes.; chi shift.asked: About a shift of yours / The desk says more."},
		{swap, "ben shift.asked: Ana asks you to swap shifts (Primary) / You would be on call Wed 4 Mar 09:00 to 21:00 CET. / Ana would be on call Wed 4 Mar 21:00 to Thu 5 Mar 09:00 CET. / “A wedding.” / Say yes or no at the desk before Wed 4 Mar 09:00 CET. Until then nothing changes."},
		{end(give, RequestAgreed, "ben"), "ana shift.settled: Ben takes your shift Wed 4 Mar 08:00 to 20:00 UTC (Primary) / Pages go to Ben in that time.; ben shift.settled: You are on call Wed 4 Mar 09:00 to 21:00 CET (Primary) / You took the shift of Ana."},
		{end(swap, RequestAgreed, "chi"), "ana shift.settled: You and Ben have swapped shifts (Primary) / Ben is on call Wed 4 Mar 08:00 to 20:00 UTC. / You are on call Wed 4 Mar 20:00 to Thu 5 Mar 08:00 UTC. / Chi arranged it.; ben shift.settled: You and Ana have swapped shifts (Primary) / You are on call Wed 4 Mar 09:00 to 21:00 CET. / Ana is on call Wed 4 Mar 21:00 to Thu 5 Mar 09:00 CET. / Chi arranged it."},
		{end(give, RequestDeclined, "ben"), "ana shift.settled: Ben said no: the shift Wed 4 Mar 08:00 to 20:00 UTC (Primary) stays as it is / Somebody else may take it."},
		{end(take, RequestWithdrawn, "ben"), "ana shift.settled: Ben needs no answer any more: the shift Wed 4 Mar 08:00 to 20:00 UTC (Primary) stays as it is / You need not do anything."},
		{end(take, RequestExpired, "system"), "ben shift.settled: Nobody answered: the shift Wed 4 Mar 09:00 to 21:00 CET (Primary) stays as it is / Ask anew, or ask somebody else."},
		{end(give, RequestOutdated, "ben"), "ana shift.settled: The schedule has changed: the shift Wed 4 Mar 08:00 to 20:00 UTC (Primary) stays as it is / From here to there Chi is on call.; ben shift.settled: The schedule has changed: the shift Wed 4 Mar 09:00 to 21:00 CET (Primary) stays as it is / From here to there Chi is on call."},
	} {
		var got []string
		for _, page := range c.RequestNotices(told.request, at(3, 8)) {
			var notice Notice
			if err := json.Unmarshal(page.Payload, &notice); err != nil || !page.IsNotice() || notice.Path != RequestPath {
				t.Errorf("got %+v, %v", page, err)
			}
			got = append(got, page.Person+" "+page.Type+": "+notice.Subject+" / "+strings.ReplaceAll(notice.Text, "\n", " / "))
		}
		if strings.Join(got, "; ") != told.want {
			t.Errorf("%s:\n got %s\nwant %s", told.request.State, strings.Join(got, "; "), told.want)
		}
	}
}
