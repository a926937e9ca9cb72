package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// dayLayout is how a calendar's address names a day.
const dayLayout = "2006-01-02"

// listedGaps is how many gaps a calendar lists above its drawing.
const listedGaps = 8

// calendarView is a schedule over a week or a month: drawn, in words, and as a table.
type calendarView struct {
	frame
	ID         string
	Name       string
	Zone       string // in which the page shows times
	Of         string // whose zone it is
	Schedule   string // the schedule's own zone, in which an override is written
	Where      string // "week 2026-11-23", which forms bring back
	Month      bool
	Past       bool   // some of it is over
	Span       string // "23 to 29 November 2026"
	Earlier    string
	Later      string
	Today      string
	Other      string // the other length's address
	OtherZone  string // the address in the other zone; empty where they are the same
	OtherWords string
	Strips     []strip
	Lanes      []string // the names of the lines from the top
	Gaps       []stretch
	MoreGaps   int // beyond those that are listed
	Doubles    []string
	Changes    []string // of the clock
	Holidays   []string
	Stretch    []stretchRow
	Coming     []overrideRow
	People     []choice
	Start      string // what the form begins with
	End        string
	Complaint  string
	Script     string
}

// stretchRow is a row of the table with the address that fills the form for it; empty where it is over.
type stretchRow struct {
	stretch
	Take string
}

// period is what a calendar shows: from one midnight to another in a zone, Mondays both.
type period struct {
	month    bool
	day      time.Time // a day of it, as midnight in UTC
	zone     *time.Location
	own      bool // zone is the reader's, not the schedule's
	start    string
	end      string
	schedule oncall.Schedule
}

// showCalendar is GET /schedules/{schedule}.
func (s *Site) showCalendar(w http.ResponseWriter, r *http.Request) error {
	return s.renderCalendar(w, r, http.StatusOK, "", r.URL.Query())
}

// renderCalendar shows the period that values name: view and date, zone=own, and start and end for the form.
func (s *Site) renderCalendar(w http.ResponseWriter, r *http.Request, status int, complaint string, values url.Values) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	schedule, ok := reader.configuration.Schedule(chi.URLParam(r, "schedule"))
	if !ok {
		return tickets.ErrNotFound
	}
	shown, err := reader.period(schedule, values)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Calendar of "+nameOf(schedule), "oncall")
	if err != nil {
		return err
	}
	view := reader.calendar(shown)
	view.frame, view.Complaint, view.Script = frame, complaint, s.assets.path["calendar.js"]
	view.People = reader.overriders(frame)
	return s.render(w, status, "calendar", view)
}

// period reads what part of a schedule is asked for; without a date it is the present one.
func (r reader) period(schedule oncall.Schedule, values url.Values) (period, error) {
	p := period{schedule: schedule, zone: zone(schedule.Timezone), start: values.Get("start"), end: values.Get("end")}
	switch view := values.Get("view"); view {
	case "", "week":
	case "month":
		p.month = true
	default:
		return p, &tickets.InvalidError{Field: "view", Reason: "a calendar shows a week or a month"}
	}
	switch in := values.Get("zone"); in {
	case "":
	case "own":
		p.own, p.zone = true, r.zone
	default:
		return p, &tickets.InvalidError{Field: "zone", Reason: "write own, or leave it out for the schedule's time zone"}
	}
	p.day = tickets.DayOf(r.now, p.zone)
	if text := values.Get("date"); text != "" {
		day, err := time.Parse(dayLayout, text)
		if err != nil || day.Year() < 2000 || day.Year() > 2200 {
			return p, &tickets.InvalidError{Field: "date", Reason: "write a day like 2026-11-23"}
		}
		p.day = day
	}
	return p, nil
}

// days are the first day and the one behind the last: of the week, or of the weeks that the month touches.
func (p period) days() (first, end time.Time) {
	monday := func(day time.Time) time.Time { return day.AddDate(0, 0, -(int(day.Weekday())+6)%7) }
	if !p.month {
		first = monday(p.day)
		return first, first.AddDate(0, 0, 7)
	}
	begin := time.Date(p.day.Year(), p.day.Month(), 1, 0, 0, 0, 0, time.UTC)
	return monday(begin), monday(begin.AddDate(0, 1, -1)).AddDate(0, 0, 7)
}

// midnight is the instant at which a day begins.
func (p period) midnight(day time.Time) time.Time { return tickets.ResolveWall(day, p.zone) }

