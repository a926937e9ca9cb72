package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
