package parser

import (
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

// loopHeader marks our own outgoing mail.
const loopHeader = "x-afterhours-loop"

// maxReply bounds the text that is kept of a reply, in characters.
const maxReply = 4000

// maxReferences bounds the message ids that are looked at.
const maxReferences = 200

var (
	messageIDs    = regexp.MustCompile(`<([^<>\s]{3,250})>`)
	outgoingIDs   = regexp.MustCompile(`\bpage_\d{1,19}_[0-9a-f]{16}@[A-Za-z0-9.-]{1,253}`)
	bounceSubject = regexp.MustCompile(`(?i)^\s*(?:undeliver(?:able|ed)|undelivered mail|delivery (?:status notification \(failure\)|failure|has failed)|mail (?:delivery|system) (?:failed|error|failure)|mail delivery (?:failed|system|failure)|failure notice|returned mail|unzustellbar|non remis|no se puede entregar)`)
)

// ReadReply reads a mail as an answer to one of ours. It never fails: what is not there stays empty.
func ReadReply(raw []byte) tickets.Reply {
	var reply tickets.Reply
	stage(&tickets.Alert{}, "reply", func() {
		mail := readMessage(raw, 0, &budget{})
		h := mail.header
		reply = tickets.Reply{
			From: addresses(strings.Join(h["from"], ", ")), MessageID: oneLine(strings.Trim(firstField(h.get("message-id")), "<>")),
			Subject: mail.subject(), Loop: oneLine(h.get(loopHeader)),
		}
		from := ""
		if len(reply.From) > 0 {
			from = reply.From[0]
		}
		for _, name := range []string{"in-reply-to", "references"} {
			for _, id := range messageIDs.FindAllStringSubmatch(h.get(name), maxReferences) {
				reply.References = append(reply.References, id[1])
			}
		}
		reply.Automatic = isReply(mail, from) || isGenerated(mail)
		if reply.Automatic {
			readBounce(&reply, mail, raw)
			return
		}
		plain, html, _ := mail.shown()
		text := plain
		if !hasWords(text) {
			text = bodies(plain, html).text
		}
		reply.Text = clip(written(manyLines(text)), maxReply)
		var alone bool
		if reply.Verb, alone = replyVerb(reply.Text); alone {
			reply.Text = ""
		}
	})
	return reply
}

// readBounce finds what a report is about, and whether it says that a mail was not delivered (RFC 3464, 2.3.3). Reports
// quote their mail in many ways: its id is looked for in all of them.
func readBounce(reply *tickets.Reply, mail *message, raw []byte) {
	reply.References = append(reply.References, outgoingIDs.FindAllString(string(clipBytes(raw, maxText)), maxReferences)...)
	inside := innerText(mail)
	reply.References = append(reply.References, outgoingIDs.FindAllString(inside, maxReferences)...)
	reply.References = slices.Compact(reply.References)
	status, diagnostic := reportField(inside, "Status"), reportField(inside, "Diagnostic-Code")
	switch action := strings.ToLower(reportField(inside, "Action")); {
	case action == "failed":
		reply.Bounce = oneLine(strings.TrimSpace(status + " " + diagnostic))
	case action != "":
	case mail.header.get("x-failed-recipients") != "" || bounceSubject.MatchString(reply.Subject):
		reply.Bounce = reply.Subject
	}
	if reply.Bounce == "" && strings.EqualFold(reportField(inside, "Action"), "failed") {
		reply.Bounce = "the mail was not delivered"
	}
	reply.Bounce = clip(reply.Bounce, 300)
}

// innerText is what the parts of a report say, the headers of the mail that it is about included.
func innerText(mail *message) string {
	if len(mail.parts) == 0 {
		return clip(mail.text(), maxText)
	}
	var text strings.Builder
	for _, part := range mail.parts {
		text.WriteString(innerText(part) + "\n")
	}
	return text.String()
}

// reportField is the first field of a name that stands at the beginning of a line.
func reportField(text, name string) string {
	for line := range strings.Lines(text) {
		if label, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(label), name) {
			return oneLine(value)
		}
	}
	return ""
}

var (
	attribution = regexp.MustCompile(`(?is)^(?:on\s.{4,300}\swrote|am\s.{4,300}\sschrieb.{0,200}|le\s.{4,300}\sa\s+écrit|el\s.{4,300}\sescribió)\s*:\s*$`)
	historyLine = regexp.MustCompile(`(?i)^\s*(?:-{3,}\s*(?:original message|ursprüngliche nachricht|message d.origine|mensaje original|forwarded message|weitergeleitete nachricht)\s*-{3,}|_{20,}|\*?(?:from|von|de)\s?:\*?\s.*)$`)
	signature   = regexp.MustCompile(`^(?:--\s?|(?:sent from my|get outlook for|gesendet von mein|von meinem .* gesendet|envoyé de mon|envoyé depuis|enviado desde mi)\b.*)$`)
)

// written is what the sender of a reply wrote: above the quoted history, or below it where nothing stands above.
func written(text string) string {
	lines := strings.Split(text, "\n")
	var kept []string
	for at := 0; at < len(lines); at++ {
		line := strings.TrimRight(lines[at], " \t\r")
		bare := strings.TrimSpace(line)
		if strings.HasPrefix(bare, ">") {
			continue
		}
		if n := attributionAt(lines, at); n > 0 {
			if len(kept) > 0 {
				break
			}
			at += n - 1
			continue
		}
		if historyLine.MatchString(line) || signature.MatchString(strings.ToLower(bare)) || signature.MatchString(line) {
			break
		}
		if bare != "" || len(kept) > 0 {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n"))
}

// attributionAt is over how many lines, three at most, "On … wrote:" stands from a line on; 0 where it does not.
func attributionAt(lines []string, at int) int {
	for n := 1; n <= 3 && at+n <= len(lines); n++ {
		if attribution.MatchString(strings.TrimSpace(strings.Join(lines[at:at+n], "\n"))) {
			return n
		}
	}
	return 0
}
