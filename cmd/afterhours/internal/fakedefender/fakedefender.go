// Package fakedefender behaves like Microsoft's token endpoint, the Defender for Endpoint API, the Defender XDR API and the
// part of Graph that afterhours uses: for tests and for the demo. It answers in the form that Microsoft documents, with the
// same errors, limits and delays, and it can be told to fail: throttled, unauthorised, broken, slow, cut off before or
// after it acted.
//
// It promises that an action counts once it was accepted, whether or not the answer arrived, as with the real service.
package fakedefender

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// The limits of the documented API; a request beyond them is answered with 429.
const (
	PerMinute = 100
	PerHour   = 1500
	maxTop    = 10_000
)

// Fault is what happens to one request instead of its answer, or before it.
type Fault struct {
	Status     int           // answered instead; 0 answers normally
	RetryAfter int           // seconds, with a 429
	Delay      time.Duration // before the answer
	Cut        bool          // the connection ends before the request is looked at
	CutAfter   bool          // it ends once the request was carried out
	// Then runs at the moment at which the connection ends, before the client can notice it.
	Then func()
}

// Server is one tenant's world. Its fields are set before it serves; what changes later goes through its methods.
type Server struct {
	Tenant       string // the directory's id
	ClientID     string
	ClientSecret string
	Expired      bool     // the secret has run out
	Unconsented  bool     // no administrator has consented to the application
	Roles        []string // granted permissions; nil grants all
	Now          func() time.Time
	// ActionTakes is how long a machine action runs; 0 ends it with its first look.
	ActionTakes time.Duration
	// ActionEnds is the status in which actions end; empty is Succeeded. In any other the device stays as it is.
	ActionEnds string
	// NextLink makes lists carry @odata.nextLink.
	NextLink bool
	// MaxPage bounds $top below what Microsoft allows; 0 leaves it.
	MaxPage int
	// Duplicates lets every so many-th alert stand in a list twice; 0 lets none.
	Duplicates int
	// Faults says what happens to the n-th request to the API, counted from 1; nil: nothing.
	Faults func(n int, r *http.Request) *Fault

	mutex     sync.Mutex
	alerts    []*Alert // in the order of their last update
	byID      map[string]*Alert
	incidents map[int]*Incident
	machines  map[string]*Machine
	actions   []*MachineAction
	tokens    map[string]issued
	times     []time.Time // of requests within the hour
	requests  int
	issued    int
	worst     int // the most requests within any minute
	writes    []Write
	paths     []string
}

// Write is one change that a client made to an alert.
type Write struct {
	Alert string
	Body  map[string]any
}

// New returns an empty tenant with credentials for tests.
func New(now func() time.Time) *Server {
	return &Server{
		Tenant: "0a1b2c3d-1111-4222-8333-444455556666", ClientID: "11111111-2222-4333-8444-555566667777", ClientSecret: "fake~secret",
		Now: now, byID: map[string]*Alert{}, incidents: map[int]*Incident{}, machines: map[string]*Machine{}, tokens: map[string]issued{},
	}
}

// ServeHTTP answers the token endpoint and the APIs, which in reality stand on hosts of their own.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.token)
	mux.HandleFunc("GET /api/alerts", s.api("Alert.Read.All", s.listAlerts))
	mux.HandleFunc("GET /api/alerts/{id}", s.api("Alert.Read.All", s.getAlert))
	mux.HandleFunc("PATCH /api/alerts/{id}", s.api("Alert.ReadWrite.All", s.patchAlert))
	mux.HandleFunc("GET /api/incidents", s.api("Incident.Read.All", s.listIncidents))
	mux.HandleFunc("GET /v1.0/security/alerts_v2", s.api("SecurityAlert.Read.All", s.listGraphAlerts))
	mux.HandleFunc("GET /api/machines/{id}", s.api("Machine.Read.All", s.getMachine))
	mux.HandleFunc("POST /api/machines/{id}/{action}", s.act)
	mux.HandleFunc("GET /api/machineactions", s.api("Machine.Read.All", s.listActions))
	mux.HandleFunc("GET /api/machineactions/{id}", s.api("Machine.Read.All", s.getAction))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "NotFound", "No HTTP resource was found that matches the request URI "+r.URL.Path)
	})
	mux.ServeHTTP(w, r)
}

