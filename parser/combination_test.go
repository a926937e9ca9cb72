package parser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// letter is a mail on its way: what combinations change step by step before it is written.
type letter struct {
	bare
	text      string // the body where it is plain text
	forwarded bool
}

func (l letter) isText() bool { return l.text != "" }

// step is one change that something on the way makes to a mail.
type step struct {
	name   string
	change func(letter) letter
}

func (l letter) withLinks(change func(string) string) letter {
	l.html = eachLink(l.html, change)
	l.text = replaceURLs(l.text, change)
	return l
}

func (l letter) withAbove(html, text string) letter {
	if l.isText() {
		l.text = text + "\n\n" + l.text
		return l
	}
	l.html = inBody(l.html, html)
	return l
}

// proofpoint3 writes an address in URL Defense's third version.
func proofpoint3(target string) string {
	var text, dictionary strings.Builder
	for _, c := range target {
		if strings.ContainsRune("=?&#%*", c) {
			text.WriteByte('*')
			dictionary.WriteRune(c)
			continue
		}
		text.WriteRune(c)
	}
	return "https://urldefense.com/v3/__" + text.String() + "__;" + base64.RawURLEncoding.EncodeToString([]byte(dictionary.String())) + "!!AbC-1!x$"
}

func proofpoint2(target string) string {
	escaped := strings.NewReplacer("%", "-", "_", "-5F", "/", "_").Replace(strings.ReplaceAll(url.QueryEscape(strings.ReplaceAll(target, "-", "%2D")), "%252D", "-2D"))
	return "https://urldefense.proofpoint.com/v2/url?u=" + strings.ReplaceAll(escaped, "-2F", "_") + "&d=DwMF&c=x&r=y"
}

func platform(target string) string {
	return "https://nam.safelink.emails.azure.net/redirect/?destination=" + url.QueryEscape(target) + "&p=bT02YThhZDljYi0yNDA1LTQzNjAtYmEyOC1hNjc5NGQ0Y2E5YzcmdT1hZW8mbD12aWV3"
}

var linkSteps = []step{
	{"bare links", func(l letter) letter { return l }},
	{"safe links", func(l letter) letter { return l.withLinks(safeLink) }},
	{"safe links of safe links", func(l letter) letter { return l.withLinks(safeLink).withLinks(safeLink) }},
	{"proofpoint 3", func(l letter) letter { return l.withLinks(proofpoint3) }},
	{"proofpoint 2", func(l letter) letter { return l.withLinks(proofpoint2) }},
	{"the platform in proofpoint in safe links", func(l letter) letter {
		return l.withLinks(platform).withLinks(proofpoint3).withLinks(safeLink)
	}},
	{"defanged", func(l letter) letter {
		return l.withLinks(func(target string) string {
			host, path, _ := strings.Cut(strings.TrimPrefix(target, "https://"), "/")
			return "hxxps://" + strings.ReplaceAll(host, ".", "[.]") + "/" + path
		})
	}},
}

const outside = "This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender and know the content is safe."

var bannerSteps = []step{
	{"no banner", func(l letter) letter { return l }},
	{"caution", func(l letter) letter {
		return l.withAbove("<div><b>CAUTION:</b> "+outside+"</div>", "CAUTION: "+outside)
	}},
	{"tag", func(l letter) letter { l.subject = "[EXTERNAL] " + l.subject; return l }},
	{"mangled preview", func(l letter) letter {
		preview := "Severity Hig h Title Some thing els e\nDevice: mang led-1\nSeverity: Lo w\n"
		return l.withAbove("<div>"+strings.ReplaceAll(preview, "\n", "<br>")+`</div><div id="pfptBanner1">ZjQcmQRYFpfptBannerStart This Message Is From an External Sender ZjQcmQRYFpfptBannerEnd</div>`,
			preview+"ZjQcmQRYFpfptBannerStart\nThis Message Is From an External Sender\nZjQcmQRYFpfptBannerEnd")
	}},
	{"rarely gets mail", func(l letter) letter {
		note := "You don't often get email from defender-noreply@microsoft.com. Learn why this is important"
		return l.withAbove("<table><tr><td>"+note+"</td></tr></table>", note)
	}},
}

// tongueOf is how a mail program heads what it forwards.
type heads struct{ mark, from, sent, to, subject string }

