package web

import (
	"net/url"
	"testing"

	"afterhours/oncall"
	"afterhours/tickets"
)

func TestAWaitBesideWaitsBySeverityIsThatOfTheOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values url.Values
		want   string
	}{
		{url.Values{"steps[0].wait": {"5m"}, "steps[0].wait.high": {""}}, "5m"},
		{url.Values{"steps[0].wait": {"5m"}, "steps[0].wait.high": {"2m"}, "steps[0].hours[0].from": {"09:00"}, "steps[0].hours[0].to": {"17:00"}}, "high 2m, other 5m"},
	} {
		c.values.Set("id", "p")
		c.values.Set("steps[0].notify[]", "webhook:soc")
		text, _ := entryForm{Values: c.values}.document("policies")
		document, err := oncall.ParseFile("form", text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		current := oncall.Configuration{Webhooks: []oncall.Webhook{{ID: "soc", URL: "https://soc.example"}}}
		changed, err := current.Put("policies", 0, document, func(_, _, _ string) error { return nil })
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		step := changed.Policies[0].Steps[0]
		if step.Wait.String() != c.want || step.Wait.For(tickets.Low) == 0 {
			t.Errorf("got %s, want %s", step.Wait, c.want)
		}
		entry, err := changed.Entry("policies", 0)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := formOf(entry)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, group := range policyFields(shown, changed) {
			for _, field := range group.Fields {
				found = found || field.Name == "steps[0].wait" && field.Value == "5m"
			}
		}
		if !found {
			t.Errorf("%s: the form does not show the wait of the others", c.want)
		}
	}
}

func TestAWindowThatEndsAtMidnightCanBeSavedFromABrowser(t *testing.T) {
	t.Parallel()
	f := entryForm{Values: url.Values{"hours[0].from": {"18:00"}, "hours[0].to": {"24:00"}}}
	if got := f.hours("hours", "Hours", "")[0].Fields[2].Value; got != "00:00" {
		t.Errorf("got %q, which a browser's input of a time must know", got)
	}
}
