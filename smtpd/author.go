package smtpd

import (
	"net/mail"
	"slices"
	"strings"

	"github.com/emersion/go-message/textproto"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// author is who a mail claims to be from.
type author struct {
	name   string // the display name
	domain string // in lower case; empty where there is none to speak of
}

// authorOf is the one address in the one From header; a mail with more has no author to speak of.
func authorOf(header textproto.Header) author {
	values := header.Values("From")
	if len(values) != 1 {
		return author{}
	}
	addresses, err := mail.ParseAddressList(values[0])
	if err != nil || len(addresses) != 1 {
		return author{}
	}
	_, domain, _ := cutAddress(strings.ToLower(addresses[0].Address))
	return author{addresses[0].Name, strings.TrimSuffix(domain, ".")}
}

// microsoftDomains are the organisations that Defender's mails come from.
var microsoftDomains = []string{"microsoft.com", "microsoftonline.com", "office365.com", "office.com", "azure.com"}

func isMicrosofts(domain string) bool { return slices.Contains(microsoftDomains, organisation(domain)) }

// distrustImpostors takes their standing from those who pass for Microsoft: a domain that looks like Microsoft's is
// authenticated as nothing but itself, and a stranger under Microsoft's name is not Microsoft.
func distrustImpostors(from author, found *Authentication) {
	switch {
	case isMicrosofts(from.domain):
		found.Spoof = found.Verified != nil && !*found.Verified
	case looksLikeMicrosoft(from.domain):
		found.Verified, found.Spoof = new(false), true
	case strings.Contains(strings.ToLower(from.name), "microsoft") && found.Verified != nil && *found.Verified:
		found.Verified = nil
	}
}

// confusable folds what is read for another letter.
var confusable = strings.NewReplacer("0", "o", "1", "l", "3", "e", "5", "s", "rn", "m", "vv", "w", "і", "i", "о", "o", "с", "c", "е", "e", "ѕ", "s", "т", "t", "-", "")

// looksLikeMicrosoft says whether a label of a domain that is not Microsoft's reads as its name.
func looksLikeMicrosoft(domain string) bool {
	if shown, err := idna.ToUnicode(domain); err == nil {
		domain = shown
	}
	for label := range strings.SplitSeq(strings.ToLower(domain), ".") {
		folded := confusable.Replace(label)
		if strings.Contains(folded, "microsoft") || nearly(folded, "microsoft") {
			return true
		}
	}
	return false
}

// nearly says whether two words differ by one letter that is another, missing or too many, or by two that changed places.
func nearly(word, name string) bool {
	if len(word) > len(name) {
		word, name = name, word
	}
	if len(name)-len(word) > 1 || len(word) < 8 {
		return false
	}
	at := 0
	for at < len(word) && word[at] == name[at] {
		at++
	}
	if len(word) < len(name) {
		return word[at:] == name[at+1:]
	}
	if at == len(word) || word[at+1:] == name[at+1:] {
		return true
	}
	return at+1 < len(word) && word[at] == name[at+1] && word[at+1] == name[at] && word[at+2:] == name[at+2:]
}

// organisation is the registered domain (RFC 7489, 3.2).
func organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if registered, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return registered
	}
	return domain
}
