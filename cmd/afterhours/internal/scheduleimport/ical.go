package scheduleimport

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"

	"afterhours/oncall"
)

// mostShifts bounds what is listed of one file.
const mostShifts = 2000

// onCallTitle is what calendars of on-call systems write before and behind a name.
var onCallTitle = regexp.MustCompile(`(?i)^\s*(?:on[ -]?call)\s*[:–-]\s*(.+?)(?:\s+\(.*\)|\s+[–-]\s+.*)?\s*$`)

// occurrence is one shift of a calendar.
type occurrence struct {
	person     string
	start, end time.Time
}

// fromICal lists the shifts of a calendar (RFC 5545) as a temporary schedule: a recurrence rule can say more than a
// rotation, so it is written out as far as the options say.
func fromICal(content []byte, options Options) (Result, error) {
	var result Result
	calendar, err := oncall.ReadCalendar(content)
	if err != nil {
		return result, fmt.Errorf("this is no iCalendar file: %w", err)
	}
	zone, name := calendarZone(calendar, &result), textOf(calendar.Props, "X-WR-CALNAME")
	if name == "" {
		name = options.Name
	}
	until := options.Now.AddDate(0, 0, options.Days)
	events := calendar.Events()
	replaced := map[string]bool{}
	for _, event := range events { // an instance that was changed stands beside its series
		if moved := event.Props.Get(ical.PropRecurrenceID); moved != nil {
			if at, err := moved.DateTime(zone); err == nil {
				replaced[textOf(event.Props, ical.PropUID)+at.UTC().Format(time.RFC3339)] = true
			}
		}
	}
	var shifts []occurrence
	past := 0
	for _, event := range events {
		found, err := occurrences(event, zone, until, replaced, &result)
		if err != nil {
			result.warn("the event %q was left out: %s", textOf(event.Props, ical.PropSummary), err)
			continue
		}
		for _, shift := range found {
			if !shift.end.After(options.Now) {
				past++
				continue
			}
			shifts = append(shifts, shift)
		}
	}
	if past > 0 {
		result.warn("%d shifts that are over were left out", past)
	}
	if len(shifts) == 0 {
		return result, fmt.Errorf("the calendar has no shift from now on within %d days", options.Days)
	}
	slices.SortStableFunc(shifts, func(a, b occurrence) int { return a.start.Compare(b.start) })
	if len(shifts) > mostShifts {
		result.warn("only the first %d of %d shifts were taken over", mostShifts, len(shifts))
		shifts = shifts[:mostShifts]
	}
	result.list(name, zone, shifts)
	return result, nil
}

// list adds a schedule whose shifts are listed one by one.
func (r *Result) list(name string, zone *time.Location, shifts []occurrence) {
	var known people
	known.list = r.Configuration.People
	temporary := oncall.Temporary{}
	end := shifts[0].end
	for i, shift := range shifts {
		if i > 0 && shift.start.Before(end) {
			r.warn("shifts of %s overlap from %s on: one person is on call here, the one whose shift begins later", name, shift.start.In(zone).Format("2 Jan 2006 15:04"))
		}
		if shift.end.After(end) {
			end = shift.end
		}
		temporary.Shifts = append(temporary.Shifts, oncall.Override{
			Person: known.id(shift.person, shift.person, ""), Start: wall(shift.start.In(zone)), End: wall(shift.end.In(zone)),
		})
	}
	temporary.Start, temporary.End = wall(shifts[0].start.In(zone)), wall(end.In(zone))
	r.Configuration.People = known.list
	r.Configuration.Schedules = append(r.Configuration.Schedules, oncall.Schedule{
		ID: r.scheduleID(name), Name: name, Timezone: zone.String(), Temporary: []oncall.Temporary{temporary},
	})
	r.warn("%s is a list of shifts up to %s, and nobody is on call after it: add a layer, or import again before", name, end.In(zone).Format("2 Jan 2006"))
}

