package parser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// bare is a sample's mail in parts that wrappings put together anew.
type bare struct {
	from, subject, messageID, html string
}

func takeApart(t *testing.T, file string) bare {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := readMessage(raw, 0, &budget{})
	_, html, _ := m.shown()
	return bare{m.header.text("from"), m.header.text("subject"), m.header.get("message-id"), html}
}

// wrapping is one way in which mail programs and filters change a mail. forwards says that it is a person's forward.
type wrapping struct {
	name     string
	forwards bool
	wrap     func(bare) []byte
}

func write(from, subject, messageID, kind, encoding string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: soc@contoso.example\r\nSubject: %s\r\nMessage-ID: %s\r\nMIME-Version: 1.0\r\nContent-Type: %s\r\n",
		mime.QEncoding.Encode("utf-8", from), mime.BEncoding.Encode("utf-8", subject), messageID, kind)
	if encoding != "" {
		fmt.Fprintf(&b, "Content-Transfer-Encoding: %s\r\n", encoding)
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

func quoted7(text string) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

func lines64(text string) []byte {
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	return []byte(b.String() + encoded + "\r\n")
}

var htmlMail = `text/html; charset="utf-8"`

const colleague = "Sam Lee <sam.lee@contoso.example>"

// asText is a body as a mail program turns it into plain text.
func asText(html string) string {
	p := htmlPage(html)
	var b strings.Builder
	for _, r := range p.rows {
		b.WriteString(rowText(r) + "\n")
	}
	for _, link := range p.links {
		b.WriteString("View<" + link + ">\n")
	}
	return b.String()
}

var href = regexp.MustCompile(`href="([^"]+)"`)

func eachLink(html string, change func(string) string) string {
	return href.ReplaceAllStringFunc(html, func(match string) string {
		target := strings.ReplaceAll(href.FindStringSubmatch(match)[1], "&amp;", "&")
		return `href="` + strings.ReplaceAll(change(target), "&", "&amp;") + `"`
	})
}

func safeLink(target string) string {
	return "https://nam06.safelinks.protection.outlook.com/?url=" + url.QueryEscape(target) + "&data=05%7C02%7Csoc%40contoso.example%7C0%7C0&sdata=x%3D&reserved=0"
}

func inBody(html, before string) string {
	if at := strings.Index(strings.ToLower(html), "<body>"); at >= 0 {
		return html[:at+6] + before + html[at+6:]
	}
	return before + html
}

// quotedHeader is the header that a program puts above what it forwards.
func quotedHeader(m bare, from, sent, to, subject, separator string) string {
	escaped := strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(m.from)
	title := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.subject)
	return fmt.Sprintf("<b>%s</b> %s%s<b>%s</b> Monday%s<b>%s</b> soc@contoso.example%s<b>%s</b> %s",
		from, escaped, separator, sent, separator, to, separator, subject, title)
}

func outlook(m bare, from, sent, to, subject, mark string) []byte {
	html := inBody(m.html, `<p>please look</p><hr><div id="divRplyFwdMsg">`+quotedHeader(m, from, sent, to, subject, "<br>")+`</div><br>`)
	return write(colleague, mark+" "+m.subject, "<fw@contoso.example>", htmlMail, "base64", lines64(html))
}

