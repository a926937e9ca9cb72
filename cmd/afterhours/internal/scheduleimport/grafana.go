package scheduleimport

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"afterhours/oncall"
)

// grafana holds answers of Grafana OnCall's HTTP API under the names of their paths.
type grafana struct {
	Schedules listed[grafanaSchedule] `json:"schedules"`
	Shifts    listed[grafanaShift]    `json:"on_call_shifts"`
	Users     listed[grafanaUser]     `json:"users"`
	Results   []json.RawMessage       `json:"results"` // one answer as it is
}

type grafanaSchedule struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	TimeZone string   `json:"time_zone"`
	Shifts   []string `json:"shifts"`
	Override string   `json:"ical_url_overrides"`
}

type grafanaShift struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Type          string     `json:"type"`
	TimeZone      string     `json:"time_zone"`
	Level         int        `json:"level"`
	Start         string     `json:"start"`
	RotationStart string     `json:"rotation_start"`
	Duration      int        `json:"duration"`
	Frequency     string     `json:"frequency"`
	Interval      int        `json:"interval"`
	Until         string     `json:"until"`
	WeekStart     string     `json:"week_start"`
	ByDay         []string   `json:"by_day"`
	ByMonth       []int      `json:"by_month"`
	ByMonthDay    []int      `json:"by_monthday"`
	Users         []string   `json:"users"`
	Rolling       [][]string `json:"rolling_users"`
	First         int        `json:"start_rotation_from_user_index"`
}

type grafanaUser struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
}

// grafanaFinal is a shift of an answer of final_shifts.
type grafanaFinal struct {
	Email string    `json:"user_email"`
	User  string    `json:"user_username"`
	Start time.Time `json:"shift_start"`
	End   time.Time `json:"shift_end"`
}

// grafanaImport is one import under way.
type grafanaImport struct {
	Result
	people people
	users  map[string]grafanaUser
	now    time.Time
}

func fromGrafana(content []byte, options Options) (Result, error) {
	var found grafana
	if err := json.Unmarshal(content, &found); err != nil {
		return Result{}, fmt.Errorf("this is no answer of Grafana OnCall's: %w", err)
	}
	i := grafanaImport{users: map[string]grafanaUser{}, now: options.Now}
	finals, err := i.single(&found)
	if err != nil {
		return Result{}, err
	}
	if len(finals) > 0 {
		i.list(options.Name, time.UTC, finals)
		return i.Result, nil
	}
	for _, user := range found.Users {
		i.users[user.ID] = user
	}
	shifts := map[string]grafanaShift{}
	for _, shift := range found.Shifts {
		shifts[shift.ID] = shift
	}
	if len(found.Schedules) == 0 && len(found.Shifts) > 0 {
		i.warn("the file names no schedule: all of its shifts became one")
		one := grafanaSchedule{Name: options.Name, Type: "calendar"}
		for _, shift := range found.Shifts {
			one.Shifts = append(one.Shifts, shift.ID)
		}
		found.Schedules = append(found.Schedules, one)
	}
	for _, schedule := range found.Schedules {
		i.schedule(schedule, shifts)
	}
	i.Configuration.People = i.people.list
	return i.Result, nil
}

// single takes one answer apart that stands in the file as it is: of shifts, of schedules or of final shifts.
func (i *grafanaImport) single(found *grafana) (finals []occurrence, err error) {
	for _, result := range found.Results {
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(result, &keys); err != nil {
			return nil, fmt.Errorf("this is no answer of Grafana OnCall's: %w", err)
		}
		switch {
		case keys["shift_start"] != nil:
			var final grafanaFinal
			if err = json.Unmarshal(result, &final); err == nil && final.End.After(i.now) && final.Start.Before(final.End) {
				finals = append(finals, occurrence{cmp.Or(final.User, final.Email), final.Start, final.End})
			}
		case keys["duration"] != nil:
			var shift grafanaShift
			err = json.Unmarshal(result, &shift)
			found.Shifts = append(found.Shifts, shift)
		default:
			var schedule grafanaSchedule
			err = json.Unmarshal(result, &schedule)
			found.Schedules = append(found.Schedules, schedule)
		}
		if err != nil {
			return nil, fmt.Errorf("this is no answer of Grafana OnCall's: %w", err)
		}
	}
	slices.SortStableFunc(finals, func(a, b occurrence) int { return a.start.Compare(b.start) })
	return finals, nil
}

