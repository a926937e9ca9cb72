package web

import (
	"slices"
	"strconv"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Heights of a strip's parts, in pixels. Widths are per cent of the page's, so that no text is stretched.
const (
	dayHeight   = 22
	finalHeight = 32
	lineHeight  = 18
	thinHeight  = 10
	nameHeight  = 18
	lineSpace   = 4
)

// strip is one week of a calendar as a drawing: the days, and a line for each source of shifts. Time runs evenly, so that a
// day on which clocks are changed is as much longer or shorter as it is.
type strip struct {
	Label   string
	Height  int
	Days    []stripDay
	Lines   []stripLine
	Now     string // where now is; empty in other weeks
	Changes []string
	FinalY  int
	Final   int   // the height of the final line
	Start   int64 // in milliseconds since 1970, for dragging
	End     int64
}

type stripDay struct {
	X, Width string
	Label    string
	Today    bool
	Other    bool // it belongs to another month
	Holiday  string
}

type stripLine struct {
	Name  string // empty where the legend above names it
	NameY int
	Parts []stripPart
}

// stripPart is one shift or gap.
type stripPart struct {
	X, Width  string
	Y, Height int
	TextY     int
	Tone      int
	Gap       bool
	Text      string // empty where there is no room
	Title     string
}

// line is what one source of shifts says alone over a calendar's whole period; rows lie below each other where spans
// overlap.
type line struct {
	name  string
	final bool
	rows  [][]spell
}

// lines are the final line, then the sources from the winning to the first: overrides, temporary schedules and layers.
func (r reader) lines(schedule oncall.Schedule, from, to time.Time) []line {
	alone := func(part oncall.Schedule) []spell {
		part.Timezone, part.Holidays = schedule.Timezone, schedule.Holidays
		return slices.DeleteFunc(spells(part, from, to), func(at spell) bool { return at.person == "" })
	}
	found := []line{{"who is on call", true, [][]spell{spells(schedule, from, to)}}}
	if rows := overrideLines(schedule, from, to); len(rows) > 0 {
		found = append(found, line{name: "overrides", rows: rows})
	}
	if rows := temporaryLines(schedule, from, to); len(rows) > 0 {
		found = append(found, line{name: "temporary schedule", rows: rows})
	}
	if len(schedule.Layers) < 2 && len(found) < 2 {
		return found
	}
	for i, layer := range slices.Backward(schedule.Layers) {
		found = append(found, line{
			name: named(layer.Name, "layer "+strconv.Itoa(i+1)),
			rows: [][]spell{alone(oncall.Schedule{Layers: []oncall.Layer{layer}})},
		})
	}
	return found
}

// temporaryLines are the temporary schedules within a period with their gaps, and overrideLines the overrides; each lies in
// the first row where it overlaps none.
func temporaryLines(schedule oncall.Schedule, from, to time.Time) [][]spell {
	var rows [][]spell
	for _, temporary := range schedule.Temporary {
		start, end := temporary.Span(schedule.Timezone)
		if start, end = latest(start, from), soonest(end, to); start.Before(end) {
			alone := oncall.Schedule{Timezone: schedule.Timezone, Temporary: []oncall.Temporary{temporary}}
			rows = stacked(rows, spells(alone, start, end)...)
		}
	}
	return rows
}

func overrideLines(schedule oncall.Schedule, from, to time.Time) [][]spell {
	var rows [][]spell
	for _, override := range schedule.Overrides {
		start, end := override.Span(schedule.Timezone)
		if start, end = latest(start, from), soonest(end, to); start.Before(end) {
			rows = stacked(rows, spell{override.Person, start, end, oncall.SourceOverride})
		}
	}
	return rows
}

// stacked adds neighbouring spells to the first row where nothing overlaps them.
func stacked(rows [][]spell, more ...spell) [][]spell {
	start, end := more[0].start, more[len(more)-1].end
	free := slices.IndexFunc(rows, func(row []spell) bool {
		return !slices.ContainsFunc(row, func(other spell) bool { return other.start.Before(end) && start.Before(other.end) })
	})
	if free < 0 {
		return append(rows, more)
	}
	rows[free] = append(rows[free], more...)
	return rows
}

// strip draws the week that begins on a day.
func (r reader) strip(p period, monday time.Time, lines []line) strip {
	from, to := p.midnight(monday), p.midnight(monday.AddDate(0, 0, 7))
	along := func(at time.Time) float64 { return 100 * float64(at.Sub(from)) / float64(to.Sub(from)) }
	drawn := strip{
		Label: monday.Format("2 January") + " to " + monday.AddDate(0, 0, 6).Format("2 January 2006"),
		Start: from.UnixMilli(), End: to.UnixMilli(),
	}
	today, holidays := tickets.DayOf(r.now, p.zone), p.schedule.Calendar()
	for i := range 7 {
		day := monday.AddDate(0, 0, i)
		x, end := along(p.midnight(day)), along(p.midnight(day.AddDate(0, 0, 1)))
		drawn.Days = append(drawn.Days, stripDay{
			X: part(x), Width: part(end - x), Label: day.Format("Mon 2"), Today: day.Equal(today), Holiday: holidays[day], Other: p.month && day.Month() != p.day.Month(),
		})
	}
	if !r.now.Before(from) && r.now.Before(to) {
		drawn.Now = part(along(r.now))
	}
	for _, change := range zoneChanges(p.zone, from, to) {
		drawn.Changes = append(drawn.Changes, part(along(change)))
	}
	y := dayHeight
	for _, line := range lines {
		of := stripLine{}
		if !p.month {
			of.Name, of.NameY = line.name, y+nameHeight-5
			y += nameHeight
		}
		height := lineHeight
		switch {
		case line.final:
			height, drawn.FinalY = finalHeight, y
			drawn.Final = height
		case p.month:
			height = thinHeight
		}
		for _, row := range line.rows {
			for _, at := range row {
				if at.start.Before(to) && from.Before(at.end) {
					x, end := along(latest(at.start, from)), along(soonest(at.end, to))
					of.Parts = append(of.Parts, r.stripPart(at, x, end, y, height))
				}
			}
			y += height + lineSpace
		}
		drawn.Lines = append(drawn.Lines, of)
	}
	drawn.Height = y
	return drawn
}

func (r reader) stripPart(at spell, x, end float64, y, height int) stripPart {
	part := stripPart{X: part(x), Width: part(end - x), Y: y, Height: height, TextY: height/2 + 5, Gap: at.person == ""}
	who := "Nobody"
	if !part.Gap {
		who, part.Tone = r.name(at.person), r.tone(at.person)
	}
	if height >= lineHeight {
		part.Text = who
	}
	part.Title = who + ", " + r.day(at.start).Words + " to " + r.day(at.end).Words
	return part
}

// tone is a person's colour on a calendar: the same in every line and week.
func (r reader) tone(person string) int {
	return max(0, slices.IndexFunc(r.configuration.People, func(p oncall.Person) bool { return p.ID == person })) % 4
}

// zoneChanges are the instants within a period at which a zone's clock jumps.
func zoneChanges(zone *time.Location, from, to time.Time) []time.Time {
	var found []time.Time
	for at := from; ; {
		_, next := at.In(zone).ZoneBounds()
		if next.IsZero() || !next.Before(to) {
			return found
		}
		before, after := offsetOf(next.Add(-time.Second), zone), offsetOf(next, zone)
		if before != after { // a zone can change its name alone
			found = append(found, next)
		}
		at = next
	}
}

func offsetOf(at time.Time, zone *time.Location) int {
	_, offset := at.In(zone).Zone()
	return offset
}

func part(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) + "%" }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func soonest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
