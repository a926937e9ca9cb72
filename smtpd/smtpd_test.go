package smtpd_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"afterhours/smtpd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post is a server that keeps what it accepts.
type post struct {
	*smtpd.Server
	address string
	mutex   sync.Mutex
	mails   []mail
}

type mail struct {
	envelope smtpd.Envelope
	raw      string
}

func (p *post) kept() []mail {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]mail(nil), p.mails...)
}

func open(t testing.TB, change func(*smtpd.Config)) *post {
	t.Helper()
	p := &post{}
	config := smtpd.Config{
		Domain: "mx.test.example", Recipients: func(address string) bool { return !strings.HasPrefix(address, "nobody@") },
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Accept: func(_ context.Context, envelope smtpd.Envelope, raw []byte) (string, error) {
			p.mutex.Lock()
			defer p.mutex.Unlock()
			p.mails = append(p.mails, mail{envelope, string(raw)})
			return fmt.Sprint(len(p.mails)), nil
		},
	}
	if change != nil {
		change(&config)
	}
	server, err := smtpd.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Server, p.address = server, listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return p
}

// client is one end of a dialogue.
type client struct {
	t    testing.TB
	conn net.Conn
	read *bufio.Reader
}

func (p *post) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{t, conn, bufio.NewReader(conn)}
}

// greeted is a client after its greeting and EHLO.
func (p *post) greeted(t testing.TB) *client {
	t.Helper()
	c := p.dial(t)
	c.expect("220")
	c.say("EHLO client.example", "250")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// answer reads one reply, all its lines.
func (c *client) answer() string {
	c.t.Helper()
	var lines []string
	for {
		line, err := c.read.ReadString('\n')
		if err != nil {
			return strings.Join(lines, "\n") + err.Error()
		}
		lines = append(lines, strings.TrimSpace(line))
		if len(line) > 3 && line[3] == ' ' {
			return strings.Join(lines, "\n")
		}
	}
}

func (c *client) expect(want string) string {
	c.t.Helper()
	got := c.answer()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("answer: got %q, want %q", got, want)
	}
	return got
}

func (c *client) say(line, want string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.expect(want)
}

// begin takes a mail up to its data.
func (c *client) begin() {
	c.t.Helper()
	c.say("MAIL FROM:<a@client.example>", "250")
	c.say("RCPT TO:<defender@test.example>", "250")
}

func (c *client) ended() bool {
	_, err := c.read.ReadByte()
	return err != nil
}

func TestAMailIsHandedOverByteForByte(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	c := p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	c.send("Subject: x\r\n\r\n..dot\r\nNUL \x00 8bit \xff bare\nLF bare\rCR\r\n.\r\n")
	if got := c.expect("250"); got != "250 2.0.0 accepted as 1" {
		t.Errorf("reply: got %q, want 250 2.0.0 accepted as 1", got)
	}
	c.say("QUIT", "221")
	kept := p.kept()
	if want := "Subject: x\r\n\r\n.dot\r\nNUL \x00 8bit \xff bare\nLF bare\rCR\r\n"; len(kept) != 1 || kept[0].raw != want {
		t.Fatalf("kept: got %+v, want %q", kept, want)
	}
	e := kept[0].envelope
	if e.From != "a@client.example" || len(e.To) != 1 || e.Helo != "client.example" || !e.Remote.IsLoopback() || e.TLS || e.ReceivedAt.IsZero() {
		t.Errorf("envelope: got %+v", e)
	}
}

func TestChunksAreOneMail(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	c := p.greeted(t)
	c.begin()
	long := strings.Repeat("x", 5000)
	c.send(fmt.Sprintf("BDAT %d\r\n%s", len(long), long))
	c.expect("250")
	c.send("BDAT 4 LAST\r\nend\n")
	c.expect("250 2.0.0 accepted as 1")
	if kept := p.kept(); len(kept) != 1 || kept[0].raw != long+"end\n" {
		t.Errorf("kept: got %d mails", len(kept))
	}
	c.begin()
	c.send("BDAT 3\r\nabcRSET\r\n")
	c.expect("250")
	c.expect("250")
	c.say("NOOP", "250")
	if kept := p.kept(); len(kept) != 1 {
		t.Errorf("after RSET inside BDAT: got %d mails, want 1", len(kept))
	}
}

