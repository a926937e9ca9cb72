package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// lines keeps what is logged.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

// with returns the lines of a message whose key has a value.
func (l *lines) with(t *testing.T, message, key, value string) (found []map[string]any) {
	t.Helper()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	scanner := bufio.NewScanner(bytes.NewReader(l.text.Bytes()))
	for scanner.Scan() {
		var entry map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			t.Fatalf("%v: %s", err, scanner.Bytes())
		}
		if entry["msg"] == message && fmt.Sprint(entry[key]) == value {
			found = append(found, entry)
		}
	}
	return found
}

func TestTheLogFollowsOneMailFromItsReplyToItsAcknowledgement(t *testing.T) {
	t.Parallel()
	ana := newHook(t)
	var log lines
	s := testSettings(pgtest.URL(t))
	trusting(&s)
	s.LogFormat = "json"
	app, err := start(t.Context(), s, newLog(s, &log), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Error(err)
		}
	})
	app.configure(t, team(ana, ana, "1h"))
	reply, err := sendMail(t, app.smtpAddr, "defender@test.example", vouched(alertMail("High", "Ransomware", "pc1", "da1_1", "m1@example")))
	if err != nil {
		t.Fatal(err)
	}
	id := reply[strings.LastIndex(reply, " ")+1:]
	if accepted := log.with(t, "mail accepted", "message", id); len(accepted) != 1 {
		t.Fatalf("got %d lines of the acceptance of %s, want one", len(accepted), id)
	}
	eventually(t, "the mail is read", func() bool { return len(log.with(t, "mail read", "message", id)) == 1 })
	ticket := fmt.Sprint(log.with(t, "mail read", "message", id)[0]["ticket"])
	eventually(t, "the page is sent", func() bool { return len(log.with(t, "page attempted", "ticket", ticket)) > 0 })
	eventually(t, "the page arrived", func() bool { return len(ana.deliveries()) > 0 })
	if response := request(t, http.MethodPost, ana.deliveries()[0].message.Data.AckURL, nil); response.StatusCode >= 400 {
		t.Fatalf("acknowledge: got %s", response.Status)
	}
	acknowledged := log.with(t, "ticket acknowledged", "ticket", ticket)
	if len(acknowledged) != 1 || acknowledged[0]["actor"] != "ana" {
		t.Errorf("got %v, want ana's acknowledgement once", acknowledged)
	}
}
