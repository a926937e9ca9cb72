package main

import (
	"flag"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/migrations/pgtest"
)

var (
	idleClients     = flag.Int("idle-clients", 100, "connections that say nothing, beside a client that sends")
	drippingClients = flag.Int("dripping-clients", 20, "connections that send an octet of data at a time")
	dripEvery       = flag.Duration("drip-every", 500*time.Millisecond, "and how seldom")
	stoppedMails    = flag.Int("stopped-mails", 100, "mails that are being received when the gateway is asked to stop")
)

// childOn is `afterhours serve` as a process on a database of the test.
func childOn(t *testing.T) (child *served, database string) {
	t.Helper()
	database = pgtest.URL(t)
	return serveChild(t, append(commandVars(database), "AFTERHOURS_DATA_DIR="+t.TempDir(), "AFTERHOURS_LOG_LEVEL=warn")...), database
}

// beginData leads a new connection into DATA and sends the first part of a mail.
func beginData(t *testing.T, address string, part []byte) *smtpClient {
	t.Helper()
	client, err := dialSMTP(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.close)
	for _, step := range [][2]string{{"MAIL FROM:<azure-noreply@microsoft.com>", "250"}, {"RCPT TO:<defender@test.example>", "250"}, {"DATA", "354"}} {
		if err := client.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.conn.Write(part); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAClientIsServedBesideIdleAndDrippingOnes(t *testing.T) {
	longTest(t)
	t.Parallel()
	child, _ := childOn(t)
	for range *idleClients {
		client, err := dialSMTP(child.smtp)
		if err != nil {
			t.Fatal(err)
		}
		defer client.close()
	}
	ended := make(chan struct{})
	var dripping sync.WaitGroup
	defer dripping.Wait()
	defer close(ended)
	for range *drippingClients {
		client := beginData(t, child.smtp, []byte("Subject: drip\r\n\r\n"))
		dripping.Go(func() {
			pace := time.NewTicker(*dripEvery)
			defer pace.Stop()
			for {
				select {
				case <-ended:
					return
				case <-pace.C:
				}
				if _, err := io.WriteString(client.conn, "x"); err != nil {
					return // the least rate ended it
				}
			}
		})
	}
	legit, err := dialSMTP(child.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer legit.close()
	var replies []time.Duration
	for _, mail := range sampleMails(t, 5, "high", 200, intakeSize) {
		_, took, err := legit.send("defender@test.example", mail)
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, took)
	}
	slices.Sort(replies)
	within(t, "p99 of the reply beside them", replies[len(replies)*99/100], time.Second)
	memory := child.memory("VmHWM")
	t.Logf("beside %d idle and %d dripping connections: p50 %s, p99 %s, %.0f MiB", *idleClients, *drippingClients, replies[len(replies)/2], replies[len(replies)*99/100], memory)
	if memory > 256 {
		t.Errorf("memory: got %.0f MiB, want below 256", memory)
	}
}

// TestAStopLosesNoMailThatIsBeingReceived asks the gateway to stop in the middle of many mails.
func TestAStopLosesNoMailThatIsBeingReceived(t *testing.T) {
	longTest(t)
	t.Parallel()
	child, database := childOn(t)
	mails := sampleMails(t, 6, "high", *stoppedMails, intakeSize)
	clients := make([]*smtpClient, len(mails))
	for i, mail := range mails {
		clients[i] = beginData(t, child.smtp, mail[:len(mail)/2])
	}
	idle, err := dialSMTP(child.smtp)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.close()
	stopped := make(chan error, 1)
	var took time.Duration
	go func() {
		var err error
		took, err = child.terminate()
		stopped <- err
	}()
	if line, err := idle.answer("421"); err != nil { // once it comes, the server is stopping
		t.Errorf("the idle client got %q, %v, want 421", line, err)
	}
	for i, mail := range mails {
		if _, err := clients[i].conn.Write(mail[len(mail)/2:]); err != nil {
			t.Fatalf("mail %d: %v", i, err)
		}
	}
	accepted := 0
	for i, client := range clients {
		if _, err := client.answer("250"); err != nil {
			t.Errorf("mail %d: %v, want it taken", i, err)
			continue
		}
		accepted++
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	within(t, "the stop", took, 30*time.Second)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var stored, leased int
	if err := conn.QueryRow(t.Context(), `SELECT count(*), count(lease_until) FILTER (WHERE state = 'accepted') FROM mails`).Scan(&stored, &leased); err != nil {
		t.Fatal(err)
	}
	if stored != accepted {
		t.Errorf("%d of %d mails are stored", stored, accepted)
	}
	if leased != 0 {
		t.Errorf("%d mails are still claimed by the process that stopped", leased)
	}
	t.Logf("%d mails in the middle of their data: %d taken, %d stored, stopped after %s", len(mails), accepted, stored, took.Round(time.Millisecond))
}

func TestAnIdleClientIsToldThatTheServerStops(t *testing.T) {
	t.Parallel()
	app := serveTest(t, nil)
	client, err := dialSMTP(app.smtpAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.close()
	if err := app.stop(); err != nil {
		t.Fatal(err)
	}
	if line, err := client.answer("421"); err != nil || !strings.Contains(line, "stopping") {
		t.Errorf("got %q, %v, want 421 and why", line, err)
	}
}
