package parser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"mime"
	"net/url"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// linkLooks wrap an address as scanners and mail platforms do.
var linkLooks = []struct {
	name string
	wrap func(r maker, target string) string
}{
	{"bare", func(_ maker, t string) string { return t }},
	{"bare", func(_ maker, t string) string { return t }},
	{"safe link", madeSafeLink},
	{"azure mail", func(_ maker, t string) string {
		return "https://azure.microsoft.com/email/?destination=" + url.QueryEscape(t) + "&p=bT02YThhZDljYi0yNDA1LTQzNjAtYmEyOC1hNjc5NGQ0Y2E5YzcmdT1hZW8mbD12aWV3"
	}},
	{"azure redirect", func(r maker, t string) string {
		return "https://" + pick(r, []string{"nam", "eur", "apc"}) + ".safelink.emails.azure.net/redirect/?destination=" + url.QueryEscape(t) + "&p=bT02YThhZDljYi0yNDA1LTQzNjAtYmEyOC1hNjc5NGQ0Y2E5YzcmdT1hZW8mbD12aWV3"
	}},
	{"proofpoint 2", func(_ maker, t string) string { return madeProofpoint2(t) }},
	{"proofpoint 3", func(r maker, t string) string { return madeProofpoint3(r, t) }},
	{"nested", func(r maker, t string) string {
		for range 2 + r.IntN(6) {
			switch r.IntN(4) {
			case 0:
				t = madeSafeLink(r, t)
			case 1:
				t = madeProofpoint3(r, t)
			case 2:
				t = madeProofpoint2(t)
			default:
				t = "https://eur.safelink.emails.azure.net/redirect/?destination=" + url.QueryEscape(t)
			}
		}
		return t
	}},
}

func madeSafeLink(r maker, t string) string {
	return "https://" + pick(r, []string{"nam06", "nam12", "eur01", "eur04", "apc01", "gbr01", "can01", "aus01"}) + ".safelinks.protection.outlook.com/?url=" + url.QueryEscape(t) +
		"&data=" + pick(r, []string{"02%7C01", "04%7C01", "05%7C01", "05%7C02"}) + "%7Csoc%40contoso.example%7C" + r.guid() + "%7C" + r.guid() + "%7C1%7C0%7C638400000000000000%7CUnknown%7CTWFpbGZsb3d8eyJ9%7C0%7C%7C%7C&sdata=abc%2Bdef%3D&reserved=0"
}

func madeProofpoint2(t string) string {
	var b strings.Builder
	for _, c := range []byte(t) {
		switch {
		case c == '/':
			b.WriteByte('_')
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "-%02X", c)
		}
	}
	return "https://urldefense.proofpoint.com/v2/url?u=" + b.String() + "&d=DwMFAg&c=x&r=y&m=z&s=w&e="
}

func madeProofpoint3(r maker, t string) string {
	var text, dictionary strings.Builder
	for i := 0; i < len(t); {
		run := 0
		for i+run < len(t) && strings.IndexByte("?=&#%*+,;@!'()", t[i+run]) >= 0 {
			run++
		}
		switch {
		case run == 0:
			text.WriteByte(t[i])
			i++
		case run >= 2 && r.IntN(2) == 0:
			text.WriteString("**" + string(runLengths[run-2]))
			dictionary.WriteString(t[i : i+run])
			i += run
		default:
			text.WriteString("*")
			dictionary.WriteByte(t[i])
			i++
		}
	}
	return "https://urldefense.com/v3/__" + text.String() + "__;" + base64.RawURLEncoding.EncodeToString([]byte(dictionary.String())) + "!!AbC-1!x_yz$ "[:len("!!AbC-1!x_yz$")]
}

// above puts something a filter writes above a mail, in both of its bodies.
func (l *look) above(asHTML, asText string) {
	if l.html != "" {
		l.html = inBody(l.html, asHTML)
	}
	if l.text != "" {
		l.text = asText + "\n\n" + l.text
	}
}