var programs = []heads{
	{"FW:", "From:", "Sent:", "To:", "Subject:"},
	{"WG:", "Von:", "Gesendet:", "An:", "Betreff:"},
	{"TR:", "De :", "Envoyé :", "À :", "Objet :"},
	{"RV:", "De:", "Enviado el:", "Para:", "Asunto:"},
	{"I:", "Da:", "Inviato:", "A:", "Oggetto:"},
	{"FW:", "Van:", "Verzonden:", "Aan:", "Onderwerp:"},
	{"ENC:", "De:", "Enviada em:", "Para:", "Assunto:"},
	{"VB:", "Från:", "Skickat:", "Till:", "Ämne:"},
	{"PD:", "Od:", "Wysłano:", "Do:", "Temat:"},
	{"FW:", "差出人:", "送信日時:", "宛先:", "件名:"},
	{"转发:", "发件人:", "发送时间:", "收件人:", "主题:"},
	{"轉寄:", "寄件者：", "寄件日期：", "收件者：", "主旨："},
	{"FW:", "От:", "Отправлено:", "Кому:", "Тема:"},
	{"FW:", "보낸 사람:", "보낸 날짜:", "받는 사람:", "제목:"},
	{"İLT:", "Kimden:", "Gönderilme:", "Kime:", "Konu:"},
	{"FW:", "Nguyen:", "Klo:", "Xyz:", "Tajuk:"}, // no known language
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// passOn is a forward by a program, with the lines of the header in the order of Outlook or of Thunderbird.
func passOn(h heads, subjectFirst bool) func(letter) letter {
	return func(l letter) letter {
		lines := []string{h.from + " " + l.from, h.sent + " Saturday, June 8, 2026 5:52 PM", h.to + " soc@contoso.example", h.subject + " " + l.subject}
		if subjectFirst {
			lines = []string{lines[3], lines[1], lines[0], lines[2]}
		}
		html := make([]string, len(lines))
		for i, line := range lines {
			label, value, _ := strings.Cut(line, " ")
			html[i] = "<b>" + label + "</b> " + escape(value)
		}
		l = l.withAbove(`<p class="MsoNormal">please look</p><hr><div id="divRplyFwdMsg"><font>`+strings.Join(html, "<br>")+"</font></div><br>", "please look\n\n"+strings.Join(lines, "\n"))
		l.subject, l.from, l.forwarded = h.mark+" "+l.subject, colleague, true
		return l
	}
}

func carriers() []step {
	steps := []step{{"as sent", func(l letter) letter { return l }}, {"as sent", func(l letter) letter { return l }}}
	for _, h := range programs {
		steps = append(steps, step{"forward with " + h.from, passOn(h, false)}, step{"forward with " + h.subject + " first", passOn(h, true)})
	}
	english := passOn(programs[0], false)
	return append(
		steps,
		step{"forward of a forward", func(l letter) letter { return english(english(l)) }},
		step{"forward without a header", func(l letter) letter {
			l.subject, l.from, l.forwarded = "Fwd: "+l.subject, colleague, true
			return l
		}},
	)
}

// writer writes a mail's octets.
type writer struct {
	name  string
	write func(letter) []byte
}

func (l letter) body() (kind, body string) {
	if l.isText() {
		return "text/plain", l.text
	}
	return "text/html", l.html
}

func (l letter) write(charset, encoding string, body []byte) []byte {
	kind, _ := l.body()
	return write(l.from, l.subject, l.messageID, kind+`; charset="`+charset+`"`, encoding, body)
}

// entities writes what a charset lacks as entities; plain text has none, so it stays in UTF-8.
func in(name string, encode func(string) ([]byte, error)) func(letter) []byte {
	return func(l letter) []byte {
		_, body := l.body()
		encoded, err := encode(body)
		if err != nil {
			return l.write("utf-8", "base64", lines64(body))
		}
		return l.write(name, "base64", lines64(string(encoded)))
	}
}

var writers = []writer{
	{"8bit", func(l letter) []byte { _, body := l.body(); return l.write("utf-8", "8bit", []byte(body)) }},
	{"quoted-printable", func(l letter) []byte { _, body := l.body(); return l.write("utf-8", "quoted-printable", quoted7(body)) }},
	{"base64", func(l letter) []byte { _, body := l.body(); return l.write("UTF-8", "BASE64", lines64(body)) }},
	{"windows-1252", in("windows-1252", func(s string) ([]byte, error) { return charmap.Windows1252.NewEncoder().Bytes([]byte(s)) })},
	{"big5", in("big5", func(s string) ([]byte, error) { return traditionalchinese.Big5.NewEncoder().Bytes([]byte(s)) })},
	{"gb18030", in("gb2312", func(s string) ([]byte, error) { return simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(s)) })},
	{"utf-16", in("utf-16", func(s string) ([]byte, error) {
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(s))
	})},
	{"alternative", func(l letter) []byte {
		kind, body := l.body()
		if l.isText() {
			return l.write("utf-8", "8bit", []byte(body))
		}
		return write(l.from, l.subject, l.messageID, `multipart/alternative; boundary="b"`, "", []byte("--b\r\nContent-Type: text/plain\r\n\r\n \r\n--b\r\nContent-Type: "+kind+"; charset=utf-8\r\n\r\n"+body+"\r\n--b--\r\n"))
	}},
	{"attached", func(l letter) []byte {
		_, body := l.body()
		inner := l.write("utf-8", "base64", lines64(body))
		return write(colleague, "some alert", "<fw@contoso.example>", `multipart/mixed; boundary="b"`, "",
			slicesConcat([]byte("--b\r\nContent-Type: text/plain\r\n\r\nsee attached\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"), inner, []byte("\r\n--b--\r\n")))
	}},
	{"attached as a file", func(l letter) []byte {
		_, body := l.body()
		inner := l.write("utf-8", "base64", lines64(body))
		return write(colleague, "FW: some alert", "<fw@contoso.example>", `multipart/mixed; boundary="b"`, "",
			slicesConcat([]byte("--b\r\nContent-Type: application/octet-stream; name=\"alert.eml\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"), lines64(string(inner)), []byte("\r\n--b--\r\n")))
	}},
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// combinations is how many mails are made of the samples; each is one choice of layout, links, banner, carrier and
// encoding.
const combinations = 4000

