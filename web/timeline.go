package web

import (
	"fmt"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
)

// entry is one line of a ticket's timeline. Tone is empty, good or bad.
type entry struct {
	Type   tickets.EventType
	When   when
	Text   string
	Detail string
	Note   string
	Mail   int64 // the mail that it is about; 0 for none
	Tone   string
}

func (r reader) timeline(events []tickets.Event) []entry {
	entries := make([]entry, len(events))
	for i, event := range events {
		entries[i] = r.entry(event)
	}
	return entries
}

// entry says an event in a sentence.
func (r reader) entry(event tickets.Event) entry {
	d, actor := data(event.Data), r.name(event.Actor)
	e := entry{Type: event.Type, When: r.ago(event.At), Mail: d.number("mail_id")}
	switch event.Type {
	case tickets.EventCreated:
		e.Text, e.Detail = "Opened", d.text("subject")
		if d.text("tenant") != "" {
			e.Text = "Opened by the Defender API"
		}
		if e.Mail != 0 {
			e.Text = "Opened by a mail"
		}
		r.imported(&e, d)
		e.sender(d)
	case tickets.EventUpdated:
		e.Text, e.Detail = "Another mail arrived", d.text("subject")
		e.sender(d)
		if d.text("tenant") != "" {
			e.Text = "The Defender API brought news"
		}
		if d.text("action") == string(tickets.ActionResolved) {
			e.Text = "Defender says that it is resolved"
		}
		r.imported(&e, d)
	case tickets.EventRaised:
		e.Text = fmt.Sprintf("Severity raised from %s to %s", d.severity("from"), d.severity("to"))
		e.Tone = "bad"
	case tickets.EventReread:
		e.Text, e.Detail = "Its mails were read again", d.changes()
		if event.Actor != tickets.ActorSystem {
			e.Text = actor + " had its mails read again"
		}
	case tickets.EventMerged:
		e.Text = "Another ticket was joined to this one"
		if from := d.number("from"); from != 0 {
			e.Text = fmt.Sprintf("Ticket #%d was joined to this one", from)
		} else if into := d.number("into"); into != 0 {
			e.Text = fmt.Sprintf("This ticket went into #%d", into)
		}
	case tickets.EventReopened:
		e.Text, e.Detail = actor+" reopened", d.text("reason")
		if event.Actor == tickets.ActorSystem {
			e.Text = "Opened again: there is something new"
		}
	case tickets.EventAcknowledged:
		e.Text, e.Tone, e.Detail = actor+" acknowledged", "good", d.text("portal")
		if d["outage"] == true {
			e.Text += " while the database was away"
		}
	case tickets.EventTakenOver:
		e.Text, e.Tone = actor+" took it over from "+r.name(d.text("from")), "good"
	case tickets.EventReply:
		e.Text, e.Detail, e.Tone = r.replied(d, actor)
	case tickets.EventResolved:
		e.Text, e.Tone, e.Detail = actor+" resolved", "good", d.either("portal", "because")
		if class := classNames[d.text("classification")]; class != "" {
			e.Text += " as " + class
		}
		if reason := d.text("reason"); reason != "" && event.Actor == tickets.ActorSystem {
			e.Text, e.Detail, e.Tone = "Filed as resolved; nobody is paged", reason, ""
		}
	case tickets.EventNote:
		e.Text, e.Note = actor+" noted", d.text("text")
	case tickets.EventSnoozed:
		e.Text = actor + " snoozed"
		if until, err := time.Parse(time.RFC3339, d.text("until")); err == nil {
			e.Text += " until " + r.at(until).Words
		}
	case tickets.EventHeld:
		e.Text, e.Detail = actor+" holds it: it is kept until that ends", d.text("reason")
	case tickets.EventReleased:
		e.Text = actor + " ended the hold"
	case tickets.EventAssigned:
		e.Text = actor + " assigned it"
		if person := d.text("person"); person != "" {
			e.Text += " to " + r.name(person)
		}
	case tickets.EventRecorded:
		e.Text, e.Detail = "Recorded; nobody is paged", d.text("reason")
	case tickets.EventEscalated:
		e.Text, e.Detail = r.escalated(event, d, actor)
	case tickets.EventDeferred:
		e.Text, e.Detail = "Nobody is told for now", d.text("reason")
		if until, err := time.Parse(time.RFC3339, d.text("until")); err == nil {
			e.Text += ": the policy goes on at " + r.at(until).Words
		}
	case tickets.EventExhausted:
		e.Text, e.Detail, e.Tone = "Nobody is left to tell", d.text("reason"), "bad"
	case tickets.EventPageSent:
		e.Text, e.Detail = "Told "+r.addressee(d), d.text("detail")
		if d.number("summary") != 0 {
			e.Text += " in a summary"
		}
		if d["outage"] == true {
			e.Text += " directly, while the database was away"
		}
		switch d.text("notice") {
		case oncall.TakenType:
			e.Text += " who has it"
		case oncall.ReplyType:
			e.Text += " what became of the reply"
		}
	case tickets.EventPageDelivered:
		e.Text, e.Detail = "Delivered to "+r.addressee(d), d.text("detail")
	case tickets.EventPageHeld:
		e.Text, e.Detail, e.Tone = "The page to "+r.addressee(d)+" could not leave the house", d.either("reason", "detail"), "bad"
	case tickets.EventPageFailed:
		e.Text, e.Detail, e.Tone = "The page to "+r.addressee(d)+" failed", d.either("reason", "detail"), "bad"
	case tickets.EventPagesStopped:
		e.Text = "Pages that had not left were cancelled"
		if n := d.number("pages"); n > 0 {
			e.Text = count(int(n), "page that had not left was cancelled", "pages that had not left were cancelled")
		}
	case tickets.EventWrittenBack:
		e.Text = "Defender was told: " + d.text("told")
		if reason := d.text("error"); reason != "" {
			e.Text, e.Detail, e.Tone = "Defender could not be told: "+d.text("told"), reason, "bad"
		}
	case tickets.EventPlaybook:
		e.Text, e.Detail, e.Tone = response(d, actor)
	default:
		e.Text = actor + ": " + plain(string(event.Type))
	}
	return e
}

