package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// expressions are what the dashboard and the alert rules ask Prometheus, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	read := func(path string, into any, unmarshal func([]byte, any) error) {
		t.Helper()
		content, err := os.ReadFile(path)
		if err == nil {
			err = unmarshal(content, into)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	read("../../deploy/prometheus/alerts.yml", &rules, yaml.Unmarshal)
	runbook, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			found["alert "+rule.Alert] = rule.Expr
			_, anchor, _ := strings.Cut(rule.Annotations["runbook"], "#")
			if anchor == "" || !strings.Contains(string(runbook), `<a id="`+anchor+`"></a>`) {
				t.Errorf("%s: its runbook line %q is not in docs/operations.md", rule.Alert, anchor)
			}
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ RefID, Expr, LegendFormat string }
		}
	}
	read("../../deploy/grafana/afterhours.json", &dashboard, json.Unmarshal)
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			found[fmt.Sprintf("panel %s %s", panel.Title, target.RefID)] = target.Expr
		}
	}
	return found
}

var (
	metricName = regexp.MustCompile(`\b(?:afterhours|process|go)_[a-z_]+\b`)
	labelNames = regexp.MustCompile(`\bby \(([^)]*)\)|([a-z_]+)\s*(?:=~|!=|=)\s*"`)
)

// TestWhatDashboardAndAlertsNameIsThere compares every metric and label with those of a gateway that has done everything.
func TestWhatDashboardAndAlertsNameIsThere(t *testing.T) {
	t.Parallel()
	ana := newHook(t)
	app := serveTest(t, func(s *settings) { trusting(s); s.SelfTestEvery, s.SelfTestWithin = 24*time.Hour, 5*time.Minute })
	app.configure(t, team(ana, ana, "1h")+`
tenants:
  - {id: contoso, tenant_id: 0a1b2c3d-1111-4222-8333-444455556666, client_id: 0a1b2c3d-1111-4222-8333-444455556667, client_secret: x, poll: 1h,
     api_url: "http://127.0.0.1:1", token_url: "http://127.0.0.1:1/token"}
`)
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware", "pc1", "da1_1", "m1@example")))
	app.settled(t)
	eventually(t, "the page", func() bool { pages, _ := told(t, ana); return pages == 1 })
	if _, err := app.db.pool.Exec(t.Context(), `
		INSERT INTO tenant_polls (tenant, next_poll_at, next_incidents_at, polled_at, lag) VALUES ('contoso', $1, $1, $1, '1s')
		ON CONFLICT (tenant) DO UPDATE SET polled_at = $1, lag = '1s'`, app.now()); err != nil {
		t.Fatal(err)
	}
	if err := app.tendReadings(t.Context()); err != nil {
		t.Fatal(err)
	}
	var families map[string][]string
	eventually(t, "the page is written down as sent", func() bool {
		families = metricLabels(t, scrape(t, app))
		return len(families["afterhours_page_latency_seconds"]) > 0
	})
	known := expressions(t)
	if len(known) < 30 {
		t.Fatalf("got %d expressions, want those of all panels and alerts", len(known))
	}
	elsewhere := []string{ // there only where their cause is
		"afterhours_backup_age_seconds", "afterhours_reading_fields_dropped", "afterhours_readings", "afterhours_reading_fields_found",
	}
	described := describedNames(app)
	for where, expression := range known {
		for _, name := range metricName.FindAllString(expression, -1) {
			family := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
			labels, ok := families[name]
			if !ok {
				labels, ok = families[family]
			}
			if !ok && slices.Contains(elsewhere, name) && strings.Contains(described, `"`+name+`"`) {
				continue
			}
			if !ok {
				t.Errorf("%s names %s, which is not at /metrics", where, name)
				continue
			}
			for _, match := range labelNames.FindAllStringSubmatch(expression, -1) {
				for label := range strings.SplitSeq(match[1]+match[2], ",") {
					if label = strings.TrimSpace(label); label != "" && label != "le" && !slices.Contains(labels, label) {
						t.Errorf("%s: %s has no label %s; it has %v", where, name, label, labels)
					}
				}
			}
		}
	}
}

func metricLabels(t *testing.T, text string) map[string][]string {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for name, family := range parsed {
		found[name] = []string{}
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				found[name] = append(found[name], label.GetName())
			}
		}
	}
	return found
}

// describedNames are the metrics that the collectors may show, whether or not they do now.
func describedNames(app *application) string {
	out := make(chan *prometheus.Desc, 100)
	newReadingCollector(app).Describe(out)
	newMeasureCollector(app).Describe(out)
	close(out)
	var names strings.Builder
	for desc := range out {
		names.WriteString(desc.String())
	}
	return names.String()
}
