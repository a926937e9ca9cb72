package web

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// importView is a document that an administrator wants to apply: what is wrong in it, or what it would change.
type importView struct {
	Text       string
	Faults     []importFault
	Difference string
	Mark       string // of the difference that is shown
	Same       bool   // it changes nothing
	Stale      bool   // the difference was another when it was shown
}

// importFault is one fault with its line; 0 where it has none.
type importFault struct {
	Line    int
	Source  string // the line
	Message string
}

// exportConfiguration is GET /settings/configuration/export: what `afterhours export` writes, credentials sealed.
func (s *Site) exportConfiguration(w http.ResponseWriter, r *http.Request) error {
	text, err := s.Export(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", `attachment; filename="afterhours-`+s.Now().UTC().Format(dayForm)+`.yaml"`)
	_, err = w.Write(text)
	return err
}

// importConfiguration is POST /settings/configuration/import: it shows what a document would change, or applies it where
// that was shown before.
func (s *Site) importConfiguration(w http.ResponseWriter, r *http.Request) error {
	text, err := importedText(r)
	if err != nil {
		return err
	}
	current, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	view := importView{Text: text}
	document, err := oncall.ParseFile("import", []byte(text))
	if err == nil {
		err = view.compare(current, func(c oncall.Configuration) (oncall.Configuration, error) { return s.Merge(c, document) })
	}
	status := http.StatusOK
	switch {
	case err != nil:
		if view.Faults, err = importFaults(text, err); err != nil {
			return err
		}
		status = http.StatusBadRequest
	case r.PostForm.Has("apply") && !view.Same:
		view.Stale, err = s.applyImport(r, document)
		if err != nil {
			return err
		}
		if !view.Stale {
			redirect(w, r, "/settings/configuration?imported=1")
			return nil
		}
		status = http.StatusConflict
	}
	return s.configurationPage(w, r, status, view)
}

// compare says what the document changes in a configuration.
func (v *importView) compare(current oncall.Configuration, merge func(oncall.Configuration) (oncall.Configuration, error)) error {
	wanted, err := merge(current)
	if err != nil {
		return err
	}
	if v.Difference, err = current.Difference(wanted); err != nil {
		return err
	}
	v.Mark, v.Same = markOf(v.Difference), v.Difference == ""
	return nil
}

// applyImport applies a document where it still changes what was shown; stale says that it does not.
func (s *Site) applyImport(r *http.Request, document oncall.Document) (stale bool, err error) {
	who, _ := identity(r.Context())
	err = s.OnCall.Apply(r.Context(), who.ID, "configuration imported", func(current oncall.Configuration) (oncall.Configuration, error) {
		wanted, err := s.Merge(current, document)
		if err != nil {
			return current, err
		}
		difference, err := current.Difference(wanted)
		if err == nil && markOf(difference) != r.PostForm.Get("mark") {
			return current, errFaulty
		}
		return wanted, err
	})
	if errors.Is(err, errFaulty) {
		return true, nil
	}
	return false, err
}

// importedText is what was pasted, or the file where one was chosen.
func importedText(r *http.Request) (string, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if err := r.ParseMultipartForm(maxRequest); err != nil {
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				return "", err
			}
			return "", &tickets.InvalidError{Field: "form", Reason: "it cannot be read"}
		}
		if file, header, err := r.FormFile("file"); err == nil && header.Size > 0 {
			defer file.Close()
			content, err := io.ReadAll(file)
			return string(content), err
		}
	}
	return formValue(r, "yaml")
}

// importFaults are the faults of a document; any other error is none.
func importFaults(text string, err error) ([]importFault, error) {
	var found oncall.ConfigErrors
	if !errors.As(err, &found) {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	faults := make([]importFault, len(found))
	for i, fault := range found {
		faults[i] = importFault{Line: fault.Line, Message: fault.Message}
		if fault.Line > 0 && fault.Line <= len(lines) {
			faults[i].Source = strings.TrimSpace(lines[fault.Line-1])
		}
	}
	return faults, nil
}
