package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

const onePhone = `
schedules: []
people:
  - {id: ben, name: Ben, contacts: [{id: cell, channel: sms, to: "+34600000002"}]}
policies:
  - {id: security, steps: [{notify: ["person:ben"], wait: 1h}]}
`

func TestATelephoneIsNotRungTwiceInAMinute(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `
schedules: []
people:
  - {id: ben, name: Ben, contacts: [{id: cell, channel: sms, to: "+34600000002"}, {id: call, channel: voice, to: "+34600000002"}],
     notify: [{after: 0s, contact: cell}, {after: 20s, contact: call}]}
policies:
  - {id: security, steps: [{notify: ["person:ben"], wait: 1h}]}
`)
	begin := r.now
	r.change(t, 1, tickets.ChangeCreated)
	if sent := r.deliver(t); len(sent) != 1 || sent[0].Channel != "sms" {
		t.Fatalf("at first: got %+v", sent)
	}
	for r.now.Sub(begin) < 59*time.Second {
		r.tick(t, time.Second)
		if sent := r.deliver(t); len(sent) != 0 {
			t.Fatalf("after %s: got %+v", r.now.Sub(begin), sent)
		}
	}
	r.tick(t, time.Second) // the call of the same ticket waited, and was not bundled
	if sent := r.deliver(t); len(sent) != 1 || sent[0].Channel != "voice" || sent[0].Type != oncall.PageType || sent[0].Attempts != 1 {
		t.Errorf("after a minute: got %+v, want the call", sent)
	}
}

func TestAStormRingsATelephoneFiveTimesInAQuarterOfAnHourAndLosesNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, onePhone)
	begin := r.now
	const storm = 40
	var rang []time.Time
	told, summaries := 0, 0
	count := func(sent []oncall.Page) {
		for _, page := range sent {
			rang = append(rang, r.now)
			if page.Type == oncall.SummaryType {
				summaries++
				told += summaryOf(t, page).Count
			} else {
				told++
			}
		}
	}
	for number := int64(1); r.now.Sub(begin) < 40*time.Minute; r.tick(t, time.Second) {
		if number <= storm && r.now.Sub(begin) >= time.Duration(number-1)*7*time.Second {
			r.change(t, number, tickets.ChangeCreated)
			number++
		}
		count(r.deliver(t))
	}
	if told != storm {
		t.Errorf("told of %d tickets of %d, by %d summaries", told, storm, summaries)
	}
	if rang[0].Sub(begin) != 0 {
		t.Errorf("the first rang after %s", rang[0].Sub(begin))
	}
	for i := range rang {
		if i > 0 && rang[i].Sub(rang[i-1]) < oncall.PhoneEvery {
			t.Errorf("rang %s after the one before", rang[i].Sub(rang[i-1]))
		}
		if i >= oncall.PhoneCalls && rang[i].Sub(rang[i-oncall.PhoneCalls]) < oncall.PhoneWithin {
			t.Errorf("rang six times in %s", rang[i].Sub(rang[i-oncall.PhoneCalls]))
		}
	}
	if len(rang) < 5 || len(rang) > 10 {
		t.Errorf("rang %d times", len(rang))
	}
}

func TestOtherChannelsDoNotWaitForTheTelephone(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `
schedules: []
people:
  - {id: ben, name: Ben, contacts: [{id: cell, channel: sms, to: "+34600000002"}, {id: ring, channel: push, to: "https://ntfy.example/t"}]}
policies:
  - {id: security, steps: [{notify: ["person:ben"], wait: 1h}], bundle: {after: 20, within: 5m}}
`)
	for number := int64(1); number <= 3; number++ {
		r.change(t, number, tickets.ChangeCreated)
	}
	channels := map[string]int{}
	for _, page := range r.deliver(t) {
		channels[page.Channel]++
	}
	if channels["sms"] != 1 || channels["push"] != 3 {
		t.Errorf("got %v, want one text message and every push", channels)
	}
}

// TestASummaryThatFailedLeavesItsTelephoneFree lets a text message with a summary fail: what rang nobody's telephone is not to
// keep the next page from it.
func TestASummaryThatFailedLeavesItsTelephoneFree(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, onePhone)
	for number := range int64(3) {
		r.change(t, number+1, tickets.ChangeCreated)
	}
	r.deliver(t) // the first of them alone; the others are bundled
	r.tick(t, oncall.PhoneEvery)
	r.finishSummary(t, oncall.Outcome{State: oncall.PageFailed, Reason: "refused"})
	if n := r.count(t, `SELECT count(*) FROM pages WHERE type = 'page.summary' AND phoned_at IS NOT NULL`); n != 0 {
		t.Errorf("%d failed summaries count as having rung", n)
	}
}