// imported says of a mail of the backlog when it was sent: the entry's own time is that of the import.
func (r reader) imported(e *entry, d data) {
	if sent, err := time.Parse(time.RFC3339, d.text("received_at")); err == nil {
		e.Text += ", imported; it was sent " + r.full(sent.In(r.zone))
	}
}

// sender adds who sent the mail of an event.
func (e *entry) sender(d data) {
	if found := d.text("authentication"); found != "" {
		e.Detail = joined(e.Detail, found)
	}
	if d["spoof"] == true {
		e.Text += ": FORGED, it claims to come from Microsoft and does not"
		e.Tone = "bad"
	}
}

func (r reader) escalated(event tickets.Event, d data, actor string) (text, detail string) {
	if event.Actor != tickets.ActorSystem {
		return actor + " escalated: the next step begins now", ""
	}
	targets := d.list("targets")
	for i, target := range targets {
		kind, id, _ := strings.Cut(target, ":")
		switch kind {
		case "person":
			targets[i] = r.name(id)
		case "schedule":
			targets[i] = "whoever is on call in " + id
		default:
			targets[i] = kind + " " + id
		}
	}
	text = fmt.Sprintf("Step %d", d.number("step"))
	if d["last_resort"] == true {
		text = "Last resort"
	} else if d.number("step") == 0 {
		text = "Asked first"
	} else if round := d.number("round"); round > 1 {
		text += fmt.Sprintf(" of round %d", round)
	}
	if d["closed"] == true {
		return text + " was skipped: it is outside of its hours", ""
	}
	if len(targets) > 0 {
		text += ": " + join(targets)
	}
	if empty := d.list("empty"); len(empty) > 0 {
		detail = "Not reached: " + strings.Join(empty, "; ")
	}
	return text, detail
}

