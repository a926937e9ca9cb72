package web

import (
	"net/http"
	"strconv"
)

// errorView is every page that says what went wrong.
type errorView struct {
	bare
	Heading  string
	Sentence string
	Back     string
	BackText string
}

// showError answers with a page that needs nothing but itself.
func (s *Site) showError(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	view := errorView{
		bare:    s.bare(strconv.Itoa(status)+" "+http.StatusText(status), isNight(r)),
		Heading: headingOf(status), Sentence: sentence, Back: "/tickets", BackText: "Go to the tickets",
	}
	if err := s.render(w, status, "error", view); err != nil {
		s.Log.ErrorContext(r.Context(), "error page failed", "error", err)
		http.Error(w, sentence, status)
	}
}

func headingOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusForbidden:
		return "Not allowed"
	case http.StatusBadRequest:
		return "The request cannot be read"
	case http.StatusConflict:
		return "Not possible now"
	case http.StatusServiceUnavailable:
		return "The database is away"
	case http.StatusInternalServerError:
		return "The server failed"
	}
	return http.StatusText(status)
}
