package main

import (
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/chromedp/chromedp"
)

// framesPerPage is how many mails the browser is shown at once.
const framesPerPage = 40

// TestHostileMailsDoNothingInABrowser sends attacks, the corpus and damaged mails of it, takes the frames from the desk's
// pages, and shows them in Chromium under the policy of those pages. Nothing runs, asks anybody or opens a message box; the
// same attacks as they were sent do all three.
func TestHostileMailsDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(canary.Close)
	attacks := hostileHTML(t, strings.TrimPrefix(canary.URL, "http://"))
	app := serveTest(t, nil)
	app.configure(t, `{routes: [{match: {}, action: record}]}`)
	mails := len(attacks)
	for i, attack := range attacks {
		mustSend(t, app.smtpAddr, []byte(fmt.Sprintf("From: a@b.example\r\nSubject: attack %d\r\nMessage-ID: <attack-%d@b.example>\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n",
			i, i, base64.StdEncoding.EncodeToString([]byte(attack)))))
	}
	for _, odd := range oddHTML(t) {
		mails++
		mustSend(t, app.smtpAddr, odd)
	}
	app.settled(t)
	frames, policy := app.framesOfMails(t, len(attacks))
	if len(frames) < len(attacks)/2 {
		t.Fatalf("got frames of %d mails", len(frames))
	}

	gallery := http.NewServeMux()
	gallery.HandleFunc("/safe/{from}", func(w http.ResponseWriter, r *http.Request) {
		from, err := strconv.Atoi(r.PathValue("from"))
		if err != nil || from >= len(frames) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>safe</title>")
		for _, frame := range frames[from:min(from+framesPerPage, len(frames))] {
			_, _ = io.WriteString(w, `<iframe sandbox="" srcdoc="`+html.EscapeString(frame)+`"></iframe>`)
		}
	})
	gallery.HandleFunc("/raw/{attack}", func(w http.ResponseWriter, r *http.Request) {
		at, err := strconv.Atoi(r.PathValue("attack"))
		if err != nil || at >= len(attacks) { // an attack asks for an address beside its own
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>raw</title>"+attacks[at])
	})
	gallery.HandleFunc("/favicon.ico", http.NotFound)
	shown := httptest.NewServer(gallery)
	t.Cleanup(shown.Close)

	ctx := browser(t)
	seen := watch(t, ctx)
	for from := 0; from < len(frames); from += framesPerPage {
		if err := chromedp.Do(ctx, chromedp.Navigate(fmt.Sprint(shown.URL, "/safe/", from))); err != nil {
			t.Fatal(err)
		}
		drawn, err := chromedp.Run(ctx, chromedp.Evaluate[int](`new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(document.querySelectorAll("iframe").length), 100)))`, chromedp.EvalAwaitPromise))
		if want := min(framesPerPage, len(frames)-from); err != nil || drawn != want {
			t.Fatalf("from %d: got %d frames, %v, want %d", from, drawn, err, want)
		}
	}
	boxes, requests, complaints := seen.all()
	requests = slices.DeleteFunc(requests, func(address string) bool {
		return strings.HasPrefix(address, shown.URL+"/safe/") || address == shown.URL+"/favicon.ico"
	})
	complaints = slices.DeleteFunc(complaints, func(told string) bool { return strings.Contains(told, "favicon.ico") })
	if len(boxes)+len(requests)+len(complaints) > 0 || hits.Load() > 0 {
		t.Errorf("got boxes %q, requests %q, %d at the canary, complaints %q", boxes, requests, hits.Load(), complaints)
	}
	t.Logf("%d attacks and %d other mails: %d frames, %d boxes, %d requests, %d scripts that were tried", len(attacks), mails-len(attacks), len(frames), len(boxes), len(requests), len(complaints))

	seen.forget()
	for i := range 3 { // what the browser does with the first of them as they are
		if err := chromedp.Do(ctx, chromedp.Navigate(fmt.Sprint(shown.URL, "/raw/", i))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "unsafe HTML opens boxes and asks the canary", func() bool {
		boxes, _, _ := seen.all()
		return len(boxes) > 0 && hits.Load() > 0
	})
}

// hostileHTML are the attacks that the web's own tests know, with a canary's address in them.
func hostileHTML(t *testing.T, canary string) []string {
	t.Helper()
	file, err := os.ReadFile("../../web/testdata/hostile-html.txt")
	if err != nil {
		t.Fatal(err)
	}
	var attacks []string
	for line := range strings.Lines(strings.ReplaceAll(string(file), "CANARY", canary)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "# ") {
			continue
		}
		if strings.HasPrefix(line, `"`) {
			if line, err = strconv.Unquote(line); err != nil {
				t.Fatal(err)
			}
		}
		attacks = append(attacks, line)
	}
	return attacks
}

// oddHTML are the corpus and damaged mails of it.
func oddHTML(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob("../../parser/testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no mails: %v", err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var mails [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, raw, append([]byte("X-Damaged: yes\r\n"), damaged(random, raw)...))
	}
	return mails
}

// framesOfMails are the documents of the frames on the pages of mails, and the policy of those pages.
func (a *application) framesOfMails(t *testing.T, least int) (frames []string, policy string) {
	t.Helper()
	client := a.signedIn(t)
	rows, err := a.db.pool.Query(t.Context(), `SELECT id, ticket FROM mails WHERE state = 'read' AND ticket IS NOT NULL ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	pages := 0
	for rows.Next() {
		var id, ticket int64
		if err := rows.Scan(&id, &ticket); err != nil {
			t.Fatal(err)
		}
		response, err := client.Get(fmt.Sprintf("%s/tickets/%d/mails/%d?view=html", a.baseURL, ticket, id))
		if err != nil {
			t.Fatal(err)
		}
		document, err := goquery.NewDocumentFromReader(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("mail %d: got %s, %v", id, response.Status, err)
		}
		pages++
		if frame, there := document.Find("iframe").Attr("srcdoc"); there {
			frames, policy = append(frames, frame), response.Header.Get("Content-Security-Policy")
		}
	}
	if err := rows.Err(); err != nil || pages < least {
		t.Fatalf("got pages of %d mails, want %d and more: %v", pages, least, err)
	}
	return frames, policy
}

// signedIn is a client with a session of an administrator's.
func (a *application) signedIn(t *testing.T) *http.Client {
	t.Helper()
	account := "reader"
	if err := a.auth.EnsureAccount(t.Context(), account, "Reader", "reader@test.example", "admin"); err != nil {
		t.Fatal(err)
	}
	token, err := a.auth.CreateLoginLink(t.Context(), &account, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	response, err := client.PostForm(a.baseURL+"/login/"+token, url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return client
}
