package defender

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Bounds of what is taken from one alert.
const (
	maxText     = 4_000 // characters of a description or a command line
	maxWord     = 500   // characters of a title, a name, an address
	maxEvidence = 25
)

// decodePage reads an OData list element by element, so that a page of ten thousand is never held twice. each gets the
// raw element.
func decodePage(body io.Reader, each func(element json.RawMessage) error) (next string, err error) {
	decoder := json.NewDecoder(body)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return "", err
	}
	found := false
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return "", err
		}
		switch key {
		case "value":
			found = true
			if err := expect(decoder, json.Delim('[')); err != nil {
				return "", err
			}
			for decoder.More() {
				var element json.RawMessage
				if err := decoder.Decode(&element); err != nil {
					return "", err
				}
				if err := each(element); err != nil {
					return "", err
				}
			}
			if err := expect(decoder, json.Delim(']')); err != nil {
				return "", err
			}
		case "@odata.nextLink":
			if err := decoder.Decode(&next); err != nil {
				return "", err
			}
		default:
			var skipped json.RawMessage
			if err := decoder.Decode(&skipped); err != nil {
				return "", err
			}
		}
	}
	if err := expect(decoder, json.Delim('}')); err != nil {
		return "", err
	}
	if !found {
		return "", errors.New("the answer holds no list")
	}
	return next, nil
}

func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("the answer has %v where %v belongs", token, want)
	}
	return nil
}

// text is a string that may also come as a number or null.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	switch value := value.(type) {
	case string:
		*t = text(value)
	case nil:
		*t = ""
	default:
		*t = text(raw)
	}
	return nil
}

// word is a value without what Microsoft writes for none.
func (t text) word() string {
	switch word := clean(string(t), maxWord); strings.ToLower(word) {
	case "null", "unknown", "none":
		return ""
	default:
		return word
	}
}

// at is a moment, or the zero time: Microsoft writes 0 to 7 digits of a fraction, and sometimes no zone.
func (t text) at() time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, string(t)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// capitalised is an enumeration's value as the Defender API writes it: Graph begins with a small letter.
func (t text) capitalised() string {
	word := t.word()
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// clean makes a text safe to store and to show: valid, without control characters other than line feeds, and bounded.
func clean(value string, most int) string {
	value = strings.ToValidUTF8(value, "\uFFFD")
	value = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\r' || unicode.IsControl(r):
			return ' '
		}
		return r
	}, value)
	value = strings.TrimSpace(value)
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most-1]) + "…"
	}
	return value
}

// line is clean on one line.
func line(value string, most int) string {
	return strings.Join(strings.Fields(clean(value, most)), " ")
}