func TestAMailCutOffIsNeverStored(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"DATA":             "DATA\r\nSubject: cut\r\n\r\nhalf",
		"BDAT LAST":        "BDAT 1000 LAST\r\nSubject: cut\r\n\r\nhalf",
		"BDAT then BDAT":   "BDAT 5\r\nhalf\nBDAT 1000 LAST\r\nhalf",
		"BDAT without end": "BDAT 5\r\nhalf\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, nil)
			c := p.greeted(t)
			c.begin()
			c.send(data)
			if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(c.read)
			if strings.Contains(string(rest), "accepted") || len(p.kept()) != 0 {
				t.Errorf("got %q and %d mails, want none accepted", rest, len(p.kept()))
			}
		})
	}
}

func TestRefusalsLeaveTheSessionInStep(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) {
		c.MaxSize = 100_000
		c.Senders = func(address string) bool { return strings.HasSuffix(address, "@client.example") }
	})
	c := p.greeted(t)
	c.say("MAIL FROM:<x@other.example>", "550 5.7.1")
	c.say("MAIL FROM:<a@client.example> SIZE=200000", "552 5.3.4")
	c.say("MAIL FROM:<>", "250")
	c.say("RCPT TO:<nobody@test.example>", "550 5.1.1")
	c.say("RCPT TO:<defender@test.example>", "250")
	c.say("DATA", "354")
	c.send(strings.Repeat("0123456789\r\n", 20_000) + ".\r\n")
	c.expect("552 5.3.4")
	c.begin()
	c.say("DATA", "354")
	c.send("fits\r\n.\r\n")
	c.expect("250 2.0.0 accepted as 1")
}

func TestAFaultOfOursIs451AndKeepsItsText(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]smtpd.AcceptFunc{
		"error": func(context.Context, smtpd.Envelope, []byte) (string, error) {
			return "", errors.New("password=hunter2")
		},
		"panic": func(context.Context, smtpd.Envelope, []byte) (string, error) { panic("password=hunter2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, func(c *smtpd.Config) { c.Accept = accept }).greeted(t)
			c.begin()
			c.say("DATA", "354")
			c.send("x\r\n.\r\n")
			if got := c.expect("451 4.3.0"); strings.Contains(got, "hunter2") {
				t.Errorf("the answer shows the error: %q", got)
			}
			c.say("NOOP", "250")
		})
	}
}

func TestLongLinesAreDataButNoCommands(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	c := p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	c.send(strings.Repeat("x", 1<<20) + "\r\n.\r\n")
	c.expect("250")
	c.send("NOOP " + strings.Repeat("x", 3000) + "\r\n")
	c.expect("500 5.5.2")
	if !c.ended() {
		t.Error("the connection is open after a command line of 3,000 octets")
	}
}

func TestAStalledMailEndsTheConnectionWithoutRunningItsBody(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.DataTimeout = 100 * time.Millisecond })
	c := p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	c.send("MAIL FROM:<evil@client.example>\r\nRCPT TO:<defender@test.example>\r\n")
	c.expect("451")
	rest, _ := io.ReadAll(c.read)
	if strings.Contains(string(rest), "250") || len(p.kept()) != 0 {
		t.Errorf("after the stall: got %q", rest)
	}
}

func TestASlowButLiveSenderIsNotCut(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.DataTimeout = 300 * time.Millisecond })
	c := p.greeted(t)
	c.begin()
	c.say("DATA", "354")
	pace := time.NewTicker(60 * time.Millisecond) // each block comes well within the timeout, all of them do not
	defer pace.Stop()
	for range 10 {
		<-pace.C
		c.send("a block\r\n")
	}
	c.send(".\r\n")
	c.expect("250")
}

func TestNoEndOfDataIsSmuggled(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\x00.\r\n", "\n.\r", "\r\n..\r\n", "\r\n. \r\n"} {
		p := open(t, nil)
		c := p.greeted(t)
		c.begin()
		c.say("DATA", "354")
		c.send("one" + end + "MAIL FROM:<evil@client.example>\r\nRCPT TO:<defender@test.example>\r\nDATA\r\ntwo\r\n.\r\n")
		c.expect("250")
		c.say("QUIT", "221")
		if kept := p.kept(); len(kept) != 1 {
			t.Errorf("%q: got %d mails, want 1", end, len(kept))
		}
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.MaxConnections, c.MaxPerAddress = 3, 1 })
	var held []*client
	for range 3 { // loopback is exempt from the limit of one address
		held = append(held, p.greeted(t))
	}
	p.dial(t).expect("421 4.7.0")
	held[0].say("QUIT", "221")
	deadline := time.Now().Add(5 * time.Second)
	for {
		if got := p.dial(t).answer(); strings.HasPrefix(got, "220") {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("after one left: got %q, want 220", got)
		}
	}
}

