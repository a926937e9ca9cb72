package smtpd_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"afterhours/smtpd"
)

// secure goes on over TLS.
func (c *client) secure() {
	c.t.Helper()
	conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	c.conn, c.read = conn, bufio.NewReader(conn)
}

func withAccount(t *testing.T) func(*smtpd.Config) {
	return func(c *smtpd.Config) {
		c.TLS = certificate(t)
		c.Login = func(user, password string) bool { return user == "relay" && password == "hunter2" }
	}
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestSignInIsOfferedOverTLSAlone(t *testing.T) {
	t.Parallel()
	p := open(t, withAccount(t))
	c := p.dial(t)
	c.expect("220")
	if got := c.say("EHLO client.example", "250"); contains(got, "AUTH") {
		t.Errorf("in clear text: got %q, want no AUTH", got)
	}
	c.say("AUTH PLAIN "+encoded("\x00relay\x00hunter2"), "523 5.7.10")
	c.say("STARTTLS", "220")
	c.secure()
	if got := c.say("EHLO client.example", "250"); !contains(got, "AUTH PLAIN LOGIN") {
		t.Errorf("over TLS: got %q, want AUTH PLAIN LOGIN", got)
	}
	c.say("AUTH LOGIN", "334 "+encoded("Username:"))
	c.say(encoded("relay"), "334 "+encoded("Password:"))
	c.say(encoded("hunter2"), "235")
	c.begin()
	c.say("DATA", "354")
	c.send("x\r\n.\r\n")
	c.expect("250")
	if kept := p.kept(); len(kept) != 1 || kept[0].envelope.Account != "relay" {
		t.Errorf("kept: got %+v, want one by the account", kept)
	}
}

func contains(text, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		if text[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

func TestFailedSignInsAreLimited(t *testing.T) {
	t.Parallel()
	p := open(t, withAccount(t))
	dial := func() *client {
		c := p.greeted(t)
		c.say("STARTTLS", "220")
		c.secure()
		c.say("EHLO client.example", "250")
		return c
	}
	for range 3 {
		c := dial()
		for range 3 {
			c.say("AUTH PLAIN "+encoded("\x00relay\x00wrong"), "535 5.7.8")
		}
		if !c.ended() {
			t.Error("the connection is open after three failures")
		}
	}
	c := dial()
	c.say("AUTH PLAIN "+encoded("\x00relay\x00wrong"), "535 5.7.8")
	c.say("AUTH PLAIN "+encoded("\x00relay\x00hunter2"), "454 4.7.0")
}

// serveTLS opens the listener on which TLS begins at once.
func (p *post) serveTLS(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.ServeTLS(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve TLS: %v", err)
		}
	})
	return listener.Addr().String()
}

func TestTLSCanBeginAtOnce(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.TLS, c.TLSRequired = certificate(t), true })
	address := p.serveTLS(t)
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &client{t, conn, bufio.NewReader(conn)}
	c.expect("220")
	if got := c.say("EHLO client.example", "250"); contains(got, "STARTTLS") {
		t.Errorf("got %q, want no STARTTLS inside TLS", got)
	}
	c.begin()
	c.say("DATA", "354")
	c.send("secret\r\n.\r\n")
	c.expect("250")
	if kept := p.kept(); len(kept) != 1 || !kept[0].envelope.TLS {
		t.Errorf("kept: got %+v, want one mail over TLS", kept)
	}
}

func TestNothingBeforeSTARTTLSIsRunAfterIt(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) { c.TLS = certificate(t) })
	c := p.greeted(t)
	c.send("STARTTLS\r\nMAIL FROM:<evil@client.example>\r\nRCPT TO:<defender@test.example>\r\n")
	c.expect("220")
	c.secure()
	c.say("EHLO client.example", "250")
	c.say("RCPT TO:<defender@test.example>", "502") // no MAIL was taken from the clear text
	c.say("DATA", "502")
}

// writePair writes a certificate of the given name and its key.
func writePair(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARenewedCertificateIsUsedAndABrokenOneIsNot(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	writePair(t, dir, "old.example")
	files := &smtpd.CertificateFiles{
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	}
	if err := files.Load(); err != nil {
		t.Fatal(err)
	}
	name := func() string {
		t.Helper()
		pair, err := files.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.DNSNames[0]
	}
	if got := name(); got != "old.example" {
		t.Errorf("at first: got %s", got)
	}
	if err := os.WriteFile(files.Cert, []byte("half a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if got := name(); got != "old.example" {
		t.Errorf("with a broken file: got %s, want the one before", got)
	}
	writePair(t, dir, "renewed.example")
	if got := name(); got != "old.example" {
		t.Errorf("at once: got %s, want the files to be looked at every few seconds only", got)
	}
	now = now.Add(time.Minute)
	if got := name(); got != "renewed.example" {
		t.Errorf("renewed: got %s", got)
	}
}
