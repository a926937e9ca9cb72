package oncall

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const noticed = `
people:
  - {id: ana, name: Ana, email: ana@example.com, timezone: Europe/Madrid, shift_notice: 1h}
  - {id: ben, name: Ben, contacts: [{id: phone, channel: sms, to: "+34600000001"}, {id: slack, channel: slack, to: "C1"}, {id: push, channel: push, to: "https://ntfy.example/t"}], shift_notice: 2h,
     quiet: [{from: "22:00", to: "07:00"}]}
  - {id: chi, name: Chi, email: chi@example.com}
schedules:
  - {id: primary, name: Primary, timezone: UTC, layers: [{people: [ana, ben, chi], rotation: {every: 12h, start: "2026-03-02T08:00"}}]}
`

// toldWithin are the notices of ticks every few minutes, each once, as "10:30 ana begins 12:00".
func toldWithin(c Configuration, from, to time.Time) []string {
	var told []string
	seen := map[string]bool{}
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		due, _ := c.ShiftNotices(at)
		for _, notice := range due {
			what := "begins"
			if notice.Ends {
				what = "ends"
			}
			what = fmt.Sprintf("%s %s %s", notice.Person.ID, what, notice.Edge().Format("2 15:04"))
			if !seen[what] {
				told = append(told, at.Format("2 15:04")+" "+what)
			}
			seen[what] = true
		}
	}
	return told
}

