// Package parser reads Microsoft Defender's notification mails: raw bytes to a tickets.Alert, never failing whole.
//
// It works in stages, a file or two each: message.go and header.go take the MIME apart and forgive what is broken in it
// (words.go, addresses.go and charset.go decode); html.go and page.go turn the shown text into rows; forward.go finds the
// original inside a forward, and banner.go takes off what filters wrote above it; fields.go reads labels and values out of
// rows by meaning, and lexicon.go holds the words of each language; unwrap.go and proofpoint.go take off click trackers
// and links.go keeps links to Microsoft's portals alone; ids.go takes ids from links first; families.go tells the families
// of mails apart and read.go, alerts.go and merge.go read each. A mail of no known family is unrecognised: its title is its
// subject, its text is kept, and a warning says why.
//
// Microsoft does not publish the bodies of its mails and changes them without notice, so nothing here depends on a
// layout: labels go by meaning, and what links and ids say wins over what words say. Work is bounded in depth, parts,
// header lines, text and links, and is linear in the mail's size; a stage that fails becomes a warning and costs only what
// it would have found. The same bytes always read the same. Nothing is fetched.
package parser

import (
	"fmt"
	"slices"
	"strings"

	"afterhours/tickets"
)

// Parse reads one RFC 5322 message. Its result is complete for every input: slices are never nil and strings are valid
// UTF-8 without control characters, line feeds in Text and Description apart.
func Parse(raw []byte) tickets.Alert {
	alert := blank()
	mail := &message{header: header{}}
	var s source
	stage(&alert, "message", func() {
		left := &budget{}
		mail = readMessage(raw, 0, left)
		for _, w := range slices.Concat(mail.warnings, left.warnings) {
			warn(&alert, w.code, w.text)
		}
	})
	stage(&alert, "header", func() { describe(&alert, mail) })
	stage(&alert, "body", func() {
		s = source{subject: alert.Message.Subject, bare: alert.Title, from: alert.Message.From}
		s = original(mail)
		alert.Message.Forwarded = s.forwarded
	})
	stage(&alert, "links", func() { alert.Links, alert.Tracking = portalLinks(s.page) })
	stage(&alert, "text", func() { alert.Text = unwrapText(withoutMarks(s.text)) })
	stage(&alert, "fields", func() { read(&alert, s) })
	stage(&alert, "automatic", func() { judgeAutomatic(&alert, mail) })
	finish(&alert)
	return alert
}

// stage runs one step of reading; a fault in it becomes a warning, and the steps after it still run.
func stage(alert *tickets.Alert, name string, run func()) {
	defer func() {
		if fault := recover(); fault != nil {
			warn(alert, "parser-failed", fmt.Sprintf("the stage %s failed: %v", name, fault))
		}
	}()
	run()
}

func blank() tickets.Alert {
	return tickets.Alert{
		Kind: tickets.KindUnrecognised, Action: tickets.ActionNew, Product: tickets.ProductUnknown,
		Severity: tickets.SeverityUnknown, Provenance: tickets.ProvenanceOther, Language: "en",
		AlertIDs: []string{}, Devices: []string{}, Users: []string{}, Files: []string{}, Links: []tickets.Link{},
		Message: tickets.MessageInfo{To: []string{}}, Attachments: []tickets.Attachment{}, Warnings: []string{},
		MergedIncidentIDs: []string{}, Tracking: []string{},
	}
}

// maxWarnings bounds how many warnings one mail gets.
const maxWarnings = 50

func warn(alert *tickets.Alert, code, text string) {
	if len(alert.Warnings) < maxWarnings {
		alert.Warnings = append(alert.Warnings, code+": "+text)
	}
}

// describe fills what the outer header says.
func describe(alert *tickets.Alert, mail *message) {
	h := mail.header
	alert.Message.MessageID = strings.Trim(firstField(h.get("message-id")), "<>")
	alert.Message.Subject = mail.subject()
	alert.Title = bareSubject(alert.Message.Subject)
	from := addresses(h.get("from"))
	if len(from) > 0 {
		alert.Message.From = from[0]
	}
	alert.Message.To = append(alert.Message.To, addresses(strings.Join(h["to"], ", "))...)
	alert.Message.Date.Time = headerDate(h.get("date"))
	if h.get("date") != "" && alert.Message.Date.IsZero() {
		warn(alert, "bad-date", "the date of the header cannot be read")
	}
	if len(from) == 1 && isMicrosoft(from[0]) && len(h["from"]) == 1 && isUnambiguous(h.get("from")) {
		alert.Provenance = tickets.ProvenanceMicrosoft
	}
	for _, name := range []string{"Subject", "From", "Message-Id"} {
		if len(h[strings.ToLower(name)]) > 1 {
			warn(alert, "duplicate-header", name+" stands in the header more than once; the first one counts")
		}
	}
	alert.Attachments = append(alert.Attachments, mail.attachments()...)
}

// judgeAutomatic says whether a mail is an auto-reply or a bounce. A rule that forwards marks its mail as made by a
// machine, too: what reads as a notification must page.
func judgeAutomatic(alert *tickets.Alert, mail *message) {
	alert.Message.AutoSubmitted = isAutomatic(mail, alert.Message.From) &&
		(alert.Kind == tickets.KindUnrecognised || isReply(mail, alert.Message.From))
}

// finish holds the promises about strings.
func finish(alert *tickets.Alert) {
	for _, field := range []*string{
		&alert.Title, &alert.Category, &alert.DetectionSource, &alert.Status, &alert.Organisation, &alert.TenantID,
		&alert.IncidentID, &alert.Message.Subject, &alert.Message.From, &alert.Message.MessageID,
	} {
		*field = oneLine(*field)
	}
	alert.Description, alert.Text = unwrapText(manyLines(alert.Description)), manyLines(alert.Text)
	for _, list := range [][]string{alert.AlertIDs, alert.Devices, alert.Users, alert.Files, alert.Warnings, alert.Message.To, alert.MergedIncidentIDs} {
		for i := range list {
			list[i] = oneLine(list[i])
		}
	}
	for i := range alert.Links {
		alert.Links[i].URL = oneLine(alert.Links[i].URL)
	}
	alert.Language = language(alert.Text)
}
