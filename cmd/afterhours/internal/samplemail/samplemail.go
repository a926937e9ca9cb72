// Package samplemail makes up Defender notification mails for the demo, for trying out an installation and for load.
// Their layouts follow what Microsoft documents and what published screenshots show; every name, host and id in them is
// invented. The same seed makes the same mails.
package samplemail

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed *.html *.txt
var layouts embed.FS

// Mail is one sample: the envelope sender and the message, with CRLF line ends.
type Mail struct {
	EnvelopeFrom string
	Subject      string
	Raw          []byte
}

// Kinds are the families of mails that can be made.
var kinds = []string{"alert", "incident", "merged", "office365", "vulnerability", "unrecognised"}

// Kinds returns the families of mails that can be made.
func Kinds() []string { return slices.Clone(kinds) }

// severities are the words that Defender uses.
var severities = []string{"High", "Medium", "Low", "Informational"}

// Generator makes mails. It is not safe for concurrent use.
type Generator struct {
	// Size is how many octets a mail has at least, about: what is missing is a footer, as mail gateways add them.
	Size int

	random   *rand.Rand
	html     *template.Template
	text     *texttemplate.Template
	incident int
}

// New returns a generator. Two of the same seed make the same mails, except for their dates.
func New(seed uint64) (*Generator, error) {
	html, err := template.ParseFS(layouts, "*.html")
	if err != nil {
		return nil, fmt.Errorf("sample layouts: %w", err)
	}
	text, err := texttemplate.ParseFS(layouts, "*.txt")
	if err != nil {
		return nil, fmt.Errorf("sample layouts: %w", err)
	}
	random := rand.New(rand.NewPCG(seed, 0x6166746572))
	return &Generator{random: random, html: html, text: text, incident: 1000 + random.IntN(90_000)}, nil
}

// facts are what one mail says.
type facts struct {
	Kind, Severity, Title, Category, Source string
	Device, User, Organisation, Tenant      string
	AlertID, Incident, Merged, Detected     string
	CVE, Score, Software                    string
	Link                                    string
}

// Make returns a mail of the given kind. severity is high, medium, low or informational; empty chooses one.
func (g *Generator) Make(kind, severity, to string, at time.Time) (Mail, error) {
	if !slices.Contains(kinds, kind) {
		return Mail{}, fmt.Errorf("there is no sample kind %q; choose one of %s", kind, strings.Join(kinds, ", "))
	}
	f, err := g.invent(kind, severity, at)
	if err != nil {
		return Mail{}, err
	}
	var html, text bytes.Buffer
	if err := g.html.ExecuteTemplate(&html, kind+".html", f); err != nil {
		return Mail{}, fmt.Errorf("sample %s: %w", kind, err)
	}
	if err := g.text.ExecuteTemplate(&text, kind+".txt", f); err != nil {
		return Mail{}, fmt.Errorf("sample %s: %w", kind, err)
	}
	sender := senders[kind]
	raw, err := g.message(sender, subjects[kind](f), to, at, text.Bytes(), html.Bytes())
	if missing := g.Size - len(raw); err == nil && missing > 0 {
		raw, err = g.message(sender, subjects[kind](f), to, at, text.Bytes(), withFooter(html.Bytes(), missing))
	}
	return Mail{EnvelopeFrom: sender.envelope, Subject: subjects[kind](f), Raw: raw}, err
}

// footer is a part of the layout as such mails have it: mostly markup, with few words in it.
const footer = `<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="600" style="border-collapse:collapse;` +
	`mso-table-lspace:0pt;mso-table-rspace:0pt;font-family:Segoe UI,Arial,sans-serif"><tr><td align="left" style="padding:0 24px 12px;` +
	`font-size:11px;line-height:16px;color:#605e5c">The terms of this service are those of your agreement.</td></tr></table>
`

// withFooter makes a page longer by so many octets, or a little more.
func withFooter(html []byte, octets int) []byte {
	body, end, _ := bytes.Cut(html, []byte("</body>"))
	return slices.Concat(body, bytes.Repeat([]byte(footer), octets/len(footer)+1), []byte("</body>"), end)
}

type sender struct{ name, header, envelope string }

var senders = map[string]sender{
	"alert":         {"Microsoft Defender", "defender-noreply@microsoft.com", "azure-noreply@microsoft.com"},
	"incident":      {"Microsoft Defender", "defender-noreply@microsoft.com", "azure-noreply@microsoft.com"},
	"merged":        {"Microsoft Defender", "defender-noreply@microsoft.com", "azure-noreply@microsoft.com"},
	"vulnerability": {"Microsoft Defender", "defender-noreply@microsoft.com", "azure-noreply@microsoft.com"},
	"office365":     {"Office365Alerts", "Office365Alerts@microsoft.com", "Office365Alerts@microsoft.com"},
	"unrecognised":  {"Facilities desk", "facilities@example.net", "facilities@example.net"},
}

