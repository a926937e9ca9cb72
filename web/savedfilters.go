package web

import (
	"net/http"
	"net/url"

	"afterhours/web/auth"
)

// savedFilter is a kept selection as a link.
type savedFilter struct {
	Name    string
	URL     string
	Current bool
}

func (s *Site) savedFilters(r *http.Request, current selection) ([]savedFilter, error) {
	who, _ := identity(r.Context())
	kept, err := s.Auth.SavedFilters(r.Context(), who.ID)
	if err != nil {
		return nil, err
	}
	here := current.with(current.Tab).values().Encode()
	filters := make([]savedFilter, len(kept))
	for i, filter := range kept {
		filters[i] = savedFilter{filter.Name, "/tickets?" + filter.Query, filter.Query == here}
	}
	return filters, nil
}

// saveFilter is POST /tickets/filters: keeps the selection of the list under a name.
func (s *Site) saveFilter(w http.ResponseWriter, r *http.Request) error {
	name, err := formValue(r, "name")
	if err != nil {
		return err
	}
	sel, err := selectionOf(r.PostForm.Get("back"))
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	query := sel.with(sel.Tab).values().Encode()
	if err := s.Auth.SaveFilter(r.Context(), who.ID, auth.SavedFilter{Name: name, Query: query}); err != nil {
		return err
	}
	redirect(w, r, "/tickets?"+query)
	return nil
}

// removeFilter is POST /tickets/filters/remove.
func (s *Site) removeFilter(w http.ResponseWriter, r *http.Request) error {
	name, err := formValue(r, "name")
	if err != nil {
		return err
	}
	sel, err := selectionOf(r.PostForm.Get("back"))
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	if err := s.Auth.RemoveFilter(r.Context(), who.ID, name); err != nil {
		return err
	}
	redirect(w, r, sel.URL())
	return nil
}

// selectionOf reads the selection of a list's address.
func selectionOf(address string) (selection, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return readSelection(nil)
	}
	return readSelection(parsed.Query())
}
