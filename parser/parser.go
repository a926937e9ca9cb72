// Package parser reads Microsoft Defender's notification mails: raw bytes to a tickets.Alert, never failing whole.
//
// Stages, a file each: message.go takes the MIME apart and forgives what is broken in it; html.go and lines.go turn the
// shown text into rows; forward.go finds the original inside a forward; fields.go reads labels and values out of rows by
// synonyms; links.go unwraps click trackers and keeps links to Microsoft's portals alone; ids.go takes ids from links
// first; families.go tells the families of mails apart and reads each. A mail of no known family is unrecognised: its
// title is its subject, its text is kept, and a warning says why.
//
// Microsoft does not publish the bodies of its mails and changes them without notice, so nothing here depends on a
// layout: labels go by meaning, and what links and ids say wins over what words say. Work is bounded in depth, parts,
// header lines and text; a stage that fails becomes a warning.
package parser

import (
	"fmt"
	"strings"

	"afterhours/tickets"
)

// Parse reads one RFC 5322 message. Its result is complete for every input: slices are never nil and strings are valid
// UTF-8 without control characters, line feeds in Text and Description apart.
func Parse(raw []byte) (alert tickets.Alert) {
	alert = blank()
	defer func() {
		if fault := recover(); fault != nil {
			warn(&alert, "parser-failed", fmt.Sprintf("a stage of the parser failed: %v", fault))
			finish(&alert)
		}
	}()
	mail := readMessage(raw, 0, &budget{})
	for _, warning := range mail.warnings {
		warn(&alert, warning.code, warning.text)
	}
	describe(&alert, mail)
	source := original(mail)
	alert.Message.Forwarded = source.forwarded
	alert.Text = source.text
	links, tracking := portalLinks(source)
	alert.Links, alert.Tracking = links, tracking
	read(&alert, source)
	finish(&alert)
	return alert
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

func warn(alert *tickets.Alert, code, text string) {
	alert.Warnings = append(alert.Warnings, code+": "+text)
}

// describe fills what the outer header says.
func describe(alert *tickets.Alert, mail *message) {
	alert.Message.MessageID = strings.Trim(firstField(mail.header.get("Message-Id")), "<>")
	alert.Message.Subject = mail.header.text("Subject")
	from := addresses(mail.header.text("From"))
	if len(from) > 0 {
		alert.Message.From = from[0].address
	}
	for _, to := range addresses(mail.header.text("To")) {
		alert.Message.To = append(alert.Message.To, to.address)
	}
	alert.Message.Date.Time = headerDate(mail.header.get("Date"))
	alert.Message.AutoSubmitted = autoSubmitted(mail, alert.Message.From)
	if len(from) == 1 && isMicrosoft(from[0].address) && len(mail.header["from"]) == 1 {
		alert.Provenance = tickets.ProvenanceMicrosoft
	}
	for _, name := range []string{"Subject", "From", "Message-Id"} {
		if len(mail.header[strings.ToLower(name)]) > 1 {
			warn(alert, "duplicate-header", name+" stands in the header more than once; the first one counts")
		}
	}
	alert.Attachments = append(alert.Attachments, mail.attachments()...)
}

// finish holds the promises about strings.
func finish(alert *tickets.Alert) {
	for _, field := range []*string{
		&alert.Title, &alert.Category, &alert.DetectionSource, &alert.Status, &alert.Organisation, &alert.TenantID,
		&alert.IncidentID, &alert.Message.Subject, &alert.Message.From, &alert.Message.MessageID, &alert.Language,
	} {
		*field = oneLine(*field)
	}
	alert.Description, alert.Text = manyLines(alert.Description), manyLines(alert.Text)
	for _, list := range [][]string{alert.AlertIDs, alert.Devices, alert.Users, alert.Files, alert.Warnings, alert.Message.To, alert.MergedIncidentIDs} {
		for i := range list {
			list[i] = oneLine(list[i])
		}
	}
	alert.Language = language(alert.Text)
}
