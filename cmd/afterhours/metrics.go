package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"afterhours/tickets/spool"
)

// metrics answers with what the database holds at the moment of the scrape, beside the process's own figures.
func (a *application) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, read func(context.Context) (int, error)) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			value, err := read(ctx)
			if err != nil {
				return -1
			}
			return float64(value)
		}))
	}
	gauge("afterhours_intake_pending", "Mails accepted and not yet read into a ticket; -1 while the database is away.", a.rooms.tickets.Pending)
	gauge("afterhours_pages_held", "Pages of unresolved tickets that had no way out of the house; -1 while the database is away.", a.rooms.oncall.HeldPages)
	gauge("afterhours_tickets_open", "Open tickets; -1 while the database is away.", func(ctx context.Context) (int, error) {
		counts, err := a.rooms.tickets.Counts(ctx)
		return counts.Open, err
	})
	spooled := func(name, help string, read func(spool.State) float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if a.gateway.spool == nil {
				return 0
			}
			return read(a.gateway.spool.State())
		}))
	}
	spooled("afterhours_spool_mails", "Mails in this gateway's spool, not yet in the database.", func(s spool.State) float64 { return float64(s.Mails) })
	spooled("afterhours_spool_bytes", "Octets of them.", func(s spool.State) float64 { return float64(s.Bytes) })
	spooled("afterhours_spool_damaged", "Spooled files that were damaged and set aside.", func(s spool.State) float64 { return float64(s.Damaged) })
	spooled("afterhours_spool_oldest_seconds", "How long the oldest of them has waited.", func(s spool.State) float64 {
		if s.Oldest.IsZero() {
			return 0
		}
		return a.now().Sub(s.Oldest).Seconds()
	})
	gauge("afterhours_database_away", "1 while mail goes to the spool because the database does not take it.", func(context.Context) (int, error) {
		if a.gateway.away.Load() {
			return 1, nil
		}
		return 0, nil
	})
	registry.MustRegister(newReadingCollector(a), newVitalCollector(a), newMeasureCollector(a), a.counters.accepts, a.counters.batches, a.counters.spans)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