// TestEveryCombinationReadsTheSame puts each sample into a layout, wraps its links, puts a banner above it, forwards it
// and writes it in an encoding: what is read stays the same, apart from who sent it.
func TestEveryCombinationReadsTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/0[01]*.eml")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	on := carriers()
	failed := map[string]int{}
	for i := range combinations {
		file := files[i%len(files)]
		m := takeApart(t, file)
		if !fieldRow.MatchString(m.html) || strings.Contains(file, "01") && file > "testdata/015" {
			continue
		}
		want := readingOf(t, file)
		l := letter{bare: m}
		names := []string{filepath.Base(file)}
		chosen := layouts[random.IntN(len(layouts))]
		if random.IntN(4) > 0 {
			names = append(names, chosen.name)
			l = relaid(m, chosen)
		}
		if l.isText() && strings.Contains(file, "attackpath") {
			delete(want, "title")
		}
		isClone := strings.Contains(file, "014") || strings.Contains(file, "015")
		for _, steps := range [][]step{linkSteps, bannerSteps, on} {
			s := steps[random.IntN(len(steps))]
			if isClone && strings.Contains(s.name, "Nguyen") || isClone && strings.Contains(s.name, "Tajuk") || s.name == "defanged" && !l.isText() && random.IntN(2) == 0 {
				s = steps[0]
			}
			names = append(names, s.name)
			l = s.change(l)
		}
		w := writers[random.IntN(len(writers))]
		names = append(names, w.name)
		want["forwarded"] = l.forwarded || strings.HasPrefix(w.name, "attached")
		if want["forwarded"] == true {
			want["provenance"] = "forwarded"
		}
		raw := w.write(l)
		if t.Failed() && failed["all"] > 20 {
			return
		}
		if !t.Run(fmt.Sprint(i, " ", strings.Join(names, ", ")), func(t *testing.T) { compare(t, raw, want) }) {
			failed["all"]++
		}
	}
}

func relaid(m bare, l layout) letter {
	body, isText := layBody(m, l)
	made := letter{bare: m}
	if isText {
		made.text, made.html = body, ""
	} else {
		made.html = body
	}
	return made
}
