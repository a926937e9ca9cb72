package web

import "net/http"

type configurationView struct {
	frame
	Text string // YAML without credentials; empty where nothing is configured
}

// showConfiguration is GET /settings/configuration.
func (s *Site) showConfiguration(w http.ResponseWriter, r *http.Request) error {
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
	return s.render(w, http.StatusOK, "configuration", configurationView{frame, text})
}
