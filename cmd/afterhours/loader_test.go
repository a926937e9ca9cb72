package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/samplemail"
)

// smtpClient is one dialogue, command by command, with as little work of its own as can be: loader and gateway share the
// machine's processors.
type smtpClient struct {
	conn  net.Conn
	lines *bufio.Reader
}

// refusal is an answer other than the one that was hoped for.
type refusal struct{ line string }

func (r refusal) Error() string { return r.line }

func dialSMTP(address string) (*smtpClient, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	c := &smtpClient{conn, bufio.NewReader(conn)}
	if _, err = c.answer("220"); err == nil {
		err = c.say("EHLO loader.test.example", "250")
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// answer reads one reply, all its lines, and returns the last.
func (c *smtpClient) answer(want string) (string, error) {
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return "", err
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, want) {
			return "", refusal{line}
		}
		return line, nil
	}
}

func (c *smtpClient) say(line, want string) error {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		return err
	}
	_, err := c.answer(want)
	return err
}

// send hands over one mail whose lines are stuffed and whose end is marked. It returns the last reply, and how long that
// took from the end of the data.
func (c *smtpClient) send(to string, stuffed []byte) (reply string, took time.Duration, err error) {
	for _, step := range [][2]string{{"MAIL FROM:<azure-noreply@microsoft.com>", "250"}, {"RCPT TO:<" + to + ">", "250"}, {"DATA", "354"}} {
		if err := c.say(step[0], step[1]); err != nil {
			return "", 0, err
		}
	}
	if _, err := c.conn.Write(stuffed); err != nil {
		return "", 0, err
	}
	began := time.Now()
	reply, err = c.answer("250")
	return reply, time.Since(began), err
}

func (c *smtpClient) close() { _ = c.conn.Close() } // whether or not the server still listens

// sessionLife is after how long a sender connects anew: the server ends a session after an hour.
const sessionLife = 10 * time.Minute

// sender is a client that goes on for hours.
type sender struct {
	address string
	client  *smtpClient
	since   time.Time
}

func dialSender(address string) (*sender, error) {
	client, err := dialSMTP(address)
	return &sender{address, client, time.Now()}, err
}

func (s *sender) close() { s.client.close() }

func (s *sender) send(to string, stuffed []byte) (reply string, took time.Duration, err error) {
	if time.Since(s.since) > sessionLife {
		client, err := dialSMTP(s.address)
		if err != nil {
			return "", 0, err
		}
		s.close()
		s.client, s.since = client, time.Now()
	}
	return s.client.send(to, stuffed)
}

// stuffed is a mail as DATA carries it.
func stuffed(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r\n."), []byte("\r\n.."))
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		raw = append(raw, "\r\n"...)
	}
	return append(raw, ".\r\n"...)
}

// load is what a number of sessions saw.
type load struct {
	took    time.Duration
	replies []time.Duration // sorted
}

// percentile of the reply to the data.
func (l load) percentile(percent float64) time.Duration {
	if len(l.replies) == 0 {
		return 0
	}
	return l.replies[min(int(float64(len(l.replies))*percent/100), len(l.replies)-1)]
}

func (l load) rate() float64 { return float64(len(l.replies)) / l.took.Seconds() }

// sendThrough sends mails, which next makes until it has no more, over so many sessions side by side.
func sendThrough(t testing.TB, address string, sessions int, next func() ([]byte, bool)) load {
	t.Helper()
	clients := make([]*smtpClient, sessions)
	for i := range clients {
		client, err := dialSMTP(address)
		if err != nil {
			t.Fatal(err)
		}
		defer client.close()
		clients[i] = client
	}
	var mutex sync.Mutex
	var all load
	var group sync.WaitGroup
	began := time.Now()
	for _, client := range clients {
		group.Go(func() {
			var replies []time.Duration
			for mail, ok := next(); ok; mail, ok = next() {
				_, took, err := client.send("defender@test.example", mail)
				if err != nil {
					t.Errorf("mail not accepted: %v", err)
					break
				}
				replies = append(replies, took)
			}
			mutex.Lock()
			defer mutex.Unlock()
			all.replies = append(all.replies, replies...)
		})
	}
	group.Wait()
	all.took = time.Since(began)
	slices.Sort(all.replies)
	return all
}

// sampleMails are alerts of a severity and a size, each a matter of its own, vouched for and stuffed.
func sampleMails(t testing.TB, seed uint64, severity string, count, size int) [][]byte {
	t.Helper()
	generator, err := samplemail.New(seed)
	if err != nil {
		t.Fatal(err)
	}
	generator.Size = size
	mails := make([][]byte, count)
	for i := range mails {
		mail, err := generator.Make("alert", severity, "defender@test.example", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		mails[i] = stuffed(vouched(mail.Raw))
	}
	return mails
}

// inTurn hands out mails, each once, to any number of sessions.
func inTurn(mails [][]byte) func() ([]byte, bool) {
	var mutex sync.Mutex
	place := 0
	return func() ([]byte, bool) {
		mutex.Lock()
		defer mutex.Unlock()
		if place == len(mails) {
			return nil, false
		}
		place++
		return mails[place-1], true
	}
}

// madeInTurn hands out mails of severity High and the usual size, which are made while others are sent.
func madeInTurn(t testing.TB, seed uint64, count int) func() ([]byte, bool) {
	made := make(chan []byte, 1000)
	go func() {
		defer close(made)
		for left := count; left > 0 && t.Context().Err() == nil; left -= 1000 {
			for _, mail := range sampleMails(t, seed, "high", min(1000, left), intakeSize) {
				select {
				case made <- mail:
				case <-t.Context().Done():
					return
				}
			}
			seed++
		}
	}()
	return func() ([]byte, bool) { mail, ok := <-made; return mail, ok }
}

func (l load) String() string {
	return fmt.Sprintf("%7.0f  %8.1f  %8.1f  %8.1f", l.rate(), milliseconds(l.percentile(50)), milliseconds(l.percentile(95)), milliseconds(l.percentile(99)))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