// replied says what became of a mail that answers a page.
func (r reader) replied(d data, actor string) (text, detail, tone string) {
	switch d.text("outcome") {
	case "refused":
		return "A reply from " + d.text("from") + " to " + r.name(d.text("person")) + "'s page was refused", d.text("reason"), "bad"
	case "conflict":
		return actor + " replied by mail; it changed nothing", d.text("reason"), ""
	case "bounce":
		return "A page came back", d.text("reason"), "bad"
	case "auto_reply":
		return "An automatic reply came; it pages nobody", d.text("subject"), ""
	case "loop":
		return "Our own mail came back; it pages nobody", "", "bad"
	}
	return actor + " replied by mail: " + d.text("verb"), "", ""
}

// addressee is to whom a page went and how.
func (r reader) addressee(d data) string {
	to := "somebody"
	if person := d.text("person"); person != "" {
		to = r.name(person)
	} else if webhook := d.text("webhook"); webhook != "" {
		return "webhook " + webhook
	}
	if channel := d.text("channel"); channel != "" {
		to += " by " + channelName(channel)
	}
	return to
}

func channelName(channel string) string {
	switch channel {
	case "sms":
		return "SMS"
	case "voice":
		return "call"
	case "slack":
		return "Slack"
	case "teams":
		return "Teams"
	}
	return strings.ReplaceAll(channel, "email", "mail")
}

// data is an event's data as it comes from JSON: a key may be missing or of another type.
type data map[string]any

func (d data) text(key string) string {
	switch value := d[key].(type) {
	case string:
		return value
	case tickets.Severity:
		return string(value)
	case time.Time:
		return value.UTC().Format(time.RFC3339)
	}
	return ""
}

// changes says what a ticket says differently: "severity: unknown → high; devices: nothing → pc1".
func (d data) changes() string {
	list, _ := d["changes"].([]any)
	var parts []string
	for _, item := range list {
		if change, ok := item.(map[string]any); ok {
			one := data(change)
			parts = append(parts, plain(one.text("field"))+": "+named(one.text("from"), "nothing")+" → "+named(one.text("to"), "nothing"))
		}
	}
	return strings.Join(parts, "; ")
}

func (d data) either(first, second string) string {
	if text := d.text(first); text != "" {
		return text
	}
	return d.text(second)
}

func (d data) severity(key string) string { return tickets.Severity(d.text(key)).Word() }

func (d data) number(key string) int64 {
	switch value := d[key].(type) {
	case float64:
		return int64(value)
	case int64:
		return value
	case int:
		return int64(value)
	}
	return 0
}

func (d data) list(key string) []string {
	switch values := d[key].(type) {
	case []string:
		return append([]string{}, values...)
	case []any:
		var texts []string
		for _, value := range values {
			if text, ok := value.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// response is a move of a playbook's run in a sentence.
func response(d data, actor string) (text, detail, tone string) {
	does := actionText(playbook.Action(d.text("action")), playbook.Settings{Tag: d.text("tag")}) + ": " + d.text("device")
	detail = d.text("reason")
	switch state := playbook.State(d.text("state")); state {
	case playbook.Waiting:
		text = "Approval is needed. " + does
		if actor != "" && detail != "" && strings.HasPrefix(detail, "approved") {
			text = actor + " approved. " + does
		}
		tone = "bad"
	case playbook.Approved:
		text = actor + " approved. " + does
	case playbook.Running:
		text = "Under way. " + does
	case playbook.Succeeded:
		text, tone = "Done. "+does, "good"
	case playbook.Failed:
		text, tone = "Failed. "+does, "bad"
	case playbook.Declined:
		text = actor + " declined. " + does
	case playbook.Expired:
		text, tone = "Nobody answered. "+does, "bad"
	case playbook.Skipped:
		text = "Not done. " + does
	default:
		text = plain(string(state)) + ". " + does
	}
	return text, detail, tone
}
