package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// How far ahead shifts are offered, and how many settled requests are listed.
const (
	requestsAhead = 28 * 24 * time.Hour
	longestTurn   = 31 * 24 * time.Hour
	requestsShown = 50
	openShown     = 500
)

type requestsView struct {
	frame
	Complaint string
	Notice    string
	Mine      bool // whoever looks can be on call
	Asked     []requestRow
	Open      []requestRow
	Settled   []requestRow
	Own       []choice // shifts of whoever looks
	Others    []choice // shifts of others
	People    []choice // who may be asked
	Says      string
	Kind      string // of the form that is open
	Most      int
	Next      string
}

// requestRow is one request; the buttons that whoever looks has are May….
type requestRow struct {
	ID          int64
	What        string
	Where       string
	From, To    when
	Swap        bool
	OtherWhat   string
	OtherFrom   when
	OtherTo     when
	Says        string
	Asker       string
	At          when
	Expires     when
	State       string
	Settler     string
	Settled     when
	Reason      string
	MayAnswer   bool
	MayWithdraw bool
	Untold      string // who has no contact that could carry it
}

// showRequests is GET /oncall/requests.
func (s *Site) showRequests(w http.ResponseWriter, r *http.Request) error {
	return s.renderRequests(w, r, http.StatusOK, url.Values{}, "")
}

func (s *Site) renderRequests(w http.ResponseWriter, r *http.Request, status int, given url.Values, complaint string) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := requestsView{Complaint: complaint, Says: given.Get("says"), Kind: given.Get("kind"), Most: oncall.MaxRequestText}
	if view.frame, err = s.frame(r, "Shifts that change hands", "oncall"); err != nil {
		return err
	}
	view.Notice = map[string]string{
		"asked": "It is asked. Nothing changes until somebody says yes.", "agreed": "The shift has changed hands; both are told.",
		"declined": "You said no; whoever asked is told.", "withdrawn": "It is withdrawn.",
	}[r.URL.Query().Get("done")]
	open, err := s.OnCall.ShiftRequests(r.Context(), "", oncall.RequestAsked, openShown, 0)
	if err != nil {
		return err
	}
	for _, request := range open {
		if row := reader.request(request); request.Asks(reader.who.ID) && row.MayAnswer {
			view.Asked = append(view.Asked, row)
		} else {
			view.Open = append(view.Open, row)
		}
	}
	all, err := s.OnCall.ShiftRequests(r.Context(), "", "", requestsShown+1, before)
	if err != nil {
		return err
	}
	if len(all) > requestsShown {
		all = all[:requestsShown]
		view.Next = "/oncall/requests?before=" + strconv.FormatInt(all[requestsShown-1].ID, 10)
	}
	for _, request := range all {
		if request.State != oncall.RequestAsked {
			view.Settled = append(view.Settled, reader.request(request))
		}
	}
	_, known := reader.configuration.Person(reader.who.ID)
	if view.Mine = known && view.MayAct; view.Mine || view.Admin {
		reader.offer(&view, given)
	}
	return s.render(w, status, "requests", view)
}

// offer fills in the forms: the shifts to come, and whom to ask.
func (r reader) offer(view *requestsView, given url.Values) {
	for _, schedule := range r.configuration.Schedules {
		zone := zone(schedule.Timezone)
		now := r.now.UTC()
		for _, turn := range schedule.Turns(now, now.Add(requestsAhead+longestTurn)) {
			if turn.Person == "" || turn.Start.After(now.Add(requestsAhead)) {
				continue
			}
			if last := turn.Start.Add(longestTurn); turn.End.After(last) {
				turn.End = last
			}
			at := shiftChoice(schedule.ID, turn)
			option := choice{ID: at, Name: nameOf(schedule) + ", " + r.moment(turn.Start.In(zone)) + " to " + r.moment(turn.End.In(zone)) + turn.End.In(zone).Format(" MST")}
			if turn.Person == r.who.ID {
				option.Chosen = given.Get("shift") == at
				view.Own = append(view.Own, option)
				continue
			}
			option.Chosen = given.Get("other") == at
			option.Name = r.name(turn.Person) + ": " + option.Name
			view.Others = append(view.Others, option)
		}
	}
	for _, person := range people(r.configuration) {
		if person.Chosen = person.ID == given.Get("person"); person.ID != r.who.ID {
			view.People = append(view.People, person)
		}
	}
}