// bannerLooks are banners and tags of filters; each returns the subject.
var bannerLooks = []struct {
	name string
	put  func(r maker, l *look, subject string) string
}{
	{"no banner", func(_ maker, _ *look, s string) string { return s }},
	{"no banner", func(_ maker, _ *look, s string) string { return s }},
	{"caution", func(_ maker, l *look, s string) string {
		l.above(`<div style="background:#ff9"><b>CAUTION:</b> `+outside+"</div>", "CAUTION: "+outside)
		return s
	}},
	{"caution in a table", func(_ maker, l *look, s string) string {
		text := "WARNING: This email originated from outside of Contoso. Please be wary of any links or attachments, and do not enable macros."
		l.above(`<table><tr><td>WARNING:</td><td>`+strings.TrimPrefix(text, "WARNING: ")+"</td></tr></table>", text)
		return s
	}},
	{"caution over several lines", func(_ maker, l *look, s string) string {
		l.above("<div><p><b>CAUTION: External sender</b></p><p>This message comes from outside the company.</p><p>Verify the sender before you click a link.</p></div><br>",
			"CAUTION: External sender\nThis message comes from outside the company.\nVerify the sender before you click a link.")
		return s
	}},
	{"british", func(_ maker, l *look, s string) string {
		text := "This e-mail has originated from outside your organisation. Do not open attachments unless you recognise the sender."
		l.above("<p>"+text+"</p><hr>", text)
		return s
	}},
	{"rarely", func(_ maker, l *look, s string) string {
		text := "You don't often get email from defender-noreply@microsoft.com. Learn why this is important"
		l.above(`<table><tr><td></td><td><div>You don't often get email from defender-noreply@microsoft.com. <a href="https://aka.ms/LearnAboutSenderIdentification">Learn why this is important</a></div></td><td></td></tr></table>`, text)
		return s
	}},
	{"german", func(_ maker, l *look, s string) string {
		text := "ACHTUNG: Diese E-Mail kommt von außerhalb der Organisation. Klicken Sie nicht auf Links."
		l.above("<p>"+text+"</p>", text)
		return s
	}},
	{"french", func(_ maker, l *look, s string) string {
		text := "ATTENTION : ce courriel provient de l'extérieur de l'organisation. Ne cliquez pas sur les liens."
		l.above("<p>"+text+"</p>", text)
		return s
	}},
	{"spanish", func(_ maker, l *look, s string) string {
		text := "PRECAUCIÓN: Este correo electrónico se originó fuera de la organización. No haga clic en los enlaces."
		l.above("<p>"+text+"</p>", text)
		return s
	}},
	{"external tag", func(r maker, l *look, s string) string {
		l.above("<p>EXTERNAL EMAIL</p>", "EXTERNAL EMAIL")
		return pick(r, []string{"[EXTERNAL] ", "[CAUTION] ", "[EXT] ", "[EXTERNAL EMAIL] ", "[External Sender] ", "EXTERNAL: ", "{EXTERNAL} ", "[SOC][EXTERNAL] "}) + s
	}},
	{"proofpoint", func(r maker, l *look, s string) string {
		mangled := "Severity Lo w Title Some thing els e Device name mang led-1 Incident name an oth er"
		if r.IntN(2) == 0 {
			mangled = "Severity: Lo w\nTitle: Some thing els e\nDevice name: mang led-1"
		}
		l.above(`<div style="display:none">`+mangled+`</div><div id="pfptBannerx1">ZjQcmQRYFpfptBannerStart <b>This Message Is From an External Sender</b> ZjQcmQRYFpfptBannerEnd</div>`,
			mangled+"\nZjQcmQRYFpfptBannerStart\nThis Message Is From an External Sender\nThis message came from outside your organization.\nZjQcmQRYFpfptBannerEnd")
		return s
	}},
	{"proofpoint shown", func(_ maker, l *look, s string) string {
		l.above(`<div>Severity: Lo w<br>Title: Some thing els e<br>Device name: mang led-1</div><div id="pfptBannerx1"><div>ZjQcmQRYFpfptBannerStart</div><table><tr><td>This Message Is From an External Sender</td></tr><tr><td>This message came from outside your organization.</td></tr></table><div>ZjQcmQRYFpfptBannerEnd</div></div>`,
			"Severity: Lo w\nTitle: Some thing els e\nZjQcmQRYFpfptBannerStart\nThis Message Is From an External Sender\nZjQcmQRYFpfptBannerEnd")
		return s
	}},
}

