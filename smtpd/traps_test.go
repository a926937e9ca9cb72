package smtpd_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"afterhours/smtpd"
)

// TestPipelinedDialoguesStayInStep sends whole dialogues in one block, with each of the sequences that other servers take
// for the end of the data.
func TestPipelinedDialoguesStayInStep(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\x00.\r\n", "\n.\r", "\r\n..\r\n", "\r\n. \r\n"} {
		p := open(t, nil)
		c := p.greeted(t)
		c.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<defender@test.example>\r\nDATA\r\none" + end +
			"MAIL FROM:<evil@client.example>\r\nRCPT TO:<defender@test.example>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n")
		for _, want := range []string{"250", "250", "354", "250", "221"} {
			c.expect(want)
		}
		if kept := p.kept(); len(kept) != 1 || kept[0].envelope.From != "a@client.example" {
			t.Errorf("%q: got %d mails, want the one", end, len(kept))
		}
	}
}

// TestLinesThatEndWithTwoCRs sends mails as programs write them that add a CR to lines that have one.
func TestLinesThatEndWithTwoCRs(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"a\r\r\n.\r\n":                              "a\r\r\n",
		"a\r\r\n..b\r\r\nc\r\n.\r\n":                "a\r\r\n.b\r\r\nc\r\n",
		"a\r\r\n..\r\nb\r\r\n.\r\n":                 "a\r\r\n.\r\nb\r\r\n",
		"a\r\r\r\r\n.\r\n":                          "a\r\r\r\r\n",
		"a\r\r\r\n..b\r\n.\r\n":                     "a\r\r\r\n.b\r\n",
		"\r\r\n.\r\n":                               "\r\r\n",
		"a\r\rb\r\r.\r\nc\r\n.\r\n":                 "a\r\rb\r\r.\r\nc\r\n",
		strings.Repeat("x\r\r\n", 50_000) + ".\r\n": strings.Repeat("x\r\r\n", 50_000),
	} {
		for _, form := range []string{"at once", "octet by octet", "over TLS"} {
			p := open(t, withAccount(t))
			c := p.greeted(t)
			if form == "over TLS" {
				c.say("STARTTLS", "220")
				c.secure()
				c.say("EHLO client.example", "250")
			}
			c.begin()
			c.say("DATA", "354")
			if form == "octet by octet" && len(sent) < 100 {
				for i := range sent {
					c.send(sent[i : i+1])
				}
			} else {
				c.send(sent)
			}
			c.expect("250")
			if form != "over TLS" {
				c.say("NOOP", "250")
			}
			if kept := p.kept(); len(kept) != 1 || kept[0].raw != want {
				t.Errorf("%.40q %s: got %.60q, want %.60q", sent, form, kept[0].raw, want)
			}
		}
	}
}

// TestNothingRunsBehindAnEndThatWasMissed pipelines commands behind a last line that ends with two CRs.
func TestNothingRunsBehindAnEndThatWasMissed(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	c := p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	c.send("a\r\r\n.\r\nMAIL FROM:<evil@client.example>\r\nRCPT TO:<defender@test.example>\r\nDATA\r\nb\r\n.\r\n")
	c.expect("250")
	if !c.ended() {
		t.Error("the connection goes on")
	}
	if kept := p.kept(); len(kept) != 1 || kept[0].raw != "a\r\r\n" {
		t.Errorf("kept: got %+v", kept)
	}
}

func TestRecipientsOfAMailAreLimited(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	c := p.greeted(t)
	c.say("MAIL FROM:<>", "250")
	go func() { // as many as a spammer sends, without waiting
		for i := range 5000 {
			if _, err := fmt.Fprintf(c.conn, "RCPT TO:<r%d@test.example>\r\n", i); err != nil {
				return
			}
		}
	}()
	taken, refused := 0, 0
	for range 5000 {
		if answer := c.answer(); strings.HasPrefix(answer, "250") {
			taken++
		} else if strings.HasPrefix(answer, "452 4.5.3") {
			refused++
		} else {
			t.Fatalf("answer %d: %q", taken+refused, answer)
		}
	}
	if taken != 100 || refused != 4900 {
		t.Errorf("got %d taken and %d refused, want 100 and 4900", taken, refused)
	}
	c.say("DATA", "354")
	c.send("x\r\n.\r\n")
	c.expect("250")
	if kept := p.kept(); len(kept) != 1 || len(kept[0].envelope.To) != 100 || kept[0].envelope.From != "" {
		t.Errorf("kept: got %+v", kept)
	}
}

// TestIdleAndDrippingConnectionsDoNotKeepOthersFromSending is the short form of a thousand and two hundred of them.
func TestIdleAndDrippingConnectionsDoNotKeepOthersFromSending(t *testing.T) {
	t.Parallel()
	idle, dripping := 100, 20
	p := open(t, nil)
	for range idle {
		p.greeted(t)
	}
	for range dripping {
		c := p.greeted(t)
		c.begin()
		c.say("DATA", "354")
		c.send("x")
	}
	c := p.greeted(t)
	began := time.Now()
	c.begin()
	c.say("DATA", "354")
	c.send("x\r\n.\r\n")
	c.expect("250")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a mail beside them took %s", took)
	}
}

func TestASessionThatOnlyStaysEnds(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.SessionTimeout = 300 * time.Millisecond })
	c := p.greeted(t)
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		if _, err := io.WriteString(c.conn, "NOOP\r\n"); err != nil {
			return
		}
		if answer := c.answer(); !strings.HasPrefix(answer, "250") {
			return
		}
	}
	t.Error("NOOP kept the connection for ever")
}

func TestFormsOfBDAT(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		send string
		want []string
		kept int
	}{
		"empty last chunk":   {"BDAT 3\r\nabcBDAT 0 LAST\r\n", []string{"250", "250"}, 1},
		"one chunk":          {"BDAT 3 LAST\r\nabc", []string{"250"}, 1},
		"small letters":      {"bdat 3 last\r\nabc", []string{"250"}, 1},
		"no size":            {"BDAT\r\n", []string{"501"}, 0},
		"a size that is not": {"BDAT x\r\n", []string{"501"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, nil)
			client := p.greeted(t)
			client.begin()
			client.send(c.send)
			for _, want := range c.want {
				client.expect(want)
			}
			if got := len(p.kept()); got != c.kept {
				t.Errorf("kept: got %d, want %d", got, c.kept)
			}
		})
	}
}

func TestWhatIsCutOffAndSentAgainIsTakenOnce(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	c := p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	c.send("Subject: x\r\n\r\nhalf")
	if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(c.read) // whatever it was answered
	c = p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	c.send("Subject: x\r\n\r\nwhole\r\n.\r\n")
	c.expect("250")
	if kept := p.kept(); len(kept) != 1 {
		t.Errorf("kept: got %d, want 1", len(kept))
	}
}
