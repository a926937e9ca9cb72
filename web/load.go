package web

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// How far back the load of people goes.
const (
	loadWeeks  = 12
	loadMonths = 6
	loadSince  = 7 * 31 * 24 * time.Hour
)

// loadView is how much one person was paged.
type loadView struct {
	frame
	Name   string
	Zone   string
	Others bool // everybody who can sign in sees it
	Own    bool
	Tables []loadTable
}

// loadTable is one person's load by weeks or months, as a plot and a table.
type loadTable struct {
	Title string
	Rows  []loadRow
	Bars  []loadBar
	Most  int // pages in the busiest period
}

type loadRow struct {
	Period string
	Pages  int
	Nights int
	Acks   int
	Median string
}

// loadBar is one period of the plot; heights are in pixels from the ground up.
type loadBar struct {
	X, Width         string
	DayY, DayHeight  int
	NightY, NightTop int
	Title            string
}

const plotHeight = 96

// loadsView is how the load of the last weeks is shared by everybody.
type loadsView struct {
	frame
	Shown bool // it is switched on
	Self  string
	Rows  []loadShare
}

type loadShare struct {
	ID, Name string
	Week     loadRow // the present one
	Month    loadRow
}

// showLoad is GET /people/{person}/load.
func (s *Site) showLoad(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	person, ok := reader.configuration.Person(chi.URLParam(r, "person"))
	switch {
	case !ok:
		return tickets.ErrNotFound
	case !reader.configuration.ShowsLoad(person.ID, reader.who.ID):
		return tickets.ErrForbidden
	}
	facts, err := s.OnCall.Loads(r.Context(), person.ID, reader.now.Add(-loadSince))
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Load of "+person.Name, "oncall")
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "load", loadView{
		frame: frame, Name: person.Name, Zone: named(person.Timezone, "UTC"), Own: person.ID == reader.who.ID,
		Others: reader.configuration.Load.VisibleTo == oncall.LoadTeam,
		Tables: []loadTable{
			loadTableOf("By week", "2 Jan 2006", oncall.LoadByWeek(person, facts[person.ID], reader.now, loadWeeks)),
			loadTableOf("By month", "January 2006", oncall.LoadByMonth(person, facts[person.ID], reader.now, loadMonths)),
		},
	})
}

// showLoads is GET /oncall/load: everybody's, where the configuration shows it.
func (s *Site) showLoads(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := loadsView{Shown: reader.configuration.Load.VisibleTo == oncall.LoadTeam}
	if view.frame, err = s.frame(r, "How the load is shared", "oncall"); err != nil {
		return err
	}
	view.Self = view.frame.Self
	if !view.Shown {
		return s.render(w, http.StatusOK, "loads", view)
	}
	facts, err := s.OnCall.Loads(r.Context(), "", reader.now.Add(-loadSince))
	if err != nil {
		return err
	}
	for _, person := range reader.configuration.People {
		week := oncall.LoadByWeek(person, facts[person.ID], reader.now, 1)
		month := oncall.LoadByMonth(person, facts[person.ID], reader.now, 1)
		view.Rows = append(view.Rows, loadShare{person.ID, person.Name, loadRowOf("", week[0]), loadRowOf("", month[0])})
	}
	return s.render(w, http.StatusOK, "loads", view)
}

func loadRowOf(layout string, period oncall.LoadPeriod) loadRow {
	row := loadRow{Period: period.Start.Format(layout), Pages: period.Pages, Nights: period.Nights, Acks: period.Acks, Median: "—"}
	if period.Acks > 0 {
		row.Median = period.Median.Round(time.Second).String()
	}
	return row
}

// loadTableOf lists periods newest first, and draws them oldest first.
func loadTableOf(title, layout string, periods []oncall.LoadPeriod) loadTable {
	table := loadTable{Title: title}
	for _, period := range periods {
		table.Most = max(table.Most, period.Pages)
	}
	width := 100 / float64(len(periods))
	for i, period := range periods {
		row := loadRowOf(layout, period)
		table.Rows = append([]loadRow{row}, table.Rows...)
		tall := func(pages int) int { return pages * plotHeight / max(1, table.Most) }
		nights, all := tall(period.Nights), tall(period.Pages)
		table.Bars = append(table.Bars, loadBar{
			X: part(float64(i) * width), Width: part(width * 0.8), NightY: plotHeight - nights, NightTop: nights,
			DayY: plotHeight - all, DayHeight: all - nights,
			Title: row.Period + ": " + count(period.Pages, "page", "pages") + ", " + count(period.Nights, "at night", "at night"),
		})
	}
	return table
}
