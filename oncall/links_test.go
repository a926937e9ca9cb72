package oncall

import (
	"strings"
	"testing"
)

func TestAReplyAddressNamesItsPage(t *testing.T) {
	t.Parallel()
	links := Links{Key: []byte("a key of thirty-two octets or more"), Domain: "mx.example"}
	address := links.ReplyAddress(1<<62 + 7)
	local, _, _ := strings.Cut(address, "@")
	if len(local) > 64 || strings.ToLower(address) != address {
		t.Errorf("got %q, want at most 64 small octets before the @", address)
	}
	for _, written := range []string{address, strings.ToUpper(address)} {
		if page, ok := links.ReplyPage(written); !ok || page != 1<<62+7 {
			t.Errorf("%s: got page %d, %v", written, page, ok)
		}
	}
	other := Links{Key: []byte("another key of thirty-two octets .."), Domain: "mx.example"}
	good := links.ReplyAddress(42)
	for name, forged := range map[string]string{
		"another page's signature": strings.Replace(good, "+42.", "+43.", 1),
		"another key":              other.ReplyAddress(42),
		"another domain":           strings.Replace(good, "mx.", "my.", 1),
		"a zero before":            strings.Replace(good, "+42.", "+042.", 1),
		"cut off":                  good[:len("reply+42.00")] + "@mx.example",
		"no signature":             "reply+42@mx.example",
		"another prefix":           strings.TrimPrefix(good, "reply+"),
		"a token of callbacks":     "reply+" + links.CallbackToken(42) + "@mx.example",
		"nothing":                  "",
	} {
		if page, ok := links.ReplyPage(forged); ok {
			t.Errorf("%s: %q is taken for page %d", name, forged, page)
		}
	}
}

func TestACallbackTokenNamesItsPage(t *testing.T) {
	t.Parallel()
	links := Links{Key: []byte("a key of thirty-two octets or more")}
	if page, ok := links.CallbackPage(links.CallbackToken(42)); !ok || page != 42 {
		t.Errorf("got page %d, %v", page, ok)
	}
	for _, forged := range []string{"", "42", "42.", "-1.00", strings.Replace(links.CallbackToken(42), "42.", "41.", 1)} {
		if page, ok := links.CallbackPage(forged); ok {
			t.Errorf("%q is taken for page %d", forged, page)
		}
	}
}
