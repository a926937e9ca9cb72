package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// laterShown bounds among how many later changes those are looked for that a conflict comes from.
const laterShown = 100

// undoView shows what undoing an entry of the audit log would change now, before it does.
type undoView struct {
	frame
	Entry      auditRow
	Difference string
	Conflicts  []undoConflict
	Faults     []string // why what comes of it may not be in force
	Mark       string   // of what is shown
	Stale      bool     // something else was shown when it was to be done
	Refused    string   // it cannot be undone, or is undone already
}

// undoConflict is something that was changed again since.
type undoConflict struct {
	Path   string
	Name   string
	Before string // YAML, empty where it was not there
	Now    string
	Back   bool
	Later  *auditRow // the newest change of it
}

// Ready says whether there is something that can be undone.
func (v undoView) Ready() bool { return v.Difference != "" && len(v.Faults) == 0 && v.Refused == "" }

// errOutdated ends an undoing that is not the one that was shown, or that may not be in force.
var errOutdated = errors.New("what is shown is outdated")

// showUndo is GET /settings/audit/{change}/undo: what it would change, and what was changed again since.
func (s *Site) showUndo(w http.ResponseWriter, r *http.Request) error {
	view, err := s.undoView(r, r.URL.Query()["back"])
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "undo", view)
}

// undoChange is POST /settings/audit/{change}/undo: it does what was shown, and nothing else.
func (s *Site) undoChange(w http.ResponseWriter, r *http.Request) error {
	mark, err := formValue(r, "mark")
	if err != nil {
		return err
	}
	entry, err := pathNumber(r, "change")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	back := r.PostForm["back"]
	made, err := s.OnCall.Undo(r.Context(), who.ID, entry, func(current oncall.Configuration, kept oncall.Kept) (oncall.Undoing, error) {
		undoing, err := kept.Undo(current, back)
		if err != nil {
			return undoing, err
		}
		difference, err := current.Difference(undoing.Wanted)
		if err != nil {
			return undoing, err
		}
		if undoMark(current, undoing, difference) != mark || len(s.newFaults(current, undoing.Wanted)) > 0 {
			return undoing, errOutdated
		}
		return undoing, nil
	})
	var conflict *tickets.ConflictError
	switch {
	case errors.Is(err, errOutdated), errors.As(err, &conflict), errors.Is(err, oncall.ErrNotKept):
		view, err := s.undoView(r, back)
		if err != nil {
			return err
		}
		view.Stale = view.Refused == "" && mark != view.Mark
		return s.render(w, http.StatusConflict, "undo", view)
	case err != nil:
		return err
	}
	redirect(w, r, auditURL(made))
	return nil
}

// undoView is what undoing the entry of the path would come to now; back are the conflicts that are put back nevertheless.
func (s *Site) undoView(r *http.Request, back []string) (undoView, error) {
	var view undoView
	entry, err := pathNumber(r, "change")
	if err != nil {
		return view, err
	}
	change, err := s.OnCall.Change(r.Context(), entry)
	if err != nil {
		return view, err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return view, err
	}
	if view.frame, err = s.frame(r, "Undo", "audit"); err != nil {
		return view, err
	}
	view.Entry = reader.auditRow(change)
	if view.Refused = view.Entry.Never; view.Refused != "" {
		return view, nil
	}
	if view.Entry.UndoneBy != nil && !view.Entry.InPart {
		view.Refused = "It is undone already. Undo the entry that undid it, and it is in force again."
		return view, nil
	}
	kept, err := s.OnCall.Kept(r.Context(), entry)
	if err != nil {
		return view, err
	}
	current := reader.configuration
	undoing, err := kept.Undo(current, back)
	if err != nil {
		return view, err
	}
	if view.Difference, err = current.Difference(undoing.Wanted); err != nil {
		return view, err
	}
	view.Mark = undoMark(current, undoing, view.Difference)
	view.Faults = s.newFaults(current, undoing.Wanted)
	return view, s.addConflicts(r, &view, reader, entry, undoing.Conflicts)
}

// addConflicts shows what was changed again since, and by which entry.
func (s *Site) addConflicts(r *http.Request, view *undoView, reader reader, entry int64, conflicts []oncall.UndoConflict) error {
	if len(conflicts) == 0 {
		return nil
	}
	later, err := s.OnCall.ChangedSince(r.Context(), entry, laterShown)
	if err != nil {
		return err
	}
	for _, conflict := range conflicts {
		shown := undoConflict{Path: conflict.Path, Name: thingWords(conflict.Path), Before: conflict.Before, Now: conflict.Now, Back: conflict.Back}
		for _, change := range later {
			if slices.ContainsFunc(change.Things, func(thing string) bool {
				return thing == conflict.Thing() || strings.HasPrefix(thing, conflict.Path+"/")
			}) {
				row := reader.auditRow(change)
				shown.Later = &row
				break
			}
		}
		view.Conflicts = append(view.Conflicts, shown)
	}
	return nil
}

// newFaults are what is wrong with the wanted configuration and not with the present one.
func (s *Site) newFaults(current, wanted oncall.Configuration) []string {
	known := current.Faults("", s.CheckContact)
	var faults []string
	for _, fault := range wanted.Faults("", s.CheckContact) {
		if !slices.Contains(known, fault) {
			faults = append(faults, sentenceOf(fault))
		}
	}
	return faults
}

// undoMark stands for all that an undoing shows, and for what its conflicts would overwrite, credentials included.
func undoMark(current oncall.Configuration, undoing oncall.Undoing, difference string) string {
	shown := []string{difference}
	for _, conflict := range undoing.Conflicts {
		shown = append(shown, conflict.Path, conflict.Now)
		if conflict.Back {
			shown = append(shown, "back")
		}
		if section, id, ok := strings.Cut(conflict.Thing(), "/"); ok {
			if at, ok := current.Place(section, id); ok {
				shown = append(shown, current.Mark(section, at))
			}
		}
	}
	return markOf(strings.Join(shown, "\x00"))
}
