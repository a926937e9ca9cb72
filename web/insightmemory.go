package web

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Bounds of the figures that are remembered.
const (
	insightsKept   = time.Minute
	rangesKept     = 50
	insightsWithin = time.Minute // for one reading, whoever waits for it
)

// figures are those of a range of days.
type figures struct {
	tickets tickets.Insights
	pages   oncall.PageInsights
	counted *time.Time // when the present day was counted
}

// insightMemory remembers the figures of ranges for as long as nothing was counted anew, a minute at most, and reads those of one
// range once for all who ask for it in the same moment. Nobody may change what it returns.
type insightMemory struct {
	reading singleflight.Group
	mutex   sync.Mutex
	kept    map[string]keptFigures // by range and zone
}

type keptFigures struct {
	figures
	count string // of which they are
	at    time.Time
}

func newInsightMemory() *insightMemory { return &insightMemory{kept: map[string]keptFigures{}} }

func (m *insightMemory) recall(of, count string, now time.Time) (found figures, ok bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	kept, ok := m.kept[of]
	if age := now.Sub(kept.at); !ok || kept.count != count || age < 0 || age >= insightsKept {
		return figures{}, false
	}
	return kept.figures, true
}

func (m *insightMemory) keep(of string, found keptFigures) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for other, kept := range m.kept {
		if kept.count != found.count || len(m.kept) >= rangesKept {
			delete(m.kept, other)
		}
	}
	m.kept[of] = found
}

// figuresOf are the figures of days by the clock of a zone, as they were counted last.
func (s *Site) figuresOf(ctx context.Context, d dayRange, zone *time.Location) (figures, error) {
	count, counted, err := s.Tickets.InsightsCounted(ctx)
	if err != nil {
		return figures{}, err
	}
	pagesCount, err := s.OnCall.PagesCounted(ctx)
	if err != nil {
		return figures{}, err
	}
	count += " " + pagesCount
	of := d.FromDay() + " " + d.ToDay() + " " + zone.String()
	now := s.Now()
	if found, ok := s.insights.recall(of, count, now); ok {
		return found, nil
	}
	// Whoever asked first may go before the answer is there; the others still wait for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insightsWithin)
	defer cancel()
	read, err, _ := s.insights.reading.Do(of+" "+count, func() (any, error) {
		found := keptFigures{figures: figures{counted: counted}, count: count, at: now}
		var err error
		if found.tickets, err = s.Tickets.Insights(ctx, d.From, d.To); err != nil {
			return figures{}, err
		}
		if found.pages, err = s.OnCall.PageInsights(ctx, d.From, d.To, zone); err != nil {
			return figures{}, err
		}
		s.insights.keep(of, found)
		return found.figures, nil
	})
	found, _ := read.(figures)
	return found, err
}
