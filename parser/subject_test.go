package parser

import "testing"

func TestMarksAreTakenOffASubject(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]struct {
		bare               string
		forwarded, replied bool
	}{
		"Re: x":                    {"x", false, true},
		"RE[2]: Fwd: x":            {"x", true, true},
		"Re (3) : x":               {"x", false, true},
		"re^4: x":                  {"x", false, true},
		"Re[1234]: x":              {"Re[1234]: x", false, false},
		"VS: x":                    {"x", true, true}, // a forward in Danish and a reply in Finnish
		"WG:[EXTERNAL] AW： x":      {"x", true, true},
		"İLT: x":                   {"x", true, false},
		"転送：x":                     {"x", true, false},
		"Fw:":                      {"Fw:", true, false},
		"Report: x":                {"Report: x", false, false},
		"New incident: re: merged": {"New incident: re: merged", false, false},
	} {
		bare, forwarded, replied := readSubject(subject)
		if bare != want.bare || forwarded != want.forwarded || replied != want.replied {
			t.Errorf("%s: got %q, %v, %v", subject, bare, forwarded, replied)
		}
	}
}
