package sms

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"afterhours/oncall/notify"
)

const (
	maxSegments = 3
	glance      = 60 // characters that a locked screen shows
	maxDevice   = 24 // of the device's name among them
	leastTitle  = 12
	longestText = maxSegments * septetsInPart
)

// Text is what a text message says, in at most three segments: a line that carries severity, title and device in its
// first 60 characters, the rest of a title that was cut for it, the link and how to answer.
func Text(message notify.Message) string {
	head, rest := headline(message)
	var tail string
	if message.Link != "" && len(message.Link) < longestText-glance {
		tail += "\n" + message.Link
	}
	if message.Token != "" && message.Ticket != 0 && message.State != "acknowledged" && message.State != "resolved" {
		tail += fmt.Sprintf("\nReply ACK %d", message.Ticket)
	}
	if fitted, ok := fit(head, rest, tail); ok {
		return fitted
	}
	fitted, _ := fit(head, "", "") // a link that is too long beside letters of another alphabet
	return fitted
}

// headline is the first line, and the whole title where it was cut.
func headline(message notify.Message) (head, rest string) {
	subject := notify.Cut(notify.OneLine(message.Subject), longestText)
	if message.Title == "" || utf8.RuneCountInString(subject) <= glance {
		return subject, ""
	}
	severity, _, _ := strings.Cut(subject, ":")
	device := ""
	if message.Device != "" {
		device = " on " + plainer.Replace(notify.Cut(notify.OneLine(message.Device), maxDevice))
	}
	title := plainer.Replace(notify.OneLine(message.Title))
	room := glance - utf8.RuneCountInString(severity+": "+device)
	number := fmt.Sprintf(" (#%d)", message.Ticket)
	if utf8.RuneCountInString(title) <= room {
		return severity + ": " + title + device + number, ""
	}
	return severity + ": " + notify.Cut(title, max(room-len("..."), leastTitle)) + device + number, title
}

// fit cuts what may be cut until all of it fits; ok is false where the first line would be cut.
func fit(head, rest, tail string) (text string, ok bool) {
	said := head
	if rest != "" {
		said += "\n" + rest
	}
	least := utf8.RuneCountInString(head)
	for room := min(utf8.RuneCountInString(said), longestText); ; room-- {
		text = plainer.Replace(notify.Cut(said, room) + tail)
		if Segments(text) <= maxSegments || room <= glance {
			return text, Segments(text) <= maxSegments && room >= min(least, glance)
		}
	}
}