// address is that of the same calendar at another day.
func (p period) address(month bool, day time.Time, own bool) string {
	values := url.Values{"date": {day.Format(dayLayout)}}
	if month {
		values.Set("view", "month")
	}
	if own {
		values.Set("zone", "own")
	}
	return "/schedules/" + p.schedule.ID + "?" + values.Encode()
}

// span is the period in words.
func (p period) span() string {
	if p.month {
		return p.day.Format("January 2006")
	}
	first, end := p.days()
	last := end.AddDate(0, 0, -1)
	switch {
	case first.Year() != last.Year():
		return first.Format("2 January 2006") + " to " + last.Format("2 January 2006")
	case first.Month() != last.Month():
		return first.Format("2 January") + " to " + last.Format("2 January 2006")
	}
	return first.Format("2") + " to " + last.Format("2 January 2006")
}

// step is a day of the period before or behind.
func (p period) step(by int) time.Time {
	if p.month {
		return time.Date(p.day.Year(), p.day.Month()+time.Month(by), 1, 0, 0, 0, 0, time.UTC)
	}
	return p.day.AddDate(0, 0, 7*by)
}

// calendar is a period of a schedule as the page shows it.
func (r reader) calendar(p period) calendarView {
	schedule := p.schedule
	own := r.zone
	first, end := p.days()
	from, to := p.midnight(first), p.midnight(end)
	r.zone = p.zone
	view := calendarView{
		ID: schedule.ID, Name: nameOf(schedule), Zone: p.zone.String(), Of: "the schedule's", Schedule: named(schedule.Timezone, "UTC"),
		Month: p.month, Where: p.where(), Span: p.span(), Earlier: p.address(p.month, p.step(-1), p.own), Later: p.address(p.month, p.step(1), p.own),
		Today: p.address(p.month, tickets.DayOf(r.now, p.zone), p.own), Other: p.address(!p.month, p.day, p.own), Start: p.start, End: p.end,
	}
	view.Past = from.Before(r.now)
	if p.own {
		view.Of = "your own"
	}
	if own.String() != zone(schedule.Timezone).String() {
		view.OtherZone, view.OtherWords = p.address(p.month, p.day, !p.own), "Show them in your own, "+own.String()
		if p.own {
			view.OtherWords = "Show them in the schedule's, " + view.Schedule
		}
	}
	lines := r.lines(schedule, from, to)
	for _, line := range lines {
		view.Lanes = append(view.Lanes, line.name)
	}
	for day := first; day.Before(end); day = day.AddDate(0, 0, 7) {
		view.Strips = append(view.Strips, r.strip(p, day, lines))
	}
	view.Stretch, view.Gaps = r.calendarRows(p, from, to)
	if len(view.Gaps) > listedGaps {
		view.MoreGaps = len(view.Gaps) - listedGaps
		view.Gaps = view.Gaps[:listedGaps]
	}
	view.Doubles = r.doubleRows(schedule, from, to)
	view.Changes = clockChanges(p.zone, from, to)
	for _, holiday := range schedule.Holidays {
		if !holiday.Day.Before(first) && holiday.Day.Before(end) {
			view.Holidays = append(view.Holidays, r.dates.day(holiday.Day)+" "+named(holiday.Name, "is a holiday"))
		}
	}
	view.Coming = r.overrideRows(schedule, from, to)
	return view
}

// where names the period for forms.
func (p period) where() string {
	values := url.Values{"date": {p.day.Format(dayLayout)}}
	if p.month {
		values.Set("view", "month")
	}
	if p.own {
		values.Set("zone", "own")
	}
	return values.Encode()
}

// overriders are the people whom whoever looks can put on call.
func (r reader) overriders(f frame) []choice {
	var found []choice
	for _, person := range people(r.configuration) {
		person.Chosen = person.ID == r.who.ID
		if person.Chosen && f.MayAct || f.Admin {
			found = append(found, person)
		}
	}
	return found
}

// fromCalendar is the calendar that a form was sent from; ok is false for forms of other pages.
func fromCalendar(r *http.Request) (values url.Values, ok bool) {
	where := r.PostForm.Get("calendar")
	values, err := url.ParseQuery(where)
	return values, where != "" && err == nil
}

// mayRemove says whether whoever looks may take an override away.
func (r reader) mayRemove(override oncall.Override) bool {
	return override.Person == r.who.ID && r.who.Role.Allows(auth.Responder) || r.who.Role.Allows(auth.Admin)
}
