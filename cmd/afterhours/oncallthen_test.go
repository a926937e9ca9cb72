package main

import (
	"testing"

	"afterhours/oncall"
)

func TestWhoIsOnCallSaysWhereTheHistoryDiffers(t *testing.T) {
	t.Parallel()
	configuration := oncall.Configuration{People: []oncall.Person{{ID: "ana", Name: "Ana"}}}
	then := map[string]oncall.Record{"primary": {Person: "ana"}, "nights": {}}
	for _, at := range []struct{ schedule, person, want string }{
		{"primary", "ana", ""},
		{"primary", "ben", "; in truth ana (Ana) was: the schedule has changed since"},
		{"primary", "", "; in truth ana (Ana) was: the schedule has changed since"},
		{"nights", "ben", "; in truth nobody was: the schedule has changed since"},
		{"nights", "", ""},
		{"new", "ben", ""},
	} {
		if got := recordedThen(configuration, then, at.schedule, at.person); got != at.want {
			t.Errorf("%s, now %q: got %q, want %q", at.schedule, at.person, got, at.want)
		}
	}
}
