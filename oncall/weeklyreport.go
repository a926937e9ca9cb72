package oncall

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// ReportType is the type of the weekly report to a person.
const ReportType = "report.weekly"

// When a report is due, by the clock of its person: on Monday at eight. One that could not be made then comes late, until
// reportLate after it; after that the next one is.
const (
	reportHour = 8
	reportLate = 48 * time.Hour
)

// WeekFigures are what a week came to, beside the week before.
type WeekFigures struct {
	Monday              time.Time // the first day, in UTC
	Tickets, TicketsOld tickets.Insights
	Pages, PagesOld     PageInsights
	Open, Acknowledged  int // at the end
}

// WeeklyReport asks for the week that ended with the Monday on which it is due.
type WeeklyReport struct {
	Person Person
	Monday time.Time // the first day of the week that it tells of, as midnight in UTC
}

// ReportContact is the first contact by mail of a person.
func (p Person) ReportContact() (Contact, bool) {
	return find(p.EffectiveContacts(), func(contact Contact) bool { return contact.Channel == "email" })
}

// ReportsDue are the reports whose moment has come and is not long past.
func (c Configuration) ReportsDue(now time.Time) []WeeklyReport {
	var due []WeeklyReport
	for _, person := range c.People {
		if !person.WeeklyReport {
			continue
		}
		zone := location(person.Timezone)
		monday := weekOf(tickets.DayOf(now, zone))
		moment := time.Date(monday.Year(), monday.Month(), monday.Day(), reportHour, 0, 0, 0, zone)
		if _, ok := person.ReportContact(); ok && !now.Before(moment) && now.Before(moment.Add(reportLate)) {
			due = append(due, WeeklyReport{person, monday.AddDate(0, 0, -7)})
		}
	}
	return due
}

// Zone is the zone by whose clock the report's person lives.
func (r WeeklyReport) Zone() *time.Location { return location(r.Person.Timezone) }

// Page is the report as it is queued.
func (r WeeklyReport) Page(figures WeekFigures, now time.Time) Page {
	contact, _ := r.Person.ReportContact()
	page := noticePage(ReportType, r.Cause(), Page{Person: r.Person.ID, Contact: contact.ID, Channel: contact.Channel, DueAt: now, CreatedAt: now}, Notice{})
	payload, err := json.Marshal(writeReport(figures))
	if err == nil { // plain texts can always be written
		page.Payload = payload
	}
	return page
}

// Cause tells a person's reports apart.
func (r WeeklyReport) Cause() string { return r.Person.ID + "/" + r.Monday.Format(time.DateOnly) }

// reportLetter is a report as it waits to be sent.
type reportLetter struct {
	Subject string        `json:"subject"`
	Path    string        `json:"path"` // of the insights of the week
	Tables  []reportTable `json:"tables"`
}

