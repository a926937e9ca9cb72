package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"afterhours/oncall"
	"afterhours/tickets"
)

// latencyWithin is of which pages the latencies are shown.
const latencyWithin = 15 * time.Minute

// counters are what a process counts while it works.
type counters struct {
	accepts *prometheus.HistogramVec // how long the reply to DATA took, by where the mail went
	batches prometheus.Histogram     // mails that were read at once
	spans   *prometheus.CounterVec   // of traces, by what became of them
}

func newCounters() *counters {
	return &counters{
		accepts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "afterhours_accept_seconds", Help: "From the end of a mail's data to its reply, by where it went: database, spool or refused.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"into"}),
		spans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "afterhours_trace_spans_total", Help: "Spans of traces: sent, dropped because too many waited, or refused by the collector. Without a collector there are none.",
		}, []string{"outcome"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "afterhours_read_batch_mails", Help: "Mails that were claimed to be read at once.", Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 200},
		}),
	}
}

// accepted counts one reply.
func (c *counters) accepted(began, ended time.Time, id string, err error) {
	c.accepts.WithLabelValues(acceptedInto(id, err)).Observe(ended.Sub(began).Seconds())
}

// acceptedInto is where a mail went.
func acceptedInto(id string, err error) string {
	switch {
	case err != nil:
		return "refused"
	case id != "" && (id[0] < '0' || id[0] > '9'): // names of the spool are no numbers
		return "spool"
	}
	return "database"
}

// countedMails is a store whose batches are counted.
type countedMails struct {
	tickets.MailStore
	batches prometheus.Observer
}

// ClaimMails implements tickets.MailStore.
func (m countedMails) ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]tickets.Claimed, error) {
	claimed, err := m.MailStore.ClaimMails(ctx, limit, lease)
	if len(claimed) > 0 {
		m.batches.Observe(float64(len(claimed)))
	}
	return claimed, err
}

// measureCollector shows what the database holds of waiting, latencies, polls and gaps at the moment of the scrape.
type measureCollector struct {
	app                                            *application
	latency, sent, queueAge, pendingAge            *prometheus.Desc
	pollAge, pollLag, pollFailed, gaps, unanswered *prometheus.Desc
	backupAge                                      *prometheus.Desc
}

func newMeasureCollector(a *application) *measureCollector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("afterhours_"+name, help, labels, nil)
	}
	return &measureCollector{
		app:        a,
		latency:    describe("page_latency_seconds", "From a message's due moment to the provider's acceptance, of those that paged in the last 15 minutes.", "channel", "quantile"),
		sent:       describe("pages_sent_recently", "Messages that paged in the last 15 minutes; a summary is one.", "channel"),
		queueAge:   describe("queue_age_seconds", "How long the oldest page that is due has waited to be sent."),
		pendingAge: describe("intake_pending_age_seconds", "How long the oldest accepted mail has waited to be read."),
		pollAge:    describe("poll_age_seconds", "Time since the last poll of a tenant that came to its end.", "tenant"),
		pollLag:    describe("poll_lag_seconds", "From the last new alert's change at Microsoft to its ticket.", "tenant"),
		pollFailed: describe("poll_failed", "1 where the last poll of a tenant failed.", "tenant"),
		gaps:       describe("schedule_gap_seconds", "Time in the next seven days in which a schedule has nobody on call.", "schedule"),
		unanswered: describe("unacknowledged_age_seconds", "How long the oldest open ticket of a severity has waited for somebody.", "severity"),
		backupAge:  describe("backup_age_seconds", "Age of the newest backup of the embedded database; absent without one."),
	}
}

// Describe implements prometheus.Collector.
func (c *measureCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		c.latency, c.sent, c.queueAge, c.pendingAge, c.pollAge, c.pollLag, c.pollFailed, c.gaps, c.unanswered, c.backupAge,
	} {
		out <- desc
	}
}

// Collect implements prometheus.Collector. What cannot be read is absent.
func (c *measureCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), databaseAnswer)
	defer cancel()
	a, now := c.app, c.app.now()
	send := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(now.Sub(since).Seconds(), 0)
	}
	if a.db.server != nil {
		if _, newest, err := backupsIn(backupFolder(a.settings)); err == nil && !newest.IsZero() {
			send(c.backupAge, age(newest))
		}
	}
	oldest, err := a.rooms.oncall.Waiting(ctx, now)
	if err != nil {
		return // the database is away
	}
	send(c.queueAge, age(oldest))
	if pending, err := a.rooms.tickets.OldestPending(ctx); err == nil {
		send(c.pendingAge, age(pending))
	}
	if latencies, err := a.rooms.oncall.Latencies(ctx, now.Add(-latencyWithin)); err == nil {
		for _, l := range latencies {
			send(c.sent, float64(l.Pages), l.Channel)
			send(c.latency, l.P50, l.Channel, "0.5")
			send(c.latency, l.P99, l.Channel, "0.99")
		}
	}
	if ages, err := a.rooms.tickets.OldestOpen(ctx); err == nil {
		for _, severity := range tickets.Severities {
			send(c.unanswered, age(ages[severity]), string(severity))
		}
	}
	polls, err := a.rooms.defender.polls(ctx)
	if err == nil {
		for tenant, status := range polls {
			if status.PolledAt != nil {
				send(c.pollAge, age(*status.PolledAt), tenant)
			}
			send(c.pollLag, status.Lag.Seconds(), tenant)
			send(c.pollFailed, oneIf(status.FailedAt != nil), tenant)
		}
	}
	configuration, err := a.rooms.oncall.Configuration(ctx)
	if err != nil {
		return
	}
	for _, schedule := range configuration.Schedules {
		send(c.gaps, gapsOf(schedule, now).Seconds(), schedule.ID)
	}
}

func gapsOf(schedule oncall.Schedule, now time.Time) (total time.Duration) {
	_, gaps := schedule.Shifts(now, now.Add(gapsWithin))
	for _, gap := range gaps {
		total += gap.End.Sub(gap.Start)
	}
	return total
}
