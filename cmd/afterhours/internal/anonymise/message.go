package anonymise

import (
	"fmt"
	"mime"
	"path"
	"regexp"
	"slices"
	"strings"
)

// What becomes of header fields; those of no list say how the mail travelled, and are dropped.
var (
	keptFields    = []string{"date", "mime-version", "content-transfer-encoding", "auto-submitted", "precedence", "x-auto-response-suppress", "importance", "x-priority"}
	addressFields = []string{"to", "cc", "reply-to", "sender", "return-path", "delivered-to", "resent-from", "resent-to", "resent-sender", "x-failed-recipients"}
	idFields      = []string{"message-id", "in-reply-to", "references", "resent-message-id", "content-id"}
	messageID     = regexp.MustCompile(`<([^<>@\s]+)@([^<>\s]+)>`)
)

// entity replaces everything in a message or part.
func (a *Anonymiser) entity(e *entity) {
	var kept []field
	received := false
	for _, f := range e.header {
		name := strings.ToLower(f.name)
		switch {
		case name == "from":
			f.value = a.from(f.value)
		case name == "subject":
			f.value = encodedWord(a.text(decodedWords(f.value)))
		case slices.Contains(addressFields, name):
			f.value = a.addresses(f.value)
		case slices.Contains(idFields, name):
			f.value = replaceAll(messageID, f.value, func(id string) string {
				match := messageID.FindStringSubmatch(id)
				local := a.opaque(match[1])
				if local == match[1] {
					local = a.scrambled(local)
				}
				return "<" + local + "@" + a.hostFor(match[2]) + ">"
			}, func(string) string { return " " })
			f.value = strings.TrimSpace(f.value)
		case name == "received" && !received:
			received = true
			_, at, _ := strings.Cut(f.value, ";")
			f.value = "from mail.example (mail.example [192.0.2.1]) by mx.example with ESMTPS; " + strings.TrimSpace(at)
		case name == "content-type":
			f.value = e.contentType()
		case name == "content-disposition":
			f.value = disposition(f.value)
		case slices.Contains(keptFields, name):
		default:
			continue
		}
		kept = append(kept, f)
	}
	e.header = kept
	switch {
	case e.file:
		e.content = ""
	case e.kind == "text/html":
		e.content = a.html(e.content)
	case e.content != "":
		e.content = a.text(e.content)
	}
	for _, part := range e.parts {
		a.entity(part)
	}
	if e.inner != nil {
		a.entity(e.inner)
	}
}

// from keeps Microsoft's senders as they are.
func (a *Anonymiser) from(value string) string {
	addresses := addressList(value)
	if len(addresses) == 1 && isKeptAddress(addresses[0]) {
		if name, _, ok := strings.Cut(decodedWords(value), "<"); ok && strings.TrimSpace(strings.Trim(name, `" `)) != "" {
			return encodedWord(strings.TrimSpace(a.plain(strings.Trim(name, `" `)))) + " <" + addresses[0] + ">"
		}
		return value
	}
	return a.addresses(value)
}

func (a *Anonymiser) addresses(value string) string {
	list := addressList(value)
	for i, address := range list {
		list[i] = "<" + a.addressFor(address) + ">"
	}
	return strings.Join(list, ", ")
}

func encodedWord(text string) string { return mime.QEncoding.Encode("utf-8", text) }

// contentType keeps what a reader needs; a text is in UTF-8 from now on.
func (e *entity) contentType() string {
	params := map[string]string{}
	for _, name := range []string{"boundary", "format", "delsp", "type", "report-type"} {
		if value := e.params[name]; value != "" {
			params[name] = value
		}
	}
	if strings.HasPrefix(e.kind, "text/") && !e.file {
		params["charset"] = "utf-8"
	}
	if name := e.params["name"]; name != "" {
		params["name"] = "attachment" + path.Ext(name)
	}
	if value := mime.FormatMediaType(e.kind, params); value != "" {
		return value
	}
	return "text/plain; charset=utf-8"
}

func disposition(value string) string {
	kind, params, err := mime.ParseMediaType(value)
	if err != nil || kind != "attachment" && kind != "inline" {
		return "attachment"
	}
	if name := params["filename"]; name != "" {
		return fmt.Sprintf("%s; filename=%q", kind, "attachment"+path.Ext(name))
	}
	return kind
}
