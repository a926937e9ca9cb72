package oncall

import (
	"testing"
	"time"
)

func TestWhoseConsentAChangeOfAScheduleNeeds(t *testing.T) {
	t.Parallel()
	c, err := load(t, shared)
	if err != nil {
		t.Fatal(err)
	}
	plain := c.Schedules[0] // twelve hours each from the 2nd at 8: Ana, Ben, Chi, Dee
	with := func(overrides ...Override) Schedule {
		changed := plain
		changed.Overrides = overrides
		return changed
	}
	over := func(person string, start, end time.Time) Override {
		return Override{person, LocalAt(start, "UTC"), LocalAt(end, "UTC")}
	}
	empty := Schedule{ID: "primary"}
	now := at(2, 9)
	for name, one := range map[string]struct {
		before, after Schedule
		actor         string
		from, to      time.Time
		want          Turn
	}{
		"a later shift of somebody else":        {plain, with(over("ben", at(3, 8), at(3, 20))), "ben", at(3, 8), at(3, 20), Turn{"chi", at(3, 8), at(3, 20)}},
		"two of others":                         {plain, with(over("ana", at(3, 8), at(3, 23))), "ana", at(3, 8), at(3, 23), Turn{"chi", at(3, 8), at(3, 20)}},
		"one's own":                             {plain, with(over("chi", at(3, 8), at(3, 20))), "chi", at(3, 8), at(3, 20), Turn{}},
		"what runs now, for two hours":          {plain, with(over("ben", at(2, 8), at(2, 11))), "ben", at(2, 8), at(2, 11), Turn{}},
		"what runs now, for longer than may be": {plain, with(over("chi", at(2, 8), at(2, 22))), "chi", at(2, 8), at(2, 22), Turn{"ana", at(2, 9), at(2, 20)}},
		"what runs now and the next one's":      {plain, with(over("chi", at(2, 8), at(2, 21))), "chi", at(2, 8), at(2, 21), Turn{"ben", at(2, 20), at(2, 21)}},
		"a gap":                                 {empty, Schedule{ID: "primary", Overrides: []Override{over("ben", at(3, 8), at(3, 20))}}, "ben", at(3, 8), at(3, 20), Turn{}},
		"back to whoever gave it":               {with(over("ben", at(3, 8), at(3, 20))), plain, "ben", at(3, 8), at(3, 20), Turn{"chi", at(3, 8), at(3, 20)}},
		"what is over":                          {plain, with(over("ben", at(2, 8), at(2, 9))), "ben", at(2, 8), at(2, 9), Turn{}},
		"what another override covers":          {with(over("chi", at(3, 8), at(3, 20))), with(over("ben", at(3, 8), at(3, 20)), over("chi", at(3, 8), at(3, 20))), "ben", at(3, 8), at(3, 20), Turn{}},
	} {
		if got, ok := NeedsConsent(one.before, one.after, one.actor, now, one.from, one.to); got != one.want || ok != (one.want != Turn{}) {
			t.Errorf("%s: got %+v (%v), want %+v", name, got, ok, one.want)
		}
	}
}
