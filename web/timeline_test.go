package web

import (
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

func TestEveryEventIsASentence(t *testing.T) {
	t.Parallel()
	s := newSample(t)
	r := reader{configuration: s.configuration, clock: clock{now: s.now, zone: zone("Europe/Madrid")}}
	for _, sample := range []struct {
		kind  tickets.EventType
		actor string
		data  map[string]any
		want  string // text, then detail and note
	}{
		{tickets.EventCreated, "system", map[string]any{"mail_id": float64(7), "subject": "S"}, "Opened by a mail|S"},
		{tickets.EventCreated, "token:soc", nil, "Opened"},
		{tickets.EventUpdated, "system", map[string]any{"mail_id": float64(7), "subject": "S", "action": "updated"}, "Another mail arrived|S"},
		{tickets.EventUpdated, "system", map[string]any{"subject": "S", "action": "resolved"}, "Defender says that it is resolved|S"},
		{tickets.EventRaised, "system", map[string]any{"from": "low", "to": "high"}, "Severity raised from Low to High"},
		{tickets.EventMerged, "system", map[string]any{"from": float64(9)}, "Ticket #9 was joined to this one"},
		{tickets.EventMerged, "system", map[string]any{"into": float64(9)}, "This ticket went into #9"},
		{tickets.EventReopened, "system", nil, "Opened again: there is something new"},
		{tickets.EventReopened, "ana", nil, "Ana Ruiz reopened"},
		{tickets.EventAcknowledged, "ana", nil, "Ana Ruiz acknowledged"},
		{tickets.EventResolved, "system", nil, "afterhours resolved"},
		{tickets.EventResolved, "system", map[string]any{"because": "The cause is gone."}, "afterhours resolved|The cause is gone."},
		{tickets.EventResolved, "gone", nil, "gone resolved"},
		{tickets.EventNote, "token:soc", map[string]any{"text": "n"}, "token soc noted|n"},
		{tickets.EventSnoozed, "ana", map[string]any{"until": "2026-11-24T02:45:00Z"}, "Ana Ruiz snoozed until 03:45"},
		{tickets.EventSnoozed, "ana", map[string]any{"until": s.now.Add(time.Hour)}, "Ana Ruiz snoozed until 04:15"},
		{tickets.EventAssigned, "ana", map[string]any{"person": "ben"}, "Ana Ruiz assigned it to Ben Okafor"},
		{tickets.EventRecorded, "system", map[string]any{"reason": "its route says so"}, "Recorded; nobody is paged|its route says so"},
		{tickets.EventEscalated, "ben", map[string]any{"requested": true}, "Ben Okafor escalated: the next step begins now"},
		{
			tickets.EventEscalated, "system",
			map[string]any{"step": float64(2), "round": float64(3), "targets": []any{"schedule:primary", "person:ana", "webhook:soc"}, "empty": []any{"schedule:primary: nobody is on call"}},
			"Step 2 of round 3: whoever is on call in primary, Ana Ruiz and webhook soc|Not reached: schedule:primary: nobody is on call",
		},
		{tickets.EventEscalated, "system", map[string]any{"step": float64(0), "round": float64(1), "targets": []string{"person:ana"}}, "Asked first: Ana Ruiz"},
		{tickets.EventExhausted, "system", map[string]any{"reason": "r"}, "Nobody is left to tell|r"},
		{tickets.EventPageSent, "system", map[string]any{"person": "ana", "channel": "sms", "detail": "queued"}, "Told Ana Ruiz by SMS|queued"},
		{tickets.EventPageSent, "system", map[string]any{"webhook": "soc", "channel": "webhook"}, "Told webhook soc"},
		{tickets.EventPageHeld, "system", map[string]any{"person": "ana", "channel": "email", "reason": "r"}, "The page to Ana Ruiz by mail could not leave the house|r"},
		{tickets.EventPageFailed, "system", map[string]any{"person": "ana", "channel": "push", "detail": "d"}, "The page to Ana Ruiz by push failed|d"},
		{tickets.EventPageFailed, "system", nil, "The page to somebody failed"},
		{tickets.EventPagesStopped, "system", map[string]any{"pages": float64(1)}, "1 page that had not left was cancelled"},
		{tickets.EventPagesStopped, "system", map[string]any{"pages": float64(2)}, "2 pages that had not left were cancelled"},
		{"new_thing", "ana", map[string]any{"x": []any{1}}, "Ana Ruiz: new thing"},
		{tickets.EventRaised, "system", map[string]any{"from": 7, "to": nil}, "Severity raised from Unknown to Unknown"},
	} {
		e := r.entry(tickets.Event{At: s.now, Type: sample.kind, Actor: sample.actor, Data: sample.data})
		parts := []string{e.Text}
		for _, part := range []string{e.Detail, e.Note} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		if got := strings.Join(parts, "|"); got != sample.want {
			t.Errorf("%s: got %q, want %q", sample.kind, got, sample.want)
		}
	}
}

func TestTimesInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 2, 15, 0, 0, time.UTC)
	c := clock{now: now, zone: zone("Europe/Madrid")}
	for want, got := range map[string]when{
		"just now": c.ago(now.Add(-59 * time.Second)), "1 min ago": c.ago(now.Add(-time.Minute)), "59 min ago": c.ago(now.Add(-3599 * time.Second)),
		"47 h ago": c.ago(now.Add(-47 * time.Hour)), "2 d ago": c.ago(now.Add(-48 * time.Hour)),
		"now": c.in(now), "in 30 s": c.in(now.Add(29500 * time.Millisecond)), "in 2 min": c.in(now.Add(61 * time.Second)), "in 1 min": c.in(now.Add(time.Minute)),
		"03:15": c.at(now), "Mon 23 Nov 22:15": c.at(now.Add(-5 * time.Hour)),
	} {
		if got.Words != want {
			t.Errorf("got %q, want %q", got.Words, want)
		}
	}
	if got := c.ago(now); got.Exact != "2026-11-24T02:15:00Z" || got.Title != "Tue 24 Nov 2026, 03:15:00 CET" {
		t.Errorf("exact time: got %+v", got)
	}
}

func TestLinksLeadToTheMatterFirstAndOnlyToTheWeb(t *testing.T) {
	t.Parallel()
	found := portals([]tickets.Link{
		{Rel: tickets.RelDevice, URL: "https://x.example/d"},
		{Rel: tickets.RelPortal, URL: "javascript:alert(1)"},
		{Rel: "new", URL: "https://x.example/n"},
		{Rel: tickets.RelIncident, URL: "https://x.example/i"},
		{Rel: tickets.RelAlert, URL: "https:///nowhere"},
	})
	var got []string
	for _, link := range found {
		got = append(got, link.URL)
	}
	if want := "https://x.example/i https://x.example/d https://x.example/n"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
