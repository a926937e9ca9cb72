package main

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
)

// TestAnAlertPagesWithinAPollAndASecond measures from an alert's appearance at Microsoft to its page's arrival.
func TestAnAlertPagesWithinAPollAndASecond(t *testing.T) {
	t.Parallel()
	api := fakedefender.New(time.Now)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	primary, secondary := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(primary, secondary, "1h")+fmt.Sprintf(`
tenants:
  - {id: contoso, tenant_id: %q, client_id: %q, client_secret: %q, poll: 2s, api_url: %q, token_url: "%s/%s/oauth2/v2.0/token"}
`, api.Tenant, api.ClientID, api.ClientSecret, server.URL, server.URL, api.Tenant))
	eventually(t, "the first poll", func() bool { return api.Requests() > 0 })
	const polls = 2 * time.Second
	worst := time.Duration(0)
	for i := range 3 {
		alert := ransom()
		alert.ID, alert.IncidentID = fmt.Sprintf("da%018d_%d", 637551227677560813+i, i), nil
		appeared := time.Now()
		api.Add(alert)
		eventually(t, "the page", func() bool { return len(primary.deliveries()) > i })
		worst = max(worst, primary.deliveries()[i].at.Sub(appeared))
	}
	within(t, "an alert pages after it appeared", worst, polls+time.Second)
}
