package scheduleimport

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"afterhours/oncall"
)

// goAlert is what GoAlert's GraphQL API answers to the query of the documentation.
type goAlert struct {
	Schedules     listed[goAlertSchedule]
	Schedule      *goAlertSchedule
	Rotations     listed[goAlertRotation]
	UserOverrides listed[goAlertOverride]
	Users         listed[goAlertUser]
}

type goAlertSchedule struct {
	ID, Name, TimeZone string
	Targets            []struct {
		Target goAlertTarget
		Rules  []struct {
			Start, End    string
			WeekdayFilter []bool
		}
	}
	TemporarySchedules []struct {
		Start, End time.Time
		Shifts     []struct {
			UserID     string
			User       *goAlertUser
			Start, End time.Time
		}
	}
}

type goAlertTarget struct{ ID, Type, Name string }

type goAlertRotation struct {
	ID, Name, TimeZone, Type string
	Start                    time.Time
	ShiftLength              int
	ActiveUserIndex          int
	UserIDs                  []string
	Users                    []goAlertUser
	NextHandoffTimes         []time.Time
}

type goAlertUser struct{ ID, Name, Email string }

type goAlertOverride struct {
	Start, End              time.Time
	AddUserID, RemoveUserID string
	AddUser, RemoveUser     *goAlertUser
	Target                  goAlertTarget
}

// goAlertImport is one import under way.
type goAlertImport struct {
	Result
	people    people
	users     map[string]goAlertUser
	rotations map[string]goAlertRotation
	now       time.Time
}

func fromGoAlert(content []byte, options Options) (Result, error) {
	var answer struct {
		Data   *goAlert
		Errors []struct{ Message string }
	}
	read := json.Unmarshal(content, &answer)
	if read == nil && answer.Data == nil {
		answer.Data = &goAlert{}
		read = json.Unmarshal(content, answer.Data)
	}
	if read != nil {
		return Result{}, fmt.Errorf("this is no answer of GoAlert's: %w", read)
	}
	i := goAlertImport{users: map[string]goAlertUser{}, rotations: map[string]goAlertRotation{}, now: options.Now}
	for _, fault := range answer.Errors {
		i.warn("GoAlert answered with an error: %s", fault.Message)
	}
	found := *answer.Data
	if found.Schedule != nil {
		found.Schedules = append(found.Schedules, *found.Schedule)
	}
	i.know(found)
	for _, schedule := range found.Schedules {
		i.schedule(schedule, found.UserOverrides)
	}
	i.Configuration.People = i.people.list
	return i.Result, nil
}

// know remembers whom and which rotations the file names.
func (i *goAlertImport) know(found goAlert) {
	add := func(user *goAlertUser) {
		if user == nil || user.ID == "" {
			return
		}
		known := i.users[user.ID]
		i.users[user.ID] = goAlertUser{user.ID, cmp.Or(known.Name, user.Name), cmp.Or(known.Email, user.Email)}
	}
	for _, user := range found.Users {
		add(&user)
	}
	for _, rotation := range found.Rotations {
		i.rotations[rotation.ID] = rotation
		for _, user := range rotation.Users {
			add(&user)
		}
	}
	for _, override := range found.UserOverrides {
		add(override.AddUser)
		add(override.RemoveUser)
	}
	for _, schedule := range found.Schedules {
		for _, temporary := range schedule.TemporarySchedules {
			for _, shift := range temporary.Shifts {
				add(shift.User)
			}
		}
	}
}

// person is our id of a user.
func (i *goAlertImport) person(id string) string {
	user, known := i.users[id]
	if !known {
		i.warn("the user %s has no name in the file: give the person one", id)
	}
	return i.people.id(id, user.Name, user.Email)
}

func (i *goAlertImport) schedule(from goAlertSchedule, overrides []goAlertOverride) {
	zone, err := time.LoadLocation(from.TimeZone)
	if err != nil {
		i.warn("schedule %s was left out: its time zone %q is not known", from.Name, from.TimeZone)
		return
	}
	schedule := oncall.Schedule{ID: i.scheduleID(from.Name), Name: from.Name, Timezone: zone.String()}
	for _, target := range from.Targets {
		layer, ok := i.layer(from, target.Target, zone)
		if !ok {
			continue
		}
		for n, rule := range target.Rules {
			windows, always, ok := goAlertHours(rule.Start, rule.End, rule.WeekdayFilter)
			switch {
			case !ok:
				i.warn("rule %d of %s in schedule %s cannot be read and was left out", n+1, target.Target.Name, from.Name)
			case always:
				layer.Hours = nil
			default:
				layer.Hours = append(layer.Hours, windows)
			}
			if always {
				break
			}
		}
		schedule.Layers = append(schedule.Layers, layer)
	}
	if len(schedule.Layers) > 1 {
		i.warn("schedule %s has %d rotations or users: GoAlert tells everybody whose rule holds, here the last of them wins", from.Name, len(schedule.Layers))
	}
	for _, temporary := range from.TemporarySchedules {
		if !temporary.End.After(i.now) {
			i.warn("temporary schedules of %s that are over were left out", from.Name)
			continue
		}
		made := oncall.Temporary{Start: wall(temporary.Start.In(zone)), End: wall(temporary.End.In(zone))}
		for _, shift := range temporary.Shifts {
			made.Shifts = append(made.Shifts, oncall.Override{Person: i.person(shift.UserID), Start: wall(shift.Start.In(zone)), End: wall(shift.End.In(zone))})
		}
		schedule.Temporary = append(schedule.Temporary, made)
	}
	for _, override := range overrides {
		if override.Target.ID == from.ID {
			i.override(&schedule, override, zone)
		}
	}
	i.Configuration.Schedules = append(i.Configuration.Schedules, schedule)
}

