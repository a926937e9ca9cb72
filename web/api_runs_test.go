package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"afterhours/web/auth"
)

// fetch asks the API with a token and decodes the answer.
func (d *desk) fetch(t *testing.T, token, path string, into any) {
	t.Helper()
	response := d.ask(t, http.MethodGet, path, "", "Authorization", "Bearer "+token)
	wantStatus(t, response, http.StatusOK)
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestTheAPIListsRunsWithCursorAndFilters(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	viewer := d.token(t, auth.Viewer)
	type list struct {
		Runs []struct {
			ID        int64
			State     string
			Device    string
			Automatic bool
			Approvals []struct {
				Person   string
				Approved bool
			}
		}
		NextCursor string `json:"next_cursor"`
	}
	var first, second, waiting, none list
	d.fetch(t, viewer, "/api/v1/runs?limit=1", &first)
	if len(first.Runs) != 1 || first.Runs[0].ID != 2 || first.Runs[0].Device != "srv-sql-07" || len(first.Runs[0].Approvals) != 1 || first.NextCursor == "" {
		t.Errorf("got %+v, want the newest and a cursor", first)
	}
	d.fetch(t, viewer, "/api/v1/runs?limit=1&cursor="+first.NextCursor, &second)
	if len(second.Runs) != 1 || second.Runs[0].ID != 1 || !second.Runs[0].Automatic || second.NextCursor != "" {
		t.Errorf("got %+v, want the older one and the end", second)
	}
	d.fetch(t, viewer, "/api/v1/runs?state=waiting&ticket=1042&playbook=isolate", &waiting)
	if len(waiting.Runs) != 1 || waiting.Runs[0].State != "waiting" {
		t.Errorf("got %+v, want the one that asks", waiting)
	}
	d.fetch(t, viewer, "/api/v1/runs?ticket=7", &none)
	if none.Runs == nil || len(none.Runs) != 0 {
		t.Errorf("got %+v, want an empty list", none)
	}
	var one struct {
		Run   struct{ Action string }
		Steps []struct{ State, Reason string }
	}
	d.fetch(t, viewer, "/api/v1/runs/2", &one)
	if one.Run.Action != "isolate_device" || len(one.Steps) != 1 || one.Steps[0].Reason != "called for by api" {
		t.Errorf("got %+v, want the run with its audit", one)
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/api/v1/runs/99", "", "Authorization", "Bearer "+viewer), http.StatusNotFound)
}

func TestTheAPITellsHowTenantsArePolled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	viewer := d.token(t, auth.Viewer)
	var answer struct {
		Tenants []struct {
			ID, State, Error, Mend string
			LagSeconds             float64 `json:"lag_seconds"`
			PolledAt               *string `json:"polled_at"`
		}
	}
	d.fetch(t, viewer, "/api/v1/tenants", &answer)
	if len(answer.Tenants) != 2 {
		t.Fatalf("got %+v, want both", answer)
	}
	if well := answer.Tenants[0]; well.ID != "contoso" || well.State != "ok" || well.LagSeconds != 1.3 || well.PolledAt == nil {
		t.Errorf("got %+v", well)
	}
	if ill := answer.Tenants[1]; ill.State != "failed" || !strings.Contains(ill.Error, "has expired") || !strings.Contains(ill.Mend, "Certificates & secrets") {
		t.Errorf("got %+v", ill)
	}
}

// TestNoTokenApprovesARun tries what a client would guess, with the strongest token.
func TestNoTokenApprovesARun(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call that changes anything fails the test
	admin := "Bearer " + d.token(t, auth.Admin)
	for _, path := range []string{"/api/v1/runs/2/approve", "/api/v1/runs/2"} {
		response := d.ask(t, http.MethodPost, path, "", "Authorization", admin)
		if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %s", path, response.Status)
		}
	}
	response := d.ask(t, http.MethodPost, "/playbooks/runs/2/approve", "", "Authorization", admin)
	if location := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, "/login") {
		t.Errorf("the desk's own route with a token: got %s to %q, want the sign-in", response.Status, location)
	}
}
