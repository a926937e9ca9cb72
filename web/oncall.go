package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"afterhours/oncall"
)

// week is what the page of who is on call shows.
const week = 7 * 24 * time.Hour

// horizon is how far it looks for the end of what runs now.
const horizon = 28 * 24 * time.Hour

type onCallView struct {
	frame
	Schedules []scheduleView
	People    []choice // whom whoever looks can put on call
	Complaint string
	Sleepers  []string // whom a High alert would not wake
	Waiting   string   // that a request of a shift waits for whoever looks
}

// scheduleView is one schedule: now, next, and the coming week as a bar and a table.
type scheduleView struct {
	ID       string
	Name     string
	Zone     string
	Now      string // a name; empty in a gap
	Override bool
	Until    *when    // nil beyond the horizon
	Then     *stretch // what follows; nil where nothing changes within the horizon
	Stretch  []stretch
	Bar      []barPart
	Days     []string // where the midnights are
	Gaps     int
	Layers   []layerBar    // each alone, the last wins
	Coming   []overrideRow // overrides that are not over
	Note     *handoverRow  // of whoever was on call before, for whoever is
	MayNote  bool
	MayTake  bool // whoever looks can take over what runs now
	Mine     bool // whoever looks is on call
}

// layerBar is what one layer, or the overrides, would say alone.
type layerBar struct {
	Name string
	Bar  []barPart
}

// overrideRow is one override; Mine says that whoever looks may remove it.
type overrideRow struct {
	Key      string
	Who      string
	From, To when
	Mine     bool
	Overlaps []string // with which other overrides, on the calendar
}

// stretch is one row of the table: a shift, or a gap where Who is empty.
type stretch struct {
	Who       string
	From, To  when
	Length    string
	Override  bool
	Temporary bool
	Now       bool
	Tone      int // of the bar
	person    string
	start     time.Time
	end       time.Time
}

// barPart is one rectangle of the bar, whose width is a thousand units a week.
type barPart struct {
	X, Width string
	Gap      bool
	Tone     int // one a person, as far as there are tones
}

// showOnCall is GET /oncall.
func (s *Site) showOnCall(w http.ResponseWriter, r *http.Request) error {
	view, err := s.onCallView(r)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "oncall", view)
}

func (s *Site) onCallView(r *http.Request) (onCallView, error) {
	reader, err := s.readerOf(r)
	if err != nil {
		return onCallView{}, err
	}
	frame, err := s.frame(r, "On call", "oncall")
	if err != nil {
		return onCallView{}, err
	}
	view := onCallView{frame: frame, Sleepers: reader.configuration.HighPaths(reader.watched)}
	requests, err := s.OnCall.ShiftRequests(r.Context(), "", oncall.RequestAsked, openShown, 0)
	if err != nil {
		return onCallView{}, err
	}
	view.Waiting = reader.waiting(requests)
	for _, schedule := range reader.configuration.Schedules {
		shown := reader.schedule(schedule)
		note, err := s.OnCall.HandoverNote(r.Context(), schedule.ID, schedule.HandoverSince(schedule.RunningSince(reader.now)))
		if err != nil {
			return onCallView{}, err
		}
		if note != nil {
			inZone := reader
			inZone.zone = zone(schedule.Timezone)
			row := inZone.handoverRow(*note)
			shown.Note = &row
		}
		shown.MayNote = reader.mayHandOver(schedule)
		_, can := reader.configuration.Person(reader.who.ID)
		runs, _, someone := schedule.At(reader.now)
		shown.Mine = can && someone && runs == reader.who.ID
		shown.MayTake = can && frame.MayAct && someone && !shown.Mine
		view.Schedules = append(view.Schedules, shown)
	}
	view.People = reader.overriders(frame)
	return view, nil
}

func (r reader) schedule(schedule oncall.Schedule) scheduleView {
	view := scheduleView{ID: schedule.ID, Name: schedule.Name, Zone: schedule.Timezone}
	if view.Name == "" {
		view.Name = schedule.ID
	}
	if view.Zone == "" {
		view.Zone = "UTC"
	}
	r.zone = zone(view.Zone)
	now := r.now.UTC()
	stretches := r.stretches(schedule, now, now.Add(horizon))
	for i, at := range stretches {
		if i == 0 {
			view.Now, view.Override = at.Who, at.Override
			if at.end.Before(now.Add(horizon)) {
				view.Until = &at.To
			}
		}
		if i > 0 && at.Who != view.Now && view.Then == nil {
			view.Then = &at
		}
	}
	view.Stretch = r.stretches(schedule, now, now.Add(week))
	for _, at := range view.Stretch {
		if at.Who == "" {
			view.Gaps++
		}
	}
	for _, override := range schedule.Overrides {
		if start, end := override.Span(schedule.Timezone); end.After(now) {
			view.Coming = append(view.Coming, overrideRow{
				Key: overrideKey(override), Who: r.name(override.Person), From: r.day(start), To: r.day(end), Mine: r.mayRemove(override),
			})
		}
	}
	view.Bar = bar(view.Stretch, now)
	view.Layers = r.layers(schedule, view.Stretch, now)
	view.Days = days(now, r.zone)
	return view
}

