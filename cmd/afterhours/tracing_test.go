package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

// traceCollector takes spans as a collector does.
type traceCollector struct {
	*httptest.Server
	mutex sync.Mutex
	got   []*tracepb.Span
}

func newTraceCollector(t *testing.T) *traceCollector {
	t.Helper()
	c := &traceCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch coltracepb.ExportTraceServiceRequest
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &batch) != nil {
			http.Error(w, "no traces", http.StatusBadRequest)
			return
		}
		c.mutex.Lock()
		for _, resource := range batch.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.got = append(c.got, scope.GetSpans()...)
			}
		}
		c.mutex.Unlock()
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// named are the spans of a name.
func (c *traceCollector) named(name string) []*tracepb.Span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []*tracepb.Span
	for _, span := range c.got {
		if span.GetName() == name {
			found = append(found, span)
		}
	}
	return found
}

// tracingTo are the settings that send traces somewhere without much delay.
func tracingTo(address string, more ...string) traceSettings {
	s := traceSettings{"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "20"}
	for i := 0; i < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	return s
}

// mailSteps are the spans of a mail that pages and is acknowledged, each the parent of the next but for the last.
var mailSteps = []string{"accept mail", "read mail", "write ticket", "queue page", "send page", "acknowledge ticket"}

func TestOneTraceFollowsAMailThroughTwoGateways(t *testing.T) {
	t.Parallel()
	collector := newTraceCollector(t)
	database := pgtest.URL(t)
	traced := func(s *settings) {
		s.DatabaseURL, s.OTel = database, tracingTo(collector.URL)
		trusting(s)
	}
	app, other := serveTest(t, traced), serveTest(t, traced)
	ana, ben := newHook(t), newHook(t)
	app.configure(t, team(ana, ben, "1h"))
	mustSend(t, app.smtpAddr, vouched(alertMail("Medium", "Ransomware", "srv-sql-07", "da637551227677560813_-961444813", "m1@example")))
	eventually(t, "it pages", func() bool { return len(ana.deliveries()) == 1 })
	link := strings.Replace(ana.deliveries()[0].message.Data.AckURL, app.baseURL, other.baseURL, 1)
	if response := request(t, http.MethodPost, link, nil); response.StatusCode >= 400 {
		t.Fatalf("acknowledge: got %s", response.Status)
	}
	eventually(t, "every step is told", func() bool {
		for _, name := range mailSteps {
			if len(collector.named(name)) == 0 {
				return false
			}
		}
		return true
	})
	first := collector.named("accept mail")[0]
	parent := []byte(nil)
	for i, name := range mailSteps {
		spans := collector.named(name)
		if len(spans) != 1 || !bytes.Equal(spans[0].GetTraceId(), first.GetTraceId()) {
			t.Fatalf("%s: got %d spans, want one of the mail's trace", name, len(spans))
		}
		if i == len(mailSteps)-1 {
			parent = collector.named("write ticket")[0].GetSpanId()
		}
		if !bytes.Equal(spans[0].GetParentSpanId(), parent) {
			t.Errorf("%s is not the child of the step before it", name)
		}
		parent = spans[0].GetSpanId()
		if spans[0].GetEndTimeUnixNano() < spans[0].GetStartTimeUnixNano() {
			t.Errorf("%s ends before it begins", name)
		}
		text := prototext.Format(spans[0])
		for _, word := range []string{"Ransomware", "srv-sql-07", "Ana", `"ana"`, "example", "http", "da637551227677560813"} {
			if strings.Contains(text, word) {
				t.Errorf("%s tells %q:\n%s", name, word, text)
			}
		}
	}

	mustSend(t, other.smtpAddr, vouched(alertMail("High", "Ransomware", "srv-sql-07", "da637551227677560813_-961444813", "m2@example")))
	eventually(t, "the second mail is told", func() bool { return len(collector.named("write ticket")) == 2 })
	second := collector.named("write ticket")[1]
	if bytes.Equal(second.GetTraceId(), first.GetTraceId()) || len(second.GetLinks()) != 1 || !bytes.Equal(second.GetLinks()[0].GetTraceId(), first.GetTraceId()) {
		t.Errorf("got %s, want a trace of its own that links to the ticket's", prototext.Format(second))
	}
}

func TestACollectorInTroubleDelaysNoPageAndWhatIsLostIsCounted(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) }) // before it is closed
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}))
	t.Cleanup(failing.Close)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for name, address := range map[string]string{"it hangs": hanging.URL, "it answers 503": failing.URL, "it is away": away.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := serveTest(t, func(s *settings) {
				s.OTel = tracingTo(address, "OTEL_BSP_MAX_QUEUE_SIZE", "5", "OTEL_BSP_EXPORT_TIMEOUT", "2000")
				trusting(s)
			})
			ana, ben := newHook(t), newHook(t)
			app.configure(t, team(ana, ben, "1h"))
			const mails = 20
			for i := range mails {
				mustSend(t, app.smtpAddr, vouched(alertMail("High", fmt.Sprintf("Case %d", i), "pc1", fmt.Sprintf("da%d_1", i+1), fmt.Sprintf("m%d@example", i))))
			}
			eventually(t, "everything pages", func() bool { return len(ana.deliveries()) == mails })
			count := func(outcome string) float64 { return testutil.ToFloat64(app.counters.spans.WithLabelValues(outcome)) }
			eventually(t, "what is lost is counted", func() bool { return count("refused") > 0 })
			if count("sent") > 0 || count("dropped")+count("refused") > 6*mails {
				t.Errorf("got %v sent, %v dropped, %v refused", count("sent"), count("dropped"), count("refused"))
			}
		})
	}
}

