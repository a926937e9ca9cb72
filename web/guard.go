package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"afterhours/web/api"
)

// maxRequest bounds a request's body.
const maxRequest = 256 << 10

const contentSecurityPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// policyWith is the policy of a page that holds a style sheet of ours in itself.
func policyWith(style string) string {
	return strings.Replace(contentSecurityPolicy, "style-src 'self'", "style-src 'self' "+digestOf(style), 1)
}

// digestOf names a style sheet to a policy.
func digestOf(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// guarded sets the headers of every answer and refuses what comes from another site.
func (s *Site) guarded(next http.Handler) http.Handler {
	nightPolicy := policyWith(string(s.assets.named("night.css")))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		night := isNight(r)
		if night {
			h.Set("Content-Security-Policy", nightPolicy)
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
		}
		if err := s.checkOrigin(r, night); err != nil {
			s.refuse(w, r, http.StatusForbidden, "This request came from another site, so it was refused. Open the page here and try again.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		next.ServeHTTP(w, r)
	})
}

// checkOrigin refuses what a browser sends on behalf of another site. Under no-referrer a browser sends "Origin: null"
// with the night page's own forms, and over plain http no Sec-Fetch-Site beside it: there the token in the path, which no
// other site knows, is proof enough. The calls of providers come from no browser: their signatures are their proof.
func (s *Site) checkOrigin(r *http.Request, night bool) error {
	if isHook(r) {
		return nil
	}
	if night && r.Header.Get("Origin") == "null" && r.Header.Get("Sec-Fetch-Site") == "" {
		return nil
	}
	return s.crossOrigin.Check(r)
}

func isNight(r *http.Request) bool {
	return r.URL.Path == "/ack" || strings.HasPrefix(r.URL.Path, "/ack/")
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// logged writes one line a request. It names the route, never the path: paths hold tokens.
func (s *Site) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := s.Now()
		counted := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(counted, r)
		status := counted.Status()
		if status == 0 {
			status = http.StatusOK
		}
		s.Log.DebugContext(r.Context(), "request",
			"method", r.Method, "route", chi.RouteContext(r.Context()).RoutePattern(), "status", status,
			"bytes", counted.BytesWritten(), "duration_ms", s.Now().Sub(begin).Milliseconds())
	})
}

// recovered turns a panic into an answer and a line in the log.
func (s *Site) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.Log.ErrorContext(r.Context(), "request panicked", "route", chi.RouteContext(r.Context()).RoutePattern(),
				"error", fmt.Sprint(cause), "stack", string(debug.Stack()))
			s.refuse(w, r, http.StatusInternalServerError, serverFailed)
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *Site) notFound(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, http.StatusNotFound, "There is no page at this address.")
}

func (s *Site) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if chi.RouteContext(r.Context()).Routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
			w.Header().Add("Allow", method)
		}
	}
	s.refuse(w, r, http.StatusMethodNotAllowed, "This address does not take a "+r.Method+".")
}

// refuse answers with a status and a sentence, in the form that the reader of the path expects.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, status int, sentence string) {
	if isAPI(r) {
		api.WriteProblem(w, status, sentence)
		return
	}
	s.showError(w, r, status, sentence)
}