// occurrences are the shifts of one event up to a moment.
func occurrences(event ical.Event, zone *time.Location, until time.Time, replaced map[string]bool, result *Result) ([]occurrence, error) {
	if status := textOf(event.Props, ical.PropStatus); strings.EqualFold(status, "CANCELLED") {
		return nil, nil
	}
	start, err := event.DateTimeStart(zone)
	if err != nil {
		return nil, err
	}
	end, err := event.DateTimeEnd(zone)
	if err != nil {
		return nil, err
	}
	if !start.Before(end) {
		return nil, errors.New("it has no length")
	}
	person := whoOf(event, result)
	if person == "" {
		return nil, errors.New("it names nobody")
	}
	length := end.Sub(start)
	days := int(length.Round(24*time.Hour).Hours()) / 24
	ends := func(start time.Time) time.Time {
		if event.Props.Get(ical.PropDateTimeStart).ValueType() == ical.ValueDate { // a day is as long as it is
			return start.AddDate(0, 0, days)
		}
		return start.Add(length)
	}
	rule, err := event.Props.RecurrenceRule()
	if err != nil {
		return nil, err
	}
	if rule == nil {
		return []occurrence{{person, start, end}}, nil
	}
	if rule.Freq == rrule.HOURLY || rule.Freq == rrule.MINUTELY || rule.Freq == rrule.SECONDLY {
		return nil, errors.New("it recurs more often than daily")
	}
	if start.Year() < 1970 {
		return nil, errors.New("it begins before 1970")
	}
	rule.Dtstart = start
	series, err := rrule.NewRRule(*rule)
	if err != nil {
		return nil, err
	}
	excluded, err := excluded(event, zone)
	if err != nil {
		return nil, err
	}
	endless := rule.Until.IsZero() && rule.Count == 0
	var found []occurrence
	for next := series.Iterator(); ; {
		at, ok := next()
		if !ok {
			break
		}
		if at.After(until) {
			if endless {
				result.warn("shifts that recur without an end are listed up to %s", until.Format("2 Jan 2006"))
			} else {
				result.warn("shifts after %s were left out; --days lists more", until.Format("2 Jan 2006"))
			}
			break
		}
		key := textOf(event.Props, ical.PropUID) + at.UTC().Format(time.RFC3339)
		if !excluded[at.UTC()] && !replaced[key] {
			found = append(found, occurrence{person, at, ends(at)})
		}
	}
	return found, nil
}

// excluded are the instances that an event leaves out. A property can hold several (RFC 5545, 3.8.5.1).
func excluded(event ical.Event, zone *time.Location) (map[time.Time]bool, error) {
	found := map[time.Time]bool{}
	for _, property := range event.Props.Values(ical.PropExceptionDates) {
		for _, value := range strings.Split(property.Value, ",") {
			one := property
			one.Value = strings.TrimSpace(value)
			at, err := one.DateTime(zone)
			if err != nil {
				return nil, err
			}
			found[at.UTC()] = true
		}
	}
	return found, nil
}

// whoOf is the person of an event: its only attendee, or the name in its title.
func whoOf(event ical.Event, result *Result) string {
	title := strings.TrimSpace(textOf(event.Props, ical.PropSummary))
	if strings.HasPrefix(strings.ToLower(title), "nobody on call") {
		return ""
	}
	attendees := event.Props.Values(ical.PropAttendee)
	if len(attendees) > 1 {
		result.warn("%q has several attendees: the first is taken over, for one person is on call here", title)
	}
	if len(attendees) > 0 {
		if name := attendees[0].Params.Get(ical.ParamCommonName); name != "" {
			return name
		}
		_, address, _ := strings.Cut(attendees[0].Value, ":")
		return address
	}
	if match := onCallTitle.FindStringSubmatch(title); match != nil {
		return match[1]
	}
	return title
}

// calendarZone is the zone that a calendar names, or that of its first event.
func calendarZone(calendar *ical.Calendar, result *Result) *time.Location {
	names := []string{textOf(calendar.Props, "X-WR-TIMEZONE")}
	for _, event := range calendar.Events() {
		if start := event.Props.Get(ical.PropDateTimeStart); start != nil {
			names = append(names, start.Params.Get(ical.PropTimezoneID))
		}
	}
	for _, name := range names {
		if zone, err := time.LoadLocation(name); name != "" && name != "Local" && err == nil {
			return zone
		}
	}
	result.warn("the calendar names no time zone that is known: its schedule is in UTC")
	return time.UTC
}

func textOf(properties ical.Props, name string) string {
	text, _ := properties.Text(name) // one that cannot be read says nothing
	return text
}
