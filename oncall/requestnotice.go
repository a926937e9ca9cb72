package oncall

import (
	"fmt"
	"strings"
	"time"

	"afterhours/tickets"
)

// The types of notices about requests of shifts.
const (
	ShiftAskedType   = "shift.asked"   // somebody's consent is asked for
	ShiftSettledType = "shift.settled" // what became of it
)

// RequestPath is where the desk lists requests of shifts.
const RequestPath = "/oncall/requests"

// RequestNotices tell people of a request as it is now: those who are asked while it is open, afterwards those whom its end
// concerns. Who has no contact that does not ring is left out.
func (c Configuration) RequestNotices(r ShiftRequest, now time.Time) []Page {
	kind, told := ShiftSettledType, []string{r.Giver, r.Taker}
	switch r.State {
	case RequestAsked:
		kind, told = ShiftAskedType, c.Told(r)
	case RequestWithdrawn:
		told = c.Told(r)
	case RequestDeclined, RequestExpired:
		told = []string{r.AskedBy}
	}
	var pages []Page
	for _, id := range told {
		person, ok := c.Person(id)
		if !ok {
			continue
		}
		contact, ok := person.CalmContact()
		if !ok {
			continue
		}
		cause := fmt.Sprintf("%d/%s/%s", r.ID, r.State, id)
		pages = append(pages, noticePage(kind, cause, Page{Person: id, Contact: contact.ID, Channel: contact.Channel, DueAt: now, CreatedAt: now}, c.requestNotice(r, person)))
	}
	return pages
}

// requestNotice is what one person reads of a request.
func (c Configuration) requestNotice(r ShiftRequest, person Person) Notice {
	notice := Notice{Path: RequestPath}
	if person.Detail == DetailMinimal {
		notice.Subject, notice.Text = "About a shift of yours", "The desk says more."
		return notice
	}
	schedule, _ := c.Schedule(r.Schedule)
	in := " (" + schedule.called() + ")"
	if schedule.ID == "" {
		in = " (" + r.Schedule + ")"
	}
	span := person.span(r.Start, r.End)
	giver, taker := c.Name(r.Giver), "Somebody"
	if r.Taker != "" {
		taker = c.Name(r.Taker)
	}
	lines := []string{}
	switch {
	case r.Swap() && person.ID == r.Giver:
		lines = append(lines, taker+" would be on call "+span+".", "You would be on call "+person.span(*r.OtherStart, *r.OtherEnd)+".")
	case r.Swap():
		lines = append(lines, "You would be on call "+span+".", giver+" would be on call "+person.span(*r.OtherStart, *r.OtherEnd)+".")
	}
	switch r.State {
	case RequestAsked:
		asker := c.Name(r.AskedBy)
		switch {
		case r.Swap():
			notice.Subject = asker + " asks you to swap shifts" + in
		case r.AskedBy == r.Taker:
			notice.Subject = asker + " would take your shift " + span + in
		case r.Taker == "":
			notice.Subject = asker + " asks who can be on call " + span + in
		default:
			notice.Subject = asker + " asks you to be on call " + span + in
		}
		if r.Says != "" {
			lines = append(lines, "“"+r.Says+"”")
		}
		lines = append(lines, "Say yes or no at the desk before "+person.clock(r.ExpiresAt)+". Until then nothing changes.")
	case RequestAgreed:
		lines = nil
		other := taker
		switch {
		case r.Swap() && person.ID == r.Giver:
			notice.Subject = "You and " + other + " have swapped shifts" + in
			lines = append(lines, other+" is on call "+span+".", "You are on call "+person.span(*r.OtherStart, *r.OtherEnd)+".")
		case r.Swap():
			notice.Subject = "You and " + giver + " have swapped shifts" + in
			lines = append(lines, "You are on call "+span+".", giver+" is on call "+person.span(*r.OtherStart, *r.OtherEnd)+".")
		case person.ID == r.Giver:
			notice.Subject = taker + " takes your shift " + span + in
			lines = append(lines, "Pages go to "+taker+" in that time.")
		default:
			notice.Subject = "You are on call " + span + in
			lines = append(lines, "You took the shift of "+giver+".")
		}
		if r.SettledBy != r.Giver && r.SettledBy != r.Taker {
			lines = append(lines, c.settler(r)+" arranged it.")
		}
	case RequestDeclined:
		notice.Subject = c.settler(r) + " said no: the shift " + span + in + " stays as it is"
		lines = []string{"Somebody else may take it."}
	case RequestWithdrawn:
		notice.Subject = c.Name(r.AskedBy) + " needs no answer any more: the shift " + span + in + " stays as it is"
		lines = []string{"You need not do anything."}
	case RequestExpired:
		notice.Subject = "Nobody answered: the shift " + span + in + " stays as it is"
		lines = []string{"Ask anew, or ask somebody else."}
	case RequestOutdated:
		notice.Subject = "The schedule has changed: the shift " + span + in + " stays as it is"
		lines = []string{sentence(r.Reason)}
	}
	notice.Text = strings.Join(lines, "\n")
	return notice
}

// settler is the name of whoever settled a request.
func (c Configuration) settler(r ShiftRequest) string {
	if r.SettledBy == tickets.ActorSystem || r.SettledBy == "" {
		return "afterhours"
	}
	return c.Name(r.SettledBy)
}

// span is a stretch as the person's messages write it: the day of its end where that is another.
func (p Person) span(start, end time.Time) string {
	zone := location(p.Timezone)
	start, end = start.In(zone), end.In(zone)
	layout := "Mon 2 Jan 15:04 MST"
	if start.Format("2006-01-02") == end.Format("2006-01-02") {
		layout = "15:04 MST"
	}
	return start.Format("Mon 2 Jan 15:04") + " to " + end.Format(layout)
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
