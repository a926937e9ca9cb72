package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Vital is one thing between a mail and its page; Ailing says what is wrong with it.
type Vital struct{ Name, Ailing string }

// Status is how an installation is. While the database is away, what stands there is missing.
type Status struct {
	Vitals   []Vital
	Gateways []oncall.Gateway
	SelfTest oncall.SelfTest
	Polls    map[string]tickets.TenantStatus // by our ids
	Spooled  int                             // mails that wait in this gateway's spool
	Embedded bool                            // the database is this gateway's own
	BackupAt time.Time                       // of it; zero where there is none
}

type statusView struct {
	frame
	Vitals   []Vital
	Well     bool
	Gateways []gatewayRow
	Polls    []pollRow
	Spooled  int
	Embedded bool
	BackupAt *when
	TestedAt *when
}

// gatewayRow is one process that serves.
type gatewayRow struct {
	Name, Version, Ailing string
	Running               bool
	Since, Seen           when
	BeatAt                *when
	BeatFault             string
}

// pollRow is how the polls of one tenant go.
type pollRow struct {
	Tenant, Error string
	At            *when
}

// showStatus is GET /status.
func (s *Site) showStatus(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Status", "status")
	if err != nil {
		return err
	}
	status := s.Status(r.Context())
	view := statusView{frame: frame, Vitals: status.Vitals, Well: isWell(status.Vitals), Spooled: status.Spooled, Embedded: status.Embedded}
	moment := func(at *time.Time) *when {
		if at == nil || at.IsZero() {
			return nil
		}
		shown := reader.ago(*at)
		return &shown
	}
	for _, g := range status.Gateways {
		view.Gateways = append(view.Gateways, gatewayRow{
			Name: g.Name, Version: g.Version, Ailing: g.Ailing, Running: g.Running(reader.now), Since: reader.ago(g.StartedAt), Seen: reader.ago(g.SeenAt),
			BeatAt: moment(g.HeartbeatAt), BeatFault: g.HeartbeatFault,
		})
	}
	for _, tenant := range slices.Sorted(maps.Keys(status.Polls)) {
		poll := status.Polls[tenant]
		view.Polls = append(view.Polls, pollRow{Tenant: tenant, Error: poll.Error, At: moment(poll.PolledAt)})
	}
	view.BackupAt, view.TestedAt = moment(&status.BackupAt), moment(status.SelfTest.LastArrivedAt)
	return s.render(w, http.StatusOK, "status", view)
}

func isWell(vitals []Vital) bool {
	return !slices.ContainsFunc(vitals, func(v Vital) bool { return v.Ailing != "" })
}

type statusAwayView struct {
	bare
	Intake  bool // mail can be taken
	Spooled int
}

// statusWhileAway answers for the status page while the database, and with it everybody's session, is away: it says what
// somebody at the door may know.
func (s *Site) statusWhileAway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if r.URL.Path != "/status" || !reads || s.Ready(r.Context()) == nil {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		view := statusAwayView{bare: s.bare("Status", false), Intake: s.ReadySMTP(ctx) == nil, Spooled: s.Status(ctx).Spooled}
		if err := s.render(w, http.StatusServiceUnavailable, "statusaway", view); err != nil {
			s.fail(w, r, err)
		}
	})
}
