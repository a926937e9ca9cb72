package oncall

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTheHistoryIsWhatWasInForce changes random schedules at random moments around every change of the clock, writes the
// history by ticks with holes of hours between, and compares each slot with the strip that the schedule in force then
// paints.
func TestTheHistoryIsWhatWasInForce(t *testing.T) {
	t.Parallel()
	years := map[string]int{
		"UTC": 2026, "Europe/Madrid": 2026, "America/St_Johns": 2026, "Australia/Lord_Howe": 2026, "Antarctica/Troll": 2026, "Pacific/Apia": 2011,
	}
	histories := 600 / len(years)
	if testing.Short() {
		histories = 20
	}
	for name, year := range years {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClockTable(t, name, year)
			random := rand.New(rand.NewPCG(uint64(year), uint64(len(name))))
			for n := range histories {
				clock.compareHistory(t, random, fmt.Sprintf("history %d", n))
			}
		})
	}
}

// past is a version of a schedule with the slot in which it comes into force.
type past struct {
	slot     int
	schedule *Schedule
}

func (c *clockTable) compareHistory(t *testing.T, random *rand.Rand, which string) {
	t.Helper()
	const day = int(24 * time.Hour / slot)
	from := len(c.shows) / 2
	if len(c.changes) > 0 {
		from = c.changes[random.IntN(len(c.changes))] - random.IntN(3*day)
	}
	to := from + 1 + random.IntN(6*day)
	var pasts []past
	at := from
	for range 1 + random.IntN(4) {
		s := c.random(random, from)
		pasts = append(pasts, past{at, &s})
		if random.IntN(8) == 0 {
			pasts[len(pasts)-1].schedule = nil
		}
		if at += 1 + random.IntN(2*day); at >= to {
			break
		}
	}
	records, ticks := c.writeHistory(random, pasts, to)
	for i, version := range pasts {
		end := to
		if i+1 < len(pasts) {
			end = pasts[i+1].slot
		}
		strip := make([]spot, end-version.slot)
		if version.schedule != nil {
			strip = c.paint(*version.schedule, version.slot, end)
		}
		for n, want := range strip {
			for _, moment := range []time.Time{c.instant(version.slot + n), c.instant(version.slot + n + 1).Add(-recordTick)} {
				if got := recordedAt(records, moment); got != want {
					t.Fatalf("%s in %s at %s: got %v, want %v, by the records %v", which, c.zone, moment, got, want, records)
				}
			}
		}
	}
	for i, record := range records {
		if i > 0 && (!record.At.After(records[i-1].At) || record.same(records[i-1])) {
			t.Fatalf("%s: record %d is no change: %v after %v", which, i, record, records[i-1])
		}
		seen := ticks[slices.IndexFunc(ticks, func(tick time.Time) bool { return !tick.Before(record.At) })]
		if late := seen.Sub(record.At) > WatchedWithin; record.Reconstructed != late {
			t.Fatalf("%s: %v was seen at %s: got reconstructed %v", which, record, seen, record.Reconstructed)
		}
	}
	if shifts, gaps := Recorded(records, c.instant(from), c.instant(to)); !covers(records, shifts, gaps, c.instant(to)) {
		t.Fatalf("%s: got the shifts %v and the gaps %v of %v", which, shifts, gaps, records)
	}
}

// writeHistory ticks from the first version to a slot, each second or with hours between.
func (c *clockTable) writeHistory(random *rand.Rand, pasts []past, to int) (records []Record, ticks []time.Time) {
	var until time.Time
	held := 0 // versions that are read
	for now := c.instant(pasts[0].slot); ; {
		var versions []Version
		read := 0
		for i, version := range pasts {
			if from := c.instant(version.slot); i >= held-1 && !from.After(now) {
				versions = append(versions, Version{from, version.schedule})
				read = i + 1
			}
		}
		var last *Record
		if len(records) > 0 {
			last = &records[len(records)-1]
		}
		records = append(records, Records("s", last, versions, until, now)...)
		until, held = now, read
		ticks = append(ticks, now)
		end := c.instant(to)
		if now.Equal(end) {
			return records, ticks
		}
		step := time.Duration(1 + random.Int64N(int64(12*time.Hour)))
		if random.IntN(2) == 0 {
			step = time.Duration(1 + random.Int64N(int64(10*time.Minute)))
		}
		if now = now.Add(step.Truncate(recordTick) + recordTick); now.After(end) {
			now = end
		}
	}
}

// recordedAt is the newest record of a moment; nobody and nothing before the first, and where the schedule was removed.
func recordedAt(records []Record, at time.Time) (found spot) {
	for _, record := range records {
		if record.At.After(at) {
			break
		}
		found = spot{record.Person, record.Source}
		if record.Person == "" {
			found = spot{}
		}
	}
	return found
}

// covers says whether shifts and gaps are the records' spans, each once.
func covers(records []Record, shifts []PastShift, gaps []PastGap, to time.Time) bool {
	for i, record := range records {
		end := to
		if i+1 < len(records) {
			end = records[i+1].At
		}
		if !record.At.Before(to) || record.Source == SourceRemoved {
			continue
		}
		inShifts := slices.Contains(shifts, PastShift{record.Person, record.At.UTC(), end.UTC(), record.Source, record.Reconstructed})
		inGaps := slices.Contains(gaps, PastGap{record.At.UTC(), end.UTC(), record.Reconstructed})
		if inShifts == inGaps || inGaps != (record.Source == SourceGap) {
			return false
		}
	}
	return len(shifts)+len(gaps) <= len(records)
}

func TestNobodyChangesBeforeTheNextChange(t *testing.T) {
	t.Parallel()
	clock := newClockTable(t, "Australia/Lord_Howe", 2026)
	random := rand.New(rand.NewPCG(3, 1))
	const day = int(24 * time.Hour / slot)
	for n := range 200 {
		from := clock.changes[random.IntN(len(clock.changes))] - random.IntN(day)
		one, two := clock.random(random, from), clock.random(random, from)
		next := Configuration{Schedules: []Schedule{one, two}}.NextChange(clock.instant(from))
		ones, twos := clock.paint(one, from, from+day), clock.paint(two, from, from+day)
		want := day
		for i := day - 1; i > 0; i-- {
			if ones[i] != ones[i-1] || twos[i] != twos[i-1] {
				want = i
			}
		}
		if !next.Equal(clock.instant(from + want)) {
			t.Fatalf("schedules %d: got %s, want %s", n, next, clock.instant(from+want))
		}
	}
}
