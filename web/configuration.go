package web

import "net/http"

type configurationView struct {
	frame
	Text   string // YAML without credentials; empty where nothing is configured
	Notice string
	Import importView
}

// showConfiguration is GET /settings/configuration.
func (s *Site) showConfiguration(w http.ResponseWriter, r *http.Request) error {
	return s.configurationPage(w, r, http.StatusOK, importView{})
}

// configurationPage shows what is in force, and what is to be imported.
func (s *Site) configurationPage(w http.ResponseWriter, r *http.Request, status int, imported importView) error {
	frame, err := s.frame(r, "Configuration", "configuration")
	if err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	text, err := configuration.Shown()
	if err != nil {
		return err
	}
	view := configurationView{frame: frame, Text: text, Import: imported}
	if r.URL.Query().Has("imported") {
		view.Notice = "Applied. The difference stands in the audit log."
	}
	return s.render(w, status, "configuration", view)
}
