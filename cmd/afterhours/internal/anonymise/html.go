package anonymise

import (
	"strings"

	"golang.org/x/net/html"
)

// html replaces in the text and the attributes of HTML; markup stays. Comments are left out: no reader sees what is in them.
func (a *Anonymiser) html(content string) string {
	var out strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(content))
	for raw := false; ; {
		switch kind := tokens.Next(); kind {
		case html.ErrorToken:
			return out.String()
		case html.TextToken:
			if raw {
				out.WriteString(a.text(string(tokens.Text())))
				continue
			}
			out.WriteString(html.EscapeString(a.text(string(tokens.Text()))))
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			for i, attribute := range token.Attr {
				token.Attr[i].Val = a.text(attribute.Val)
			}
			raw = kind == html.StartTagToken && (token.Data == "style" || token.Data == "script")
			out.WriteString(token.String())
		case html.EndTagToken:
			raw = false
			out.WriteString(tokens.Token().String())
		case html.DoctypeToken:
			out.WriteString(tokens.Token().String())
		}
	}
}