func TestShiftsAreToldOfBeforeTheyBeginAndEnd(t *testing.T) {
	t.Parallel()
	c, err := load(t, noticed)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	got := strings.Join(toldWithin(c, from, from.Add(4*24*time.Hour)), "\n")
	want := strings.Join([]string{
		"2 07:00 ana begins 2 08:00",
		"2 18:00 ben begins 2 20:00",
		"2 19:00 ana ends 2 20:00",
		"3 07:00 ben ends 3 08:00", // 06:00 lies in quiet hours
		"3 19:00 ana begins 3 20:00",
		"4 07:00 ana ends 4 08:00",
		"4 07:00 ben begins 4 08:00",
		"4 18:00 ben ends 4 20:00",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestANoticeWakesNobody(t *testing.T) {
	t.Parallel()
	c, err := load(t, strings.Replace(noticed, "T08:00", "T07:00", 1)) // Ben's quiet hours end as his shift does
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	got := strings.Join(toldWithin(c, from, from.Add(24*time.Hour)), "\n")
	want := "2 17:00 ben begins 2 19:00\n2 18:00 ana ends 2 19:00\n2 21:59 ben ends 3 07:00"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant first\n%s", got, want)
	}
}

func TestAShiftThatIsGivenAtTheLastMomentIsToldOfAtOnce(t *testing.T) {
	t.Parallel()
	c, err := load(t, noticed)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if got, next := c.ShiftNotices(at); len(got) != 0 || !next.Equal(at.Add(noticesAhead)) {
		t.Errorf("beforehand: got %v", got)
	}
	c.Schedules[0].Overrides = []Override{{Person: "ben", Start: LocalTime{wall: at.Add(10 * time.Minute)}, End: LocalTime{wall: at.Add(4 * time.Hour)}}}
	got, _ := c.ShiftNotices(at)
	if len(got) != 2 || got[0].Person.ID != "ana" || !got[0].Ends || got[1].Person.ID != "ben" || got[1].Ends || got[1].Neighbour != "ana" {
		t.Errorf("got %+v, want the end of Ana's and the beginning of Ben's", got)
	}
}

func TestWhatANoticeOfAShiftSays(t *testing.T) {
	t.Parallel()
	c, err := load(t, noticed)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)
	note := &HandoverNote{Author: "ana", At: at.Add(-time.Hour), Text: "The proxy is being changed.\nCall the desk first."}
	links := Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://desk.example/"}
	say := func(notice ShiftNotice) string {
		page, ok := notice.Page(c, note, at)
		if !ok {
			t.Fatal("no contact")
		}
		message, err := Compose(Dispatch{Page: page, Person: notice.Person}, links)
		if err != nil {
			t.Fatal(err)
		}
		if message.Link != "https://desk.example/oncall" || !strings.Contains(message.HTML, "Open the desk") {
			t.Errorf("got the link %q and %s", message.Link, message.HTML)
		}
		return page.Channel + " " + message.Text
	}
	due, _ := c.ShiftNotices(at)
	for _, notice := range due {
		got := say(notice)
		want := "push Your shift begins Mon 2 Mar 20:00 UTC (Primary)\n\nUntil Tue 3 Mar 08:00 UTC. Before you: Ana.\n\nHand-over note of Ana, Mon 2 Mar 18:00 UTC:\nThe proxy is being changed.\nCall the desk first.\n\nOpen the desk: https://desk.example/oncall\n"
		if notice.Ends {
			want = "email Your shift ends Mon 2 Mar 21:00 CET (Primary)\n\nAfter you: Ben. A hand-over note at the desk tells Ben what is still open.\n\nOpen the desk: https://desk.example/oncall\n"
		}
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		notice.Person.Detail = DetailMinimal
		if got := say(notice); strings.Contains(got, "Primary") || strings.Contains(got, "Ben") || strings.Contains(got, "proxy") {
			t.Errorf("minimal: got %s", got)
		}
	}
}

// TestEveryShiftIsToldOfOnce ticks through random schedules, around changes of the clock, and wants for each turn one
// notice of its beginning and one of its end where that lies within the turn.
func TestEveryShiftIsToldOfOnce(t *testing.T) {
	t.Parallel()
	clock := newClockTable(t, "Europe/Madrid", 2026)
	random := rand.New(rand.NewPCG(5, 22))
	for n := range 60 {
		s := clock.random(random, clock.changes[0])
		c := Configuration{Schedules: []Schedule{s}}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			c.People = append(c.People, Person{ID: id, Name: id, Email: id + "@example.com", ShiftNotice: Duration(time.Duration(5+random.IntN(300)) * time.Minute)})
		}
		from := clock.instant(clock.changes[0]).Add(-24 * time.Hour)
		to := from.Add(3 * 24 * time.Hour)
		told := map[string]int{}
		previous := map[string]bool{}
		var quiet time.Time // until then nothing new
		for at := from; at.Before(to); at = at.Add(time.Duration(1+random.IntN(299)) * time.Second) {
			now := map[string]bool{}
			due, next := c.ShiftNotices(at)
			for _, notice := range due {
				if turns := s.Turns(notice.Turn.Start, notice.Turn.Start.Add(20*24*time.Hour)); !notice.Ends && turns[0].End.Before(notice.Turn.Start.Add(20*24*time.Hour)) && turns[0].End != notice.Turn.End {
					t.Fatalf("schedule %d: %+v ends %s", n, notice.Turn, turns[0].End)
				}
				key := fmt.Sprint(notice.Person.ID, notice.Ends, notice.Edge().Unix())
				if now[key] = true; !previous[key] {
					told[key]++
					if at.Before(quiet) {
						t.Fatalf("schedule %d: %s is due at %s, and nothing was before %s", n, key, at, quiet)
					}
				}
			}
			previous, quiet = now, next
		}
		for _, turn := range s.Turns(from.Add(-20*24*time.Hour), to.Add(20*24*time.Hour)) {
			if turn.Person == "" {
				continue
			}
			person, _ := c.Person(turn.Person)
			ahead := time.Duration(person.ShiftNotice)
			for _, edge := range []struct {
				at   time.Time
				ends bool
			}{{turn.Start, false}, {turn.End, true}} {
				if edge.at.Add(-ahead).Before(from) || !edge.at.Before(to) || edge.at.Equal(from) {
					continue
				}
				want := 1
				if edge.ends && turn.End.Sub(turn.Start) <= ahead {
					want = 0
				}
				if got := told[fmt.Sprint(turn.Person, edge.ends, edge.at.Unix())]; got != want {
					t.Fatalf("schedule %d: %+v, notice of %s, ends %v: told %d times, want %d", n, turn, ahead, edge.ends, got, want)
				}
			}
		}
	}
}
