package api

import (
	"context"
	"time"

	"afterhours/tickets/playbook"
)

type runsQuery struct {
	Ticket   string `query:"ticket" doc:"Of this ticket alone, by its number"`
	Playbook string `query:"playbook" doc:"Of this playbook alone, by its id"`
	State    string `query:"state" doc:"planned, waiting, approved, requesting, running, succeeded, failed, declined, expired or skipped"`
	Limit    string `query:"limit" doc:"1 to 500, 50 without it"`
	Cursor   string `query:"cursor" doc:"The next_cursor of the answer before"`
}

type runsAnswer struct {
	Body struct {
		Runs       []responseRun `json:"runs"`
		NextCursor string        `json:"next_cursor" doc:"Empty at the end"`
	}
}

// responseRun is a run of a playbook.
type responseRun struct {
	ID           int64         `json:"id"`
	Playbook     string        `json:"playbook"`
	Ticket       int64         `json:"ticket"`
	Tenant       string        `json:"tenant" doc:"Our id"`
	Action       string        `json:"action" doc:"isolate_device, release_device, antivirus_scan, restrict_apps, allow_apps, collect_package, tag_device or untag_device"`
	Tag          string        `json:"tag" doc:"Of tag_device and untag_device"`
	Device       string        `json:"device"`
	DeviceID     string        `json:"device_id" doc:"Microsoft's; empty until the device is found"`
	State        string        `json:"state"`
	Reason       string        `json:"reason" doc:"Why it is in this state"`
	Automatic    bool          `json:"automatic" doc:"Nobody approved it: the hour let it go by itself"`
	Approvers    int           `json:"approvers" doc:"How many people must approve"`
	Approvals    []runApproval `json:"approvals"`
	DecideBy     *time.Time    `json:"decide_by" doc:"The end of the question; null where nothing is asked"`
	ActionID     string        `json:"action_id" doc:"Microsoft's; empty until the action is accepted"`
	ActionStatus string        `json:"action_status" doc:"Microsoft's"`
	Undoes       *int64        `json:"undoes" doc:"The run that it takes back; null for every other"`
	CreatedAt    time.Time     `json:"created_at"`
	UpdatedAt    time.Time     `json:"updated_at"`
	FinishedAt   *time.Time    `json:"finished_at"`
}

type runApproval struct {
	Person   string    `json:"person"`
	At       time.Time `json:"at"`
	Approved bool      `json:"approved" doc:"False where the person declined"`
}

type runStep struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"A person's id, or system"`
	State  string    `json:"state"`
	Reason string    `json:"reason"`
}

// runs lists runs. Approving one takes a signed-in person: there is no route for it.
func (s *service) runs(ctx context.Context, in *runsQuery) (*runsAnswer, error) {
	most, err := limit(in.Limit)
	if err != nil {
		return nil, err
	}
	filter := playbook.Filter{Playbook: in.Playbook, State: playbook.State(in.State), Limit: most + 1}
	if filter.Before, err = readCursor(in.Cursor); err != nil {
		return nil, err
	}
	if filter.State != "" && !filter.State.Valid() {
		return nil, invalid("state", "%q is no state of a run", clip(in.State))
	}
	out := &runsAnswer{}
	out.Body.Runs = []responseRun{}
	if in.Ticket != "" {
		if filter.Ticket, err = number("ticket", in.Ticket); err != nil {
			return nil, err
		}
		if filter.Ticket == 0 { // the store's word for all
			return out, nil
		}
	}
	found, err := s.Playbooks.Runs(ctx, filter)
	if err != nil {
		return nil, err
	}
	if len(found) > most {
		found = found[:most]
		out.Body.NextCursor = cursor(found[most-1].ID)
	}
	for _, run := range found {
		out.Body.Runs = append(out.Body.Runs, runOf(run))
	}
	return out, nil
}

type byRun struct {
	Run string `path:"run" doc:"The run's id"`
}

type runAnswer struct {
	Body struct {
		Run   responseRun `json:"run"`
		Steps []runStep   `json:"steps"`
	}
}

func (s *service) run(ctx context.Context, in *byRun) (*runAnswer, error) {
	id, err := number("run", in.Run)
	if err != nil {
		return nil, err
	}
	run, steps, err := s.Playbooks.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &runAnswer{}
	out.Body.Run, out.Body.Steps = runOf(run), []runStep{}
	for _, step := range steps {
		out.Body.Steps = append(out.Body.Steps, runStep{step.At.UTC(), step.Actor, string(step.State), step.Says})
	}
	return out, nil
}

func runOf(from playbook.Run) responseRun {
	run := responseRun{
		ID: from.ID, Playbook: from.Playbook, Ticket: from.Ticket, Tenant: from.Tenant, Action: string(from.Action), Tag: from.Settings.Tag,
		Device: from.DeviceName(), DeviceID: from.MachineID, State: string(from.State), Reason: from.Reason, Automatic: from.Automatic,
		Approvers: from.Approvers, Approvals: []runApproval{}, DecideBy: inUTC(from.DecideBy), ActionID: from.ActionID, ActionStatus: from.Status,
		CreatedAt: from.CreatedAt.UTC(), UpdatedAt: from.UpdatedAt.UTC(), FinishedAt: inUTC(from.FinishedAt),
	}
	if from.UndoOf != 0 {
		run.Undoes = &from.UndoOf
	}
	for _, approval := range from.Approvals {
		run.Approvals = append(run.Approvals, runApproval{approval.Person, approval.At.UTC(), approval.Yes})
	}
	return run
}

func inUTC(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}
