package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"afterhours/cmd/afterhours/internal/samplemail"
)

const (
	sendTimeout = 2 * time.Minute
	prepared    = 20_000 // mails made before the first is sent
)

type sendSampleCommand struct {
	SMTP        string `name:"smtp" placeholder:"HOST:PORT" help:"Where to send; default: AFTERHOURS_SMTP_ADDR, else 127.0.0.1:2525."`
	To          string `default:"defender@localhost" placeholder:"ADDRESS" help:"Recipient."`
	Kind        string `default:"alert" placeholder:"KIND" help:"alert, incident, merged, office365, vulnerability or unrecognised."`
	Severity    string `placeholder:"S" help:"high, medium, low or informational; without it any."`
	Count       int    `default:"1" help:"How many; above 1 this is the load generator."`
	Connections int    `default:"1" help:"Connections side by side."`
	Size        size   `placeholder:"SIZE" help:"Octets of each mail at least; without it as Defender writes them, about 3KiB."`
	Seed        uint64 `placeholder:"N" help:"The same seed makes the same mails; without it each run makes new ones."`
}

// Run sends the mails and prints what the server answered; with --count it prints the rate and the percentiles of the
// reply to DATA.
func (c *sendSampleCommand) Run(ctx context.Context, env environment) error {
	if c.Count < 1 || c.Connections < 1 || c.Connections > c.Count && c.Count > 1 && c.Connections > 1000 {
		return usageError{errors.New("--count and --connections must be at least 1, --connections at most 1000")}
	}
	if c.SMTP == "" {
		c.SMTP = cmp.Or(env.variable("smtp-addr"), "127.0.0.1:2525")
	}
	next, err := c.mails(env.now)
	if err != nil {
		return usageError{err}
	}
	mails, err := prepare(c.Count, next)
	if err != nil {
		return usageError{err}
	}
	began := env.now()
	replies, err := sendAll(ctx, c.SMTP, c.To, mails, min(c.Connections, c.Count), env.now)
	took := env.now().Sub(began)
	if c.Count == 1 && err == nil {
		fmt.Fprintf(env.stdout, "%s\n", replies[0].text)
		return nil
	}
	if len(replies) > 0 {
		printRate(env.stdout, replies, took)
	}
	if err != nil {
		return fmt.Errorf("%d of %d mails accepted: %w", len(replies), c.Count, err)
	}
	return nil
}

// mails returns what makes one mail after the other.
func (c *sendSampleCommand) mails(now func() time.Time) (func() (samplemail.Mail, error), error) {
	seed := c.Seed
	if seed == 0 {
		seed = uint64(now().UnixNano())
	}
	generator, err := samplemail.New(seed)
	if err != nil {
		return nil, err
	}
	generator.Size = int(c.Size)
	return func() (samplemail.Mail, error) {
		return generator.Make(c.Kind, strings.ToLower(c.Severity), c.To, now())
	}, nil
}

// supply is mails to send: those that are made, and how the rest is made.
type supply struct {
	made chan samplemail.Mail
	rest int
	next func() (samplemail.Mail, error)
}

// prepare makes mails before the first is sent, as far as memory allows: that is not to cost the server's time.
func prepare(count int, next func() (samplemail.Mail, error)) (supply, error) {
	s := supply{made: make(chan samplemail.Mail, min(count, prepared)), next: next}
	for range cap(s.made) {
		mail, err := next()
		if err != nil {
			return s, err
		}
		s.made <- mail
	}
	s.rest = count - cap(s.made)
	return s, nil
}

// feed makes the rest until nobody takes it any more.
func (s supply) feed(ended <-chan struct{}) error {
	defer close(s.made)
	for range s.rest {
		mail, err := s.next()
		if err != nil {
			return err
		}
		select {
		case s.made <- mail:
		case <-ended:
			return nil
		}
	}
	return nil
}

// reply is the answer to one mail's data.
type reply struct {
	text    string
	latency time.Duration // from the end of the data to the reply
}

// sendAll sends mails over a number of connections and returns the replies of those that were accepted, with the first
// error of a connection that could not go on.
func sendAll(ctx context.Context, address, to string, mails supply, connections int, now func() time.Time) ([]reply, error) {
	var mutex sync.Mutex
	var replies []reply
	var failures []error
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			err := sendOver(ctx, address, to, mails.made, now, func(r reply) {
				mutex.Lock()
				defer mutex.Unlock()
				replies = append(replies, r)
			})
			if err != nil {
				mutex.Lock()
				defer mutex.Unlock()
				failures = append(failures, err)
			}
		})
	}
	ended := make(chan struct{})
	fed := make(chan error, 1)
	go func() { fed <- mails.feed(ended) }()
	group.Wait()
	close(ended)
	if err := <-fed; err != nil {
		return replies, err
	}
	if len(failures) > 0 {
		return replies, failures[0]
	}
	return replies, ctx.Err()
}

func sendOver(ctx context.Context, address, to string, work <-chan samplemail.Mail, now func() time.Time, accepted func(reply)) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect: %w; is `afterhours serve` or `afterhours demo` running there?", err)
	}
	client := smtp.NewClient(conn)
	client.CommandTimeout, client.SubmissionTimeout = sendTimeout, sendTimeout
	defer client.Close()
	for mail := range work {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := sendOne(client, to, mail, now)
		if err != nil {
			return err
		}
		accepted(r)
	}
	return client.Quit()
}

func sendOne(client *smtp.Client, to string, mail samplemail.Mail, now func() time.Time) (reply, error) {
	if err := client.Mail(mail.EnvelopeFrom, nil); err != nil {
		return reply{}, err
	}
	if err := client.Rcpt(to, nil); err != nil {
		return reply{}, err
	}
	data, err := client.Data()
	if err != nil {
		return reply{}, err
	}
	if _, err := io.Copy(data, bytes.NewReader(mail.Raw)); err != nil {
		return reply{}, err
	}
	ended := now()
	response, err := data.CloseWithResponse()
	if err != nil {
		return reply{}, err
	}
	return reply{"250 " + response.StatusText, now().Sub(ended)}, nil
}

func printRate(out io.Writer, replies []reply, took time.Duration) {
	latencies := make([]time.Duration, len(replies))
	for i, r := range replies {
		latencies[i] = r.latency
	}
	slices.Sort(latencies)
	at := func(percent int) time.Duration {
		return latencies[min(len(latencies)*percent/100, len(latencies)-1)].Round(10 * time.Microsecond)
	}
	fmt.Fprintf(out, "%d accepted in %s: %.0f accepted/s\n", len(replies), took.Round(time.Millisecond), float64(len(replies))/took.Seconds())
	fmt.Fprintf(out, "DATA reply: p50 %s  p95 %s  p99 %s\n", at(50), at(95), at(99))
}
