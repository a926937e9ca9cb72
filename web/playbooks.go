package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"afterhours/tickets/playbook"
)

// Playbooks is what the pages need of response actions. A run that does not ask any more is a tickets.ConflictError.
type Playbooks interface {
	Runs(ctx context.Context, filter playbook.Filter) ([]playbook.Run, error) // newest first
	Run(ctx context.Context, id int64) (playbook.Run, []playbook.Step, error)
	Answer(ctx context.Context, id int64, person string, yes bool) error
	Undo(ctx context.Context, id int64, person string) (int64, error)
}

// runsShown is how many runs one page lists.
const runsShown = 50

type playbooksView struct {
	frame
	Waits     []runRow
	Playbooks []playbookView
	Runs      []runRow
	Next      string
}

// playbookView is one playbook: what it does, how it runs now, and its coming week as a bar and a table.
type playbookView struct {
	ID      string
	Does    string
	Match   []string
	Never   []string
	Rules   []string // sentences about questions and the hourly limit
	Now     playbook.Mode
	NowText string
	Until   *when
	Bar     []modePart
	Days    []dayMark
	Spans   []modeSpan
	Dry     string // the address of its dry run
}

// modePart is one rectangle of the bar, whose width is a thousand units a week. It is the higher the freer the playbook is,
// so that the modes are told apart without colours.
type modePart struct {
	X, Width  string
	Y, Height int
	Mode      playbook.Mode
}

// dayMark is a midnight of the bar: its place in units and in percent, and the day that begins.
type dayMark struct{ X, Percent, Name string }

// heights are those of the modes' rectangles; the bar has 36.
var heights = map[playbook.Mode]int{playbook.Automatic: 36, playbook.Ask: 24, playbook.Off: 8}

type modeSpan struct {
	Mode     string
	From, To when
}

// runRow is one run in a list.
type runRow struct {
	ID       int64
	URL      string
	Says     string // the action and the device
	Ticket   int64
	Playbook string
	State    playbook.State
	Reason   string
	At       when
	DecideBy *when
	Yeses    string
}

// listPlaybooks is GET /playbooks.
func (s *Site) listPlaybooks(w http.ResponseWriter, r *http.Request) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := playbooksView{}
	if view.frame, err = s.frame(r, "Playbooks", "responses"); err != nil {
		return err
	}
	asking, err := s.Playbooks.Runs(r.Context(), playbook.Filter{State: playbook.Waiting, Limit: runsShown})
	if err != nil {
		return err
	}
	runs, err := s.Playbooks.Runs(r.Context(), playbook.Filter{Before: before, Limit: runsShown + 1})
	if err != nil {
		return err
	}
	configured, err := s.Configured(r.Context())
	if err != nil {
		return err
	}
	if len(runs) > runsShown {
		runs = runs[:runsShown]
		view.Next = "/playbooks?before=" + decimal(runs[runsShown-1].ID)
	}
	view.Waits, view.Runs = reader.runs(asking), reader.runs(runs)
	for _, p := range configured {
		view.Playbooks = append(view.Playbooks, reader.playbook(p))
	}
	return s.render(w, http.StatusOK, "playbooks", view)
}

func (r reader) playbook(p playbook.Playbook) playbookView {
	view := playbookView{ID: p.ID, Does: actionText(p.Action, p.Settings), Match: matchLines(p), Never: neverLines(p), Rules: ruleLines(p), Dry: "/playbooks/" + p.ID + "/dry-run"}
	now := r.now.UTC()
	spans := p.Spans(now, now.Add(week))
	for i, span := range spans {
		if i == 0 {
			view.Now, view.NowText = span.Mode, modeText(span.Mode)
			if len(spans) > 1 {
				until := r.day(span.End)
				view.Until = &until
			}
		}
		x, end := along(span.Start.Sub(now)), along(span.End.Sub(now))
		height := heights[span.Mode]
		view.Bar = append(view.Bar, modePart{units(x), units(end - x), 36 - height, height, span.Mode})
		view.Spans = append(view.Spans, modeSpan{modeText(span.Mode), r.day(span.Start), r.day(span.End)})
	}
	view.Days = dayMarks(now, r.zone)
	return view
}

// dayMarks are the midnights of the coming week with the days that begin.
func dayMarks(from time.Time, zone *time.Location) []dayMark {
	local := from.In(zone)
	var marks []dayMark
	for i := 1; i <= 7; i++ {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+i, 0, 0, 0, 0, zone)
		x := along(midnight.Sub(from))
		if x >= 1000 {
			break
		}
		mark := dayMark{X: units(x), Percent: strconv.FormatFloat(x/10, 'f', 1, 64) + "%"}
		if x < 930 { // the last one has no room for its name
			mark.Name = midnight.Format("Mon")
		}
		marks = append(marks, mark)
	}
	return marks
}

