package main

import (
	"strings"
	"testing"
	"time"
)

func TestMomentsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          now,
		"2026-12-24T03:00:00+01:00": time.Date(2026, 12, 24, 2, 0, 0, 0, time.UTC),
		"2026-12-24T02:00Z":         time.Date(2026, 12, 24, 2, 0, 0, 0, time.UTC),
		"2026-12-24T03:00":          time.Date(2026, 12, 24, 3, 0, 0, 0, time.Local),
		"2026-12-24 03:00:05":       time.Date(2026, 12, 24, 3, 0, 5, 0, time.Local),
	} {
		if at, err := momentOr(text, now); err != nil || !at.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, at, err, want)
		}
	}
	if _, err := momentOr("yesterday", now); err == nil || !strings.Contains(err.Error(), "--at") {
		t.Errorf("yesterday: got %v, want an error that names the flag", err)
	}
}

func TestASampleGoesWhereTheSettingsSay(t *testing.T) {
	t.Parallel()
	_, _, stderr := command(t, []string{"AFTERHOURS_SMTP_ADDR=127.0.0.1:1"}, "send-sample")
	if !strings.Contains(stderr, "127.0.0.1:1") {
		t.Errorf("got %q, want the address of the settings", stderr)
	}
}
