package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"afterhours/web/auth"
)

type identityKey struct{}

// identity is who makes the request; authorise has put it there.
func identity(ctx context.Context) auth.Identity {
	who, _ := ctx.Value(identityKey{}).(auth.Identity)
	return who
}

// authorise lets a request through when its bearer token, or for reading its session, has the role: viewer to read,
// responder to act.
func (s *service) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		who, err := s.whoIs(r, reads)
		if errors.Is(err, auth.ErrUnauthenticated) {
			challenge := `Bearer realm="afterhours"`
			detail := "send the header Authorization: Bearer TOKEN; `afterhours token create` makes one"
			if r.Header.Get("Authorization") != "" {
				challenge += `, error="invalid_token"`
				detail = "the token is unknown, expired or revoked; `afterhours token create` makes another"
			}
			w.Header().Set("WWW-Authenticate", challenge)
			WriteProblem(w, http.StatusUnauthorized, detail)
			return
		}
		if err != nil {
			failed := s.problem(r.Context(), err)
			WriteProblem(w, failed.Status, failed.Detail)
			return
		}
		needed := auth.Responder
		if reads {
			needed = auth.Viewer
		}
		if !who.Role.Allows(needed) {
			WriteProblem(w, http.StatusForbidden, "this needs the role "+string(needed)+", and yours is "+string(who.Role))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, who)))
	})
}

func (s *service) whoIs(r *http.Request, reads bool) (auth.Identity, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return auth.Identity{}, auth.ErrUnauthenticated
		}
		return s.Auth.Bearer(r.Context(), strings.TrimSpace(token))
	}
	if !reads {
		return auth.Identity{}, auth.ErrUnauthenticated
	}
	who, ok, err := s.Auth.Current(r.Context())
	if err == nil && !ok {
		err = auth.ErrUnauthenticated
	}
	return who, err
}

// readable refuses a query that cannot be read or that Postgres could not take.
func (s *service) readable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			WriteProblem(w, http.StatusBadRequest, "the query cannot be read: escape % as %25 and separate parameters by &")
			return
		}
		for name, values := range query {
			for _, value := range values {
				if !utf8.ValidString(value) || strings.Contains(value, "\x00") {
					WriteProblem(w, http.StatusBadRequest, "the parameter "+strings.ToValidUTF8(name, "?")+" is not UTF-8 text")
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}
