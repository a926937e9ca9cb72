package parser

import (
	"fmt"
	"html"
	"strings"
)

// look is how a made mail is laid out: HTML, plain text, or both.
type look struct{ html, text string }

const madeFooter = "This message from Microsoft is an important part of a program, service, or product that you or your company purchased or participates in."

var madeTextFooter = "Microsoft Corporation\nOne Microsoft Way\nRedmond, WA 98052\n"

// fieldLooks write labels and values in HTML; value is escaped already, items of a list parted by itemMark.
var fieldLooks = []struct {
	name string
	open string
	pair func(r maker, label, value string) string
	end  string
}{
	{"td td", "<table>", func(_ maker, l, v string) string { return "<tr><td>" + l + "</td><td>" + v + "</td></tr>" }, "</table>"},
	{"td td with a spacer", "<table>", func(_ maker, l, v string) string {
		return "<tr><td>" + l + ":</td><td width=\"10\">&nbsp;</td><td><span>" + v + "</span></td></tr>"
	}, "</table>"},
	{"th th", "<table>", func(_ maker, l, v string) string {
		return `<tr><th class="small-12 large-4"><p>` + l + `</p></th><th class="small-12 large-8"><p>` + v + "</p></th></tr>"
	}, "</table>"},
	{"h3 p", "", func(_ maker, l, v string) string { return "<h3>" + l + "</h3><p>" + v + "</p>" }, ""},
	{"h4 div", "<div>", func(_ maker, l, v string) string { return "<h4>" + l + ":</h4>\n<div>" + v + "</div>\n" }, "</div>"},
	{"dl", "<dl>", func(_ maker, l, v string) string { return "<dt>" + l + "</dt><dd>" + v + "</dd>" }, "</dl>"},
	{"strong with colon outside", "", func(_ maker, l, v string) string { return "<div><strong>" + l + "</strong>: " + v + "</div>" }, ""},
	{"b with colon inside and nbsp", "", func(_ maker, l, v string) string { return "<p><b>" + l + ":</b>&nbsp;" + v + "</p>" }, ""},
	{"spaced colon", "", func(_ maker, l, v string) string { return "<p><b>" + l + "&nbsp;:</b> " + v + "</p>" }, ""},
	{"list", "<ul>", func(_ maker, l, v string) string { return "<li><b>" + l + ":</b> " + v + "</li>" }, "</ul>"},
	{"word", "<div class=WordSection1><table class=MsoNormalTable>", func(_ maker, l, v string) string {
		return `<tr style='mso-yfti-irow:0'><td style='padding:2pt'><p class=MsoNormal><b><span style='color:white'>` + l +
			`<o:p></o:p></span></b></p></td><td style='padding:2pt'><p class=MsoNormal><span>` + v + `<o:p>&nbsp;</o:p></span></p></td></tr>`
	}, "</table></div>"},
	{"nested tables", "<table><tr><td><table>", func(_ maker, l, v string) string {
		return "<tr><td><table><tbody><tr><td><span>" + l + "</span></td><td><div><table><tr><td>" + v + "</td></tr></table></div></td></tr></tbody></table></td></tr>"
	}, "</table></td></tr></table>"},
	{"label in one table, value in the next", "", func(_ maker, l, v string) string {
		return "<table><tr><td><b>" + l + "</b></td></tr></table><table><tr><td>" + v + "</td></tr></table>"
	}, ""},
	{"cards", "", func(_ maker, l, v string) string {
		return `<table class="card"><tr><td><p class="label">` + l + `</p><p class="value">` + v + `</p></td></tr></table>`
	}, ""},
	{"two spans in a div", "", func(_ maker, l, v string) string {
		return "<div><span>" + l + ":</span> <span>" + v + "</span></div>"
	}, ""},
	{"two divs in a div", "", func(_ maker, l, v string) string {
		return `<div class="row"><div class="name">` + l + `</div><div class="value">` + v + "</div></div>"
	}, ""},
	{"line breaks", "<p>", func(_ maker, l, v string) string { return l + ": " + v + "<br/>\n" }, "</p>"},
	{"label br value", "", func(_ maker, l, v string) string { return "<p><b>" + l + "</b><br>" + v + "</p>" }, ""},
	{"zero width", "<table>", func(_ maker, l, v string) string {
		return "<tr><td>\u200b" + l + "&#8203;</td><td>&#xFEFF;" + v + "&zwnj;</td></tr>"
	}, "</table>"},
	{"source with line ends", "<table>\r\n", func(_ maker, l, v string) string {
		return "  <tr>\r\n    <td>\r\n      " + strings.ReplaceAll(l, " ", "\r\n      ") + "\r\n    </td>\r\n    <td>\r\n      " + v + "\r\n    </td>\r\n  </tr>\r\n"
	}, "</table>"},
	{"capital labels", "<table>", func(_ maker, l, v string) string {
		return "<tr><td>" + strings.ToUpper(l) + "</td><td>" + v + "</td></tr>"
	}, "</table>"},
}

// itemLooks part the items of a list in HTML.
var itemLooks = []func(items []string) string{
	func(items []string) string { return strings.Join(items, ", ") },
	func(items []string) string { return strings.Join(items, "; ") },
	func(items []string) string { return strings.Join(items, "<br>") },
	func(items []string) string { return "<ul><li>" + strings.Join(items, "</li><li>") + "</li></ul>" },
	func(items []string) string { return "<div>" + strings.Join(items, "</div><div>") + "</div>" },
}

