package oncalldb_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
	"afterhours/tickets"
)

const noticed = hourly + `
people:
  - {id: ana, name: Ana, email: ana@example.com, shift_notice: 10m}
  - {id: ben, name: Ben, email: ben@example.com, shift_notice: 10m}
  - {id: nix, name: Nix}
`

// notices are the notices of shifts that were queued, in order.
func (r *room) notices(t *testing.T) []string {
	t.Helper()
	rows, err := r.pool.Query(t.Context(), `SELECT type, person, to_char(created_at AT TIME ZONE 'UTC', 'HH24:MI:SS'), payload ->> 'text' FROM pages WHERE type LIKE 'shift.%' ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var kind, person, at, said string
		if err := rows.Scan(&kind, &person, &at, &said); err != nil {
			t.Fatal(err)
		}
		if _, note, ok := strings.Cut(said, "Hand-over note of "); ok {
			kind += " with " + strings.ReplaceAll(note, "\n", " ")
		}
		found = append(found, at+" "+person+" "+kind)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return found
}

func TestAShiftIsToldOfOnceByAnyReplicaWithTheHandOverNote(t *testing.T) {
	t.Parallel()
	r := open(t) // at 03:00, Ana is on call until 03:30
	r.apply(t, noticed)
	replicas := []*oncalldb.Store{r.Store, oncalldb.New(r.Options)}
	all := func() {
		t.Helper()
		var group sync.WaitGroup
		for _, replica := range replicas {
			group.Go(func() {
				if err := replica.TellShifts(t.Context(), r.now); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	if _, err := r.WriteHandoverNote(t.Context(), "days", oncall.Actor{ID: "ana"}, " Watch srv-sql-07. "); err != nil {
		t.Fatal(err)
	}
	all()
	r.now = r.now.Add(20 * time.Minute)
	all()
	all()
	r.now = r.now.Add(10*time.Minute + time.Second)
	all()
	wantEqual(t, "told", r.notices(t), []string{
		"03:20:00 ana shift.ends", "03:20:00 ben shift.begins with Ana, Sun 1 Mar 03:00 UTC: Watch srv-sql-07.",
	})
	r.apply(t, strings.Replace(noticed, "[ana, ben]", "[ben, ana]", 1)) // Ana is on call again, until 04:30
	all()
	r.now = r.now.Add(50 * time.Minute)
	all()
	wantEqual(t, "after a change", r.notices(t)[2:], []string{"04:20:01 ana shift.ends", "04:20:01 ben shift.begins"})
}

func TestHandOverNotesAreKeptAndBounded(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, hourly)
	ana, clerk := oncall.Actor{ID: "ana"}, oncall.Actor{ID: "clerk", Admin: true}
	for text, want := range map[string]error{
		"": tickets.ErrInvalid, " \r\n ": tickets.ErrInvalid, "a\x00b": tickets.ErrInvalid, "a\x1b[31m": tickets.ErrInvalid, "\xff": tickets.ErrInvalid,
		strings.Repeat("é", oncall.MaxHandoverNote+1): tickets.ErrInvalid,
	} {
		if _, err := r.WriteHandoverNote(t.Context(), "days", ana, text); !errors.Is(err, want) {
			t.Errorf("%.20q: got %v, want %v", text, err, want)
		}
	}
	if _, err := r.WriteHandoverNote(t.Context(), "days", oncall.Actor{ID: "nix"}, "x"); !errors.Is(err, tickets.ErrForbidden) {
		t.Errorf("of somebody who is not on the schedule: got %v", err)
	}
	if _, err := r.WriteHandoverNote(t.Context(), "none", ana, "x"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("of no schedule: got %v", err)
	}
	for _, note := range []struct {
		by   oncall.Actor
		text string
	}{{ana, strings.Repeat("é", oncall.MaxHandoverNote)}, {clerk, "two\r\nlines"}} {
		if _, err := r.WriteHandoverNote(t.Context(), "days", note.by, note.text); err != nil {
			t.Fatal(err)
		}
		r.now = r.now.Add(time.Minute)
	}
	notes, err := r.HandoverNotes(t.Context(), "days", 10, 0)
	if err != nil || len(notes) != 2 || notes[0].Text != "two\nlines" || notes[0].Author != "clerk" || !notes[0].At.Equal(r.now.Add(-time.Minute)) {
		t.Fatalf("got %+v, %v", notes, err)
	}
	if older, err := r.HandoverNotes(t.Context(), "days", 10, notes[0].ID); err != nil || len(older) != 1 || older[0].ID != notes[1].ID {
		t.Errorf("older: got %+v, %v", older, err)
	}
	if note, err := r.HandoverNote(t.Context(), "days", r.now); err != nil || note != nil {
		t.Errorf("since now: got %+v, %v", note, err)
	}
	for _, statement := range []string{"UPDATE handover_notes SET body = 'x'", "DELETE FROM handover_notes", "TRUNCATE handover_notes"} {
		if _, err := r.pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v, want a refusal", statement, err)
		}
	}
}