// layers are the overrides and the layers, the winning first, in the tones of the final line; without them where a single
// layer is all.
func (r reader) layers(schedule oncall.Schedule, final []stretch, now time.Time) []layerBar {
	if len(schedule.Layers)+min(1, len(schedule.Overrides))+min(1, len(schedule.Temporary)) < 2 {
		return nil
	}
	tones := map[string]int{}
	for _, at := range final {
		tones[at.Who] = at.Tone
	}
	alone := func(name string, part oncall.Schedule) layerBar {
		part.Timezone, part.Holidays = schedule.Timezone, schedule.Holidays
		stretches := slices.DeleteFunc(r.stretches(part, now, now.Add(week)), func(at stretch) bool { return at.Who == "" })
		for i, at := range stretches {
			if tone, known := tones[at.Who]; known {
				stretches[i].Tone = tone
			}
		}
		return layerBar{name, bar(stretches, now)}
	}
	var bars []layerBar
	if len(schedule.Overrides) > 0 {
		bars = append(bars, alone("overrides", oncall.Schedule{Overrides: schedule.Overrides}))
	}
	if len(schedule.Temporary) > 0 {
		bars = append(bars, alone("temporary", oncall.Schedule{Temporary: schedule.Temporary}))
	}
	for i, layer := range slices.Backward(schedule.Layers) {
		bars = append(bars, alone(named(layer.Name, "layer "+strconv.Itoa(i+1)), oncall.Schedule{Layers: []oncall.Layer{layer}}))
	}
	return bars
}

// spell is a shift or, without a person, a gap.
type spell struct {
	person     string
	start, end time.Time
	source     string
}

// spells are shifts and gaps in order.
func spells(schedule oncall.Schedule, from, to time.Time) []spell {
	shifts, gaps := schedule.Shifts(from, to)
	var all []spell
	for _, shift := range shifts {
		all = append(all, spell{shift.Person, shift.Start, shift.End, shift.Source})
	}
	for _, gap := range gaps {
		all = append(all, spell{start: gap.Start, end: gap.End})
	}
	slices.SortFunc(all, func(a, b spell) int { return a.start.Compare(b.start) })
	return all
}

func (r reader) stretches(schedule oncall.Schedule, from, to time.Time) []stretch {
	tones := map[string]int{}
	var found []stretch
	for _, at := range spells(schedule, from, to) {
		who := ""
		if at.person != "" {
			who = r.name(at.person)
			if _, known := tones[at.person]; !known {
				tones[at.person] = len(tones) % 4
			}
		}
		found = append(found, stretch{
			Who: who, From: r.day(at.start), To: r.day(at.end), Length: length(at.end.Sub(at.start)),
			Override: at.source == oncall.SourceOverride, Temporary: at.source == oncall.SourceTemporary, Now: !at.start.After(r.now), Tone: tones[at.person], person: at.person, start: at.start, end: at.end,
		})
	}
	return found
}

// day is a time with its day, always.
func (r reader) day(at time.Time) when { return r.when(at, r.moment(at.In(r.zone))) }

// length is a stretch's length in its two largest units.
func length(of time.Duration) string {
	minutes := int(of.Round(time.Minute).Minutes())
	var parts []string
	for _, part := range []struct {
		minutes int
		unit    string
	}{{24 * 60, "d"}, {60, "h"}, {1, "min"}} {
		if n := minutes / part.minutes; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+part.unit)
		}
		minutes %= part.minutes
	}
	return strings.Join(parts[:min(2, len(parts))], " ")
}

func bar(stretches []stretch, from time.Time) []barPart {
	parts := make([]barPart, len(stretches))
	for i, at := range stretches {
		x, end := along(at.start.Sub(from)), along(at.end.Sub(from))
		parts[i] = barPart{X: units(x), Width: units(end - x), Gap: at.Who == "", Tone: at.Tone}
	}
	return parts
}

// days are the midnights of the bar.
func days(from time.Time, zone *time.Location) []string {
	local := from.In(zone)
	var found []string
	for i := 1; i <= 7; i++ {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+i, 0, 0, 0, 0, zone)
		if x := along(midnight.Sub(from)); x < 1000 {
			found = append(found, units(x))
		}
	}
	return found
}

func along(after time.Duration) float64 { return 1000 * after.Hours() / week.Hours() }

func units(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
