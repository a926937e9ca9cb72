package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"strconv"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// spanIDs derives ids of traces and spans from those of mails, tickets and pages. So every gateway knows the trace of a mail
// that another one took in, and nothing of it need be stored. With the installation's key the ids of two installations differ.
type spanIDs struct{ key []byte }

func (s spanIDs) sum(name string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(name))
	return mac.Sum(nil)
}

// trace is the id of what is named: a mail, or a ticket that no mail opened.
func (s spanIDs) trace(name string) trace.TraceID {
	return trace.TraceID(s.sum("trace of " + name)[:16])
}

// span is the id of one step.
func (s spanIDs) span(name string) trace.SpanID { return trace.SpanID(s.sum("span of " + name)[:8]) }

func mailName(id string) string      { return "mail " + id }
func mailNumber(id int64) string     { return mailName(strconv.FormatInt(id, 10)) }
func ticketName(number int64) string { return "ticket " + strconv.FormatInt(number, 10) }

// plannedIDs carries the ids of a span to the SDK, which would else draw them by lot.
type plannedIDs struct{}

type spanPlan struct {
	trace trace.TraceID
	span  trace.SpanID
}

// NewIDs implements sdktrace.IDGenerator.
func (plannedIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	plan, _ := ctx.Value(plannedIDs{}).(spanPlan)
	return plan.trace, plan.span
}

// NewSpanID implements sdktrace.IDGenerator.
func (plannedIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	plan, _ := ctx.Value(plannedIDs{}).(spanPlan)
	return plan.span
}

// endedSpans collects what ended until it is sent. It belongs to one goroutine.
type endedSpans struct{ spans []sdktrace.ReadOnlySpan }

// OnStart implements sdktrace.SpanProcessor.
func (*endedSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor.
func (e *endedSpans) OnEnd(span sdktrace.ReadOnlySpan) { e.spans = append(e.spans, span) }

// Shutdown implements sdktrace.SpanProcessor.
func (*endedSpans) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (*endedSpans) ForceFlush(context.Context) error { return nil }
