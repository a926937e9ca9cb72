package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressEvery is how often a progress that is no bar says a line.
const progressEvery = 5 * time.Second

// progress tells how far a long run has come: a bar on a terminal, a line now and then elsewhere.
type progress interface {
	// advance adds octets of the whole; done are the mails so far.
	advance(octets int64, done int)
	end()
}

func newProgress(out io.Writer, total int64, now func() time.Time) progress {
	if isTerminal(out) {
		return barProgress{progressbar.NewOptions64(max(total, 1),
			progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionShowElapsedTimeOnFinish())}
	}
	return &lineProgress{out: out, now: now, total: total, began: now(), said: now()}
}

type barProgress struct{ *progressbar.ProgressBar }

func (b barProgress) advance(octets int64, done int) {
	b.Describe(fmt.Sprintf("%d mails", done))
	_ = b.Add64(octets) // a bar that cannot be drawn does not stop the work
}

func (b barProgress) end() { _ = b.Exit() } // as above; the bar's line ends here

// lineProgress is for logs and pipes.
type lineProgress struct {
	out         io.Writer
	now         func() time.Time
	total       int64
	passed      int64
	began, said time.Time
}

func (l *lineProgress) advance(octets int64, done int) {
	l.passed += octets
	now := l.now()
	if now.Sub(l.said) < progressEvery {
		return
	}
	l.said = now
	took := now.Sub(l.began)
	left := time.Duration(0)
	if l.passed > 0 {
		left = time.Duration(float64(took) * float64(max(l.total-l.passed, 0)) / float64(l.passed))
	}
	fmt.Fprintf(l.out, "%d mails, %d of %d MB, %.0f mails/s, about %s left\n",
		done, l.passed/1_000_000, (l.total+999_999)/1_000_000, float64(done)/took.Seconds(), left.Round(time.Second))
}

func (l *lineProgress) end() {}
