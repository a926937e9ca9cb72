package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// addOverride is POST /oncall/{schedule}/overrides: somebody is on call for a span. A responder can take a span, an
// administrator can give it to anybody.
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
	return s.changeSchedule(w, r, fmt.Sprintf("override of schedule %s added", id), func(schedule *oncall.Schedule) error {
		schedule.Overrides = append(slices.Clone(schedule.Overrides), override)
		return nil
	})
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
		schedule.Overrides = slices.Delete(slices.Clone(schedule.Overrides), at, at+1)
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
	who, _ := identity(r.Context())
	id := chi.URLParam(r, "schedule")
	err := s.OnCall.Apply(r.Context(), who.ID, action, func(current oncall.Configuration) (oncall.Configuration, error) {
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
	if status, reason := refusal(err); status != 0 {
		return s.complainOnCall(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	if where, ok := fromCalendar(r); ok {
		redirect(w, r, "/schedules/"+id+"?"+where.Encode())
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
