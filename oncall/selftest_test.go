package oncall

import (
	"testing"
	"time"
)

var selfTestPlan = SelfTestPlan{Every: 24 * time.Hour, Within: 5 * time.Minute}

// selfTested goes through spans of time with a look every ten seconds, as a gateway does.
type selfTested struct {
	SelfTest
	now                      time.Time
	sent, failed, recovered  int
	lost, cutOff, misread    bool // what becomes of the next mails
	arrivesAfter             time.Duration
	arrivesAt                time.Time
	failedAt, sentAt, backAt time.Time
}

func (s *selfTested) run(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(10 * time.Second) {
		if !s.arrivesAt.IsZero() && !s.now.Before(s.arrivesAt) && s.ArrivedAt == nil {
			at := s.now
			s.ArrivedAt, s.arrivesAt, s.Fault = &at, time.Time{}, ""
			if s.misread {
				s.Fault = "its title was read wrongly"
			} else {
				s.LastArrivedAt = &at
			}
		}
		switch s.Look(selfTestPlan, s.now) {
		case SelfTestSends:
			s.sent, s.sentAt = s.sent+1, s.now
			if s.cutOff {
				s.Fault = "connection refused"
				continue
			}
			at := s.now
			s.SentAt, s.Fault = &at, ""
			if !s.lost {
				s.arrivesAt = s.now.Add(s.arrivesAfter)
			}
		case SelfTestFails:
			number := int64(1000 + s.failed)
			s.failed, s.failedAt, s.Ticket = s.failed+1, s.now, &number
		case SelfTestRecovers:
			s.recovered, s.backAt, s.Ticket = s.recovered+1, s.now, nil
		}
	}
}

func (s *selfTested) want(t *testing.T, when string, sent, failed, recovered int) {
	t.Helper()
	if s.sent != sent || s.failed != failed || s.recovered != recovered {
		t.Errorf("%s: %d sent, %d failed, %d recovered, want %d, %d, %d", when, s.sent, s.failed, s.recovered, sent, failed, recovered)
	}
}

func newSelfTested() *selfTested {
	return &selfTested{now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), arrivesAfter: 30 * time.Second}
}

func TestTheFirstSelfTestComesTenMinutesAfterTheFirstLookAndThenOneADay(t *testing.T) {
	t.Parallel()
	s := newSelfTested()
	s.run(9 * time.Minute)
	s.want(t, "nine minutes", 0, 0, 0)
	s.run(2 * time.Minute)
	s.want(t, "eleven minutes", 1, 0, 0)
	s.run(30 * 24 * time.Hour)
	s.want(t, "thirty days", 31, 0, 0)
}

func TestALostSelfTestFailsOnceAndTheNextThatComesThroughEndsIt(t *testing.T) {
	t.Parallel()
	s := newSelfTested()
	s.lost = true
	s.run(6 * time.Hour)
	if s.failed != 1 || s.recovered != 0 {
		t.Errorf("lost: failed %d, recovered %d, want 1, 0", s.failed, s.recovered)
	}
	if late := s.failedAt.Sub(newSelfTested().now.Add(selfTestFirst)); late < selfTestPlan.Within || late > selfTestPlan.Within+time.Minute {
		t.Errorf("failed %s after it was sent, want about %s", late, selfTestPlan.Within)
	}
	s.lost = false
	mended := s.now
	s.run(time.Hour)
	if s.failed != 1 || s.recovered != 1 || s.backAt.Sub(mended) > selfTestPlan.Within+time.Minute {
		t.Errorf("mended: failed %d, recovered %d after %s", s.failed, s.recovered, s.backAt.Sub(mended))
	}
	sent := s.sent
	s.run(25 * time.Hour)
	s.want(t, "a day later", sent+1, 1, 1)
}

func TestTimeInWhichNobodyWatchedIsNoSilence(t *testing.T) {
	t.Parallel()
	s := newSelfTested()
	s.lost = true
	s.run(selfTestFirst + time.Minute) // sent a minute ago
	s.now = s.now.Add(3 * time.Hour)   // every gateway is off
	s.arrivesAt = s.now.Add(20 * time.Second)
	s.lost = false
	s.run(time.Hour)
	s.want(t, "back", 1, 0, 0)
	s.now = s.now.Add(20 * time.Hour) // the interval goes on while everything is off
	s.run(3 * time.Hour)
	s.want(t, "a day after the first", 2, 0, 0)
}

func TestAMailThatCannotBeSentIsTriedAgainAndFails(t *testing.T) {
	t.Parallel()
	s := newSelfTested()
	s.cutOff = true
	s.run(selfTestFirst + 2*time.Minute)
	if s.sent < 4 || s.failed != 0 {
		t.Errorf("two minutes: %d attempts, failed %d, want at least 4, 0", s.sent, s.failed)
	}
	s.run(5 * time.Minute)
	if s.failed != 1 {
		t.Errorf("failed %d, want once", s.failed)
	}
	s.cutOff = false
	s.run(time.Hour)
	if s.failed != 1 || s.recovered != 1 {
		t.Errorf("mended: failed %d, recovered %d, want 1, 1", s.failed, s.recovered)
	}
}

func TestAMailThatIsReadWronglyFails(t *testing.T) {
	t.Parallel()
	s := newSelfTested()
	s.misread = true
	s.run(selfTestFirst + 2*time.Minute)
	if s.failed != 1 {
		t.Fatalf("failed %d, want once", s.failed)
	}
	s.misread = false
	s.run(time.Hour)
	if s.failed != 1 || s.recovered != 1 {
		t.Errorf("mended: failed %d, recovered %d, want 1, 1", s.failed, s.recovered)
	}
}

func TestOnlyASignedAddressIsAProbe(t *testing.T) {
	t.Parallel()
	links := Links{Key: []byte("a key of thirty-two octets or more"), Domain: "mx.example"}
	other := Links{Key: []byte("another key of thirty-two octets!"), Domain: "mx.example"}
	own := links.ProbeAddress(7)
	for address, want := range map[string]bool{
		own: true, other.ProbeAddress(7): false, "self-test+7@mx.example": false, "self-test@mx.example": false,
		links.ReplyAddress(7): false, "defender@mx.example": false, "": false,
	} {
		if got := links.IsProbe([]string{address}); got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
	}
	if links.IsProbe([]string{own, "defender@mx.example"}) {
		t.Error("a mail that goes to somebody else, too, passes for a self-test")
	}
	if _, ok := links.ReplyPage(own); ok {
		t.Error("a self-test's address passes for a reply's")
	}
}