func TestTracingThatIsOffCostsNothing(t *testing.T) {
	var off *tracing
	now := time.Now()
	changes := []tickets.Change{{Kind: tickets.ChangeAcknowledged, Ticket: &tickets.Ticket{Number: 1}}}
	if got := testing.AllocsPerRun(1000, func() {
		off.accepted(now, now, "4711", nil)
		off.changed(changes)
	}); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
	app := serveTest(t, nil)
	_, traced := app.rooms.deliverer.Store.(tracedPages)
	_, counted := app.reader.Store.(countedMails)
	if app.tracing != nil || traced || !counted {
		t.Error("without a collector something is traced")
	}
}

func TestWhatIsSetOfTracesIsHeld(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318":        "OTEL_EXPORTER_OTLP_ENDPOINT: is not an http or https URL",
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://a:b@collector": "put credentials into OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc":                  "use http/protobuf",
		"OTEL_TRACES_SAMPLER=sometimes":                     "OTEL_TRACES_SAMPLER",
		"OTEL_TRACES_SAMPLER_ARG=2":                         "",
		"OTEL_BSP_MAX_QUEUE_SIZE=none":                      "is not a number from 1 to 1000000",
		"OTEL_TRACES_EXPORTER=zipkin":                       "use otlp or none",
		"OTEL_SERVICE_NAME=pager":                           "",
	} {
		err := traceVariables([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318", "HOME=/", text}).validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	for _, off := range []traceSettings{{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}} {
		if got := off.endpoint(); got != "" {
			t.Errorf("%v: got %q, want it off", off, got)
		}
	}
	never, err := openTracing(t.Context(), tracingTo("http://127.0.0.1:4318", "OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG", "0"), []byte("key"), "gateway", newCounters().spans, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	never.firstMail = func(context.Context, int64) (int64, error) { return 7, nil }
	never.tell(t.Context(), step{name: "accept mail", id: "accept 7", mail: "7"})
	never.tell(t.Context(), step{name: "queue page", id: "queue 1", ticket: 1001})
	if len(never.ended.spans) != 0 {
		t.Errorf("got %d spans, want none of a mail that is not sampled", len(never.ended.spans))
	}
}
