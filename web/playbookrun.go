package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/tickets/playbook"
)

type runView struct {
	frame
	Row       runRow
	Facts     []fact
	Steps     []stepRow
	Title     string // of the ticket
	Asks      bool
	Answered  bool // whoever looks has answered already
	MayUndo   bool
	UndoText  string
	Complaint string
}

// stepRow is one line of a run's audit.
type stepRow struct {
	At   when
	Who  string
	What string
	Says string
}

func decimal(number int64) string { return strconv.FormatInt(number, 10) }

func pathText(r *http.Request, name string) string { return chi.URLParam(r, name) }

// showRun is GET /playbooks/runs/{id}: where the mail that asks for approval leads.
func (s *Site) showRun(w http.ResponseWriter, r *http.Request) error {
	return s.runPage(w, r, http.StatusOK, "")
}

func (s *Site) runPage(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	run, steps, err := s.Playbooks.Run(r.Context(), id)
	if err != nil {
		return err
	}
	ticket, err := s.Tickets.Get(r.Context(), run.Ticket)
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := runView{
		Row: reader.runs([]playbook.Run{run})[0], Title: titleOf(ticket), Complaint: complaint, Asks: run.State == playbook.Waiting,
		Answered: run.AnsweredBy(reader.who.ID), MayUndo: run.MayUndo(),
	}
	if view.frame, err = s.frame(r, view.Row.Says, "responses"); err != nil {
		return err
	}
	if undo, ok := run.Action.Undo(); ok {
		view.UndoText = actionText(undo, run.Settings)
	}
	add := func(label string, values ...string) {
		for _, value := range values {
			if value != "" {
				view.Facts = append(view.Facts, fact{Label: label, Values: []string{value}})
			}
		}
	}
	add("Playbook", run.Playbook)
	add("Device", run.DeviceName())
	add("Device id", run.MachineID)
	add("Tenant", run.Tenant)
	if run.UndoOf != 0 {
		add("Undoes", "run "+decimal(run.UndoOf))
	}
	if run.Automatic {
		add("Approved", "by itself, as the hour says")
	}
	for _, approval := range run.Approvals {
		word := "declined"
		if approval.Yes {
			word = "approved"
		}
		add("Answer", reader.name(approval.Person)+" "+word)
	}
	add("Action at Microsoft", run.ActionID)
	add("Its status", run.Status)
	for _, step := range steps {
		view.Steps = append(view.Steps, stepRow{reader.at(step.At), reader.name(step.Actor), string(step.State), step.Says})
	}
	return s.render(w, status, "playbookrun", view)
}

// answerRun is POST /playbooks/runs/{id}/approve and /decline.
func (s *Site) answerRun(yes bool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.onRun(w, r, func(id int64, person string) (int64, error) {
			return id, s.Playbooks.Answer(r.Context(), id, person, yes)
		})
	}
}

// undoRun is POST /playbooks/runs/{id}/undo.
func (s *Site) undoRun(w http.ResponseWriter, r *http.Request) error {
	return s.onRun(w, r, func(id int64, person string) (int64, error) {
		return s.Playbooks.Undo(r.Context(), id, person)
	})
}

func (s *Site) onRun(w http.ResponseWriter, r *http.Request, act func(id int64, person string) (next int64, err error)) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	next, err := act(id, who.ID)
	if status, reason := refusal(err); status != 0 {
		return s.runPage(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/playbooks/runs/"+decimal(next))
	return nil
}

// evidence are a ticket's traces as they are shown.
func evidence(ticket tickets.Ticket) []evidenceRow {
	rows := make([]evidenceRow, len(ticket.Evidence))
	for i, trace := range ticket.Evidence {
		rows[i] = evidenceRow{plain(trace.Kind), trace.Value, trace.Detail}
	}
	return rows
}

type evidenceRow struct{ Kind, Value, Detail string }