func (i *goAlertImport) override(schedule *oncall.Schedule, from goAlertOverride, zone *time.Location) {
	switch {
	case !from.End.After(i.now):
		i.warn("overrides of %s that are over were left out", schedule.Name)
		return
	case from.AddUserID == "":
		i.warn("an override that takes %s off %s from %s on was left out: name who is on call instead", i.users[from.RemoveUserID].Name, schedule.Name, from.Start.In(zone).Format("2 Jan 2006 15:04"))
		return
	case from.RemoveUserID == "":
		i.warn("an override of %s adds %s to others; here %s alone is on call for its span", schedule.Name, i.users[from.AddUserID].Name, i.users[from.AddUserID].Name)
	default:
		i.warn("overrides of %s replace one user while that user is on call; here they hold for their whole span", schedule.Name)
	}
	schedule.Overrides = append(schedule.Overrides, oncall.Override{
		Person: i.person(from.AddUserID), Start: wall(from.Start.In(zone)), End: wall(from.End.In(zone)),
	})
}

// layer is a target's rotation, or a user alone, without hours.
func (i *goAlertImport) layer(from goAlertSchedule, target goAlertTarget, zone *time.Location) (oncall.Layer, bool) {
	switch strings.ToLower(target.Type) {
	case "user":
		if _, known := i.users[target.ID]; !known {
			i.users[target.ID] = goAlertUser{ID: target.ID, Name: target.Name}
		}
		return oncall.Layer{Name: target.Name, People: []string{i.person(target.ID)}, Rotation: oncall.Rotation{
			Every: oncall.Period{Count: 1, Unit: "w"}, Start: wall(midnight(i.now.In(zone))),
		}}, true
	case "rotation":
	default:
		i.warn("the target %s of schedule %s was left out: it is a %s", target.Name, from.Name, target.Type)
		return oncall.Layer{}, false
	}
	rotation, known := i.rotations[target.ID]
	if !known {
		i.warn("the rotation %s of schedule %s does not stand in the file and was left out", target.Name, from.Name)
		return oncall.Layer{}, false
	}
	ids := rotation.UserIDs
	if len(ids) == 0 {
		for _, user := range rotation.Users {
			ids = append(ids, user.ID)
		}
	}
	unit := map[string]string{"hourly": "h", "daily": "d", "weekly": "w", "monthly": "mo"}[rotation.Type]
	if len(ids) == 0 || unit == "" {
		i.warn("the rotation %s of schedule %s was left out: it has no users, or its type %q is not known", rotation.Name, from.Name, rotation.Type)
		return oncall.Layer{}, false
	}
	layer := oncall.Layer{Name: rotation.Name}
	for _, id := range rotated(ids, rotation.ActiveUserIndex) {
		layer.People = append(layer.People, i.person(id))
	}
	length := max(1, rotation.ShiftLength)
	layer.Rotation.Every = oncall.Period{Count: length, Unit: unit}
	start := rotation.Start.In(zone)
	if len(rotation.NextHandoffTimes) > 0 {
		start = before(rotation.NextHandoffTimes[0].In(zone), length, unit)
	} else {
		i.warn("the file does not say when %s hands over next: compare who is on call, and move the start of its layer", rotation.Name)
	}
	if rotation.TimeZone != "" && rotation.TimeZone != from.TimeZone {
		i.warn("the rotation %s keeps the clock of %s; here it keeps that of its schedule, %s", rotation.Name, rotation.TimeZone, from.TimeZone)
	}
	layer.Rotation.Start = wall(start)
	return layer, true
}

// midnight is the beginning of a day.
func midnight(at time.Time) time.Time {
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
}

// before is the hand-off before one.
func before(handOff time.Time, length int, unit string) time.Time {
	switch unit {
	case "h":
		return handOff.Add(-time.Duration(length) * time.Hour)
	case "w":
		return handOff.AddDate(0, 0, -7*length)
	case "mo":
		return handOff.AddDate(0, -length, 0)
	}
	return handOff.AddDate(0, 0, -length)
}

// goAlertHours are a rule's hours; its weekdays begin with Sunday, and equal ends stand for a whole day.
func goAlertHours(start, end string, weekdays []bool) (window oncall.Window, always, ok bool) {
	if window.From.UnmarshalText([]byte(start)) != nil || window.To.UnmarshalText([]byte(end)) != nil || len(weekdays) != 7 {
		return window, false, false
	}
	for weekday, named := range weekdays {
		if named {
			window.Days = append(window.Days, oncall.Weekday(weekday))
		}
	}
	switch {
	case len(window.Days) == 0:
		return window, false, false
	case len(window.Days) == 7:
		window.Days = nil
	}
	return window, window.Days == nil && window.From == window.To, true
}
