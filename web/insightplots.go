package web

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// columnPlot is a column of stacked parts for each period, and the same as a table.
type columnPlot struct {
	Parts   []string // what a column is made of, from the ground up
	Classes []string // of the parts, as the legend shows them
	Columns []column
	Rows    []plotRow // newest first
	Most    int
	By      string // day or week
}

type column struct {
	Title string
	Bars  []columnBar
}

type columnBar struct {
	Class     string
	X, Width  string
	Y, Height float64
}

type plotRow struct {
	Name  string
	Cells []int
	Total int
}

const (
	columnHeight = 120
	mostColumns  = 100 // beyond this a column is a week
)

// plotColumns draws counts by days; at gives a day's parts.
func plotColumns(d dayRange, parts, classes []string, counts map[time.Time][]int) columnPlot {
	plot := columnPlot{Parts: parts, Classes: classes, By: "day"}
	step := 1
	if d.count() > mostColumns {
		plot.By, step = "week", 7
	}
	for start := d.From; start.Before(d.To); start = start.AddDate(0, 0, step) {
		row := plotRow{Name: start.Format("Mon 2 Jan 2006"), Cells: make([]int, len(parts))}
		for i := range step {
			for k, n := range counts[start.AddDate(0, 0, i)] {
				row.Cells[k] += n
				row.Total += n
			}
		}
		plot.Rows = append(plot.Rows, row)
		plot.Most = max(plot.Most, row.Total)
	}
	width := 100 / float64(len(plot.Rows))
	for i, row := range plot.Rows {
		drawn := column{Title: row.Name + ": " + strconv.Itoa(row.Total)}
		ground := float64(columnHeight)
		for k, n := range row.Cells {
			if n == 0 {
				continue
			}
			height := float64(n) * columnHeight / float64(plot.Most)
			ground -= height
			drawn.Bars = append(drawn.Bars, columnBar{classes[k], part(float64(i) * width), part(width * 0.8), ground, height})
		}
		plot.Columns = append(plot.Columns, drawn)
	}
	slices.Reverse(plot.Rows)
	return plot
}

// First and Last name the ends of the plot.
func (p columnPlot) First() string { return p.Rows[len(p.Rows)-1].Name }

// Last is the newest period.
func (p columnPlot) Last() string { return p.Rows[0].Name }

func plotVolumes(d dayRange, volumes []tickets.Volume) columnPlot {
	var parts, classes []string
	place := map[tickets.Severity]int{}
	for i := range tickets.Severities { // the worst stands on top
		severity := tickets.Severities[len(tickets.Severities)-1-i]
		place[severity] = i
		parts, classes = append(parts, severity.Word()), append(classes, "of-"+string(severity))
	}
	counts := map[time.Time][]int{}
	for _, volume := range volumes {
		if counts[volume.Day] == nil {
			counts[volume.Day] = make([]int, len(parts))
		}
		counts[volume.Day][place[volume.Severity]] += volume.Tickets
	}
	return plotColumns(d, parts, classes, counts)
}

func plotMails(d dayRange, mails []tickets.MailDay) columnPlot {
	counts := map[time.Time][]int{}
	for _, of := range mails {
		counts[of.Day] = []int{of.Mails - of.Unrecognised, of.Unrecognised}
	}
	return plotColumns(d, []string{"Recognised", "Unrecognised"}, []string{"of-recognised", "of-unrecognised"}, counts)
}

// productShares are the products by their tickets, most first.
func productShares(volumes []tickets.Volume) []shareRow {
	counts := map[string]int{}
	all := 0
	for product, n := range (tickets.Insights{Volumes: volumes}).ByProduct() {
		counts[named(productName(product), "Unknown")] += n
		all += n
	}
	var rows []shareRow
	for name, n := range counts {
		rows = append(rows, shareOf(name, n, all))
	}
	slices.SortFunc(rows, func(a, b shareRow) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name)) })
	return rows
}

// intakeHealth is how well mails came in.
func intakeHealth(mails []tickets.MailDay) []shareRow {
	all := tickets.Insights{Mails: mails}.AllMails()
	return []shareRow{
		shareOf("Mails accepted", all.Mails, all.Mails),
		shareOf("not recognised", all.Unrecognised, all.Mails),
		shareOf("of unverified senders", all.Unverified, all.Mails),
		shareOf("exact repeats", all.Repeated, all.Mails),
		shareOf("kept in the spool while the database was away", all.Spooled, all.Mails),
		shareOf("read more than a minute after they came in", all.Late, all.Mails),
	}
}

// timesPlot is how long tickets took, from the median to what nine of ten did not exceed, on a logarithmic scale.
type timesPlot struct {
	Rows   []timeRow
	Ticks  []timelineTick
	Height int
}

