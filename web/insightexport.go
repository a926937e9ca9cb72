package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// insightTable is one table of the insights as it is downloaded.
type insightTable struct {
	Name, Title string
	lines       func(found tickets.Insights, pages oncall.PageInsights) [][]string
}

var insightTables = [...]insightTable{
	{"volume", "Volume", volumeLines},
	{"times", "Times", timeLines},
	{"pages", "Pages by hour", pageLines},
	{"titles", "Titles", titleLines},
	{"mails", "Mails", mailLines},
}

// exportInsights is GET /insights/export/{table}: one table as CSV.
func (s *Site) exportInsights(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	chosen, err := readDays(r.URL.Query(), reader.now)
	if err != nil {
		return err
	}
	for _, table := range insightTables {
		if table.Name != chi.URLParam(r, "table") {
			continue
		}
		figures, err := s.figuresOf(r.Context(), chosen, reader.zone)
		if err != nil {
			return err
		}
		name := table.Name + "-" + chosen.FromDay() + "-" + chosen.ToDay() + ".csv"
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
		return writeCSV(w, table.lines(figures.tickets, figures.pages))
	}
	return tickets.ErrNotFound
}

func volumeLines(found tickets.Insights, _ oncall.PageInsights) [][]string {
	lines := [][]string{{"day", "severity", "product", "tickets", "unrecognised"}}
	for _, of := range found.Volumes {
		lines = append(lines, []string{of.Day.Format(dayForm), string(of.Severity), string(of.Product), strconv.Itoa(of.Tickets), strconv.Itoa(of.Unrecognised)})
	}
	return lines
}

func timeLines(found tickets.Insights, _ oncall.PageInsights) [][]string {
	lines := [][]string{{"until", "severity", "tickets", "median_seconds", "p90_seconds"}}
	seconds := func(length time.Duration) string { return strconv.Itoa(int(length.Seconds())) }
	for _, taken := range found.Times {
		lines = append(lines, []string{
			taken.What, string(taken.Severity), strconv.Itoa(taken.Spread.Count()), seconds(taken.Spread.Quantile(0.5)), seconds(taken.Spread.Quantile(0.9)),
		})
	}
	return lines
}

func pageLines(_ tickets.Insights, pages oncall.PageInsights) [][]string {
	lines := [][]string{{"weekday", "hour", "pages"}}
	for _, hour := range pages.Hours {
		lines = append(lines, []string{hour.Weekday.String(), strconv.Itoa(hour.Hour), strconv.Itoa(hour.Told)})
	}
	return append(lines, []string{"all", "", strconv.Itoa(pages.Told)}, []string{"led to an action", "", strconv.Itoa(pages.Acted)})
}

func titleLines(found tickets.Insights, _ oncall.PageInsights) [][]string {
	lines := [][]string{{"title", "tickets", "mails", "dismissed"}}
	for _, title := range found.Titles {
		lines = append(lines, []string{title.Title, strconv.Itoa(title.Tickets), strconv.Itoa(title.Mails), strconv.Itoa(title.Dismissed)})
	}
	return lines
}

func mailLines(found tickets.Insights, _ oncall.PageInsights) [][]string {
	lines := [][]string{{"day", "mails", "unrecognised", "unverified", "repeated", "spooled", "late"}}
	for _, of := range found.Mails {
		lines = append(lines, []string{
			of.Day.Format(dayForm), strconv.Itoa(of.Mails), strconv.Itoa(of.Unrecognised), strconv.Itoa(of.Unverified),
			strconv.Itoa(of.Repeated), strconv.Itoa(of.Spooled), strconv.Itoa(of.Late),
		})
	}
	return lines
}
