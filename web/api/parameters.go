package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"afterhours/tickets"
)

func invalid(field, reason string, args ...any) error {
	return &tickets.InvalidError{Field: field, Reason: fmt.Sprintf(reason, args...)}
}

// maxQuery bounds a search, in characters.
const maxQuery = 500

// number reads a path's number. One that is longer than any number we give is not malformed, it is only not there.
func number(field, text string) (int64, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, invalid(field, "%q is not a number", clip(text))
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", field, tickets.ErrNotFound)
	}
	return value, nil
}

func moment(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	// A plus sign that was not escaped arrives as a space.
	at, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1))
	if err != nil {
		return time.Time{}, invalid(field, "%q is not a time in RFC 3339 like 2026-12-24T03:00:00Z", clip(text))
	}
	return at.UTC(), nil
}

// choices reads a parameter that may be repeated and may hold several values with commas between.
func choices[T ~string](field string, given []string, valid func(T) bool) ([]T, error) {
	var chosen []T
	for value := range strings.SplitSeq(strings.Join(given, ","), ",") {
		value = strings.TrimSpace(value)
		if value == "" {
			continue
		}
		if !valid(T(value)) {
			return nil, invalid(field, "%q is none of its values", clip(value))
		}
		chosen = append(chosen, T(value))
	}
	return chosen, nil
}

func limit(text string) (int, error) {
	if text == "" {
		return tickets.DefaultLimit, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 || value > tickets.MaxLimit {
		return 0, invalid("limit", "give a number from 1 to %d", tickets.MaxLimit)
	}
	return value, nil
}

const cursorPrefix = "before:"

// cursor is the place in a list from which it goes on; empty at the end.
func cursor(before int64) string {
	if before == 0 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.FormatInt(before, 10)))
}

func readCursor(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	digits, ok := strings.CutPrefix(string(raw), cursorPrefix)
	before, parseErr := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || parseErr != nil || before < 1 {
		return 0, invalid("cursor", "use the next_cursor of an answer as it is")
	}
	return before, nil
}

// decode reads a JSON object of one body into fields.
func decode(body []byte, fields any) error {
	if !utf8.Valid(body) {
		return invalid("body", "it is not UTF-8")
	}
	if err := json.Unmarshal(body, fields); err != nil {
		return invalid("body", "it is not the JSON object that this route takes")
	}
	return nil
}

// clip shortens what a user sent for an answer that repeats it.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}