var wrappings = []wrapping{
	{"8bit", false, func(m bare) []byte { return write(m.from, m.subject, m.messageID, htmlMail, "8bit", []byte(m.html)) }},
	{"quoted-printable", false, func(m bare) []byte {
		return write(m.from, m.subject, m.messageID, htmlMail, "quoted-printable", quoted7(m.html))
	}},
	{"base64", false, func(m bare) []byte { return write(m.from, m.subject, m.messageID, htmlMail, "base64", lines64(m.html)) }},
	{"plain text", false, func(m bare) []byte {
		return write(m.from, m.subject, m.messageID, "text/plain; charset=utf-8", "8bit", []byte(asText(m.html)))
	}},
	{"alternative with empty text", false, func(m bare) []byte {
		body := "--b\r\nContent-Type: text/plain\r\n\r\n \r\n--b\r\nContent-Type: " + htmlMail + "\r\n\r\n" + m.html + "\r\n--b--\r\n"
		return write(m.from, m.subject, m.messageID, `multipart/alternative; boundary="b"`, "", []byte(body))
	}},
	{"related without an end", false, func(m bare) []byte {
		body := "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\n" + asText(m.html) +
			"\r\n--c\r\nContent-Type: " + htmlMail + "\r\n\r\n" + m.html + "\r\n--c--\r\n--b\r\nContent-Type: image/png; name=x.png\r\n\r\nx"
		return write(m.from, m.subject, m.messageID, `multipart/related; boundary="b"`, "", []byte(body))
	}},
	{"external tag and banner", false, func(m bare) []byte {
		html := inBody(m.html, `<div style="background:yellow">CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender and know the content is safe.</div>`)
		return write(m.from, "[EXTERNAL] "+m.subject, m.messageID, htmlMail, "base64", lines64(html))
	}},
	{"hidden preheader", false, func(m bare) []byte {
		html := inBody(m.html, `<div style="display:none;max-height:0">Severity: High Title: something else &zwnj;&nbsp;</div>`)
		return write(m.from, m.subject, m.messageID, htmlMail, "base64", lines64(html))
	}},
	{"safe links", false, func(m bare) []byte {
		return write(m.from, m.subject, m.messageID, htmlMail, "quoted-printable", quoted7(eachLink(m.html, safeLink)))
	}},
	{"safe links twice", false, func(m bare) []byte {
		html := eachLink(m.html, func(target string) string { return safeLink(safeLink(target)) })
		return write(m.from, m.subject, m.messageID, htmlMail, "base64", lines64(html))
	}},
	{"the platform's tracker", false, func(m bare) []byte {
		html := eachLink(m.html, func(target string) string {
			return "https://eur.safelink.emails.azure.net/redirect/?destination=" + url.QueryEscape(target) + "&p=bT02YThhZDljYi0yNDA1LTQzNjAtYmEyOC1hNjc5NGQ0Y2E5YzcmdT1hZW8mbD12aWV3"
		})
		return write(m.from, m.subject, m.messageID, htmlMail, "base64", lines64(html))
	}},
	{"outlook forward", true, func(m bare) []byte { return outlook(m, "From:", "Sent:", "To:", "Subject:", "FW:") }},
	{"german forward", true, func(m bare) []byte { return outlook(m, "Von:", "Gesendet:", "An:", "Betreff:", "WG:") }},
	{"french forward", true, func(m bare) []byte { return outlook(m, "De :", "Envoyé :", "À :", "Objet :", "TR:") }},
	{"spanish forward", true, func(m bare) []byte { return outlook(m, "De:", "Enviado:", "Para:", "Asunto:", "RV:") }},
	{"forward of a forward", true, func(m bare) []byte {
		inner := m
		inner.html = inBody(m.html, "<div>"+quotedHeader(m, "From:", "Sent:", "To:", "Subject:", "<br>")+"</div>")
		inner.from, inner.subject = colleague, "FW: "+m.subject
		return outlook(inner, "From:", "Sent:", "To:", "Subject:", "FW:")
	}},
	{"gmail forward", true, func(m bare) []byte {
		html := `<div dir="ltr">please look<br><div class="gmail_quote"><div>---------- Forwarded message ---------<br>` +
			quotedHeader(m, "From:", "Date:", "Subject:", "To:", "<br>") + `</div>` + m.html + `</div></div>`
		html = strings.Replace(html, "<b>Subject:</b> soc@contoso.example", "<b>Subject:</b> "+strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(m.subject), 1)
		return write(colleague, "Fwd: "+m.subject, "<fw@contoso.example>", htmlMail, "base64", lines64(html))
	}},
	{"text forward", true, func(m bare) []byte {
		text := "please look\n\n-----Original Message-----\nFrom: " + m.from + "\nSent: Monday\nTo: soc@contoso.example\nSubject: " + m.subject + "\n\n" + asText(m.html)
		return write(colleague, "FW: "+m.subject, "<fw@contoso.example>", "text/plain; charset=utf-8", "8bit", []byte(text))
	}},
	{"quoted text forward", true, func(m bare) []byte {
		text := "look\n\n> From: " + m.from + "\n> Sent: Monday\n> To: soc@contoso.example\n> Subject: " + m.subject + "\n>\n> " + strings.ReplaceAll(asText(m.html), "\n", "\n> ")
		return write(colleague, "Re: FW: "+m.subject, "<fw@contoso.example>", "text/plain; charset=utf-8", "8bit", []byte(text))
	}},
	{"attached message", true, func(m bare) []byte {
		inner := write(m.from, m.subject, m.messageID, htmlMail, "base64", lines64(m.html))
		body := "--b\r\nContent-Type: text/plain\r\n\r\nsee attached\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=alert.eml\r\n\r\n" + string(inner) + "\r\n--b--\r\n"
		return write(colleague, "FW: "+m.subject, "<fw@contoso.example>", `multipart/mixed; boundary="b"`, "", []byte(body))
	}},
	{"windows-1252", false, func(m bare) []byte {
		return write(m.from, m.subject, m.messageID, `text/html; charset="windows-1252"`, "8bit", latin(m.html))
	}},
}

// latin writes what windows-1252 has and entities for the rest.
func latin(text string) []byte {
	var b bytes.Buffer
	for _, r := range text {
		if r < 0x80 || r >= 0xa0 && r <= 0xff {
			b.WriteByte(byte(r))
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.Bytes()
}

// TestEveryWrappingReadsTheSame puts each sample into each wrapping: what is read stays the same, apart from who sent it.
func TestEveryWrappingReadsTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/0*.eml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if slices.ContainsFunc([]string{"015", "016", "017", "018", "019", "020", "021", "022", "023"}, func(n string) bool { return strings.Contains(file, n) }) {
			continue // wrapped already
		}
		for _, w := range wrappings {
			t.Run(filepath.Base(file)+" in "+w.name, func(t *testing.T) {
				t.Parallel()
				want := readingOf(t, file)
				want["forwarded"] = w.forwards
				if w.forwards {
					want["provenance"] = "forwarded"
				}
				m := takeApart(t, file)
				compare(t, w.wrap(m), want)
			})
		}
	}
}