// forwardLook is how a program passes a mail on.
type forwardLook struct {
	name    string
	mark    string
	labels  [4]string // from, sent, to, subject
	reorder []int
}

var forwardLooks = []forwardLook{
	{"english", "FW: ", [4]string{"From:", "Sent:", "To:", "Subject:"}, nil},
	{"english", "Fwd: ", [4]string{"From:", "Date:", "To:", "Subject:"}, []int{0, 1, 3, 2}},
	{"thunderbird", "Fwd: ", [4]string{"From:", "Date:", "To:", "Subject:"}, []int{3, 1, 0, 2}},
	{"apple", "Fwd: ", [4]string{"From:", "Date:", "To:", "Subject:"}, []int{0, 3, 1, 2}},
	{"german", "WG: ", [4]string{"Von:", "Gesendet:", "An:", "Betreff:"}, nil},
	{"french", "TR : ", [4]string{"De :", "Envoyé :", "À :", "Objet :"}, nil},
	{"spanish", "RV: ", [4]string{"De:", "Enviado el:", "Para:", "Asunto:"}, nil},
	{"italian", "I: ", [4]string{"Da:", "Inviato:", "A:", "Oggetto:"}, nil},
	{"portuguese", "ENC: ", [4]string{"De:", "Enviado:", "Para:", "Assunto:"}, nil},
	{"dutch", "FW: ", [4]string{"Van:", "Verzonden:", "Aan:", "Onderwerp:"}, nil},
	{"polish", "PD: ", [4]string{"Od:", "Wysłano:", "Do:", "Temat:"}, nil},
	{"chinese", "转发: ", [4]string{"发件人:", "发送时间:", "收件人:", "主题:"}, nil},
	{"taiwanese", "轉寄: ", [4]string{"寄件者:", "寄件日期:", "收件者:", "主旨:"}, nil},
	{"japanese", "FW: ", [4]string{"差出人:", "送信日時:", "宛先:", "件名:"}, nil},
	{"russian", "FW: ", [4]string{"От:", "Отправлено:", "Кому:", "Тема:"}, nil},
	{"swedish", "VB: ", [4]string{"Från:", "Skickat:", "Till:", "Ämne:"}, nil},
}

// pass forwards a mail inline, in one of the forms of common programs.
func (r maker) pass(l *look, from, subject string) (name, newSubject string) {
	f := pick(r, forwardLooks)
	values := [4]string{from, pick(r, []string{"Saturday, June 8, 2026 5:52 PM", "8 de junio de 2026, 17:52 a. m.", "2026-06-08 17:52"}), "soc@contoso.example", subject}
	order := f.reorder
	if order == nil {
		order = []int{0, 1, 2, 3}
	}
	var lines, bold []string
	for _, i := range order {
		lines = append(lines, f.labels[i]+" "+values[i])
		bold = append(bold, "<b>"+f.labels[i]+"</b> "+html.EscapeString(values[i]))
	}
	block := pick(r, []string{
		`<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000">` + strings.Join(bold, "<br>") + "</font><div>&nbsp;</div></div>",
		`<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'><p class=MsoNormal>` + strings.Join(bold, "<br>\r\n") + "<o:p></o:p></p></div>",
		`<div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>` + strings.Join(bold, "<br>") + "<br></div><br>",
		`<div id="mail-editor-reference-message-container"><div class="ms-outlook-mobile-reference-message"><p>` + strings.Join(bold, "</p><p>") + "</p></div>",
		`<blockquote type="cite"><div>Begin forwarded message:</div><br><div>` + strings.Join(bold, "</div><div>") + "</div><br></blockquote>",
		`<div class="moz-forward-container">-------- Forwarded Message --------<table class="moz-email-headers-table">` + "<tr><th>" + strings.ReplaceAll(strings.Join(bold, "</td></tr><tr><th>"), "</b> ", "</b></th><td>") + "</td></tr></table><br>",
	})
	note := pick(r, []string{"", "please look", "FYI, see below. Thanks, Sam", "Severity looks wrong to me"})
	text := pick(r, []string{"-----Original Message-----\n", "---------- Forwarded message ---------\n", "________________________________\n", "", "Begin forwarded message:\n\n"}) + strings.Join(lines, "\n")
	if l.html != "" {
		if r.IntN(3) == 0 {
			l.html = strings.NewReplacer(`class="`, `class="x_`, `id="`, `id="x_`).Replace(l.html)
		}
		l.html = inBody(l.html, `<p class="MsoNormal">`+note+"</p>"+block)
	}
	if l.text != "" {
		if r.IntN(3) == 0 {
			l.text = "> " + strings.ReplaceAll(text+"\n\n"+l.text, "\n", "\n> ")
		} else {
			l.text = text + "\n\n" + l.text
		}
		l.text = note + "\n\n" + l.text
	}
	return f.name, f.mark + subject
}

