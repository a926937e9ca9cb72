package sms

import (
	"strings"
	"unicode/utf16"
)

// Lengths of one text message and of a part of a longer one: in septets of the GSM 7-bit alphabet, and in units of
// UTF-16 where one character is outside of it (3GPP TS 23.038, 6.1 and 6.2).
const (
	septetsAlone, septetsInPart = 160, 153
	unitsAlone, unitsInPart     = 70, 67
)

// gsmBasic costs one septet a character, gsmExtended two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// plainer are characters that one of the alphabet stands for, so that a quotation mark does not halve a message.
var plainer = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "‘", "'", "’", "'", "‚", "'", "`", "'", "´", "'",
	"–", "-", "—", "-", "‑", "-", "−", "-", "…", "...", "•", "*", "·", "*", "\u00a0", " ", "\u202f", " ", "\u2009", " ",
)

// septets is how many septets a text takes; ok is false where the alphabet lacks a character.
func septets(text string) (count int, ok bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			count++
		case strings.ContainsRune(gsmExtended, r):
			count += 2
		default:
			return 0, false
		}
	}
	return count, true
}

// Segments is how many messages a text is sent and paid as.
func Segments(text string) int {
	if count, ok := septets(text); ok {
		return parts(count, septetsAlone, septetsInPart)
	}
	return parts(len(utf16.Encode([]rune(text))), unitsAlone, unitsInPart)
}

func parts(length, alone, inPart int) int {
	if length <= alone {
		return 1
	}
	return (length + inPart - 1) / inPart
}
