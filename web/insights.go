package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// insightsView is what a range of days came to, each part as a plot and a table.
type insightsView struct {
	frame
	Range    dayRange
	Ranges   []tab
	Exports  []tab
	Zone     string
	Counted  *when // nil where nothing was counted yet
	Empty    bool
	Intake   string // where to send mail; set where there is no ticket at all
	Notice   string
	Volume   columnPlot
	Products []shareRow
	Times    timesPlot
	Heat     heatPlot
	Told     int
	Acted    shareRow
	Titles   []titleRow
	Mails    columnPlot
	Health   []shareRow
	Longest  string // the last day that a mute may reach
}

// shareRow is a part of a whole, with a bar.
type shareRow struct {
	Name  string
	Count int
	Share string
	Width string
}

type titleRow struct {
	Title     string
	Tickets   int
	Mails     int
	Dismissed string
	URL       string // the tickets of the title
}

// showInsights is GET /insights.
func (s *Site) showInsights(w http.ResponseWriter, r *http.Request) error {
	view, err := s.insightsView(r)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "insights", view)
}

func (s *Site) insightsView(r *http.Request) (insightsView, error) {
	var view insightsView
	reader, err := s.readerOf(r)
	if err != nil {
		return view, err
	}
	if view.Range, err = readDays(r.URL.Query(), reader.now); err != nil {
		return view, err
	}
	figures, err := s.figuresOf(r.Context(), view.Range, reader.zone)
	if err != nil {
		return view, err
	}
	found, pages := figures.tickets, figures.pages
	if figures.counted != nil {
		counted := reader.when(*figures.counted, reader.dates.exact(figures.counted.In(reader.zone)))
		view.Counted = &counted
	}
	if view.frame, err = s.frame(r, "Insights", "insights"); err != nil {
		return view, err
	}
	view.Zone, view.Longest = reader.zone.String(), reader.now.In(reader.zone).Add(longestMute).Format(dayForm)
	if r.URL.Query().Has("muted") {
		view.Notice = "Muted. It stands under Settings, Mutes, where it can be ended."
	}
	for _, last := range insightRanges {
		view.Ranges = append(view.Ranges, tab{Name: strconv.Itoa(last) + " days", URL: "/insights?days=" + strconv.Itoa(last), Current: view.Range.Last == last})
	}
	for _, table := range insightTables {
		view.Exports = append(view.Exports, tab{Name: table.Title, URL: "/insights/export/" + table.Name + "?" + view.Range.query()})
	}
	if len(found.Volumes) == 0 && len(found.Mails) == 0 && pages.Told == 0 {
		view.Empty = true
		counts, err := s.Tickets.Counts(r.Context())
		if err == nil && !counts.Any {
			view.Intake = s.IntakeAddress
		}
		return view, err
	}
	view.Volume, view.Mails = plotVolumes(view.Range, found.Volumes), plotMails(view.Range, found.Mails)
	view.Products, view.Times, view.Heat = productShares(found.Volumes), plotTimes(found.Times), plotHeat(pages.Hours)
	view.Told, view.Acted = pages.Told, shareOf("led to an action", pages.Acted, pages.Told)
	view.Health = intakeHealth(found.Mails)
	for _, title := range found.Titles {
		view.Titles = append(view.Titles, titleRow{
			title.Title, title.Tickets, title.Mails, shareOf("", title.Dismissed, title.Tickets).Share,
			"/tickets?" + url.Values{"tab": {"all"}, "q": {cutTo(title.Title, maxSearch)}}.Encode(),
		})
	}
	return view, nil
}

// muteTitle is POST /insights/mute: tickets of one title page nobody until the end of a day.
func (s *Site) muteTitle(w http.ResponseWriter, r *http.Request) error {
	title, err := formValue(r, "title")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	until, err := day("until", r.PostForm.Get("until"), reader.zone)
	if err != nil {
		return err
	}
	until = until.AddDate(0, 0, 1)
	typed := muteForm{Title: title, Reason: strings.TrimSpace(r.PostForm.Get("reason"))}
	if length := until.Sub(reader.now); length <= 0 || length > longestMute+24*time.Hour {
		return &tickets.InvalidError{Field: "until", Reason: "a mute lasts until today or a day of the next 30"}
	}
	if err := typed.check(time.Hour); err != nil {
		return err
	}
	if err := s.addMute(r.Context(), reader.who.ID, fmt.Sprintf("muted %q from the insights", title), typed, until.UTC()); err != nil {
		return err
	}
	back, err := url.ParseQuery(r.PostForm.Get("back"))
	if err != nil {
		return &tickets.InvalidError{Field: "back", Reason: "it cannot be read"}
	}
	back.Set("muted", "1")
	redirect(w, r, "/insights?"+back.Encode())
	return nil
}

// Back is the range, for the way back from a mute.
func (v insightsView) Back() string { return v.Range.query() }

// MayMute says whether whoever looks may mute a title.
func (v insightsView) MayMute() bool { return v.Role.Allows(auth.Responder) }

// shareOf is a part of a whole in words and as a bar's width.
func shareOf(name string, part, whole int) shareRow {
	row := shareRow{Name: name, Count: part, Share: "—", Width: percentWidth(0)}
	if whole > 0 {
		row.Share = fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
		row.Width = percentWidth(float64(part) / float64(whole))
	}
	return row
}

func percentWidth(of float64) string { return part(100 * of) }

func cutTo(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters])
	}
	return text
}