// textLooks write labels and values in plain text.
var textLooks = []struct {
	name string
	pair func(label, value string) string
}{
	{"colon", func(l, v string) string { return l + ": " + v + "\n" }},
	{"colon and gaps", func(l, v string) string { return l + ":\n" + v + "\n\n" }},
	{"over value", func(l, v string) string { return l + "\n" + v + "\n\n" }},
	{"over value with gap", func(l, v string) string { return l + "\n\n" + v + "\n\n" }},
	{"tab", func(l, v string) string { return l + "\t" + v + "\n" }},
	{"columns", func(l, v string) string { return fmt.Sprintf("%-28s%s\n", l, v) }},
	{"bullets", func(l, v string) string { return "* " + l + ": " + v + "\n" }},
	{"stars", func(l, v string) string { return "*" + l + ":* " + v + "\n" }},
	{"indented", func(l, v string) string { return "    " + l + " : " + v + "\n" }},
	{"dots", func(l, v string) string { return "- " + l + ": " + v + "\n" }},
}

func (r maker) layHTML(m made, links func(string) string) (name, body string) {
	f := fieldLooks[r.IntN(len(fieldLooks))]
	items := itemLooks[r.IntN(len(itemLooks))]
	if f.pair(r, "", "") == ": <br/>\n" || f.name == "label br value" || strings.Contains(f.name, "colon") || strings.Contains(f.name, "spans") || f.name == "list" {
		items = itemLooks[r.IntN(2)] // a value on the label's own line
	}
	var b strings.Builder
	b.WriteString(`<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><style>td{padding:2px}</style></head><body>`)
	if m.preheader != "" {
		b.WriteString(pick(r, []string{`<div style="display:none;max-height:0px;overflow:hidden">`, `<div style="display: none !important; visibility:hidden; mso-hide:all; font-size:1px;">`, `<div class="preheader" style="font-size:0">`}) + m.preheader + "&#847;&zwnj;&nbsp;</div>")
	}
	if m.heading != "" {
		b.WriteString(pick(r, []string{
			`<table width="100%"><tr><td bgcolor="#a80000"><h1 style="color:#fff">` + html.EscapeString(m.heading) + `</h1></td></tr></table>`,
			"<h1>" + html.EscapeString(m.heading) + "</h1>", "<table><tr><td><img src=\"https://images.example/logo.png\" alt=\"Microsoft\"></td></tr><tr><td><h1>" + html.EscapeString(m.heading) + "</h1></td></tr></table>",
		}))
	}
	if m.title != "" {
		b.WriteString("<h2>" + html.EscapeString(m.title) + "</h2>")
	}
	if m.lead != "" {
		b.WriteString("<p>" + html.EscapeString(m.lead) + "</p>")
	}
	if m.stamp != "" {
		b.WriteString("<p>" + m.stamp + "</p>")
	}
	b.WriteString(f.open)
	for _, field := range m.fields {
		escaped := make([]string, len(field.values))
		for i, value := range field.values {
			escaped[i] = html.EscapeString(value)
			if strings.HasPrefix(value, "https://") {
				escaped[i] = `<a href="` + html.EscapeString(links(value)) + `">` + escaped[i] + "</a>"
			}
		}
		value := escaped[0]
		if len(escaped) > 1 {
			value = items(escaped)
		}
		b.WriteString(f.pair(r, field.label, value))
	}
	b.WriteString(f.end)
	for _, l := range m.links {
		words := html.EscapeString(l.words)
		b.WriteString(pick(r, []string{
			`<p><a href="` + html.EscapeString(links(l.url)) + `">` + words + "</a></p>",
			`<table><tr><td><a style="color:#fff" href='` + html.EscapeString(links(l.url)) + `' target="_blank"><span>` + words + "</span></a></td></tr></table>",
		}))
	}
	b.WriteString(`<p><a href="https://security.microsoft.com/securitysettings/endpoints/email_notifications?childviewid=alerts">Manage notifications</a> <a href="https://go.microsoft.com/fwlink/?LinkId=521839">Privacy Statement</a></p>`)
	b.WriteString(`<p style="color:#666">` + madeFooter + `</p><p>Microsoft Corporation, One&#8203; Microsoft Way, &#8203;Redmond, WA 98052&#8203; USA</p></body></html>`)
	return f.name, b.String()
}

func (r maker) layText(m made, links func(string) string) (name, body string) {
	f := textLooks[r.IntN(len(textLooks))]
	var b strings.Builder
	for _, line := range []string{m.heading, m.title, m.lead, m.stamp} {
		if line != "" {
			b.WriteString(line + "\n\n")
		}
	}
	part := pick(r, []string{", ", "; "})
	for _, field := range m.fields {
		value := strings.Join(field.values, part)
		if strings.HasPrefix(value, "https://") {
			value = links(value)
		}
		b.WriteString(f.pair(field.label, value))
	}
	b.WriteString("\n")
	for _, l := range m.links {
		b.WriteString(pick(r, []string{l.words + "<" + links(l.url) + ">\n", l.words + " <" + links(l.url) + ">\n", l.words + ": " + links(l.url) + "\n", l.words + "\n" + links(l.url) + "\n", "[" + l.words + "](" + links(l.url) + ")\n"}))
	}
	b.WriteString("\n" + madeTextFooter)
	if r.IntN(3) == 0 {
		return f.name + ", wrapped", folded(b.String(), 70+r.IntN(9))
	}
	return f.name, b.String()
}

// folded breaks lines at spaces as mail programs do; an address stays whole.
func folded(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for len(line) > width && !strings.Contains(line, "://") {
			at := strings.LastIndexByte(line[:width], ' ')
			if at <= 0 || strings.TrimSpace(line[:at]) == "" {
				break
			}
			b.WriteString(line[:at] + "\n")
			line = line[at+1:]
		}
		b.WriteString(line)
	}
	return b.String()
}
