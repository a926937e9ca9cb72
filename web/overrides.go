package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// addOverride is POST /oncall/{schedule}/overrides: somebody is on call for a span. A responder can take a span, and where
// it is somebody else's that person is asked; an administrator can give it to anybody.
func (s *Site) addOverride(w http.ResponseWriter, r *http.Request) error {
	person, err := formValue(r, "person")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	if person == "" {
		person = who.ID
	}
	if person != who.ID && !who.Role.Allows(auth.Admin) {
		return s.complainOnCall(w, r, http.StatusForbidden, "You can take a span yourself; giving one to somebody else needs the role admin.")
	}
	id := chi.URLParam(r, "schedule")
	var override oncall.Override
	override.Person = person
	for name, into := range map[string]*oncall.LocalTime{"start": &override.Start, "end": &override.End} {
		if err := into.UnmarshalText([]byte(r.PostForm.Get(name))); err != nil {
			return s.complainOnCall(w, r, http.StatusBadRequest, "The "+name+" cannot be read: "+err.Error()+".")
		}
	}
	var asked oncall.Turn
	err = s.applySchedule(r, fmt.Sprintf("override of schedule %s added", id), func(schedule *oncall.Schedule) error {
		before := *schedule
		schedule.Overrides = append(slices.Clone(schedule.Overrides), override)
		start, end := override.Span(schedule.Timezone)
		var asks bool
		if asked, asks = s.consent(who, before, *schedule, start, end); asks {
			asked.Start, asked.End = start, end
			return errAsksFirst
		}
		return nil
	})
	if !errors.Is(err, errAsksFirst) {
		return s.afterChange(w, r, err)
	}
	request := oncall.ShiftRequest{Schedule: id, Giver: asked.Person, Taker: who.ID, Start: asked.Start, End: asked.End}
	_, err = s.OnCall.AskShift(r.Context(), actor(who), request, false)
	if status, reason := refusal(err); status != 0 {
		return s.complainOnCall(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/oncall/requests?done="+oncall.RequestAsked)
	return nil
}

// errAsksFirst ends a change of a schedule that needs somebody's consent.
var errAsksFirst = errors.New("somebody is asked first")

// consent is whose consent a change of a schedule needs; an administrator needs nobody's.
func (s *Site) consent(who auth.Identity, before, after oncall.Schedule, start, end time.Time) (oncall.Turn, bool) {
	if who.Role.Allows(auth.Admin) {
		return oncall.Turn{}, false
	}
	return oncall.NeedsConsent(before, after, who.ID, s.Now().UTC(), start.UTC(), end.UTC())
}

// removeOverride is POST /oncall/{schedule}/overrides/remove: of one's own, or of anybody's for an administrator.
func (s *Site) removeOverride(w http.ResponseWriter, r *http.Request) error {
	key, err := formValue(r, "override")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	id := chi.URLParam(r, "schedule")
	return s.changeSchedule(w, r, fmt.Sprintf("override of schedule %s removed", id), func(schedule *oncall.Schedule) error {
		at := slices.IndexFunc(schedule.Overrides, func(o oncall.Override) bool { return overrideKey(o) == key })
		switch {
		case at < 0:
			return &tickets.ConflictError{Reason: "this override is not there any more"}
		case schedule.Overrides[at].Person != who.ID && !who.Role.Allows(auth.Admin):
			return &tickets.ConflictError{Reason: "this override is somebody else's; an administrator can remove it"}
		}
		before := *schedule
		start, end := schedule.Overrides[at].Span(schedule.Timezone)
		schedule.Overrides = slices.Delete(slices.Clone(schedule.Overrides), at, at+1)
		if turn, asks := s.consent(who, before, *schedule, start, end); asks {
			return &tickets.ConflictError{Reason: "somebody else would be on call again from " + turn.Start.In(zone(schedule.Timezone)).Format("Mon 2 Jan 15:04 MST") +
				"; give the shift away instead, and they are asked"}
		}
		return nil
	})
}

func overrideKey(o oncall.Override) string {
	start, _ := o.Start.MarshalText() // what was read can be written
	end, _ := o.End.MarshalText()
	return o.Person + " " + string(start) + " " + string(end)
}

// changeSchedule changes the schedule of the path; what is wrong with it then is told on the page that the form came from.
func (s *Site) changeSchedule(w http.ResponseWriter, r *http.Request, action string, change func(*oncall.Schedule) error) error {
	return s.afterChange(w, r, s.applySchedule(r, action, change))
}

func (s *Site) applySchedule(r *http.Request, action string, change func(*oncall.Schedule) error) error {
	who, _ := identity(r.Context())
	id := chi.URLParam(r, "schedule")
	return s.OnCall.Apply(r.Context(), who.ID, action, func(current oncall.Configuration) (oncall.Configuration, error) {
		at, ok := current.Place("schedules", id)
		if !ok {
			return current, tickets.ErrNotFound
		}
		current.Schedules = slices.Clone(current.Schedules)
		if err := change(&current.Schedules[at]); err != nil {
			return current, err
		}
		if faults := current.Faults(fmt.Sprintf("schedules[%d]", at), s.CheckContact); len(faults) > 0 {
			return current, &tickets.InvalidError{Field: "override", Reason: strings.Join(faults, "; ")}
		}
		return current, nil
	})
}

// afterChange goes back to the page that a form came from, or says on it what is wrong.
func (s *Site) afterChange(w http.ResponseWriter, r *http.Request, err error) error {
	if status, reason := refusal(err); status != 0 {
		return s.complainOnCall(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	if where, ok := fromCalendar(r); ok {
		redirect(w, r, "/schedules/"+chi.URLParam(r, "schedule")+"?"+where.Encode())
		return nil
	}
	redirect(w, r, "/oncall")
	return nil
}

func (s *Site) complainOnCall(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	if where, ok := fromCalendar(r); ok {
		where.Set("start", r.PostForm.Get("start"))
		where.Set("end", r.PostForm.Get("end"))
		return s.renderCalendar(w, r, status, complaint, where)
	}
	view, err := s.onCallView(r)
	if err != nil {
		return err
	}
	view.Complaint = complaint
	return s.render(w, status, "oncall", view)
}