func (i *grafanaImport) person(id string) string {
	user, known := i.users[id]
	if !known {
		i.warn("the user %s has no name in the file: add the answer of /api/v1/users/, or give the person one", id)
	}
	return i.people.id(id, cmp.Or(user.Name, user.Username), user.Email)
}

func (i *grafanaImport) schedule(from grafanaSchedule, shifts map[string]grafanaShift) {
	if from.Type == FormatICal {
		i.warn("schedule %s was left out: it reads a calendar by its address; download that and import it with --format ical", from.Name)
		return
	}
	zone, err := time.LoadLocation(from.TimeZone)
	if err != nil {
		i.warn("schedule %s was left out: its time zone %q is not known", from.Name, from.TimeZone)
		return
	}
	if from.Override != "" {
		i.warn("the overrides of schedule %s stand in a calendar elsewhere and were left out", from.Name)
	}
	schedule := oncall.Schedule{ID: i.scheduleID(from.Name), Name: from.Name, Timezone: zone.String()}
	var named []grafanaShift
	for _, id := range from.Shifts {
		if shift, known := shifts[id]; known {
			named = append(named, shift)
		} else {
			i.warn("shift %s of schedule %s does not stand in the file and was left out", id, from.Name)
		}
	}
	slices.SortStableFunc(named, func(a, b grafanaShift) int { return a.Level - b.Level })
	for at, shift := range named {
		if at > 0 && named[at-1].Level == shift.Level && shift.Type != "single_event" && shift.Type != "override" {
			i.warn("shifts of one level in schedule %s call several people at once; here the last of them wins", from.Name)
		}
		if shift.TimeZone != "" && shift.TimeZone != zone.String() {
			i.warn("shift %s keeps the clock of %s and was left out: make a schedule of its own for it", shift.Name, shift.TimeZone)
			continue
		}
		if reason := i.shift(&schedule, shift, zone); reason != "" {
			i.warn("shift %s of schedule %s was left out: %s", shift.Name, from.Name, reason)
		}
	}
	i.Configuration.Schedules = append(i.Configuration.Schedules, schedule)
}

// shift adds a layer or an override; or says why not.
func (i *grafanaImport) shift(schedule *oncall.Schedule, shift grafanaShift, zone *time.Location) (reason string) {
	start, err := grafanaTime(shift.Start)
	length := time.Duration(shift.Duration) * time.Second
	switch {
	case err != nil:
		return err.Error()
	case length <= 0:
		return "it has no length"
	case len(shift.ByMonth) > 0 || len(shift.ByMonthDay) > 0:
		return "it recurs by months or days of a month; write a temporary schedule for it"
	}
	if until, err := grafanaTime(shift.Until); shift.Until != "" && err == nil {
		if !localised(until, zone).After(i.now) {
			return "it is over"
		}
		i.warn("shift %s ends at %s; a layer has no end here: remove it then", shift.Name, until.Format("2 Jan 2006 15:04"))
	}
	turns := shift.Rolling
	if len(turns) == 0 {
		turns = [][]string{shift.Users}
	}
	var ids []string
	for _, turn := range rotated(turns, shift.First) {
		if len(turn) > 1 {
			i.warn("shift %s calls several people at once; here the first of them is on call", shift.Name)
		}
		if len(turn) > 0 {
			ids = append(ids, turn[0])
		}
	}
	if len(ids) == 0 {
		return "it has no users"
	}
	if shift.Type == "single_event" || shift.Type == "override" {
		if !localised(start.Add(length), zone).After(i.now) {
			return "it is over"
		}
		schedule.Overrides = append(schedule.Overrides, oncall.Override{Person: i.person(ids[0]), Start: wall(start), End: wall(start.Add(length))})
		return ""
	}
	layer := oncall.Layer{Name: shift.Name}
	if layer.Rotation, layer.Hours, reason = grafanaTurns(shift, start, length, len(ids)); reason != "" {
		return reason
	}
	for _, id := range ids {
		layer.People = append(layer.People, i.person(id))
	}
	schedule.Layers = append(schedule.Layers, layer)
	return ""
}