func (r reader) runs(runs []playbook.Run) []runRow {
	rows := make([]runRow, len(runs))
	for i, run := range runs {
		rows[i] = runRow{
			ID: run.ID, URL: "/playbooks/runs/" + decimal(run.ID), Says: actionText(run.Action, run.Settings) + ": " + run.DeviceName(), Ticket: run.Ticket,
			Playbook: run.Playbook, State: run.State, Reason: run.Reason, At: r.ago(run.CreatedAt),
		}
		if run.State == playbook.Waiting && run.DecideBy != nil {
			until := r.in(*run.DecideBy)
			rows[i].DecideBy = &until
			if run.Approvers > 1 {
				rows[i].Yeses = decimal(int64(run.Yeses())) + " of " + decimal(int64(run.Approvers)) + " approvals"
			}
		}
	}
	return rows
}

// actionText is an action in words.
func actionText(action playbook.Action, settings playbook.Settings) string {
	switch action {
	case playbook.IsolateDevice:
		if settings.Isolation == "Selective" {
			return "Isolate the device, Outlook and Teams stay"
		}
		return "Isolate the device"
	case playbook.ReleaseDevice:
		return "Release the device from isolation"
	case playbook.AntivirusScan:
		if settings.Scan == "Full" {
			return "Run a full antivirus scan"
		}
		return "Run a quick antivirus scan"
	case playbook.RestrictApps:
		return "Let only programs signed by Microsoft run"
	case playbook.AllowApps:
		return "Let all programs run again"
	case playbook.CollectPackage:
		return "Collect an investigation package"
	case playbook.TagDevice:
		return "Add the tag “" + settings.Tag + "”"
	case playbook.UntagDevice:
		return "Remove the tag “" + settings.Tag + "”"
	}
	return plain(string(action))
}

func modeText(mode playbook.Mode) string {
	switch mode {
	case playbook.Automatic:
		return "by itself"
	case playbook.Ask:
		return "asks"
	}
	return "off"
}

func matchLines(p playbook.Playbook) []string {
	var lines []string
	for _, key := range []struct {
		name   string
		values []string
	}{
		{"severity", p.Match.Severity},
		{"category", p.Match.Category},
		{"product", p.Match.Product},
		{"title", p.Match.Title},
		{"device", p.Match.Device},
		{"device group", p.Match.Group},
		{"tag", p.Match.Tag},
		{"source", p.Match.Source},
		{"tenant", p.Match.Tenant},
	} {
		if len(key.values) > 0 {
			lines = append(lines, key.name+" "+strings.Join(key.values, " or "))
		}
	}
	if len(p.Match.Hours) > 0 {
		lines = append(lines, "in "+count(len(p.Match.Hours), "window of hours", "windows of hours"))
	}
	if len(lines) == 0 {
		lines = append(lines, "every alert")
	}
	return lines
}

func neverLines(p playbook.Playbook) []string {
	lines := []string{"domain controllers"}
	lines = append(lines, p.Exclude.Device...)
	for _, group := range p.Exclude.Group {
		lines = append(lines, "the group "+group)
	}
	for _, tag := range p.Exclude.Tag {
		lines = append(lines, "the tag "+tag)
	}
	return slices.Clip(lines)
}

// ruleLines say how a question ends and when a playbook that goes by itself begins to ask.
func ruleLines(p playbook.Playbook) []string {
	end := "nothing happens"
	if p.RunOnEnd && p.Approvers <= 1 {
		end = "it runs"
	}
	lines := []string{"When it asks, " + count(max(1, p.Approvers), "person", "people") + " must approve; where nobody answers within " + span(p.Expires) + ", " + end + "."}
	if p.PerHour > 0 && (p.Action == playbook.IsolateDevice || p.Action == playbook.RestrictApps) {
		lines = append(lines, "By itself it shuts off at most "+count(p.PerHour, "device", "devices")+" an hour, all playbooks together; then it asks.")
	}
	return lines
}

// dryRunSpan is how far a dry run looks back.
const dryRunSpan = 30 * 24 * time.Hour

type dryRunView struct {
	frame
	ID     string
	Days   int
	Rows   []wouldRow
	Would  int // of the rows, those that would have acted or asked
	Hidden int
}

type wouldRow struct {
	Ticket int64
	Title  string
	Device string
	At     when
	Would  string
	Why    string
}

// showDryRun is GET /playbooks/{playbook}/dry-run.
func (s *Site) showDryRun(w http.ResponseWriter, r *http.Request) error {
	id := pathText(r, "playbook")
	would, err := s.DryRun(r.Context(), id, s.Now().Add(-dryRunSpan))
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := dryRunView{ID: id, Days: int(dryRunSpan / (24 * time.Hour))}
	if view.frame, err = s.frame(r, "Dry run of "+id, "responses"); err != nil {
		return err
	}
	const shown = 200
	for _, at := range would {
		row := wouldRow{Ticket: at.Ticket, Title: at.Title, Device: at.Device, At: reader.at(at.At), Why: at.Why}
		switch {
		case at.Why != "":
			row.Would = "nothing"
		case at.Mode == playbook.Automatic:
			row.Would = "by itself"
		default:
			row.Would = "asked"
		}
		if at.Why == "" {
			view.Would++
		}
		if len(view.Rows) == shown {
			view.Hidden++
			continue
		}
		view.Rows = append(view.Rows, row)
	}
	return s.render(w, http.StatusOK, "dryrun", view)
}
