package ticketdb_test

import (
	"testing"
	"time"

	"afterhours/tickets"
)

func TestReadingsAreCountedOncePerKindWeekAndField(t *testing.T) {
	t.Parallel()
	r := open(t) // on a Sunday
	parse := func(raw []byte) tickets.Alert {
		alert := alertOf(raw)
		switch alert.Title {
		case "Unknown":
			alert.Kind = tickets.KindUnrecognised
		case "Device":
			alert.Devices = []string{"pc1"}
		}
		alert.Provenance = tickets.ProvenanceMicrosoft
		return alert
	}
	r.accept(t, "high Device da1", "unknown Plain da2", "low Unknown da3", "high Device da1") // the last one is a repeat
	r.read(t, parse)
	tally := func() {
		t.Helper()
		if more, err := r.TallyReadings(t.Context()); err != nil || more {
			t.Fatalf("tally: %t, %v", more, err)
		}
	}
	if tally(); r.count(t, `SELECT count(*) FROM reading_weeks`) != 0 {
		t.Error("mails were counted while others may still come to light before them")
	}
	r.now = r.now.Add(3 * time.Minute)
	r.accept(t, "high Waiting da9")
	tally()
	tally() // nothing is counted twice
	shares, err := r.ReadingShares(t.Context(), tickets.Week(r.now))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]int{}
	for _, share := range shares {
		got[share.Kind+" "+share.Field] = [2]int{share.Mails, share.Found}
		if want := time.Date(2026, 2, 23, 0, 0, 0, 0, time.UTC); !share.Week.Equal(want) {
			t.Errorf("week: got %s, want %s", share.Week, want)
		}
	}
	for name, want := range map[string][2]int{
		"alert device": {2, 1}, "alert severity": {2, 1}, "alert title": {2, 2}, "alert alert id": {2, 2}, "alert user": {2, 0},
		tickets.KindOfMicrosoft + " " + tickets.FieldRecognised: {3, 2},
	} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	r.read(t, parse)
	r.now = r.now.Add(3 * time.Minute)
	tally()
	if mails := r.count(t, `SELECT mails FROM reading_weeks WHERE kind = 'alert' AND field = 'title'`); mails != 3 {
		t.Errorf("after the one that waited: got %d, want 3", mails)
	}
	unknown, err := r.Unrecognised(t.Context(), 10)
	if err != nil || len(unknown) != 1 || unknown[0].Ticket == 0 || unknown[0].Alert.Title != "Unknown" {
		t.Errorf("unrecognised: got %+v, %v", unknown, err)
	}
}

func TestTheMailsOfASenderComeWithTheirBodies(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high One da1", "high Two da2", "high Three da3")
	r.read(t, func(raw []byte) tickets.Alert {
		alert := alertOf(raw)
		if alert.Message.From = "SIEM@example.com"; alert.Title == "Two" {
			alert.Message.From = "other@example.com"
		}
		return alert
	})
	stored, err := r.RawOf(t.Context(), "siem@EXAMPLE.com")
	if err != nil || len(stored) != 2 || string(stored[0].Raw) != "high Three da3" || stored[0].Ticket == 0 {
		t.Errorf("got %+v, %v", stored, err)
	}
}
