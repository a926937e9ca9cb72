package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

type retentionView struct {
	frame
	Mark   string // of what was in force when it was shown
	Groups []group
	Faults []string // those that belong to no field
	Notice string
}

// showRetention is GET /settings/retention.
func (s *Site) showRetention(w http.ResponseWriter, r *http.Request) error {
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	content, err := json.Marshal(configuration.Retention)
	if err != nil {
		return err
	}
	form, err := formOf(content)
	if err != nil {
		return err
	}
	form.Set("_mark", retentionMark(configuration))
	return s.retentionPage(w, r, http.StatusOK, form)
}

// retentionMark stands for what is in force: another mark says that somebody changed it.
func retentionMark(c oncall.Configuration) string {
	content, _ := json.Marshal(c.Retention) // durations can always be written
	return markOf(string(content))
}

func (s *Site) retentionPage(w http.ResponseWriter, r *http.Request, status int, form entryForm) error {
	view := retentionView{Mark: form.Get("_mark"), Groups: retentionFields(form)}
	if fault := form.faults[""]; fault != "" {
		view.Faults = strings.Split(fault, "\n")
	}
	if r.URL.Query().Has("saved") {
		view.Notice = "Saved. What is older goes within the hour."
	}
	var err error
	if view.frame, err = s.frame(r, "Retention", "retention"); err != nil {
		return err
	}
	return s.render(w, status, "retention", view)
}

func retentionFields(f entryForm) []group {
	groups := []group{{Legend: "All", Fields: []field{
		f.field("text", "raw", "Raw mails", "by whole months; what they said stays on their tickets"),
		f.field("text", "tickets", "Resolved tickets", "whole, from when they were resolved or last changed"),
		f.field("text", "unresolved", "Tickets that nobody resolved", "from their last change, once nobody is told of them any more"),
	}}}
	help := "What is empty is kept like all; 0s keeps for ever."
	for _, severity := range tickets.Severities {
		at := "severities." + string(severity) + "."
		groups = append(groups, group{Legend: severity.Word(), Help: help, Narrow: true, Fields: []field{
			f.field("text", at+"tickets", "Resolved", ""), f.field("text", at+"unresolved", "Not resolved", ""),
		}})
		help = ""
	}
	return groups
}

// saveRetention is POST /settings/retention.
func (s *Site) saveRetention(w http.ResponseWriter, r *http.Request) error {
	mark, err := formValue(r, "_mark")
	if err != nil {
		return err
	}
	posted := entryForm{Values: r.PostForm}
	who, _ := identity(r.Context())
	err = s.OnCall.Apply(r.Context(), who.ID, "retention changed", func(current oncall.Configuration) (oncall.Configuration, error) {
		if now := retentionMark(current); mark != now {
			posted.Set("_mark", now)
			posted.faults = map[string]string{"": "Somebody changed this in the meantime. What you wrote stands below; saving it again replaces their change."}
			return current, errFaulty
		}
		changed, faults := s.mergeForm(current, "retention", posted)
		if posted.faults = faults; len(faults) > 0 {
			return current, errFaulty
		}
		return changed, nil
	})
	if errors.Is(err, errFaulty) {
		return s.retentionPage(w, r, http.StatusBadRequest, posted)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/retention?saved=1")
	return nil
}

// mergeForm reads a posted form into the mapping of a key. Faults are by the names of their fields, the others under "".
func (s *Site) mergeForm(c oncall.Configuration, key string, posted entryForm) (oncall.Configuration, map[string]string) {
	text, lines := posted.mapping(key)
	document, err := oncall.ParseFile("form", text)
	if err == nil {
		c, err = s.Merge(c, document)
	}
	if err == nil {
		return c, nil
	}
	return c, faultsByField(err, lines)
}
