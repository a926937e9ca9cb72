package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"afterhours/tickets"
)

// Bounds of live pages.
const (
	liveEvery  = time.Second      // between two looks at what is new
	liveBeat   = 20 * time.Second // between two signs of life, so that proxies keep the stream
	liveWrite  = 10 * time.Second // for one event to leave
	maxStreams = 500
	askEvery   = 3 // looks between two questions for sessions that are over
)

// live tells open pages that something happened, and ends those whose session is over. It looks for all of them together, and
// not at all while there are none.
type live struct {
	newest func(ctx context.Context) (int64, error)
	open   func(ctx context.Context, sessions []string) (map[string]bool, error)
	done   chan struct{}

	mutex   sync.Mutex
	streams map[chan int64]string // by the session that asked for each
	looking bool
	closed  bool
}

func newLive(newest func(ctx context.Context) (int64, error), open func(ctx context.Context, sessions []string) (map[string]bool, error)) *live {
	return &live{newest: newest, open: open, done: make(chan struct{}), streams: map[chan int64]string{}}
}

// join adds a session's stream and begins to look where it is the first. The stream is closed when the session is over.
func (l *live) join(session string) (news chan int64, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed || len(l.streams) >= maxStreams {
		return nil, false
	}
	news = make(chan int64, 1)
	l.streams[news] = session
	if !l.looking {
		l.looking = true
		go l.look()
	}
	return news, true
}

func (l *live) leave(news chan int64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.streams, news)
}

// look passes the newest event on until there is nobody to tell. A database that is away is news of nothing.
func (l *live) look() {
	ticker := time.NewTicker(liveEvery)
	defer ticker.Stop()
	for looks := 1; ; looks++ {
		select {
		case <-l.done:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), liveEvery)
		if looks%askEvery == 0 {
			l.endThoseOver(ctx)
		}
		newest, err := l.newest(ctx)
		cancel()
		if !l.tell(newest, err == nil) {
			return
		}
	}
}

// endThoseOver closes the streams of sessions that are over. A database that is away ends none.
func (l *live) endThoseOver(ctx context.Context) {
	l.mutex.Lock()
	asked := maps.Clone(l.streams)
	l.mutex.Unlock()
	sessions := slices.Collect(maps.Values(asked))
	open, err := l.open(ctx, sessions)
	if err != nil {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for news, session := range asked {
		if _, there := l.streams[news]; there && !open[session] {
			delete(l.streams, news)
			close(news)
		}
	}
}

func (l *live) tell(newest int64, known bool) (anybody bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for news := range l.streams {
		if !known {
			break
		}
		select {
		case <-news: // what was not read yet is old
		default:
		}
		news <- newest
	}
	l.looking = len(l.streams) > 0
	return l.looking
}

func (l *live) close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.closed {
		l.closed = true
		close(l.done)
	}
}

// streamNews is GET /tickets/live?after=N: server-sent events (WHATWG HTML, 9.2), one named "changed" each time that
// something happened to any ticket after the event N.
func (s *Site) streamNews(w http.ResponseWriter, r *http.Request) error {
	known, err := queryNumber(r, "after")
	if err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if known, err = strconv.ParseInt(last, 10, 64); err != nil {
			return &tickets.InvalidError{Field: "Last-Event-ID", Reason: "it is not a number"}
		}
	}
	news, ok := s.live.join(s.Auth.CurrentSession(r.Context()))
	if !ok {
		return fmt.Errorf("live pages: %w", tickets.ErrUnavailable)
	}
	defer s.live.leave(news)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	control := http.NewResponseController(w)
	// The deadlines are those of a request that ends. Where they cannot be moved, the page asks again after them.
	_ = control.SetReadDeadline(time.Time{})
	for text := ": here\n\n"; ; {
		if text != "" {
			_ = control.SetWriteDeadline(s.Now().Add(liveWrite))
			if _, err := w.Write([]byte(text)); err != nil {
				return nil // the reader has gone
			}
			if err := control.Flush(); err != nil {
				return nil
			}
		}
		text = ""
		select {
		case <-r.Context().Done():
			return nil
		case <-s.live.done:
			return nil
		case <-beat.C:
			text = ": still here\n\n"
		case newest, on := <-news:
			if !on {
				return nil // the session is over; the browser asks again and is sent to the sign-in
			}
			if newest > known {
				known = newest
				text = fmt.Sprintf("id: %d\nevent: changed\ndata: %d\n\n", newest, newest)
			}
		}
	}
}
