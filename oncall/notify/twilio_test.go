package notify

import (
	"net/url"
	"testing"
)

// TestSignatures holds the signature to the example of Twilio's page on security.
func TestSignatures(t *testing.T) {
	t.Parallel()
	account := Twilio{AuthToken: "12345"}
	const address = "https://example.com/myapp.php?foo=1&bar=2"
	parameters := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"}, "To": {"+18005551212"},
	}
	const signature = "L/OH5YylLD5NRKLltdqwSvS0BnU="
	if got := account.Sign(address, parameters); got != signature {
		t.Errorf("got %s, want %s", got, signature)
	}
	if !account.Signed(address, parameters, signature) {
		t.Error("the right signature is refused")
	}
	changed := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1235"}, "From": {"+14158675310"}, "To": {"+18005551212"}}
	for name, signed := range map[string]bool{
		"another parameter": account.Signed(address, changed, signature),
		"another address":   account.Signed("https://example.org/myapp.php?foo=1&bar=2", parameters, signature),
		"no signature":      account.Signed(address, parameters, ""),
		"no base64":         account.Signed(address, parameters, "!"),
		"another token":     Twilio{AuthToken: "12346"}.Signed(address, parameters, signature),
		"no account":        Twilio{}.Signed(address, parameters, Twilio{}.Sign(address, parameters)),
	} {
		if signed {
			t.Errorf("%s: the signature holds", name)
		}
	}
}
