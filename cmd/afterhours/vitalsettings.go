package main

import (
	"net/url"
	"time"

	"afterhours/oncall"
)

// vitalSettings say how an installation shows that it lives.
type vitalSettings struct {
	HeartbeatURL   string        `name:"heartbeat-url" placeholder:"URL" help:"Address outside that is called each minute while all is well; whoever keeps it tells of its silence."`
	SelfTestEvery  time.Duration `name:"self-test-every" default:"24h" placeholder:"TIME" help:"How often a mail is sent through the whole way in; 0 never (default ${default})."`
	SelfTestWithin time.Duration `name:"self-test-within" default:"5m" placeholder:"TIME" help:"How long it may take before that pages (default ${default})."`
}

// Bounds of the self-test: a shorter time would page for every restart, a longer one for nothing.
const (
	leastSelfTest       = 10 * time.Minute
	longestSelfTest     = 30 * 24 * time.Hour
	leastSelfTestWithin = time.Minute
)

func (s vitalSettings) validate() error {
	if s.HeartbeatURL != "" {
		target, err := url.Parse(s.HeartbeatURL)
		if err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http" {
			return invalid("heartbeat-url", "is not an http or https URL")
		}
	}
	if s.SelfTestEvery == 0 {
		return nil
	}
	if s.SelfTestEvery < leastSelfTest || s.SelfTestEvery > longestSelfTest {
		return invalid("self-test-every", "must be from %s to %s, or 0 for never", oncall.Duration(leastSelfTest), oncall.Duration(longestSelfTest))
	}
	if s.SelfTestWithin < leastSelfTestWithin || s.SelfTestWithin > s.SelfTestEvery {
		return invalid("self-test-within", "must be from %s to %s, the time between two of them", oncall.Duration(leastSelfTestWithin), oncall.Duration(s.SelfTestEvery))
	}
	return nil
}

func (s vitalSettings) selfTestPlan() oncall.SelfTestPlan {
	return oncall.SelfTestPlan{Every: s.SelfTestEvery, Within: s.SelfTestWithin}
}
