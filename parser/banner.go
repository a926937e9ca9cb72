package parser

import (
	"regexp"
	"slices"
	"strings"
)

// banners are what an organisation's filters write above mail from outside, in the words of common filters.
var banners = regexp.MustCompile(`(?i)^\W*(?:caution|warning|external|attention|achtung|vorsicht|note|security notice|avertissement|advertencia|precaución|atención|atenção|attenzione|let op|uwaga)\b.{0,80}\b(?:e-?mail|message|sender|outside|extern|nachricht|mensaje|courriel)|\b(?:originated|came|is|sent|comes?) (?:from )?(?:an? )?(?:outside|external)\b.{0,30}\b(?:organi[sz]ation|company|network|sender|source)|you don(?:'|’)t often get e-?mail from|this (?:message|e-?mail) (?:is|was) (?:sent )?from an external|do not click (?:on )?(?:any )?links|learn why this is important|pfptbanner(?:start|end)`)

// bannerHints are words one of which every banner has, in lower case: looking for them is cheaper than for banners.
var bannerHints = []string{"caution", "warning", "external", "outside", "attention", "achtung", "vorsicht", "notice", "note", "avertissement", "advertencia", "precaución", "atención", "atenção", "attenzione", "let op", "uwaga", "often get", "do not click", "learn why", "pfptbanner"}

// longestBanner is how long a banner is at most, in octets.
const longestBanner = 600

func isBanner(text string) bool {
	var buffer [longestBanner]byte
	if len(text) >= len(buffer) {
		return false
	}
	lower := lowered(buffer[:0], text)
	return words().banners.in(lower) || words().hints.in(lower) && banners.MatchString(text)
}

// bannerRows is how far down banners are looked for.
const bannerRows = 60

// withoutBanner takes off what filters put above a mail. Proofpoint pastes a mangled preview of the body before its
// banner, so whatever stands above its end goes with it.
func withoutBanner(s source) source {
	rows := s.page.rows
	for i := min(len(rows), bannerRows) - 1; i >= 0; i-- {
		text := rows[i].text()
		if (strings.Contains(text, "anner") || strings.Contains(text, "ANNER")) && strings.Contains(strings.ToLower(text), "pfptbannerend") {
			if i+1 < len(rows) {
				rows = rows[i+1:]
			}
			break
		}
	}
	for i := range min(len(rows), 8) {
		if isBanner(rows[i].text()) {
			rows = slices.Concat(rows[:i], rows[i+1:])
			break
		}
	}
	s.page.rows = rows
	return s
}

// withoutMarks takes the marks out of a text by which Proofpoint finds its own banner again.
func withoutMarks(text string) string {
	if !strings.Contains(text, "ZjQcmQRYFpfptBanner") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "ZjQcmQRYFpfptBannerStart", ""), "ZjQcmQRYFpfptBannerEnd", "")
}
