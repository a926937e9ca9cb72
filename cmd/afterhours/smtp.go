package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/notify/email"
	"afterhours/smtpd"
)

func (a *application) startSMTP(context.Context) error {
	config, err := smtpConfig(a.settings, a.gateway, a.log, a.now)
	if err != nil {
		return err
	}
	letAnswersIn(&config, a.rooms)
	server, err := smtpd.New(config)
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	listener, err := net.Listen("tcp", a.settings.SMTPAddr)
	if err != nil {
		return fmt.Errorf("smtp: %w; choose another address with %s", err, variable("smtp-addr"))
	}
	a.smtpAddr = listener.Addr().String()
	a.onStop("smtp", server.Shutdown)
	go func() {
		if err := server.Serve(listener); err != nil {
			a.failed <- fmt.Errorf("smtp: %w", err)
		}
	}()
	if a.settings.SMTPSAddr != "" {
		secure, err := net.Listen("tcp", a.settings.SMTPSAddr)
		if err != nil {
			return fmt.Errorf("smtps: %w; choose another address with %s", err, variable("smtps-addr"))
		}
		a.smtpsAddr = secure.Addr().String()
		go func() {
			if err := server.ServeTLS(secure); err != nil {
				a.failed <- fmt.Errorf("smtps: %w", err)
			}
		}()
	}
	a.log.Info("ready", "web", a.baseURL, "smtp", a.smtpAddr)
	return nil
}

// letAnswersIn accepts what answers our pages beside the mail that the settings ask for: mail to a signed address for
// replies, and from people's own addresses. The self-test mail comes from and goes to a signed address, too.
func letAnswersIn(config *smtpd.Config, r *rooms) {
	recipients, senders := config.Recipients, config.Senders
	links := r.replies.Links
	isProbe := func(address string) bool {
		_, ok := links.Probe(address)
		return ok
	}
	config.Recipients = func(address string) bool {
		return recipients(address) || links.AcceptsReply(address) || isProbe(address)
	}
	if refuse := config.RefuseUnverified; refuse != nil {
		config.RefuseUnverified = func(ctx context.Context, e smtpd.Envelope) bool { return !links.IsProbe(e.To) && refuse(ctx, e) }
	}
	if senders == nil {
		return
	}
	config.Senders = func(address string) bool { return senders(address) || isProbe(address) || r.isPerson(address) }
}

func (a *application) intakeAddress() string {
	for _, item := range strings.Split(a.settings.MailTo, ",") {
		if item = strings.TrimSpace(item); strings.Contains(item, "@") {
			return item
		} else if item != "" && item != "*" {
			return "defender@" + item
		}
	}
	return "defender@" + a.settings.SMTPDomain
}

// smtpConfig is the SMTP server as the settings want it, in front of a gateway.
func smtpConfig(s settings, g *gateway, log *slog.Logger, now func() time.Time) (smtpd.Config, error) {
	recipients, err := smtpd.ParseAddressList(s.MailTo)
	if err != nil {
		return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("mail-to"), err)}
	}
	relays, err := parseNetworks(s.TrustedRelays)
	if err != nil {
		return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("trusted-relays"), err)}
	}
	authenticator := &smtpd.Authenticator{
		TrustedRelays: relays, AuthservID: s.AuthservID, Resolver: &smtpd.CachingResolver{Resolver: net.DefaultResolver, Now: now},
		OwnHeader: email.LoopHeader, IsOwn: g.standby.Links.IsLoopMark,
	}
	config := smtpd.Config{
		Authenticate: authenticator.Begin,
		RefuseUnverified: func(ctx context.Context, e smtpd.Envelope) bool {
			return g.configuration(ctx).Unverified(e.To, s.Unverified) == oncall.UnverifiedRefuse
		},
		Domain: s.SMTPDomain, MaxSize: int64(s.MailMaxSize), MaxConnections: s.SMTPMaxConns, MaxPerAddress: s.SMTPMaxPerAddress,
		Recipients: recipients.Contains, TLSRequired: s.SMTPTLSRequired, Now: now, Log: log,
		Accept: func(ctx context.Context, e smtpd.Envelope, raw []byte) (string, error) {
			return g.accept(ctx, envelopeOf(e), raw)
		},
		AcceptTimeout: holdWithin + 10*time.Second, // the spool comes after the hold
	}
	if s.MailFromAllow != "" {
		senders, err := smtpd.ParseAddressList(s.MailFromAllow)
		if err != nil {
			return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("mail-from-allow"), err)}
		}
		config.Senders = senders.Contains
	}
	if s.SMTPTLSCert != "" {
		files := &smtpd.CertificateFiles{Cert: s.SMTPTLSCert, Key: s.SMTPTLSKey, Now: now, Log: log}
		if err := files.Load(); err != nil {
			return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("smtp-tls-cert"), err)}
		}
		config.TLS = &tls.Config{GetCertificate: files.Get, MinVersion: tls.VersionTLS12}
	}
	if s.SMTPAuthUser != "" {
		user, password := sha256.Sum256([]byte(s.SMTPAuthUser)), sha256.Sum256([]byte(s.SMTPAuthPassword))
		config.Login = func(givenUser, givenPassword string) bool { // in a time that tells nothing
			gotUser, gotPassword := sha256.Sum256([]byte(givenUser)), sha256.Sum256([]byte(givenPassword))
			return subtle.ConstantTimeCompare(user[:], gotUser[:])&subtle.ConstantTimeCompare(password[:], gotPassword[:]) == 1
		}
	}
	return config, nil
}

// parseNetworks reads networks and single addresses separated by commas.
func parseNetworks(text string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if address, err := netip.ParseAddr(item); err == nil {
			networks = append(networks, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(item)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network like 10.0.0.0/8", item)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}