// encode writes a look as a message's content type, encoding and body.
func (r maker) encode(l look) (name, head string, body []byte) {
	if l.html != "" && l.text != "" {
		b := "b-" + r.hex(10)
		text := "--" + b + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + string(quoted7(l.text))
		htm := "\r\n--" + b + "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + string(lines64(l.html)) + "\r\n--" + b + "--\r\n"
		return "alternative", `Content-Type: multipart/alternative; boundary="` + b + `"`, []byte(text + htm)
	}
	kind, content := "text/html", l.html
	if content == "" {
		kind, content = "text/plain", l.text
	}
	put := func(charset, encoding string, octets []byte) (string, []byte) {
		return "Content-Type: " + kind + "; charset=" + charset + "\r\nContent-Transfer-Encoding: " + encoding, octets
	}
	type way struct {
		name string
		make func() (string, []byte)
	}
	in := func(charset string, encode func(string) ([]byte, error)) func() (string, []byte) {
		return func() (string, []byte) {
			octets, err := encode(content)
			if err != nil {
				return put(`"utf-8"`, "quoted-printable", quoted7(content))
			}
			return put(charset, "base64", lines64(string(octets)))
		}
	}
	w := pick(r, []way{
		{"8bit", func() (string, []byte) { return put("utf-8", "8bit", []byte(content)) }},
		{"quoted-printable", func() (string, []byte) { return put(`"utf-8"`, "quoted-printable", quoted7(content)) }},
		{"base64", func() (string, []byte) { return put("utf-8", "base64", lines64(content)) }},
		{"windows-1252", in("windows-1252", func(s string) ([]byte, error) { return charmap.Windows1252.NewEncoder().Bytes([]byte(s)) })},
		{"big5", in("big5", func(s string) ([]byte, error) { return traditionalchinese.Big5.NewEncoder().Bytes([]byte(s)) })},
		{"gb2312", in("gb2312", func(s string) ([]byte, error) { return simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(s)) })},
		{"utf-16", in("utf-16", func(s string) ([]byte, error) {
			return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().Bytes([]byte(s))
		})},
	})
	head, body = w.make()
	return w.name, head, body
}

// word encodes a subject, now and then cutting it inside a character.
func (r maker) word(subject string) string {
	switch r.IntN(4) {
	case 0:
		return mime.QEncoding.Encode("utf-8", subject)
	case 1:
		return mime.BEncoding.Encode("utf-8", subject)
	case 2:
		var parts []string
		for octets := []byte(subject); len(octets) > 0; {
			n := min(7+r.IntN(30), len(octets))
			parts = append(parts, "=?utf-8?B?"+base64.StdEncoding.EncodeToString(octets[:n])+"?=")
			octets = octets[n:]
		}
		return strings.Join(parts, "\r\n ")
	}
	return subject // raw 8-bit
}

func (r maker) message(from, subject, head string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Received: from x.example by y.example; Mon, 16 Mar 2026 23:44:41 +0000\r\nFrom: %s\r\nTo: soc@contoso.example\r\nSubject: %s\r\nDate: Mon, 16 Mar 2026 23:44:41 +0000\r\nMessage-ID: <%s@az.westeurope.microsoft.com>\r\nMIME-Version: 1.0\r\n%s\r\n\r\n",
		from, r.word(subject), r.guid(), head)
	b.Write(body)
	return b.Bytes()
}
