package web

import (
	"fmt"
	"net/url"
	"time"

	"afterhours/oncall"
)

// calendarRows are the rows of the table behind a calendar, and the gaps among them.
func (r reader) calendarRows(p period, from, to time.Time) (rows []stretchRow, gaps []stretch) {
	for _, at := range r.stretches(p.schedule, from, to) {
		at.Now = !at.start.After(r.now) && at.end.After(r.now)
		row := stretchRow{stretch: at}
		if at.Who != "" {
			row.Tone = r.tone(at.person)
		} else {
			gaps = append(gaps, at)
		}
		if at.end.After(r.now) {
			in := zone(p.schedule.Timezone)
			start, end := latest(at.start, r.now.Truncate(time.Minute)), at.end
			values, _ := url.ParseQuery(p.where()) // it was written just now
			values.Set("start", start.In(in).Format(inputLayout))
			values.Set("end", end.In(in).Format(inputLayout))
			row.Take = "/schedules/" + p.schedule.ID + "?" + values.Encode() + "#override"
		}
		rows = append(rows, row)
	}
	return rows, gaps
}

// inputLayout is what an input of a local time holds.
const inputLayout = "2006-01-02T15:04"

// doubleRows say who is on call twice at once, one sentence for each pair of schedules or layers.
func (r reader) doubleRows(schedule oncall.Schedule, from, to time.Time) []string {
	type pair struct {
		person, schedule string
		layers           [2]string
	}
	first, counts := map[pair]oncall.DoubleBooking{}, map[pair]int{}
	var order []pair
	for _, double := range r.configuration.DoubleBookings(schedule, from, to) {
		of := pair{double.Person, double.Schedule, double.Layers}
		if counts[of]++; counts[of] == 1 {
			first[of], order = double, append(order, of)
		}
	}
	var said []string
	for _, of := range order {
		where := fmt.Sprintf("in the layers %s and %s", of.layers[0], of.layers[1])
		if of.schedule != "" {
			other, _ := r.configuration.Schedule(of.schedule)
			where = "here and in " + nameOf(other)
		}
		text := r.name(of.person) + " is on call " + where + " at once: " + r.day(first[of].Start).Words + " to " + r.day(first[of].End).Words
		if more := counts[of] - 1; more > 0 {
			text += ", and " + count(more, "more stretch", "more stretches")
		}
		said = append(said, text+".")
	}
	return said
}

// clockChanges say when clocks are changed within a period.
func clockChanges(zone *time.Location, from, to time.Time) []string {
	var said []string
	for _, at := range zoneChanges(zone, from, to) {
		before := at.Add(-time.Second).In(zone)
		_, was := before.Zone()
		_, is := at.In(zone).Zone()
		shown := at.UTC().Add(time.Duration(was) * time.Second)
		way := "forward"
		if is < was {
			way = "back"
		}
		said = append(said, fmt.Sprintf("Clocks go %s on %s from %s to %s.", way, shown.Format("Mon 2 January"), shown.Format("15:04"), at.In(zone).Format("15:04")))
	}
	return said
}

// overrideRows are the overrides that touch a period, and what each has in common with others.
func (r reader) overrideRows(schedule oncall.Schedule, from, to time.Time) []overrideRow {
	var rows []overrideRow
	for i, override := range schedule.Overrides {
		start, end := override.Span(schedule.Timezone)
		if !start.Before(to) || !from.Before(end) {
			continue
		}
		row := overrideRow{Key: overrideKey(override), Who: r.name(override.Person), From: r.day(start), To: r.day(end), Mine: r.mayRemove(override)}
		for k, other := range schedule.Overrides {
			began, ended := other.Span(schedule.Timezone)
			if k == i || !began.Before(end) || !start.Before(ended) {
				continue
			}
			wins := ", which wins"
			if k < i {
				wins = ", and wins"
			}
			row.Overlaps = append(row.Overlaps, "overlaps with that of "+r.name(other.Person)+wins)
		}
		rows = append(rows, row)
	}
	return rows
}
