package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// vitalCollector shows what was found well or not at the last look, and how heartbeat and self-test stand.
type vitalCollector struct {
	app                       *application
	well, vital, at           *prometheus.Desc
	beatAt, beats, missed     *prometheus.Desc
	gateways                  *prometheus.Desc
	testFailed, testAt, tests *prometheus.Desc
}

func newVitalCollector(a *application) *vitalCollector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("afterhours_"+name, help, labels, nil)
	}
	return &vitalCollector{
		app:        a,
		well:       describe("well", "1 while everything between a mail and its page is well, as seen by this gateway."),
		vital:      describe("vital_well", "1 while one part of it is well.", "vital"),
		at:         describe("well_timestamp_seconds", "When that was looked at last."),
		beatAt:     describe("heartbeat_timestamp_seconds", "When the outside address answered this gateway's heartbeat last; 0 never."),
		beats:      describe("heartbeats_total", "Heartbeats that the outside address answered."),
		missed:     describe("heartbeats_failed_total", "Heartbeats that it did not answer."),
		gateways:   describe("gateways", "Gateways that wrote themselves down of late; -1 while the database is away."),
		testFailed: describe("self_test_failed", "1 while the self-test mail does not come through; -1 while the database is away."),
		testAt:     describe("self_test_timestamp_seconds", "When a self-test mail came through last; 0 never."),
		tests:      describe("self_tests_total", "Self-test mails so far, of all gateways."),
	}
}

// Describe implements prometheus.Collector.
func (c *vitalCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.well, c.vital, c.at, c.beatAt, c.beats, c.missed, c.gateways, c.testFailed, c.testAt, c.tests} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *vitalCollector) Collect(out chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), vitalsWithin)
	defer cancel()
	found := c.app.vitalsOfLate(ctx)
	v := &c.app.vitals
	v.mutex.Lock()
	foundAt, beatAt, beats, missed := v.foundAt, v.beatAt, v.beats, v.missed
	v.mutex.Unlock()
	send(c.well, prometheus.GaugeValue, oneIf(ailing(found) == ""))
	for _, vital := range found {
		send(c.vital, prometheus.GaugeValue, oneIf(vital.Ailing == ""), vital.Name)
	}
	send(c.at, prometheus.GaugeValue, seconds(foundAt))
	send(c.beatAt, prometheus.GaugeValue, seconds(beatAt))
	send(c.beats, prometheus.CounterValue, float64(beats))
	send(c.missed, prometheus.CounterValue, float64(missed))
	gateways, err := c.app.rooms.oncall.Gateways(ctx)
	running := 0
	for _, gateway := range gateways {
		if gateway.Running(c.app.now()) {
			running++
		}
	}
	if err != nil {
		running = -1
	}
	send(c.gateways, prometheus.GaugeValue, float64(running))
	test, err := c.app.rooms.oncall.SelfTest(ctx)
	if err != nil {
		send(c.testFailed, prometheus.GaugeValue, -1)
		return
	}
	send(c.testFailed, prometheus.GaugeValue, oneIf(test.Ticket != nil))
	last := time.Time{}
	if test.LastArrivedAt != nil {
		last = *test.LastArrivedAt
	}
	send(c.testAt, prometheus.GaugeValue, seconds(last))
	send(c.tests, prometheus.CounterValue, float64(test.ID))
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// seconds is a moment as Prometheus counts it; the zero one is 0.
func seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}
