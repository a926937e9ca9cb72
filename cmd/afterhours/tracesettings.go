package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// traceSettings are OpenTelemetry's own variables as the process was given them, by name. Headers, certificates, compression
// and the time limit of the exporter are read by its library.
type traceSettings map[string]string

// traceVariables picks them out of an environment.
func traceVariables(vars []string) traceSettings {
	found := traceSettings{}
	for _, pair := range vars {
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" && strings.HasPrefix(name, "OTEL_") {
			found[name] = value
		}
	}
	return found
}

// endpoint is where spans are posted to; empty where traces are off.
func (s traceSettings) endpoint() string {
	if strings.EqualFold(s["OTEL_SDK_DISABLED"], "true") || s["OTEL_TRACES_EXPORTER"] == "none" {
		return ""
	}
	if target := s["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]; target != "" {
		return target
	}
	if base := s["OTEL_EXPORTER_OTLP_ENDPOINT"]; base != "" {
		return strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	return ""
}

func (s traceSettings) validate() error {
	if s.endpoint() == "" {
		return nil
	}
	target, err := url.Parse(s.endpoint())
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return usageError{fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: is not an http or https URL like http://collector:4318")}
	}
	if target.User != nil {
		return usageError{fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: put credentials into OTEL_EXPORTER_OTLP_HEADERS, not into the URL")}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := s[name]; protocol != "" && protocol != "http/protobuf" {
			return usageError{fmt.Errorf("%s: %q is not spoken here; use http/protobuf, on the collector's port 4318", name, protocol)}
		}
	}
	if exporter := s["OTEL_TRACES_EXPORTER"]; exporter != "" && exporter != "otlp" {
		return usageError{fmt.Errorf("OTEL_TRACES_EXPORTER: %q is not there; use otlp or none", exporter)}
	}
	if _, err := s.sampler(); err != nil {
		return err
	}
	_, err = s.bounds()
	return err
}

// sampler decides by a trace's id alone, so that all gateways decide alike about the steps of one mail.
func (s traceSettings) sampler() (sdktrace.Sampler, error) {
	name := strings.TrimPrefix(s["OTEL_TRACES_SAMPLER"], "parentbased_")
	switch name {
	case "", "always_on":
		return sdktrace.AlwaysSample(), nil
	case "always_off":
		return sdktrace.NeverSample(), nil
	case "traceidratio":
		share, err := strconv.ParseFloat(s["OTEL_TRACES_SAMPLER_ARG"], 64)
		if s["OTEL_TRACES_SAMPLER_ARG"] == "" {
			share, err = 1, nil
		}
		if err != nil || share < 0 || share > 1 {
			return nil, usageError{fmt.Errorf("OTEL_TRACES_SAMPLER_ARG: must be a share from 0 to 1")}
		}
		return sdktrace.TraceIDRatioBased(share), nil
	}
	return nil, usageError{fmt.Errorf("OTEL_TRACES_SAMPLER: %q is not known; use always_on, always_off or traceidratio, with or without parentbased_", name)}
}

// traceBounds keep tracing from costing anything else its memory or its time.
type traceBounds struct {
	queue, batch  int           // spans that wait, and that are sent at once
	every, within time.Duration // between two sends, and for each
}

// bounds are those of the batch processor of OpenTelemetry's specification, with its defaults.
func (s traceSettings) bounds() (traceBounds, error) {
	var fault error
	number := func(name string, otherwise int) int {
		text := s[name]
		if text == "" {
			return otherwise
		}
		value, err := strconv.Atoi(text)
		if err != nil || value < 1 || value > 1_000_000 {
			fault = usageError{fmt.Errorf("%s: %q is not a number from 1 to 1000000", name, text)}
		}
		return value
	}
	b := traceBounds{
		queue: number("OTEL_BSP_MAX_QUEUE_SIZE", 2048), batch: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
		every:  time.Duration(number("OTEL_BSP_SCHEDULE_DELAY", 5000)) * time.Millisecond,
		within: time.Duration(number("OTEL_BSP_EXPORT_TIMEOUT", 30000)) * time.Millisecond,
	}
	return b, fault
}
