package api

import (
	"errors"
	"math"
	"strings"
	"testing"

	"afterhours/tickets"
)

func TestACursorComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, before := range []int64{1, 1042, math.MaxInt64} {
		text := cursor(before)
		if got, err := readCursor(text); err != nil || got != before || strings.ContainsAny(text, "+/=&?% ") {
			t.Errorf("%d: got %d, %v through %q", before, got, err, text)
		}
	}
	if got := cursor(0); got != "" {
		t.Errorf("the end: got %q, want none", got)
	}
}

func TestAStrangeCursorIsInvalid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1042", "!", "YmVmb3JlOg", "YmVmb3JlOi0x", "YmVmb3JlOjA", cursor(7) + "=", cursor(7) + "A"} {
		if _, err := readCursor(text); !errors.Is(err, tickets.ErrInvalid) {
			t.Errorf("%q: got %v, want invalid", text, err)
		}
	}
}

func TestANumberIsMalformedOrNotThere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"": tickets.ErrInvalid, "x": tickets.ErrInvalid, "-1": tickets.ErrInvalid, "+1": tickets.ErrInvalid, "٣": tickets.ErrInvalid,
		"9223372036854775808": tickets.ErrNotFound, "1042": nil,
	} {
		if _, err := number("number", text); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}

func TestWhatAnErrorMeansInHTTP(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		tickets.ErrNotFound: 404, tickets.ErrInvalid: 400, tickets.ErrConflict: 409, tickets.ErrForbidden: 403, tickets.ErrUnavailable: 503, errors.New("x"): 500,
	} {
		if status, detail := StatusOf(err); status != want || (detail == "") != (want == 500) {
			t.Errorf("%v: got %d %q, want %d", err, status, detail, want)
		}
	}
}
