package oncall

import (
	"testing"
	"time"

	"afterhours/tickets"
)

func TestAMidnightThatComesTwiceOpensItsWindowOnce(t *testing.T) {
	t.Parallel()
	// One minute into 7 November 2010 the clocks of St John's went back to the evening before: what began at midnight is
	// open while they show 23:30 of a day on which nothing begins.
	s := Schedule{Timezone: "America/St_Johns", Layers: []Layer{{
		People:   []string{"ana"},
		Rotation: Rotation{Every: every(t, "1d"), Start: localTime(t, "2010-11-01T00:00")},
		Hours:    []Window{{Days: []Weekday{Weekday(time.Sunday)}, From: 0, To: 30}},
	}}}
	for at, want := range map[string]string{
		"2010-11-07T02:29:59Z": "",    // 23:59:59, summer time
		"2010-11-07T02:30:00Z": "ana", // midnight, for the first time
		"2010-11-07T03:00:00Z": "ana", // 23:30 again
		"2010-11-07T03:59:59Z": "ana",
		"2010-11-07T04:00:00Z": "", // 00:30
	} {
		if got, _, _ := s.At(instant(t, at)); got != want {
			t.Errorf("At %s: got %q, want %q", at, got, want)
		}
	}
	shifts, _ := s.Shifts(instant(t, "2010-11-06T00:00:00Z"), instant(t, "2010-11-09T00:00:00Z"))
	if len(shifts) != 1 || !shifts[0].Start.Equal(instant(t, "2010-11-07T02:30:00Z")) || !shifts[0].End.Equal(instant(t, "2010-11-07T04:00:00Z")) {
		t.Errorf("Shifts: got %+v, want one from 02:30 to 04:00 UTC", shifts)
	}
}

func TestATurnOnADayThatWasSkippedIsCounted(t *testing.T) {
	t.Parallel()
	// Samoa had no 30 December 2011.
	s := Schedule{Timezone: "Pacific/Apia", Layers: []Layer{{
		People: []string{"a", "b", "c", "d"}, Rotation: Rotation{Every: every(t, "1d"), Start: localTime(t, "2011-12-28T09:00")},
	}}}
	for at, want := range map[string]string{
		"2011-12-29T18:59:59Z": "a",
		"2011-12-29T19:00:00Z": "b", // 29 December, 09:00
		"2011-12-30T09:59:59Z": "b",
		"2011-12-30T10:00:00Z": "c", // midnight, the first instant after the skipped day, of 31 December
		"2011-12-30T18:59:59Z": "c",
		"2011-12-30T19:00:00Z": "d", // 31 December, 09:00
	} {
		if got, _, _ := s.At(instant(t, at)); got != want {
			t.Errorf("At %s: got %q, want %q", at, got, want)
		}
	}
}

func TestTurnsAreCountedOverMillennia(t *testing.T) {
	t.Parallel()
	// A time.Duration ends after 292 years; a moment in a request need not.
	for turn, want := range map[string]string{
		"1h":     "b", // 69,889,897 turns
		"1d":     "b", // 2,912,079
		"1w":     "b", // 416,011
		"1mo":    "a", // 95,676
		"9999mo": "b", // 9
	} {
		s := Schedule{Layers: []Layer{{
			People: []string{"a", "b"}, Rotation: Rotation{Every: every(t, turn), Start: localTime(t, "2026-01-01T00:00")},
		}}}
		if got, _, _ := s.At(instant(t, "9999-01-02T01:00:00Z")); got != want {
			t.Errorf("%s: got %q, want %q", turn, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "1m30s": 90 * time.Second, "5m": 5 * time.Minute, "2h": 2 * time.Hour,
		"1d": 24 * time.Hour, "2w": 14 * 24 * time.Hour, "106751d": 106751 * 24 * time.Hour,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s: got %s, %v, want %s", text, time.Duration(d), err, want)
		}
		var again Duration
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
			t.Errorf("%s, written as %s: got %s, %v", text, d, again, err)
		}
	}
	if got := Duration(0).String(); got != "0s" {
		t.Errorf("no time at all: got %q, want 0s", got)
	}
	for _, text := range []string{"", "5", "d", "-1d", "1.5d", "-5m", "soon", "106752d", "99999w", "15251w", "9999999h"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %s, want an error", text, d)
		}
	}
}

