package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// newEntry is the address of an entry that is still to be made; no id is like it.
const newEntry = "@new"

type sectionView struct {
	frame
	Section section
	Path    string
	Rows    []entryRow
	Ordered bool
}

type entryView struct {
	frame
	Section   section
	Path      string // to which the form posts
	New       bool
	Mark      string // of the entry as it was when it was shown
	Groups    []group
	Faults    []string // those that belong to no field
	Schedules []scheduleView
}

// settings sends to the first of the settings.
func (s *Site) settings(w http.ResponseWriter, r *http.Request) error {
	redirect(w, r, "/settings/people")
	return nil
}

// listEntries is GET /settings/{section}.
func (s *Site) listEntries(w http.ResponseWriter, r *http.Request) error {
	section, ok := sectionNamed(chi.URLParam(r, "section"))
	if !ok {
		return tickets.ErrNotFound
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	if section.Name == "tenants" {
		if reader.polls, err = s.Polls(r.Context()); err != nil {
			return err
		}
	}
	frame, err := s.frame(r, section.Title, section.Name)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "section", sectionView{
		frame: frame, Section: section, Path: "/settings/" + section.Name, Rows: section.rows(reader), Ordered: !section.ByID,
	})
}

// place finds the entry of a path; at is the section's length for a new one.
func place(r *http.Request, c oncall.Configuration) (section section, at int, err error) {
	section, ok := sectionNamed(chi.URLParam(r, "section"))
	if !ok {
		return section, 0, tickets.ErrNotFound
	}
	key := chi.URLParam(r, "entry")
	switch {
	case key == newEntry:
		return section, c.Len(section.Name), nil
	case section.ByID:
		if at, ok = c.Place(section.Name, key); !ok {
			err = tickets.ErrNotFound
		}
		return section, at, err
	}
	number, err := strconv.Atoi(key)
	if err != nil || number < 1 || number > c.Len(section.Name) {
		return section, 0, tickets.ErrNotFound
	}
	return section, number - 1, nil
}

// showEntry is GET /settings/{section}/{entry}.
func (s *Site) showEntry(w http.ResponseWriter, r *http.Request) error {
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	section, at, err := place(r, configuration)
	if err != nil {
		return err
	}
	form := entryForm{Values: url.Values{}}
	if at < configuration.Len(section.Name) {
		if form, err = shownEntry(section, configuration, at); err != nil {
			return err
		}
	}
	return s.editor(w, r, http.StatusOK, section, at, form, configuration)
}

// shownEntry is an entry's form without its credentials; under _shown stands that they are set.
func shownEntry(section section, c oncall.Configuration, at int) (entryForm, error) {
	entry, err := c.Entry(section.Name, at)
	if err != nil {
		return entryForm{}, err
	}
	form, err := formOf(entry)
	if err != nil {
		return form, err
	}
	for _, name := range credentials(form) {
		shown := "(set; empty keeps it)"
		if address := form.Get(name); strings.Contains(address, "://") {
			shown = oncall.Contact{To: address}.Shown() + " (empty keeps it)"
		}
		form.Set("_shown."+name, shown)
		form.Del(name)
	}
	return form, nil
}

// credentials are the names of a form's values that never stand in a page: secrets, and addresses whose path can be one.
func credentials(form entryForm) []string {
	var names []string
	for name := range form.Values {
		last := name[strings.LastIndexByte(name, '.')+1:]
		if last == "secret" || last == "client_secret" || (last == "to" || last == "url") && strings.Contains(form.Get(name), "://") {
			names = append(names, name)
		}
	}
	return names
}

// editor shows an entry's form.
func (s *Site) editor(w http.ResponseWriter, r *http.Request, status int, section section, at int, form entryForm, c oncall.Configuration) error {
	view := entryView{Section: section, Path: r.URL.Path, Groups: section.groups(form, c)}
	title := "New " + section.One
	if at < c.Len(section.Name) {
		title = strings.ToUpper(section.One[:1]) + section.One[1:] + " " + chi.URLParam(r, "entry")
		view.Mark = c.Mark(section.Name, at)
		for i, group := range view.Groups { // timelines and other entries name it
			view.Groups[i].Fields = slices.DeleteFunc(group.Fields, func(f field) bool { return f.Name == "id" })
		}
	} else {
		view.New = true
	}
	if mark := form.Get("_mark"); mark != "" {
		view.Mark = mark
	}
	var err error
	if view.frame, err = s.frame(r, title, section.Name); err != nil {
		return err
	}
	if fault := form.faults[""]; fault != "" {
		view.Faults = strings.Split(fault, "\n")
	}
	if section.Name == "schedules" && at < c.Len(section.Name) {
		reader, err := s.readerOf(r)
		if err != nil {
			return err
		}
		view.Schedules = []scheduleView{reader.schedule(c.Schedules[at])}
	}
	return s.render(w, status, "entry", view)
}

