package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// sightings are what a browser did that its page must not make it do.
type sightings struct {
	mutex      sync.Mutex
	boxes      []string
	requests   []string // addresses but data: and about:
	complaints []string // of the browser's log
	over       int      // requests that are over
	received   int      // octets of their answers with headers, as they went over the line
}

// watch collects what the browser of a context does from now on; boxes are dismissed.
func watch(t *testing.T, ctx context.Context) *sightings {
	t.Helper()
	seen, boxes := &sightings{}, make(chan struct{}, 1000)
	err := chromedp.Listen(ctx, func(event any) {
		seen.mutex.Lock()
		defer seen.mutex.Unlock()
		switch event := event.(type) {
		case *page.EventJavascriptDialogOpening:
			seen.boxes = append(seen.boxes, event.Message)
			boxes <- struct{}{}
		case *network.EventRequestWillBeSent:
			if scheme, _, _ := strings.Cut(event.Request.URL, ":"); scheme != "data" && scheme != "about" {
				seen.requests = append(seen.requests, event.Request.URL)
			}
		case *network.EventLoadingFinished:
			seen.over++
			seen.received += int(event.EncodedDataLength)
		case *log.EventEntryAdded:
			seen.complaints = append(seen.complaints, event.Entry.Text+" "+event.Entry.URL)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-boxes:
				_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) // it may be gone with its page
			}
		}
	}()
	if err := chromedp.Do(ctx, enableLog, enableNetwork); err != nil {
		t.Fatal(err)
	}
	return seen
}

func enableNetwork(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
	return chromedp.Void{}, err
}

// all returns copies of what was seen.
func (s *sightings) all() (boxes, requests, complaints []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.boxes), slices.Clone(s.requests), slices.Clone(s.complaints)
}

// answered says how many requests are over, and how many octets came with them.
func (s *sightings) answered() (requests, octets int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.over, s.received
}

// forget begins anew.
func (s *sightings) forget() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.boxes, s.requests, s.complaints = nil, nil, nil
}