func TestMatchesAskForEveryKey(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
routes:
  - action: record
    match: {severity: [low, HIGH], kind: alert, product: endpoint, category: Ransomware, title: ["x", "*PC-0?/*"], status: New,
            device: "srv-*", organisation: Contoso, from: defender-noreply@microsoft.com, to: "soc@example.com", tenant: T1,
            hours: [{days: [sat], from: "22:00", to: "02:00"}]}
  - {match: {verified: false}, action: record}
`)
	if err != nil {
		t.Fatal(err)
	}
	at := instant(t, "2026-06-07T01:00:00Z") // Sunday, within Saturday's window
	complete := func() Facts {
		return Facts{
			Ticket: &tickets.Ticket{
				Severity: tickets.High, Kind: tickets.KindAlert, Product: tickets.ProductEndpoint, Category: "ransomware",
				Title: "Malware on pc-01/c", Devices: []string{"other", "SRV-1"}, Organisation: "contoso", TenantID: "t1",
			},
			Status: "new", From: "Defender-NoReply@microsoft.com", To: []string{"a@example.com", "SOC@example.com"},
		}
	}
	match := c.Routes[0].Match
	if !match.Matches(complete(), at) {
		t.Error("everything holds: got no match")
	}
	for name, spoil := range map[string]func(*Facts){
		"severity":     func(f *Facts) { f.Ticket.Severity = "medium" },
		"kind":         func(f *Facts) { f.Ticket.Kind = "incident" },
		"product":      func(f *Facts) { f.Ticket.Product = "cloud" },
		"category":     func(f *Facts) { f.Ticket.Category = "Ransomwares" },
		"title":        func(f *Facts) { f.Ticket.Title = "Malware on pc-011/c" },
		"status":       func(f *Facts) { f.Status = "" },
		"device":       func(f *Facts) { f.Ticket.Devices = []string{"my-srv-1"} },
		"no device":    func(f *Facts) { f.Ticket.Devices = nil },
		"organisation": func(f *Facts) { f.Ticket.Organisation = "" },
		"from":         func(f *Facts) { f.From = "x@microsoft.com" },
		"to":           func(f *Facts) { f.To = nil },
		"tenant":       func(f *Facts) { f.Ticket.TenantID = "T2" },
	} {
		facts := complete()
		spoil(&facts)
		if match.Matches(facts, at) {
			t.Errorf("another %s: got a match", name)
		}
	}
	if match.Matches(complete(), instant(t, "2026-06-07T02:00:00Z")) {
		t.Error("after hours: got a match")
	}
	yes, no := true, false
	for name, verified := range map[string]*bool{"not known": nil, "refused": &no, "verified": &yes} {
		facts := complete()
		facts.Ticket.Verified = verified
		if got, want := c.Routes[1].Match.Matches(facts, at), verified != &yes; got != want {
			t.Errorf("verified: false for %s: got %v, want %v", name, got, want)
		}
	}
}

func BenchmarkWhoIsOnCallNow(b *testing.B) {
	s := Schedule{Timezone: "Europe/Madrid", Layers: []Layer{{
		People: []string{"a", "b", "c"}, Rotation: Rotation{Every: every(b, "1d"), Start: localTime(b, "2020-01-01T09:00")},
		Hours: []Window{{From: 18 * 60, To: 8 * 60}},
	}}}
	at := instant(b, "2026-06-01T03:00:00Z")
	for b.Loop() {
		s.At(at)
	}
}
