package parser

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// tokensOf are the tokens of a source as the reader takes them, neighbouring texts as one, and those of the tokenizer alone.
func tokensOf(source string) (got, want []string) {
	r := htmlReader{tokens: newHTMLTokens(source)}
	for kind := r.tokens.next(); kind != html.ErrorToken; kind = r.tokens.next() {
		switch kind {
		case html.TextToken:
			got = addToken(got, "text "+r.tokens.text(true))
		case html.StartTagToken, html.SelfClosingTagToken:
			t := r.tag(false)
			r.tokens.raw = holdsRawText(t.atom)
			got = addToken(got, "start "+t.name)
		case html.EndTagToken:
			got = addToken(got, "end "+r.tag(true).name)
		}
	}
	alone := html.NewTokenizer(strings.NewReader(source))
	for kind := alone.Next(); kind != html.ErrorToken; kind = alone.Next() {
		switch kind {
		case html.TextToken:
			want = addToken(want, "text "+string(alone.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := alone.TagName()
			want = addToken(want, "start "+string(name))
		case html.EndTagToken:
			name, _ := alone.TagName()
			want = addToken(want, "end "+string(name))
		}
	}
	return got, want
}

func addToken(tokens []string, token string) []string {
	if text, isText := strings.CutPrefix(token, "text "); isText && len(tokens) > 0 && strings.HasPrefix(tokens[len(tokens)-1], "text ") {
		tokens[len(tokens)-1] += text
		return tokens
	}
	return append(tokens, token)
}

// TestTokensAreThoseOfTheTokenizerAlone puts HTML together at random from what is hard to tell apart.
func TestTokensAreThoseOfTheTokenizerAlone(t *testing.T) {
	t.Parallel()
	parts := []string{
		"<td>", "</td>", "<TD\n>", "</Td >", "<p title='>'>", "<p title=\"", "\">", "<b>", "</b>", "words", " ", "a < b", "<", ">", "</", "</>", "</ x>", "<1>",
		"<!--", "-->", "<!-->", "<!doctype html>", "<?x?>", "<![CDATA[", "]]>", "&amp;", "&lt", "&", "\r", "\n", "\r\n", "<br/>", "<title>", "</title>", "<title/>", "<style>",
		"</style>", "<script>", "</script>", "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<plaintext>", "<noscript>", "<o:p>", "</o:p>", "ü", "\xff", "/", "=", "'",
		"<i " + strings.Repeat("a=b ", longestKnownTag/4-1) + ">", "<i " + strings.Repeat("a=b ", longestKnownTag/4) + ">", "<i title='" + strings.Repeat(">", 3*longestKnownTag) + "'>",
	}
	r := maker{rand.New(rand.NewPCG(4, 4))}
	for range 5000 {
		few := make([]string, 1+r.IntN(12))
		for i := range few {
			few[i] = parts[r.IntN(len(parts))]
		}
		var source strings.Builder
		for range r.IntN(30) {
			source.WriteString(few[r.IntN(len(few))])
		}
		if got, want := tokensOf(source.String()); !slices.Equal(got, want) {
			t.Fatalf("%q:\ngot  %q\nwant %q", source.String(), got, want)
		}
	}
}

func TestAnAddressInTextThatBeginsWithASlashIsALink(t *testing.T) {
	t.Parallel()
	const address = "https://security.microsoft.com/incidents/1791"
	if p := htmlPage("<p>/ " + address + "</p>"); !slices.Equal(p.links, []string{address}) {
		t.Errorf("got %q", p.links)
	}
}
