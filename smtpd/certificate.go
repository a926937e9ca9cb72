package smtpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateEvery is how often the files of a certificate are looked at, at most.
const certificateEvery = 5 * time.Second

// CertificateFiles is a certificate in files that somebody renews: it is read again when they change. While what is there
// cannot be used, the one before it stays in use.
type CertificateFiles struct {
	Cert, Key string
	Now       func() time.Time
	Log       *slog.Logger

	mutex  sync.Mutex
	looked time.Time
	stamp  string // of the files that were read last, usable or not
	held   *tls.Certificate
}

// Load reads the files for the first time.
func (c *CertificateFiles) Load() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.looked = c.Now()
	return c.read()
}

// Get is for tls.Config.GetCertificate.
func (c *CertificateFiles) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if now := c.Now(); now.Sub(c.looked) >= certificateEvery {
		c.looked = now
		before := c.stamp
		if err := c.read(); err != nil && c.stamp != before {
			c.Log.Error("renewed certificate cannot be used; the one before it stays in use", "error", err)
		}
	}
	if c.held == nil {
		return nil, errors.New("smtpd: there is no certificate")
	}
	return c.held, nil
}

func (c *CertificateFiles) read() error {
	stamp := ""
	for _, path := range []string{c.Cert, c.Key} {
		info, err := os.Stat(path)
		if err != nil {
			c.stamp = err.Error()
			return err
		}
		stamp += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), " ")
	}
	if stamp == c.stamp {
		return nil
	}
	c.stamp = stamp
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return err
	}
	if c.held != nil {
		c.Log.Info("certificate renewed", "until", pair.Leaf.NotAfter)
	}
	c.held = &pair
	return nil
}
