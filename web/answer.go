package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/api"
	"afterhours/web/auth"
)

const serverFailed = "The server failed to answer. Try again in a moment; its log says why."

// action answers a request or says why it cannot.
type action func(w http.ResponseWriter, r *http.Request) error

// open answers anybody.
func (s *Site) open(answer action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := answer(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

type identityKey struct{}

// identity is who is signed in; ok is false outside of desk.
func identity(ctx context.Context) (who auth.Identity, ok bool) {
	who, ok = ctx.Value(identityKey{}).(auth.Identity)
	return who, ok
}

// desk answers who is signed in and has the role; others go to the sign-in, and a POST of theirs changes nothing.
func (s *Site) desk(needed auth.Role, answer action) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		who, ok, err := s.Auth.Current(r.Context())
		if err != nil {
			return err
		}
		if !ok {
			next := "/tickets"
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				next = r.URL.RequestURI()
			}
			redirect(w, r, signInURL(next))
			return nil
		}
		r = r.WithContext(context.WithValue(r.Context(), identityKey{}, who))
		if !who.Role.Allows(needed) {
			s.showError(w, r, http.StatusForbidden, "This needs the role "+string(needed)+", and yours is "+string(who.Role)+". An administrator can change it.")
			return nil
		}
		if err := answer(w, r); err != nil {
			s.fail(w, r, err)
		}
		return nil
	})
}

func signInURL(next string) string { return "/login?next=" + url.QueryEscape(next) }

// redirect sends a browser on with a GET.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// fail is the one place that turns an error into a page. The reader gets a sentence, the operator the chain.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, detail := api.StatusOf(err)
	if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.Log.ErrorContext(r.Context(), "request failed", "route", chi.RouteContext(r.Context()).RoutePattern(), "error", err)
	}
	sentence := serverFailed
	if detail != "" {
		sentence = sentenceOf(detail)
	}
	s.refuse(w, r, status, sentence)
}

// sentenceOf makes an error's text a sentence.
func sentenceOf(text string) string {
	first, width := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[width:], ".") + "."
}

// render executes a page into a buffer and sends it: a fault in the middle never leaves half a page.
func (s *Site) render(w http.ResponseWriter, status int, name string, view any) error {
	var page bytes.Buffer
	if err := s.templates[name].ExecuteTemplate(&page, "page", view); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the reader has gone; there is nobody to tell
	return nil
}

// pathNumber reads a number of the path. One that is longer than any number we give is only not there.
func pathNumber(r *http.Request, name string) (int64, error) {
	text := chi.URLParam(r, name)
	if strings.Trim(text, "0123456789") != "" {
		return 0, &tickets.InvalidError{Field: name, Reason: "it is not a number"}
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, tickets.ErrNotFound
	}
	return value, nil
}

// queryNumber reads a number of the query; 0 where it is absent.
func queryNumber(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 1 {
		return 0, &tickets.InvalidError{Field: name, Reason: "it is not a number above 0"}
	}
	return value, nil
}

// formValue reads a field of a posted form.
func formValue(r *http.Request, name string) (string, error) {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return "", err
		}
		return "", &tickets.InvalidError{Field: "form", Reason: "it cannot be read"}
	}
	return r.PostForm.Get(name), nil
}