type timeRow struct {
	Name         string
	Count        int
	Median, Most string
	Y, TextY     int
	From, Width  string
	Class        string
}

const (
	timesLane  = 36
	timesTop   = 20
	timesLeast = 10 * time.Second
	timesMost  = 30 * 24 * time.Hour
)

// plotTimes draws a lane for each severity and measure, and one of all severities together first.
func plotTimes(times []tickets.Taken) timesPlot {
	var plot timesPlot
	for _, what := range []string{tickets.TakenAcknowledged, tickets.TakenResolved} {
		all := tickets.Spread{}
		spreads := map[tickets.Severity]tickets.Spread{}
		for _, taken := range times {
			if taken.What == what {
				all.Add(taken.Spread)
				spreads[taken.Severity] = taken.Spread
			}
		}
		plot.lane("All "+what, "of-all", all)
		for _, severity := range tickets.Severities {
			plot.lane(severity.Word()+" "+what, "of-"+string(severity), spreads[severity])
		}
	}
	plot.Height = timesTop + timesLane*len(plot.Rows)
	for _, tick := range []struct {
		label string
		at    time.Duration
	}{{"1 min", time.Minute}, {"10 min", 10 * time.Minute}, {"1 h", time.Hour}, {"8 h", 8 * time.Hour}, {"3 d", 72 * time.Hour}} {
		plot.Ticks = append(plot.Ticks, timelineTick{X: part(100 * alongTimes(tick.at)), Label: tick.label})
	}
	return plot
}

func (p *timesPlot) lane(name, class string, spread tickets.Spread) {
	if spread.Count() == 0 {
		return
	}
	median, most := spread.Quantile(0.5), spread.Quantile(0.9)
	y := timesTop + timesLane*len(p.Rows)
	from := 100 * alongTimes(median)
	p.Rows = append(p.Rows, timeRow{
		name, spread.Count(), tickets.Lasted(median), tickets.Lasted(most), y + 22, y + 16, part(from), part(max(1, 100*alongTimes(most)-from)), class,
	})
}

// alongTimes is the place of a length on the scale, from 0 to 1.
func alongTimes(length time.Duration) float64 {
	length = min(max(length, timesLeast), timesMost)
	return math.Log(float64(length)/float64(timesLeast)) / math.Log(float64(timesMost)/float64(timesLeast))
}

// heatPlot is pages by weekday and hour.
type heatPlot struct {
	Cells  []heatCell
	Days   []heatLabel
	Hours  []heatLabel
	Rows   []heatRow // by hours, as the table has them
	Names  []string  // of the weekdays
	Most   int
	Height int
}

type heatCell struct {
	X, Width string
	Y        int
	Level    int // 0 to heatLevels
	Title    string
}

type heatLabel struct {
	X    string
	Y    int
	Text string
}

type heatRow struct {
	Hour  string
	Cells []int
}

// How the heat map is cut: the names of weekdays take a part of the width.
const (
	heatLeft   = 12.0
	heatTop    = 20
	heatLane   = 22
	heatLevels = 5
)

func plotHeat(hours []oncall.PageHour) heatPlot {
	var counts [7][24]int
	var plot heatPlot
	for _, hour := range hours {
		weekday := (int(hour.Weekday) + 6) % 7 // Monday first
		counts[weekday][hour.Hour] += hour.Told
		plot.Most = max(plot.Most, counts[weekday][hour.Hour])
	}
	width := (100 - heatLeft) / 24
	for weekday := range counts {
		name := time.Weekday((weekday + 1) % 7).String()
		plot.Names = append(plot.Names, name[:3])
		y := heatTop + weekday*heatLane
		plot.Days = append(plot.Days, heatLabel{"0", y + 15, name[:3]})
		for hour, n := range counts[weekday] {
			level := 0
			if n > 0 {
				level = 1 + (n-1)*heatLevels/plot.Most
			}
			plot.Cells = append(plot.Cells, heatCell{
				part(heatLeft + float64(hour)*width), part(width * 0.92), y, level, name + " " + clockHour(hour) + ": " + count(n, "page", "pages"),
			})
		}
	}
	for hour := range 24 {
		row := heatRow{Hour: clockHour(hour)}
		for weekday := range counts {
			row.Cells = append(row.Cells, counts[weekday][hour])
		}
		plot.Rows = append(plot.Rows, row)
		if hour%6 == 0 {
			plot.Hours = append(plot.Hours, heatLabel{part(heatLeft + float64(hour)*width), 14, clockHour(hour)})
		}
	}
	plot.Height = heatTop + 7*heatLane
	return plot
}

func clockHour(hour int) string {
	text := strconv.Itoa(hour) + ":00"
	if hour < 10 {
		return "0" + text
	}
	return text
}