var subjects = map[string]func(facts) string{
	"alert":    func(f facts) string { return f.Severity + " severity alert: " + f.Title + " on " + f.Device },
	"incident": func(facts) string { return "Microsoft 365 Defender has detected a security threat" },
	"merged": func(facts) string {
		return "Microsoft 365 Defender has merged the incidents detected in your environment"
	},
	"vulnerability": func(facts) string { return "New vulnerabilities notification from Microsoft Defender for Endpoint" },
	"office365":     func(f facts) string { return f.Severity + "-severity alert: " + f.Title },
	"unrecognised":  func(f facts) string { return "Door 3 was forced open near " + f.Device },
}

func (g *Generator) invent(kind, severity string, at time.Time) (facts, error) {
	if severity == "" {
		severity = g.pick(severities)
	}
	place := slices.IndexFunc(severities, func(word string) bool { return strings.EqualFold(word, severity) })
	if place < 0 {
		return facts{}, fmt.Errorf("there is no severity %q; choose high, medium, low or informational", severity)
	}
	threat := threats[g.random.IntN(len(threats))]
	g.incident++
	f := facts{
		Kind: kind, Severity: severities[place], Title: threat.title, Category: threat.category, Source: threat.source,
		Device: g.pick(devices), User: g.pick(people), Organisation: "Contoso", Tenant: g.guid(),
		AlertID:  fmt.Sprintf("da%s_1", g.guid()),
		Incident: fmt.Sprint(g.incident), Merged: fmt.Sprint(g.incident - 1),
		Detected: at.UTC().Format("1/2/2006 3:04:05 PM") + " UTC",
		CVE:      fmt.Sprintf("CVE-2026-%d", 10_000+g.random.IntN(80_000)), Score: fmt.Sprintf("%d.%d", 7+g.random.IntN(3), g.random.IntN(10)),
		Software: g.pick(software),
	}
	if kind == "office365" {
		f.Title = g.pick(policies)
		f.AlertID = "fa" + g.guid()
	}
	const portal = "https://security.microsoft.com/"
	switch kind {
	case "alert":
		f.Link = portal + "alerts/" + f.AlertID + "?tid=" + f.Tenant
	case "office365":
		f.Link = portal + "viewalerts?id=" + strings.TrimPrefix(f.AlertID, "fa")
	case "vulnerability":
		f.Link = portal + "vulnerabilities/" + f.CVE + "?tid=" + f.Tenant
	default:
		f.Link = portal + "incident2/" + f.Incident + "/overview?tid=" + f.Tenant
	}
	return f, nil
}

func (g *Generator) pick(list []string) string { return list[g.random.IntN(len(list))] }

func (g *Generator) guid() string {
	a, b := g.random.Uint64(), g.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0xfff, b>>16)
}

// message builds a multipart/alternative of a text and an HTML part, both quoted-printable.
func (g *Generator) message(from sender, subject, to string, at time.Time, text, html []byte) ([]byte, error) {
	var raw bytes.Buffer
	parts := multipart.NewWriter(&raw)
	header := func(name, value string) { fmt.Fprintf(&raw, "%s: %s\r\n", name, value) }
	header("From", mime.QEncoding.Encode("utf-8", from.name)+" <"+from.header+">")
	header("To", to)
	header("Subject", mime.QEncoding.Encode("utf-8", subject))
	header("Date", at.UTC().Format(time.RFC1123Z))
	header("Message-ID", "<"+g.guid()+"@az.westeurope.microsoft.com>")
	header("MIME-Version", "1.0")
	if err := parts.SetBoundary("=_" + strings.ReplaceAll(g.guid(), "-", "")); err != nil {
		return nil, err
	}
	header("Content-Type", `multipart/alternative; boundary="`+parts.Boundary()+`"`)
	raw.WriteString("\r\n")
	for _, part := range []struct {
		kind    string
		content []byte
	}{{"text/plain", text}, {"text/html", html}} {
		body, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type": {part.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, err
		}
		encoder := quotedprintable.NewWriter(body)
		if _, err := encoder.Write(bytes.ReplaceAll(part.content, []byte("\n"), []byte("\r\n"))); err != nil {
			return nil, err
		}
		if err := encoder.Close(); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}