// shiftChoice names a turn in a form.
func shiftChoice(schedule string, turn oncall.Turn) string {
	return strings.Join([]string{schedule, turn.Person, turn.Start.Format(time.RFC3339), turn.End.Format(time.RFC3339)}, " ")
}

// readShift reads what shiftChoice wrote.
func readShift(field, text string) (schedule string, turn oncall.Turn, err error) {
	parts := strings.Split(text, " ")
	if len(parts) != 4 {
		return "", turn, &tickets.InvalidError{Field: field, Reason: "choose a shift of the list"}
	}
	start, startErr := time.Parse(time.RFC3339, parts[2])
	end, endErr := time.Parse(time.RFC3339, parts[3])
	if startErr != nil || endErr != nil {
		return "", turn, &tickets.InvalidError{Field: field, Reason: "choose a shift of the list"}
	}
	return parts[0], oncall.Turn{Person: parts[1], Start: start, End: end}, nil
}

func (r reader) request(request oncall.ShiftRequest) requestRow {
	schedule, _ := r.configuration.Schedule(request.Schedule)
	schedule.ID = request.Schedule
	r.zone = zone(schedule.Timezone)
	taker := "somebody"
	if request.Taker != "" {
		taker = r.name(request.Taker)
	}
	row := requestRow{
		ID: request.ID, What: taker + " takes the shift of " + r.name(request.Giver), Where: nameOf(schedule), From: r.day(request.Start), To: r.day(request.End),
		Says: request.Says, Asker: r.name(request.AskedBy), At: r.ago(request.CreatedAt), Expires: r.day(request.ExpiresAt),
		State: request.State, Reason: request.Reason,
	}
	if request.Swap() {
		row.Swap, row.OtherWhat = true, r.name(request.Giver)+" takes the shift of "+taker
		row.OtherFrom, row.OtherTo = r.day(*request.OtherStart), r.day(*request.OtherEnd)
	}
	if request.SettledAt != nil {
		row.Settled, row.Settler = r.ago(*request.SettledAt), r.name(request.SettledBy)
	}
	if request.State != oncall.RequestAsked {
		return row
	}
	acts, admin := r.who.Role.Allows(auth.Responder), r.who.Role.Allows(auth.Admin)
	row.MayAnswer = acts && request.Asks(r.who.ID) || admin && request.Taker != ""
	row.MayWithdraw = acts && request.AskedBy == r.who.ID || admin
	var untold []string
	for _, id := range r.configuration.Told(request) {
		person, _ := r.configuration.Person(id)
		if _, ok := person.CalmContact(); !ok {
			untold = append(untold, person.Name)
		}
	}
	row.Untold = join(untold)
	return row
}

