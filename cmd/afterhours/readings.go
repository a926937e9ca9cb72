package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"afterhours/tickets"
)

// What the housekeeping of readings does in one go, and how often.
const (
	readingsEvery  = "@every 15s"
	tallyBatches   = 50
	reparseBatches = 20
)

// tendReadings counts how well mails were read, and goes on with a run over stored mails that somebody began at the desk.
func (a *application) tendReadings(ctx context.Context) error {
	if _, err := inBatches(tallyBatches, func() (bool, error) { return a.rooms.tickets.TallyReadings(ctx) }); err != nil {
		return err
	}
	run, err := a.rooms.tickets.DeskRun(ctx)
	if errors.Is(err, tickets.ErrNotFound) {
		return nil
	}
	for range reparseBatches {
		if err != nil {
			return err
		}
		var done bool
		if _, done, err = a.rooms.tickets.ContinueReparse(ctx, run.Scope, a.rooms.parse); done {
			break
		}
	}
	return err
}

// readingCollector shows how well mails are read at the moment of the scrape.
type readingCollector struct {
	store interface {
		ReadingShares(ctx context.Context, since time.Time) ([]tickets.Share, error)
		ReadTwice(ctx context.Context) ([]tickets.Twice, error)
	}
	now                 func() time.Time
	mails, found        *prometheus.Desc
	dropped             *prometheus.Desc
	compared, agreement *prometheus.Desc
}

func newReadingCollector(a *application) *readingCollector {
	return &readingCollector{
		store: a.rooms.tickets, now: a.now,
		mails:     prometheus.NewDesc("afterhours_readings", "Mails of this week by kind, as far as they are counted.", []string{"kind"}, nil),
		found:     prometheus.NewDesc("afterhours_reading_fields_found", "The part of this week's mails of a kind in which a field was found, 0 to 1.", []string{"kind", "field"}, nil),
		dropped:   prometheus.NewDesc("afterhours_reading_fields_dropped", "1 where a field is found markedly less often than in the week before.", []string{"kind", "field"}, nil),
		compared:  prometheus.NewDesc("afterhours_reading_compared", "The newest alerts of which both the mail and the Defender API say something of a field.", []string{"field"}, nil),
		agreement: prometheus.NewDesc("afterhours_reading_agreement", "The part of them in which both say the same, 0 to 1.", []string{"field"}, nil),
	}
}

// Describe is of prometheus.Collector.
func (c *readingCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.mails
	to <- c.found
	to <- c.dropped
	to <- c.compared
	to <- c.agreement
}

// Collect is of prometheus.Collector. While the database is away there is nothing to show.
func (c *readingCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	now := c.now()
	shares, err := c.store.ReadingShares(ctx, tickets.Week(now).AddDate(0, 0, -7))
	if err != nil {
		return
	}
	kind := ""
	for _, row := range tickets.Compare(shares, now) {
		if row.Now.Mails > 0 {
			if row.Kind != kind {
				kind = row.Kind
				to <- prometheus.MustNewConstMetric(c.mails, prometheus.GaugeValue, float64(row.Now.Mails), kind)
			}
			to <- prometheus.MustNewConstMetric(c.found, prometheus.GaugeValue, row.Now.Of(), row.Kind, row.Field)
		}
		dropped := 0.0
		if row.Dropped() {
			dropped = 1
		}
		to <- prometheus.MustNewConstMetric(c.dropped, prometheus.GaugeValue, dropped, row.Kind, row.Field)
	}
	alerts, err := c.store.ReadTwice(ctx)
	if err != nil {
		return
	}
	for _, field := range tickets.Agree(alerts) {
		if field.Both > 0 {
			to <- prometheus.MustNewConstMetric(c.compared, prometheus.GaugeValue, float64(field.Both), field.Field)
			to <- prometheus.MustNewConstMetric(c.agreement, prometheus.GaugeValue, field.Of(), field.Field)
		}
	}
}