// handler answers a request that is allowed; the lock is held.
type handler func(w http.ResponseWriter, r *http.Request)

// api wraps a handler with faults, limits, the token and the permission, in the order in which the real gateway checks.
func (s *Server) api(role string, answer handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		s.requests++
		s.paths = append(s.paths, r.Method+" "+r.URL.Path)
		n, faults := s.requests, s.Faults
		s.mutex.Unlock()
		var fault Fault
		if faults != nil {
			if found := faults(n, r); found != nil {
				fault = *found
			}
		}
		if fault.Delay > 0 {
			select {
			case <-time.After(fault.Delay):
			case <-r.Context().Done():
			}
		}
		end := func() {
			if fault.Then != nil {
				fault.Then()
			}
			panic(http.ErrAbortHandler)
		}
		if fault.Cut {
			end()
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		switch wait := s.count(); {
		case fault.Status == http.StatusTooManyRequests:
			throttle(w, fault.RetryAfter)
			return
		case fault.Status == http.StatusUnauthorized:
			clear(s.tokens)
			refuse(w, fault.Status, "Unauthorized", "Access token has expired or is not yet valid")
			return
		case fault.Status != 0:
			refuse(w, fault.Status, "InternalServerError", "No additional details available, try to contact the support")
			return
		case wait > 0:
			throttle(w, wait)
			return
		case !s.authorised(r):
			refuse(w, http.StatusUnauthorized, "Unauthorized", "Missing or invalid bearer token")
			return
		case !s.granted(r, role):
			refuse(w, http.StatusForbidden, "Forbidden", "The application does not have any of the required application permissions ("+role+") to access the resource.")
			return
		}
		if fault.CutAfter {
			answer(&discarded{header: http.Header{}}, r)
			end()
		}
		answer(w, r)
	}
}

// count notes a request and returns the seconds to wait where it is one too many.
func (s *Server) count() int {
	now := s.Now()
	for len(s.times) > 0 && s.times[0].Before(now.Add(-time.Hour)) {
		s.times = s.times[1:]
	}
	minute := 0
	for i := len(s.times) - 1; i >= 0 && s.times[i].After(now.Add(-time.Minute)); i-- {
		minute++
	}
	if minute >= PerMinute || len(s.times) >= PerHour {
		return 30
	}
	s.times = append(s.times, now)
	s.worst = max(s.worst, minute+1)
	return 0
}

func throttle(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	refuse(w, http.StatusTooManyRequests, "TooManyRequests", fmt.Sprintf("Rate limit is exceeded. Try again in %d seconds.", seconds))
}

// refuse answers an error in the form of Microsoft's.
func refuse(w http.ResponseWriter, status int, code, message string) {
	answerJSON(w, status, map[string]any{"error": map[string]any{"code": code, "message": message, "target": "|00-fake."}})
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left does not matter
}

// discarded takes the answer that its client never gets.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header               { return d.header }
func (d *discarded) Write(content []byte) (int, error) { return len(content), nil }
func (d *discarded) WriteHeader(int)                   {}

// Requests are how many requests the APIs got, those that failed included.
func (s *Server) Requests() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.requests
}

// WorstMinute is the largest number of requests that were let through within one minute.
func (s *Server) WorstMinute() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.worst
}

// Paths are the requests that the APIs got, in order.
func (s *Server) Paths() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string(nil), s.paths...)
}

// Tokens are how many tokens were issued.
func (s *Server) Tokens() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.issued
}

// Writes are the changes that clients made to alerts, in order.
func (s *Server) Writes() []Write {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]Write(nil), s.writes...)
}

// Change changes what the tenant grants while it serves.
func (s *Server) Change(change func(s *Server)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s)
}
