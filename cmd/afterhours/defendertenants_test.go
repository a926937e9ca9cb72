package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/migrations/pgtest"
)

// manyTenants are rooms that poll a number of tenants, each with a world of its own on a path of one server.
func manyTenants(t testing.TB, tenants int) (p *portal, worlds []*fakedefender.Server) {
	t.Helper()
	p = &portal{now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), pool: pgtest.New(t)}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	var yaml strings.Builder
	yaml.WriteString(portalTeam + "\ntenants:\n")
	for i := range tenants {
		world := fakedefender.New(p.clock)
		world.Tenant = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		prefix := fmt.Sprintf("/t%d", i)
		mux.Handle(prefix+"/", http.StripPrefix(prefix, world))
		worlds = append(worlds, world)
		fmt.Fprintf(&yaml, "  - {id: t%d, tenant_id: %q, client_id: %q, client_secret: %q, poll: 1m, api_url: %q, token_url: %q}\n",
			i, world.Tenant, world.ClientID, world.ClientSecret, server.URL+prefix, server.URL+prefix+"/"+world.Tenant+"/oauth2/v2.0/token")
	}
	p.rooms = p.wire(t)
	p.configure(t, yaml.String())
	return p, worlds
}

// round lets a minute pass and polls until no tenant is due.
func (p *portal) round(t testing.TB) {
	t.Helper()
	p.advance(time.Minute)
	for {
		if err := p.rooms.defender.poller.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.rooms.defender.poller.Wait()
		waiting := 0
		if err := p.pool.QueryRow(t.Context(), `SELECT count(*) FROM tenant_polls WHERE next_poll_at <= $1`, p.clock()).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			return
		}
	}
}

// TestEveryTenantIsPolledThoughMoreAreDueThanOneProcessPollsAtOnce has one tenant that answers nothing, too.
func TestEveryTenantIsPolledThoughMoreAreDueThanOneProcessPollsAtOnce(t *testing.T) {
	t.Parallel()
	const tenants = 70
	p, worlds := manyTenants(t, tenants)
	for i, world := range worlds {
		alert := ransom()
		alert.ID, alert.IncidentID = fmt.Sprintf("da%018d_%d", 637551227677560000+i, i), nil
		world.Add(alert)
	}
	worlds[3].Change(func(s *fakedefender.Server) {
		s.Faults = func(int, *http.Request) *fakedefender.Fault { return &fakedefender.Fault{Status: 503} }
	})
	for range 5 {
		if err := p.rooms.defender.poller.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.rooms.defender.poller.Wait()
	}
	if got := p.count(t, `SELECT count(*) FROM tickets WHERE source = 'api'`); got != tenants-1 {
		t.Errorf("got the alerts of %d tenants, want %d", got, tenants-1)
	}
	for i, world := range worlds {
		if i != 3 && world.Requests() != 2 {
			t.Errorf("tenant %d was asked %d times, want once for alerts and once for incidents", i, world.Requests())
		}
	}
}

// BenchmarkPollsOfManyTenants polls 200 tenants without news: what a tenant costs when all is quiet.
func BenchmarkPollsOfManyTenants(b *testing.B) {
	const tenants = 200
	p, _ := manyTenants(b, tenants)
	p.round(b)
	began := time.Now()
	b.ResetTimer()
	for range b.N {
		p.round(b)
	}
	perSecond := float64(b.N*tenants) / time.Since(began).Seconds()
	b.ReportMetric(perSecond, "polls/s")
	b.ReportMetric(perSecond*60, "tenants-at-1m")
}
