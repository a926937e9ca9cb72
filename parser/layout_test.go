package parser

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fieldRow is a label and its value in the samples' own layout.
var fieldRow = regexp.MustCompile(`<tr><td bgcolor="#0f2a5c"><font color="#fff">([^<]*)</font></td><td>(.*?)</td></tr>`)

var fieldTable = regexp.MustCompile(`(?s)<table border=0>.*?</table>`)

// layout writes labels and values another way.
type layout struct {
	name  string
	open  string
	pair  func(label, value string) string
	close string
	text  bool // the layout is plain text
}

var layouts = []layout{
	{"bold labels", "", func(l, v string) string { return "<div><strong>" + l + "</strong>: " + v + "</div>" }, "", false},
	{"bold labels with their colon", "", func(l, v string) string { return "<p><b>" + l + ":</b> " + v + "</p>" }, "", false},
	{"paragraph over paragraph", "", func(l, v string) string { return "<p>" + l + "</p><p>" + v + "</p>" }, "", false},
	{"heading over paragraph", "", func(l, v string) string { return "<h3>" + l + "</h3><p>" + v + "</p>" }, "", false},
	{"header cells", "<table>", func(l, v string) string { return "<tr><th>" + l + "</th><td>" + v + "</td></tr>" }, "</table>", false},
	{"two header cells", "<table>", func(l, v string) string {
		return `<tr><th class="small-12">` + l + `</th><th class="small-12">` + v + "</th></tr>"
	}, "</table>", false},
	{"definition list", "<dl>", func(l, v string) string { return "<dt>" + l + "</dt><dd>" + v + "</dd>" }, "</dl>", false},
	{"line breaks", "<p>", func(l, v string) string { return l + ": " + v + "<br>" }, "</p>", false},
	{"cells inside layout cells", "<table><tr><td><table>", func(l, v string) string {
		return "<tr><td><table><tr><td><span>" + l + ":</span></td><td><div>" + v + "</div></td></tr></table></td></tr>"
	}, "</table></td></tr></table>", false},
	{"one card a field", "", func(l, v string) string {
		return "<table><tr><td>" + l + "</td></tr><tr><td><b>" + v + "</b></td></tr></table>"
	}, "", false},
	{"bullet and zero-width spaces", "", func(l, v string) string { return "<div>" + l + ":\u200b&nbsp;" + v + "\u200b</div>" }, "", false},
	{"text lines", "", func(l, v string) string { return l + ": " + v + "\n" }, "", true},
	{"text with stars", "", func(l, v string) string { return "*" + l + ":* " + v + "\n" }, "", true},
	{"text label over value", "", func(l, v string) string { return l + "\n\n" + v + "\n\n" }, "", true},
	{"text with tabs", "", func(l, v string) string { return l + "\t" + v + "\n" }, "", true},
	{"text in columns", "", func(l, v string) string { return l + strings.Repeat(" ", 30-len(l)) + v + "\n" }, "", true},
	{"text with pipes", "", func(l, v string) string { return "| " + l + " | " + v + " |\n" }, "", true},
}

// TestEveryLayoutReadsTheSame writes the fields of each sample in each layout: what is read stays the same.
func TestEveryLayoutReadsTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/0[01]*.eml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		m := takeApart(t, file)
		if !fieldRow.MatchString(m.html) || strings.Contains(file, "015") {
			continue
		}
		for _, l := range layouts {
			t.Run(filepath.Base(file)+" in "+l.name, func(t *testing.T) {
				t.Parallel()
				want := readingOf(t, file)
				if strings.Contains(file, "attackpath") && l.text {
					delete(want, "title") // its heading's rank is lost in text
				}
				compare(t, laidOut(m, l), want)
			})
		}
	}
}

func laidOut(m bare, l layout) []byte {
	body, isText := layBody(m, l)
	if isText {
		return write(m.from, m.subject, m.messageID, "text/plain; charset=utf-8", "base64", lines64(body))
	}
	return write(m.from, m.subject, m.messageID, htmlMail, "base64", lines64(body))
}

func layBody(m bare, l layout) (body string, isText bool) {
	table := fieldTable.FindString(m.html)
	var fields strings.Builder
	fields.WriteString(l.open)
	for _, pair := range fieldRow.FindAllStringSubmatch(table, -1) {
		value := pair[2]
		if l.text {
			value = htmlPage(value).text()
		}
		fields.WriteString(l.pair(pair[1], value))
	}
	fields.WriteString(l.close)
	if !l.text {
		return strings.Replace(m.html, table, fields.String(), 1), false
	}
	before, after, _ := strings.Cut(m.html, table)
	return asText(before) + "\n" + fields.String() + "\n" + asText(after), true
}
