package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.26.0"
	"go.opentelemetry.io/otel/trace"
)

// Bounds of what tracing remembers and waits for beside the standard's own.
const (
	tracedTickets    = 10_000 // whose first mail is known without asking
	tracedWork       = 10_000 // mails and pages in hand
	firstMailWithin  = time.Second
	tracingStop      = 3 * time.Second
	tracingComplains = time.Minute
)

// step is something that happened to a mail, told after it was over: nothing waits for it. It belongs to the trace of its
// mail, or to that of the mail that opened its ticket.
type step struct {
	name         string
	id           string // tells it from all others
	mail         string // "" where the ticket decides
	ticket       int64
	parent       string // the id of the step before it; "" where it is the first, or, of a ticket, the writing of that
	kind         trace.SpanKind
	opens        bool // the ticket is that of this mail
	began, ended time.Time
	failed       bool
	attributes   []attribute.KeyValue
}

// tracing sends what happens to mails to a collector. All of it stands beside the work: a step that finds no place in the
// queue is dropped and counted. A nil tracing does nothing.
type tracing struct {
	ids       spanIDs
	bounds    traceBounds
	sampler   sdktrace.Sampler
	tracer    trace.Tracer
	exporter  sdktrace.SpanExporter
	ended     *endedSpans
	steps     chan step
	firstMail func(ctx context.Context, ticket int64) (int64, error)
	counted   *prometheus.CounterVec
	log       *slog.Logger
	now       func() time.Time

	mutex  sync.Mutex
	inHand map[string]time.Time // since when, by what

	firsts       map[int64]string // mails that opened tickets; of the loop alone
	complainedAt time.Time        // of the loop alone
}

// openTracing makes what sends traces, where the settings name a collector; nil where they do not. Nothing is sent before it
// runs.
func openTracing(ctx context.Context, s traceSettings, key []byte, gateway string, counted *prometheus.CounterVec, log *slog.Logger, now func() time.Time) (*tracing, error) {
	if s.endpoint() == "" {
		return nil, nil
	}
	sampler, err := s.sampler()
	if err != nil {
		return nil, err
	}
	bounds, err := s.bounds()
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(s.endpoint()))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(
		ctx, resource.WithAttributes(semconv.ServiceName("afterhours"), semconv.ServiceVersion(buildVersion()), semconv.ServiceInstanceID(gateway)), resource.WithTelemetrySDK(), resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	ended := &endedSpans{}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(about), sdktrace.WithSampler(sdktrace.ParentBased(sampler)), sdktrace.WithIDGenerator(plannedIDs{}), sdktrace.WithSpanProcessor(ended),
	)
	return &tracing{
		ids: spanIDs{key}, bounds: bounds, sampler: sampler, tracer: provider.Tracer("afterhours"), exporter: exporter, ended: ended,
		steps: make(chan step, bounds.queue), counted: counted, log: log, now: now, inHand: map[string]time.Time{}, firsts: map[int64]string{},
	}, nil
}

// add queues a step, or drops it.
func (t *tracing) add(s step) {
	select {
	case t.steps <- s:
	default:
		t.counted.WithLabelValues("dropped").Inc()
	}
}

// took notes since when something is in hand.
func (t *tracing) took(what string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.inHand) >= tracedWork { // of work that this process lost, by a lease that ended
		clear(t.inHand)
	}
	t.inHand[what] = t.now()
}

// since is when something was taken in hand, which it no longer is.
func (t *tracing) since(what string, otherwise time.Time) time.Time {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	began, known := t.inHand[what]
	if !known {
		return otherwise
	}
	delete(t.inHand, what)
	return began
}

// run sends until ctx ends, and then once more.
func (t *tracing) run(ctx context.Context) {
	pace := time.NewTicker(t.bounds.every)
	defer pace.Stop()
	for {
		select {
		case s := <-t.steps:
			t.tell(ctx, s)
			if len(t.ended.spans) >= t.bounds.batch {
				t.send(ctx)
			}
		case <-pace.C:
			t.send(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracingStop)
			defer cancel()
			for range len(t.steps) {
				t.tell(last, <-t.steps)
			}
			t.send(last)
			if err := t.exporter.Shutdown(last); err != nil {
				t.log.Warn("traces end badly", "error", err)
			}
			return
		}
	}
}

// tell makes a span of a step.
func (t *tracing) tell(ctx context.Context, s step) {
	name := mailName(s.mail)
	if s.mail == "" {
		first := t.first(ctx, s.ticket)
		if first == "" {
			name = ticketName(s.ticket)
		} else {
			name = mailName(first)
			if s.parent == "" {
				s.parent = "write " + first
			}
		}
	}
	plan := spanPlan{t.ids.trace(name), t.ids.span(s.id)}
	ctx = context.WithValue(ctx, plannedIDs{}, plan)
	if s.parent != "" {
		ctx = trace.ContextWithRemoteSpanContext(ctx, t.place(name, s.parent))
	}
	options := []trace.SpanStartOption{trace.WithTimestamp(s.began), trace.WithSpanKind(s.kind), trace.WithAttributes(s.attributes...)}
	if s.opens {
		t.know(s.ticket, s.mail)
	}
	if s.mail != "" && s.ticket != 0 { // a mail that came to the ticket of another one leads there
		if first := t.first(ctx, s.ticket); first != "" && first != s.mail {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: t.place(mailName(first), "write "+first)}))
		}
	}
	_, span := t.tracer.Start(ctx, s.name, options...)
	if s.failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(s.ended))
}

// place is where a step stands, in whichever process it was.
func (t *tracing) place(name, id string) trace.SpanContext {
	config := trace.SpanContextConfig{TraceID: t.ids.trace(name), SpanID: t.ids.span(id), Remote: true}
	if t.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: context.Background(), TraceID: config.TraceID}).Decision == sdktrace.RecordAndSample {
		config.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(config)
}

// first is the mail that opened a ticket; "" where none did, or nobody can say.
func (t *tracing) first(ctx context.Context, ticket int64) string {
	if known, ok := t.firsts[ticket]; ok {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, firstMailWithin)
	defer cancel()
	id, err := t.firstMail(ctx, ticket)
	if err != nil {
		return ""
	}
	known := ""
	if id != 0 {
		known = fmt.Sprint(id)
	}
	t.know(ticket, known)
	return known
}

func (t *tracing) know(ticket int64, mail string) {
	if len(t.firsts) >= tracedTickets {
		clear(t.firsts)
	}
	t.firsts[ticket] = mail
}

// send gives the collector what ended. What it does not take in time is lost, and counted.
func (t *tracing) send(ctx context.Context) {
	spans := t.ended.spans
	t.ended.spans = nil
	if len(spans) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, t.bounds.within)
	defer cancel()
	err := t.exporter.ExportSpans(ctx, spans)
	if err == nil {
		t.counted.WithLabelValues("sent").Add(float64(len(spans)))
		return
	}
	t.counted.WithLabelValues("refused").Add(float64(len(spans)))
	if now := t.now(); now.Sub(t.complainedAt) >= tracingComplains {
		t.complainedAt = now
		t.log.Warn("the collector does not take traces; nothing waits for it", "spans", len(spans), "error", err)
	}
}