// saveEntry is POST /settings/{section}/{entry}. With _preview it shows what a schedule would come to and saves nothing.
func (s *Site) saveEntry(w http.ResponseWriter, r *http.Request) error {
	if _, err := formValue(r, "_mark"); err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	section, at, err := place(r, configuration)
	if err != nil {
		return err
	}
	posted := entryForm{Values: r.PostForm}
	if posted.Has("_preview") {
		changed, faults := s.put(configuration, section, at, posted)
		posted.faults = faults
		if len(faults) > 0 {
			changed = configuration
		}
		return s.editor(w, r, http.StatusOK, section, at, posted, changed)
	}
	who, _ := identity(r.Context())
	var faults map[string]string
	action := section.One + " " + entryName(section, at, posted, configuration) + " changed"
	if at == configuration.Len(section.Name) {
		action = section.One + " " + entryName(section, at, posted, configuration) + " added"
	}
	err = s.OnCall.Apply(r.Context(), who.ID, action, func(current oncall.Configuration) (oncall.Configuration, error) {
		section, at, err := place(r, current)
		if err != nil {
			return current, err
		}
		if at < current.Len(section.Name) && posted.Get("_mark") != current.Mark(section.Name, at) {
			faults = map[string]string{"": "Somebody changed this " + section.One + " in the meantime. What you wrote stands below; saving it again replaces their change."}
			configuration = current
			posted.Del("_mark")
			return current, errFaulty
		}
		var changed oncall.Configuration
		if changed, faults = s.put(current, section, at, posted); len(faults) > 0 {
			return current, errFaulty
		}
		return changed, nil
	})
	if errors.Is(err, errFaulty) {
		posted.faults = faults
		return s.editor(w, r, http.StatusBadRequest, section, at, posted, configuration)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/"+section.Name)
	return nil
}

var errFaulty = errors.New("the form has faults")

func entryName(section section, at int, posted entryForm, c oncall.Configuration) string {
	if !section.ByID {
		return strconv.Itoa(at + 1)
	}
	if at < c.Len(section.Name) {
		return c.ID(section.Name, at)
	}
	return strings.TrimSpace(posted.Get("id"))
}

// put reads a posted form into its place. Faults are by the names of their fields, the others under "".
func (s *Site) put(c oncall.Configuration, section section, at int, posted entryForm) (oncall.Configuration, map[string]string) {
	form := entryForm{Values: url.Values{}}
	for name, values := range posted.Values {
		form.Values[name] = values
	}
	if at < c.Len(section.Name) {
		if section.ByID {
			form.Set("id", c.ID(section.Name, at)) // timelines and other entries name it
		}
		if err := keepCredentials(form, section, c, at); err != nil {
			return c, map[string]string{"": err.Error()}
		}
	}
	text, lines := form.document(section.Name, section.keep...)
	document, err := oncall.ParseFile("form", text)
	if err == nil {
		c, err = c.Put(section.Name, at, document, s.CheckContact)
	}
	if err == nil {
		return c, nil
	}
	return c, faultsByField(err, lines)
}

// faultsByField sorts faults by the fields of their lines; those of no field stand under "".
func faultsByField(err error, lines map[int]string) map[string]string {
	faults := map[string]string{}
	var found oncall.ConfigErrors
	if !errors.As(err, &found) {
		return map[string]string{"": err.Error()}
	}
	for _, fault := range found {
		name := lines[fault.Line]
		if fault.File == "" {
			name = ""
		}
		said := sentenceOf(fault.Message)
		if faults[name] != "" {
			said = faults[name] + "\n" + said
		}
		faults[name] = said
	}
	return faults
}

// keepCredentials fills in what an editor left empty because it does not show it. A contact's follow its id.
func keepCredentials(form entryForm, section section, c oncall.Configuration, at int) error {
	entry, err := c.Entry(section.Name, at)
	if err != nil {
		return err
	}
	old, err := formOf(entry)
	if err != nil {
		return err
	}
	keep := func(into, from string) {
		for _, last := range []string{"secret", "client_secret", "to", "url"} {
			if form.Get(into+last) == "" && old.Get(from+last) != "" {
				form.Set(into+last, old.Get(from+last))
			}
		}
	}
	if section.Name == "webhooks" || section.Name == "tenants" {
		keep("", "")
	}
	for i := range form.rows("contacts") {
		for k := range old.rows("contacts") {
			into, from := fmt.Sprintf("contacts[%d].", i), fmt.Sprintf("contacts[%d].", k)
			if form.Get(into+"id") == old.Get(from+"id") && form.Get(into+"channel") == old.Get(from+"channel") {
				keep(into, from)
			}
		}
	}
	return nil
}

// removeEntry is POST /settings/{section}/{entry}/remove.
func (s *Site) removeEntry(w http.ResponseWriter, r *http.Request) error {
	return s.rearrange(w, r, "removed", func(c oncall.Configuration, section section, at int) (oncall.Configuration, error) {
		after, err := c.Without(section.Name, at, s.CheckContact)
		if err != nil {
			return c, &tickets.ConflictError{Reason: "this " + section.One + " is still needed: " + err.Error()}
		}
		return after, nil
	})
}

// moveEntry is POST /settings/{section}/{entry}/move: up, or with down set, down.
func (s *Site) moveEntry(w http.ResponseWriter, r *http.Request) error {
	direction, err := formValue(r, "direction")
	if err != nil {
		return err
	}
	return s.rearrange(w, r, "moved", func(c oncall.Configuration, section section, at int) (oncall.Configuration, error) {
		return c.Moved(section.Name, at, direction == "down"), nil
	})
}

func (s *Site) rearrange(w http.ResponseWriter, r *http.Request, what string, change func(oncall.Configuration, section, int) (oncall.Configuration, error)) error {
	mark, err := formValue(r, "_mark")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	section, ok := sectionNamed(chi.URLParam(r, "section"))
	if !ok {
		return tickets.ErrNotFound
	}
	action := section.One + " " + chi.URLParam(r, "entry") + " " + what
	err = s.OnCall.Apply(r.Context(), who.ID, action, func(current oncall.Configuration) (oncall.Configuration, error) {
		section, at, err := place(r, current)
		switch {
		case err != nil:
			return current, err
		case at == current.Len(section.Name):
			return current, tickets.ErrNotFound
		case mark != "" && mark != current.Mark(section.Name, at):
			return current, &tickets.ConflictError{Reason: "somebody changed this " + section.One + " in the meantime; open it again"}
		}
		return change(current, section, at)
	})
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/"+section.Name)
	return nil
}