// grafanaTurns are the hand-offs and hours of a recurring shift, where they can be written as ours.
func grafanaTurns(shift grafanaShift, start time.Time, length time.Duration, people int) (rotation oncall.Rotation, hours []oncall.Window, reason string) {
	every := max(1, shift.Interval)
	begin := start
	if from, err := grafanaTime(shift.RotationStart); err == nil && from.After(begin) {
		begin = time.Date(from.Year(), from.Month(), from.Day(), start.Hour(), start.Minute(), start.Second(), 0, time.UTC)
	}
	ofDay := time.Duration(start.Hour())*time.Hour + time.Duration(start.Minute())*time.Minute
	days := []time.Weekday{start.Weekday()}
	if len(shift.ByDay) > 0 {
		days = nil
		for _, name := range shift.ByDay {
			at := slices.IndexFunc(allDays[:], func(day time.Weekday) bool { return strings.EqualFold(day.String()[:2], name) })
			if at < 0 {
				return rotation, nil, fmt.Sprintf("%q is no day of the week", name)
			}
			days = append(days, allDays[at])
		}
	}
	ok := true
	switch unit := shift.Frequency; {
	case unit == "hourly" && length == time.Duration(every)*time.Hour && len(shift.ByDay) == 0:
		rotation.Every = oncall.Period{Count: every, Unit: "h"}
	case unit == "daily" && length == time.Duration(every)*day && len(shift.ByDay) == 0:
		rotation.Every = oncall.Period{Count: every, Unit: "d"}
	case unit == "daily" && every == 1:
		rotation.Every = oncall.Period{Count: 1, Unit: "d"}
		if len(shift.ByDay) == 0 {
			days = allDays[:]
		} else if people > 1 {
			return rotation, nil, "its turns pass over the days that it leaves out; here they would go on"
		}
		hours, ok = spans(days, ofDay, length)
	case unit == "weekly":
		rotation.Every = oncall.Period{Count: every, Unit: "w"}
		if len(shift.ByDay) > 0 {
			begin = weekBegin(begin, shift.WeekStart)
		}
		if every > 1 && length != time.Duration(every)*7*day {
			return rotation, nil, fmt.Sprintf("it speaks in one of %d weeks; write a temporary schedule for it", every)
		}
		if every == 1 {
			hours, ok = spans(days, ofDay, length)
		}
	default:
		return rotation, nil, fmt.Sprintf("%s every %d with a length of %s cannot be written as a rotation", shift.Frequency, every, length)
	}
	if !ok {
		return rotation, nil, fmt.Sprintf("its length of %s cannot be written as hours", length)
	}
	rotation.Start = wall(begin)
	return rotation, hours, ""
}

// weekBegin is the day on or before one on which weeks begin, at the same time.
func weekBegin(at time.Time, name string) time.Time {
	for range 7 {
		if strings.EqualFold(at.Weekday().String()[:2], cmp.Or(name, "SU")) {
			return at
		}
		at = at.AddDate(0, 0, -1)
	}
	return at
}

// grafanaTime reads wall-clock digits, as a time in UTC.
func grafanaTime(text string) (time.Time, error) {
	at, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(text, "Z"))
	if err != nil {
		return at, fmt.Errorf("%q is not a time", text)
	}
	return at, nil
}

// localised is the instant of wall-clock digits.
func localised(digits time.Time, zone *time.Location) time.Time {
	return time.Date(digits.Year(), digits.Month(), digits.Day(), digits.Hour(), digits.Minute(), digits.Second(), 0, zone)
}
