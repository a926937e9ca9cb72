package anonymise

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"
)

// Letters by class, so that a made-up word can be spoken.
const (
	vowels     = "aeiou"
	consonants = "bcdfghjklmnprstvwz"
	hexLetters = "abcdef"
)

// stream gives the octets that a token's replacement is made of; each try gives others.
func (a *Anonymiser) stream(kind, token string, try int) []byte {
	var octets []byte
	for block := 0; len(octets) <= len(token)+32; block++ {
		mac := hmac.New(sha256.New, a.key)
		fmt.Fprintf(mac, "%s\x00%s\x00%d\x00%d", kind, strings.ToLower(token), try, block)
		octets = mac.Sum(octets)
	}
	return octets
}

// word is the replacement of a word of any script: vowels for vowels, consonants for consonants, digits for digits, in the
// case of the occurrence. Everything else stays. No two words become one, and none becomes a word that means something.
func (a *Anonymiser) word(token string) string {
	return a.replaced("word", token, func(octets []byte) string {
		var out strings.Builder
		for i, r := range []rune(strings.ToLower(token)) {
			octet := octets[i%len(octets)]
			switch {
			case unicode.IsDigit(r):
				out.WriteByte('0' + octet%10)
			case strings.ContainsRune("aeiouyäöüáéíóúàèìòùâêîôûæøåœ", r):
				out.WriteByte(vowels[int(octet)%len(vowels)])
			case unicode.IsLetter(r):
				out.WriteByte(consonants[int(octet)%len(consonants)])
			default:
				out.WriteRune(r)
			}
		}
		return out.String()
	})
}

// hex is the replacement of an id of hexadecimal digits: a GUID, a digest. The marks between them stay.
func (a *Anonymiser) hex(token string) string {
	return a.replaced("hex", token, func(octets []byte) string {
		var out strings.Builder
		for i, r := range strings.ToLower(token) {
			octet := octets[i%len(octets)]
			switch {
			case r >= '0' && r <= '9':
				out.WriteByte('0' + octet%10)
			case r >= 'a' && r <= 'f':
				out.WriteByte(hexLetters[int(octet)%len(hexLetters)])
			default:
				out.WriteRune(r)
			}
		}
		return out.String()
	})
}

// digits is the replacement of a number that is an id: of the same length, and not beginning with 0.
func (a *Anonymiser) digits(token string) string {
	return a.replaced("digits", token, func(octets []byte) string {
		var out strings.Builder
		for i, r := range token {
			switch {
			case r < '0' || r > '9':
				out.WriteRune(r)
			case i == 0:
				out.WriteByte('1' + octets[i]%9)
			default:
				out.WriteByte('0' + octets[i%len(octets)]%10)
			}
		}
		return out.String()
	})
}

// address4 and address6 are of the networks that are set aside for measurements and for documents (RFC 2544, RFC 3849).
func (a *Anonymiser) address4(token string) string {
	return a.replaced("ipv4", token, func(octets []byte) string {
		return fmt.Sprintf("198.%d.%d.%d", 18+octets[0]%2, octets[1], 1+octets[2]%254)
	})
}

func (a *Anonymiser) address6(token string) string {
	return a.replaced("ipv6", token, func(octets []byte) string {
		return fmt.Sprintf("2001:db8::%x%02x:%x%02x", 1+octets[0]%15, octets[1], 1+octets[2]%15, octets[3])
	})
}

// replaced remembers replacements and makes a new one until it is free.
func (a *Anonymiser) replaced(kind, token string, make func(octets []byte) string) string {
	folded := kind + "\x00" + strings.ToLower(token)
	known, ok := a.made[folded]
	for try := 0; !ok; try++ {
		known = make(a.stream(kind, token, try))
		ok = !a.taken[kind+known] && !strings.EqualFold(known, token) && !meaningful[known] || try > 200
	}
	a.made[folded], a.taken[kind+known] = known, true
	return inCaseOf(token, known)
}

// inCaseOf writes a replacement in the case of an occurrence.
func inCaseOf(occurrence, replacement string) string {
	from, to := []rune(occurrence), []rune(replacement)
	if len(from) != len(to) {
		return replacement
	}
	for i, r := range from {
		if unicode.IsUpper(r) {
			to[i] = unicode.ToUpper(to[i])
		}
	}
	return string(to)
}