type reportTable struct {
	Title string     `json:"title"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
	Says  string     `json:"says,omitempty"` // where there is no row
}

// titlesReported bounds the titles of a report.
const titlesReported = 10

func writeReport(f WeekFigures) reportLetter {
	last := f.Monday.AddDate(0, 0, 6)
	letter := reportLetter{
		Subject: "The week of " + f.Monday.Format("2 January 2006") + " at the desk",
		Path:    "/insights?from=" + f.Monday.Format(time.DateOnly) + "&to=" + last.Format(time.DateOnly),
	}
	count := strconv.Itoa
	severities, severitiesOld := f.Tickets.BySeverity(), f.TicketsOld.BySeverity()
	volume := reportTable{Title: "Tickets", Head: []string{"", "This week", "The week before"}}
	all, allOld := 0, 0
	for _, severity := range tickets.Severities {
		now, old := severities[severity], severitiesOld[severity]
		if all, allOld = all+now, allOld+old; now+old > 0 {
			volume.Rows = append(volume.Rows, []string{severity.Word(), count(now), count(old)})
		}
	}
	volume.Rows = append(volume.Rows, []string{"All", count(all), count(allOld)})
	letter.Tables = append(letter.Tables, volume)

	products := reportTable{Title: "Products", Head: []string{"Product", "Tickets"}, Says: "No ticket came in."}
	counts := f.Tickets.ByProduct()
	for _, product := range tickets.Products {
		if n := counts[product]; n > 0 {
			products.Rows = append(products.Rows, []string{product.Name(), count(n)})
		}
	}
	letter.Tables = append(letter.Tables, products)

	times := reportTable{Title: "How long it took", Head: []string{"", "Tickets", "Median", "Nine of ten"}, Says: "Nothing was acknowledged or resolved."}
	for _, what := range []string{tickets.TakenAcknowledged, tickets.TakenResolved} {
		if spread := f.Tickets.SpreadOf(what); spread.Count() > 0 {
			times.Rows = append(times.Rows, []string{
				"until " + what, count(spread.Count()), tickets.Lasted(spread.Quantile(0.5)), tickets.Lasted(spread.Quantile(0.9)),
			})
		}
	}
	letter.Tables = append(letter.Tables, times)

	letter.Tables = append(letter.Tables, reportTable{Title: "Pages", Head: []string{"", "This week", "The week before"}, Rows: [][]string{
		{"People were told", count(f.Pages.Told), count(f.PagesOld.Told)},
		{"of them from 22:00 to 07:00", count(f.Pages.nights()), count(f.PagesOld.nights())},
		{"that led to an action", share(f.Pages.Acted, f.Pages.Told), share(f.PagesOld.Acted, f.PagesOld.Told)},
	}})

	titles := reportTable{Title: "Noisiest titles", Head: []string{"Title", "Tickets", "Dismissed"}, Says: "No ticket came in."}
	for _, title := range f.Tickets.Titles[:min(len(f.Tickets.Titles), titlesReported)] {
		titles.Rows = append(titles.Rows, []string{notify.Cut(notify.OneLine(title.Title), maxTitle), count(title.Tickets), share(title.Dismissed, title.Tickets)})
	}
	letter.Tables = append(letter.Tables, titles)

	mails, mailsOld := f.Tickets.AllMails(), f.TicketsOld.AllMails()
	letter.Tables = append(letter.Tables, reportTable{Title: "Mails", Head: []string{"", "This week", "The week before"}, Rows: [][]string{
		{"Accepted", count(mails.Mails), count(mailsOld.Mails)},
		{"not recognised", count(mails.Unrecognised), count(mailsOld.Unrecognised)},
		{"of unverified senders", count(mails.Unverified), count(mailsOld.Unverified)},
		{"kept while the database was away", count(mails.Spooled), count(mailsOld.Spooled)},
		{"read more than a minute late", count(mails.Late), count(mailsOld.Late)},
	}})
	letter.Tables = append(letter.Tables, reportTable{Title: "Now", Head: []string{"", "Tickets"}, Rows: [][]string{
		{"Open", count(f.Open)}, {"Acknowledged, not resolved", count(f.Acknowledged)},
	}})
	return letter
}

// nights are the pages between 22:00 and 07:00.
func (p PageInsights) nights() int {
	told := 0
	for _, hour := range p.Hours {
		if hour.Hour >= nightFrom || hour.Hour < nightTo {
			told += hour.Told
		}
	}
	return told
}

func share(part, whole int) string {
	if whole == 0 {
		return "—"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}

// composeReport says a weekly report as text and as HTML. A person with detail "minimal" gets the link alone.
func composeReport(d Dispatch, links Links) (notify.Message, error) {
	message := noticeMessage(d, links)
	var report reportLetter
	if err := json.Unmarshal(d.Page.Payload, &report); err != nil {
		return message, fmt.Errorf("compose report %d: %w", d.Page.ID, err)
	}
	message.Subject, message.Link = report.Subject, strings.TrimSuffix(links.BaseURL, "/")+report.Path
	if d.Person.Detail == DetailMinimal {
		report.Tables = nil
	}
	message.Text = report.text(message.Link)
	var html strings.Builder
	if err := reportPage.Execute(&html, struct {
		reportLetter
		Link string
	}{report, message.Link}); err != nil {
		return message, fmt.Errorf("compose report %d: %w", d.Page.ID, err)
	}
	message.HTML = html.String()
	var err error
	if message.Data, err = json.Marshal(report); err != nil {
		return message, fmt.Errorf("compose report %d: %w", d.Page.ID, err)
	}
	return message, nil
}

// whyReported says to the reader why the mail came, and how it ends.
const whyReported = "You get this each Monday because weekly_report is set for you in afterhours; your administrator can end it."

// text writes the tables in columns, the first one wide.
func (r reportLetter) text(link string) string {
	var out strings.Builder
	out.WriteString(r.Subject + "\n\nAt the desk: " + link + "\n")
	for _, table := range r.Tables {
		out.WriteString("\n" + strings.ToUpper(table.Title) + "\n")
		if len(table.Rows) == 0 {
			out.WriteString(table.Says + "\n")
			continue
		}
		wide := 0
		rows := append([][]string{table.Head}, table.Rows...)
		for _, row := range rows {
			wide = max(wide, min(len([]rune(row[0])), 60))
		}
		for _, row := range rows {
			line := row[0] + strings.Repeat(" ", max(0, wide-len([]rune(row[0]))))
			for _, cell := range row[1:] {
				line += fmt.Sprintf("  %15s", cell)
			}
			out.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return out.String() + "\n" + whyReported + "\n"
}

var reportPage = template.Must(template.New("report").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Subject}}</title></head>
<body style="font-family:system-ui,sans-serif;font-size:15px;line-height:1.5;color:#1b1f24">
<h1 style="font-size:18px">{{.Subject}}</h1>
<p><a href="{{.Link}}" style="color:#1565c0">See it with its plots at the desk</a></p>
{{range .Tables}}<h2 style="font-size:15px;margin:20px 0 4px">{{.Title}}</h2>
{{if .Rows}}<table style="border-collapse:collapse"><tr>{{range .Head}}<th style="text-align:left;padding:2px 16px 2px 0;font-weight:normal;color:#59626e">{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range .}}<td style="padding:2px 16px 2px 0;border-top:1px solid #d6dae0">{{.}}</td>{{end}}</tr>
{{end}}</table>{{else}}<p>{{.Says}}</p>{{end}}
{{end}}<p style="font-size:13px;color:#59626e;margin-top:24px">` + whyReported + `</p>
</body></html>
`))