// askShift is POST /oncall/requests: somebody gives a shift away, takes one, or swaps two.
func (s *Site) askShift(w http.ResponseWriter, r *http.Request) error {
	if _, err := formValue(r, "kind"); err != nil {
		return err
	}
	who, _ := identity(r.Context())
	request, err := s.requestOf(r, who.ID)
	if err == nil {
		request, err = s.OnCall.AskShift(r.Context(), actor(who), request, r.PostForm.Get("waived") != "")
	}
	if status, reason := refusal(err); status != 0 {
		return s.renderRequests(w, r, status, r.PostForm, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/oncall/requests?done="+request.State)
	return nil
}

// requestOf reads a posted form: which shift, a part of it where that is asked, and whom.
func (s *Site) requestOf(r *http.Request, who string) (request oncall.ShiftRequest, err error) {
	form := r.PostForm
	request.Says = form.Get("says")
	field := "shift"
	if form.Get("kind") == "take" {
		field = "other"
	}
	schedule, turn, err := readShift(field, form.Get(field))
	if err != nil {
		return request, err
	}
	request.Schedule, request.Giver, request.Start, request.End = schedule, turn.Person, turn.Start, turn.End
	switch form.Get("kind") {
	case "give":
		request.Taker = form.Get("person")
	case "take":
		request.Taker = who
		if person := form.Get("person"); person != "" {
			request.Taker = person
		}
	case "swap":
		of, other, err := readShift("other", form.Get("other"))
		if err != nil {
			return request, err
		}
		if of != schedule {
			return request, &tickets.InvalidError{Field: "other", Reason: "the two shifts are of different schedules; swap shifts of one"}
		}
		request.Taker, request.OtherStart, request.OtherEnd = other.Person, &other.Start, &other.End
		return request, nil
	default:
		return request, &tickets.InvalidError{Field: "kind", Reason: "it is give, take or swap"}
	}
	return s.partOf(r, request)
}

// partOf cuts a request down to the part of the shift that a form names: from a moment in the schedule's time zone, or from
// its beginning or now, for some hours.
func (s *Site) partOf(r *http.Request, request oncall.ShiftRequest) (oncall.ShiftRequest, error) {
	form := r.PostForm
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return request, err
	}
	schedule, _ := configuration.Schedule(request.Schedule)
	if text := form.Get("from"); text != "" {
		var from oncall.LocalTime
		if err := from.UnmarshalText([]byte(text)); err != nil {
			return request, &tickets.InvalidError{Field: "from", Reason: "the beginning cannot be read: " + err.Error()}
		}
		request.Start = from.In(zone(schedule.Timezone))
	}
	if text := form.Get("hours"); text != "" {
		hours, err := strconv.ParseFloat(text, 64)
		if err != nil || !(hours > 0 && hours <= 24*31) {
			return request, &tickets.InvalidError{Field: "hours", Reason: "give a number of hours, like 2 or 0.5"}
		}
		begin := request.Start
		if now := s.Now().UTC(); begin.Before(now) {
			request.Start, begin = now, now.Truncate(time.Minute) // it ends on a whole minute
		}
		request.End = begin.Add(time.Duration(hours * float64(time.Hour)))
	}
	return request, nil
}

// takeOverShift is POST /oncall/{schedule}/take-over: of what runs now, for some hours, without asking.
func (s *Site) takeOverShift(w http.ResponseWriter, r *http.Request) error {
	text, err := formValue(r, "hours")
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(text)
	if err != nil || hours < 1 || time.Duration(hours)*time.Hour > oncall.LongestTakeover {
		return s.complainOnCall(w, r, http.StatusBadRequest, "Give a number of hours from 1 to 12.")
	}
	who, _ := identity(r.Context())
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	id, now := chi.URLParam(r, "schedule"), s.Now().UTC()
	schedule, ok := configuration.Schedule(id)
	if !ok {
		return tickets.ErrNotFound
	}
	turns := schedule.Turns(now, now.Truncate(time.Minute).Add(time.Duration(hours)*time.Hour))
	if turns[0].Person == "" || turns[0].Person == who.ID {
		return s.complainOnCall(w, r, http.StatusConflict, "There is nobody to take over from now; an override puts you on call.")
	}
	// Where somebody else comes on call before the hours are over, it ends there: theirs begins as planned.
	request := oncall.ShiftRequest{Schedule: id, Giver: turns[0].Person, Taker: who.ID, Start: now, End: turns[0].End}
	_, err = s.OnCall.AskShift(r.Context(), actor(who), request, true)
	if status, reason := refusal(err); status != 0 {
		return s.complainOnCall(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/oncall")
	return nil
}

// answerRequest is POST /oncall/requests/{id}/accept, /decline and /withdraw.
func (s *Site) answerRequest(what string) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathNumber(r, "id")
		if err != nil {
			return err
		}
		who, _ := identity(r.Context())
		var request oncall.ShiftRequest
		if what == "withdraw" {
			request, err = s.OnCall.WithdrawShift(r.Context(), "", id, actor(who))
		} else {
			request, err = s.OnCall.AnswerShift(r.Context(), "", id, actor(who), what == "accept")
		}
		if status, reason := refusal(err); status != 0 {
			return s.renderRequests(w, r, status, url.Values{}, reason)
		}
		if err != nil {
			return err
		}
		redirect(w, r, "/oncall/requests?done="+request.State)
		return nil
	}
}

// waiting counts the requests that ask for the consent of whoever looks.
func (r reader) waiting(open []oncall.ShiftRequest) string {
	asks := slices.DeleteFunc(slices.Clone(open), func(request oncall.ShiftRequest) bool { return !request.Asks(r.who.ID) })
	if len(asks) == 0 || !r.who.Role.Allows(auth.Responder) {
		return ""
	}
	if len(asks) == 1 {
		return "A request of a shift waits for your answer."
	}
	return fmt.Sprintf("%d requests of shifts wait for your answer.", len(asks))
}
