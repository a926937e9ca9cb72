package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/emersion/go-smtp"

	"afterhours/oncall/oncalldb"
)

const probeTimeout = 30 * time.Second // of each answer of our own SMTP server

// watchSelfTest goes on with the self-test, and sends the mail whose time has come through this gateway's own listener.
func (a *application) watchSelfTest(ctx context.Context) error {
	if a.settings.SelfTestEvery == 0 {
		return nil
	}
	send, err := a.rooms.oncall.WatchSelfTest(ctx, a.settings.selfTestPlan(), a.now())
	if err != nil || send == 0 {
		return err
	}
	fault := ""
	if err := a.sendProbe(ctx, send); err != nil {
		fault = oneLine(err)
		a.log.Error("self-test mail not sent", "self_test", send, "error", err)
	}
	return a.rooms.oncall.ProbeSent(ctx, send, fault, a.now())
}

// sendProbe sends the mail as a stranger would: over the network, with STARTTLS where that is offered.
func (a *application) sendProbe(ctx context.Context, id int64) error {
	links := a.rooms.replies.Links
	client, err := dialOwnSMTP(ctx, a.smtpAddr, a.settings.SMTPTLSCert != "")
	if err != nil {
		return err
	}
	defer client.Close()
	address := links.ProbeAddress(id)
	if err := client.Mail(address, nil); err != nil {
		return err
	}
	if err := client.Rcpt(address, nil); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(data, bytes.NewReader(links.ProbeMail(id, a.now()))); err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return err
	}
	return client.Quit()
}

// dialOwnSMTP greets this gateway's own SMTP server.
func dialOwnSMTP(ctx context.Context, listen string, secure bool) (client *smtp.Client, err error) {
	dialer := net.Dialer{Timeout: checkTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", dialAddress(listen))
	if err != nil {
		return nil, fmt.Errorf("connect to the own SMTP listener: %w", err)
	}
	if secure { // the certificate is of the name that others use; who answers here is known
		client, err = smtp.NewClientStartTLS(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		if err != nil {
			conn.Close()
			return nil, fmt.Errorf("STARTTLS with the own SMTP listener: %w", err)
		}
	} else {
		client = smtp.NewClient(conn)
	}
	client.CommandTimeout, client.SubmissionTimeout = probeTimeout, probeTimeout
	return client, nil
}

// checkSelfTest tells how the self-test stands.
func checkSelfTest(ctx context.Context, s settings, store *oncalldb.Store, now time.Time) verdict {
	if s.SelfTestEvery == 0 {
		return warning("set "+variable("self-test-every")+", for example to 24h", "no self-test mail goes through the way in")
	}
	test, err := store.SelfTest(ctx)
	switch {
	case err != nil:
		return bad("check the database", "where it stands cannot be read")
	case test.Ticket != nil:
		return bad(fmt.Sprintf("look at ticket %d and the log of serve", *test.Ticket), "%s", test.Ailing())
	case test.WatchedAt == nil || now.Sub(*test.WatchedAt) > gatewayStale:
		return warning("see that serve runs", "no gateway goes on with it")
	case test.LastArrivedAt == nil:
		return warning("wait ten minutes after the first start", "no self-test mail came through yet")
	}
	return good("the last mail came through at %s", test.LastArrivedAt.UTC().Format(time.RFC3339))
}
