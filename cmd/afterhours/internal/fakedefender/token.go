package fakedefender

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// tokenLifetime is what Microsoft gives out.
const tokenLifetime = 3599 * time.Second

var directory = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// token is the client-credentials grant of the v2.0 endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := r.ParseForm(); err != nil {
		s.tokenError(w, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
		return
	}
	scope := r.PostForm.Get("scope")
	switch {
	case !directory.MatchString(r.PathValue("tenant")):
		s.tokenError(w, http.StatusBadRequest, "invalid_request", 900023, "Specified tenant identifier '"+r.PathValue("tenant")+"' is neither a valid DNS name, nor a valid external domain.")
	case r.PathValue("tenant") != s.Tenant:
		s.tokenError(w, http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+r.PathValue("tenant")+"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.")
	case r.PostForm.Get("grant_type") != "client_credentials":
		s.tokenError(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case r.PostForm.Get("client_id") != s.ClientID:
		s.tokenError(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+r.PostForm.Get("client_id")+"' was not found in the directory 'Contoso'.")
	case s.Expired:
		s.tokenError(w, http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '"+s.ClientID+"' are expired. Visit the Azure portal to create new keys for your app.")
	case r.PostForm.Get("client_secret") != s.ClientSecret:
		s.tokenError(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+s.ClientID+"'.")
	case s.Unconsented:
		s.tokenError(w, http.StatusBadRequest, "invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '"+s.ClientID+"' named 'afterhours'. Send an interactive authorization request for this user and resource.")
	case !strings.HasSuffix(scope, "/.default"):
		s.tokenError(w, http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope "+scope+" is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).")
	default:
		token := s.Issue()
		answerJSON(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": int(tokenLifetime / time.Second), "ext_expires_in": int(tokenLifetime / time.Second), "access_token": token,
		})
	}
}

// Issue makes a token, as the endpoint does and as a person in the portal has one. It is called inside Change.
func (s *Server) Issue() string {
	s.issued++
	claims, _ := json.Marshal(map[string]any{"appid": s.ClientID, "tid": s.Tenant, "roles": s.roles(), "uti": fmt.Sprint(s.Now().UnixNano(), s.issued)}) // texts can be written
	token := "fake." + base64.RawURLEncoding.EncodeToString(claims) + ".unsigned"
	s.tokens[token] = issued{s.Now().Add(tokenLifetime), s.Roles}
	return token
}

func (s *Server) tokenError(w http.ResponseWriter, status int, code string, number int, description string) {
	at := s.Now().UTC().Format("2006-01-02 15:04:05Z")
	answerJSON(w, status, map[string]any{
		"error": code, "error_codes": []int{number}, "timestamp": at, "trace_id": "00000000-0000-4000-8000-000000000001",
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: 00000000-0000-4000-8000-000000000001 Timestamp: %s", number, description, at),
	})
}

func (s *Server) authorised(r *http.Request) bool {
	token, ok := s.tokens[bearer(r)]
	return ok && s.Now().Before(token.end)
}

// everyRole is what an application may be granted here.
var everyRole = []string{
	"Alert.Read.All", "Alert.ReadWrite.All", "Incident.Read.All", "SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All", "Machine.Read.All",
	"Machine.ReadWrite.All", "Machine.Isolate", "Machine.Scan", "Machine.RestrictExecution", "Machine.CollectForensics",
}

func (s *Server) roles() []string {
	if s.Roles == nil {
		return everyRole
	}
	return s.Roles
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// issued is a token. It carries the permissions of the moment at which it was issued: what is granted later needs another
// one.
type issued struct {
	end   time.Time
	roles []string
}

// granted says whether a permission is consented to and stands in the token.
func (s *Server) granted(r *http.Request, role string) bool {
	return includes(s.Roles, role) && includes(s.tokens[bearer(r)].roles, role)
}

// includes says whether roles hold one; one to read and write includes reading, and nil is all.
func includes(roles []string, role string) bool {
	return roles == nil || slices.Contains(roles, role) || slices.Contains(roles, strings.Replace(role, ".Read.", ".ReadWrite.", 1))
}