func TestRequiredTLSIsAskedForEachTime(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.TLS, c.TLSRequired = certificate(t), true })
	c := p.greeted(t)
	c.say("MAIL FROM:<a@client.example>", "530 5.7.0")
	c.say("STARTTLS", "220")
	c.send("\x16\x03\x01 this is no handshake\r\n")
	c.answer()
	c.conn.Close()

	c = p.greeted(t)
	c.say("STARTTLS", "220")
	secure := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn, c.read = secure, bufio.NewReader(secure)
	c.say("EHLO client.example", "250")
	c.begin()
	c.say("DATA", "354")
	c.send("secret\r\n.\r\n")
	c.expect("250")
	if kept := p.kept(); len(kept) != 1 || !kept[0].envelope.TLS {
		t.Errorf("kept: got %+v, want one mail over TLS", kept)
	}
}

func TestAStopTellsIdleClientsAndLetsMailsEnd(t *testing.T) {
	t.Parallel()
	p := open(t, nil)
	idle, busy := p.greeted(t), p.greeted(t)
	busy.begin()
	busy.say("DATA", "354")
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- p.Shutdown(ctx)
	}()
	idle.expect("421 4.3.2")
	busy.send("still comes\r\n.\r\n")
	busy.expect("250")
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if kept := p.kept(); len(kept) != 1 {
		t.Errorf("kept: got %d, want the running mail", len(kept))
	}
}

func TestMemoryOfMailsInFlightIsBounded(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.MaxInFlight = 128 << 10 })
	c := p.greeted(t)
	for range 2 { // what was taken is given back
		c.begin()
		c.say("DATA", "354")
		c.send(strings.Repeat("0123456789\r\n", 40_000) + ".\r\n")
		c.expect("452 4.3.1")
	}
	c.begin()
	c.say("DATA", "354")
	c.send("small\r\n.\r\n")
	c.expect("250")
}

// busyWithLarge is a post with one place for large mails, which a mail has until its storing goes on.
func busyWithLarge(t *testing.T, change func(*smtpd.Config)) (p *post, first *client, goOn func()) {
	t.Helper()
	stored, storing := make(chan struct{}), make(chan struct{}, 3)
	var busy atomic.Int32
	p = open(t, func(c *smtpd.Config) {
		c.MaxLarge = 1
		c.Accept = func(_ context.Context, _ smtpd.Envelope, raw []byte) (string, error) {
			if len(raw) > 1<<20 {
				if busy.Add(1) > 1 {
					t.Error("two large mails are in memory at once")
				}
				defer busy.Add(-1)
				storing <- struct{}{}
				<-stored
			}
			return "1", nil
		}
		change(c)
	})
	first = p.greeted(t)
	first.begin()
	first.say("DATA", "354")
	first.send(large + ".\r\n")
	<-storing
	return p, first, sync.OnceFunc(func() { close(stored) })
}

var large = strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1100)

func TestLargeMailsWaitForEachOtherAndSmallOnesForNone(t *testing.T) {
	t.Parallel()
	p, first, goOn := busyWithLarge(t, func(*smtpd.Config) {})
	defer goOn()
	second, small := p.greeted(t), p.greeted(t)
	second.begin()
	second.say("DATA", "354")
	second.send(large + ".\r\n")
	small.begin()
	small.say("DATA", "354")
	small.send("small\r\n.\r\n")
	small.expect("250")
	goOn()
	first.expect("250")
	second.expect("250")
}

func TestALargeMailThatFindsNoPlaceIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	p, first, goOn := busyWithLarge(t, func(c *smtpd.Config) { c.LargeWait = time.Millisecond })
	defer goOn()
	second := p.greeted(t)
	second.begin()
	second.say("DATA", "354")
	second.send(large + ".\r\n")
	second.expect("452 4.3.1")
	goOn()
	first.expect("250")
	second.begin()
	second.say("DATA", "354")
	second.send(large + ".\r\n")
	second.expect("250")
}

func TestAddressLists(t *testing.T) {
	t.Parallel()
	list, err := smtpd.ParseAddressList(" Defender@Test.example, soc.example ")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"defender@test.example": true, "x@test.example": false, "any@SOC.example": true, "any@sub.soc.example": false, "soc.example": true, "": false,
	} {
		if got := list.Contains(address); got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
	}
	for _, bad := range []string{"", ",", "@x", "a b", "a@", "<a@b>"} {
		if _, err := smtpd.ParseAddressList(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
