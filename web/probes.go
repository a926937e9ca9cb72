package web

import (
	"io"
	"net/http"
)

// healthz says that the process answers.
func (s *Site) healthz(w http.ResponseWriter, _ *http.Request) { writeProbe(w, nil) }

// readyz says whether the database answers; with for=smtp, whether mail can be taken; with for=paging, whether everything
// between a mail and its page is well.
func (s *Site) readyz(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("for") {
	case "":
		writeProbe(w, s.Ready(r.Context()))
	case "smtp":
		writeProbe(w, s.ReadySMTP(r.Context()))
	case "paging":
		writeProbe(w, s.ReadyToPage(r.Context()))
	default:
		http.Error(w, "for: smtp and paging are the values", http.StatusBadRequest)
	}
}

func writeProbe(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := "ok\n"
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = err.Error() + "\n"
	}
	_, _ = io.WriteString(w, text) // the prober has gone; there is nobody to tell
}
