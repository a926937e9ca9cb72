package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"afterhours/migrations"
	"afterhours/oncall"
	"afterhours/oncall/notify"
)

// Bounds of the doctor's checks, and what it warns about.
const (
	checkTimeout   = 5 * time.Second
	certificateDue = 14 * 24 * time.Hour
	clockDrift     = 2 * time.Second
	gapsWithin     = 7 * 24 * time.Hour
)

type doctorCommand struct{ settings }

// verdict is what one check found. Mend is empty where all is well.
type verdict struct {
	level string // ok, warning or failed
	found string
	mend  string
}

func good(format string, args ...any) verdict { return verdict{"ok", fmt.Sprintf(format, args...), ""} }

func bad(mend, format string, args ...any) verdict {
	return verdict{"failed", fmt.Sprintf(format, args...), mend}
}

func warning(mend, format string, args ...any) verdict {
	return verdict{"warning", fmt.Sprintf(format, args...), mend}
}

// Run prints one line a check and fails where any of them failed.
func (c *doctorCommand) Run(ctx context.Context, env environment) error {
	s, err := c.complete()
	if err != nil {
		return err
	}
	failed := 0
	report := func(check string, found verdict) {
		if found.level == "failed" {
			failed++
		}
		fmt.Fprintf(env.stdout, "%-8s %-14s %s", found.level, check, found.found)
		if found.mend != "" {
			fmt.Fprintf(env.stdout, "; %s", found.mend)
		}
		fmt.Fprintln(env.stdout)
	}
	err = withDatabase(ctx, s, env, func(db database) error {
		return c.examine(ctx, s, db, env, report)
	})
	if err != nil {
		report("database", bad("mend that first, the other checks need it", "%s", oneLine(err)))
	}
	switch failed {
	case 0:
		return nil
	case 1:
		return errors.New("1 check failed")
	}
	return fmt.Errorf("%d checks failed", failed)
}

func (c *doctorCommand) examine(ctx context.Context, s settings, db database, env environment, report func(string, verdict)) error {
	all, err := migrations.Status(ctx, db.directly())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(m migrations.Migration) bool { return m.AppliedAt == nil }) {
		report("database", bad("run `afterhours migrate up`, or start serve", "reachable, but its schema is not up to date"))
		return nil
	}
	report("database", good("reachable, schema up to date"))
	r, err := wire(s, db, s.PublicURL, quiet(newLog(s, env.stderr)), env.now)
	if err != nil {
		return err
	}
	configuration, err := r.oncall.Configuration(ctx)
	if err != nil {
		return err
	}
	report("clock", checkClock(ctx, db, env.now))
	report("pooler", checkPooler(ctx, db))
	report("smtp", checkSMTP(ctx, s))
	report("starttls", checkCertificate(s, env.now()))
	report("backups", checkBackups(s, env.now()))
	report("spool", checkSpool(s, r.sealer, env.now))
	for _, found := range checkGateways(ctx, r.oncall, env.now()) {
		report("gateways", found)
	}
	report("heartbeat", checkHeartbeat(ctx, s, r.oncall, env.now()))
	report("self-test", checkSelfTest(ctx, s, r.oncall, env.now()))
	report("web", checkWeb(ctx, s))
	report("passkeys", checkPasskeys(s))
	if s.OIDCIssuer != "" {
		report("single sign-on", checkSignOn(ctx, s, env.now))
	}
	report("outbound mail", checkSmarthost(ctx, s))
	for _, found := range checkCoverage(configuration, env.now()) {
		report("on call", found)
	}
	for _, found := range checkHighPaths(configuration, s.MailTo) {
		report("high alerts", found)
	}
	for _, found := range checkChannels(s, r, configuration) {
		report("channels", found)
	}
	for _, tenant := range r.defender.tenantsOf(configuration) {
		report("defender", checkTenant(ctx, r.defender, tenant, actionsOf(configuration)...))
	}
	for _, target := range webTargets(configuration) {
		report("webhook", checkTarget(ctx, s, target))
	}
	return nil
}

func checkClock(ctx context.Context, db database, now func() time.Time) verdict {
	var server time.Time
	before := now()
	if err := db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&server); err != nil {
		return bad("check the database", "the database's clock cannot be read")
	}
	drift := server.Sub(before.Add(now().Sub(before) / 2)).Abs()
	if drift > clockDrift {
		return warning("let both machines follow a time server", "this machine and the database are %s apart", drift.Round(time.Millisecond))
	}
	return good("within %s of the database's", (drift + time.Millisecond).Round(time.Millisecond))
}

// dialAddress is a listener's address as it is reached from here.
func dialAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func checkSMTP(ctx context.Context, s settings) verdict {
	const mend = "start `afterhours serve`, or see what holds the port"
	dialer := net.Dialer{Timeout: checkTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", dialAddress(s.SMTPAddr))
	if err != nil {
		return bad(mend, "nothing answers at %s", s.SMTPAddr)
	}
	client := smtp.NewClient(conn)
	client.CommandTimeout = checkTimeout
	defer client.Close()
	if err := client.Hello("doctor.localhost"); err != nil {
		return bad(mend, "what answers at %s is no SMTP server of ours", s.SMTPAddr)
	}
	if err := client.Quit(); err != nil {
		return warning("look into the log of serve", "answers at %s, but ends badly", s.SMTPAddr)
	}
	return good("answers at %s", s.SMTPAddr)
}

func checkCertificate(s settings, now time.Time) verdict {
	if s.SMTPTLSCert == "" {
		return warning("set "+variable("smtp-tls-cert")+" and "+variable("smtp-tls-key"), "not offered: mail comes in clear text")
	}
	pair, err := tls.LoadX509KeyPair(s.SMTPTLSCert, s.SMTPTLSKey)
	if err != nil {
		return bad("check "+variable("smtp-tls-cert"), "the certificate cannot be read")
	}
	left := pair.Leaf.NotAfter.Sub(now)
	switch {
	case left < 0:
		return bad("renew it", "the certificate ended on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	case left < certificateDue:
		return warning("renew it", "the certificate ends on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return good("the certificate is good until %s", pair.Leaf.NotAfter.Format(time.DateOnly))
}

// checkWeb asks for the public URL as a phone would.
func checkWeb(ctx context.Context, s settings) verdict {
	base := s.PublicURL
	if base == "" {
		base = "http://" + dialAddress(s.HTTPAddr)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/healthz", nil)
	if err != nil {
		return bad("check "+variable("public-url"), "%s cannot be requested", base)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return bad("check "+variable("public-url")+", and that serve runs", "nothing answers at %s", base)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 100))
	if err != nil || response.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		return bad("check "+variable("public-url")+" and the proxy before it", "what answers at %s is not afterhours", base)
	}
	if s.PublicURL == "" {
		return warning("set "+variable("public-url")+" to what phones can reach", "answers at %s, an address of this machine alone", base)
	}
	return good("answers at %s", base)
}

func checkSmarthost(ctx context.Context, s settings) verdict {
	if s.SmarthostURL == "" {
		return bad("set "+variable("smarthost-url"), "no smarthost: mail pages are held")
	}
	target, err := url.Parse(s.SmarthostURL)
	if err != nil {
		return bad("check "+variable("smarthost-url"), "not a URL")
	}
	port := target.Port()
	if port == "" {
		port = map[string]string{"smtp": "587", "smtps": "465"}[target.Scheme]
	}
	dialer := net.Dialer{Timeout: checkTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		return bad("check "+variable("smarthost-url")+" and the firewall", "the smarthost %s does not answer", target.Hostname())
	}
	return good("the smarthost %s answers", target.Hostname()).closing(conn)
}

func (v verdict) closing(c io.Closer) verdict {
	if err := c.Close(); err != nil {
		return warning("", "%s, but the connection does not close", v.found)
	}
	return v
}

// checkCoverage finds where a ticket would reach nobody, now and in the week to come.
func checkCoverage(configuration oncall.Configuration, now time.Time) []verdict {
	var found []verdict
	for _, hole := range configuration.Holes(now) {
		found = append(found, bad("change the configuration and apply it", "%s", strings.TrimSuffix(hole, ".")))
	}
	for _, schedule := range configuration.Schedules {
		_, gaps := schedule.Shifts(now, now.Add(gapsWithin))
		if len(gaps) > 0 {
			found = append(found, warning("add a layer or an override", "the schedule %s has a gap from %s to %s",
				schedule.ID, gaps[0].Start.Format(time.RFC3339), gaps[0].End.Format(time.RFC3339)))
		}
	}
	if len(found) == 0 {
		found = []verdict{good("every step reaches somebody, no gap in the next 7 days")}
	}
	return found
}

// checkHighPaths finds whom a High alert would not wake, or would reach by the watched mail system alone.
func checkHighPaths(configuration oncall.Configuration, mailTo string) []verdict {
	var found []verdict
	for _, fault := range configuration.HighPaths(configuration.WatchedDomains(mailDomains(mailTo)...)) {
		said, mend, _ := strings.Cut(strings.TrimSuffix(fault, "."), ": ")
		found = append(found, bad(mend, "%s", said))
	}
	if len(found) == 0 {
		found = []verdict{good("everybody whom a policy names is woken by a channel apart from the watched mail")}
	}
	return found
}

// checkChannels finds contacts whose channel lacks a setting, and providers that cannot answer.
func checkChannels(s settings, r *rooms, configuration oncall.Configuration) []verdict {
	var found []verdict
	for _, sentence := range unready(r.channels)(configuration) {
		found = append(found, bad("or remove the contact", "%s", strings.TrimSuffix(sentence, ".")))
	}
	if s.TwilioAccountSID != "" && !strings.HasPrefix(s.PublicURL, "https://") {
		found = append(found, bad("set "+variable("public-url")+" to an https address that Twilio reaches",
			"Twilio cannot bring key presses, replies and receipts"))
	}
	if s.SlackToken != "" && (s.SlackSigningSecret == "" || !strings.HasPrefix(s.PublicURL, "https://")) {
		found = append(found, warning("set "+variable("slack-signing-secret")+" and an https "+variable("public-url"), "the buttons in Slack do nothing"))
	}
	if len(found) == 0 {
		found = []verdict{good("every contact's channel is configured")}
	}
	return found
}

// mailDomains are the domains of the accepted recipients.
func mailDomains(mailTo string) []string {
	var domains []string
	for item := range strings.SplitSeq(mailTo, ",") {
		item = strings.TrimSpace(item)
		if _, domain, ok := strings.Cut(item, "@"); ok {
			item = domain
		}
		if item != "" && item != "*" {
			domains = append(domains, item)
		}
	}
	return domains
}

// webTargets are the addresses that pages go to by HTTP.
func webTargets(configuration oncall.Configuration) []string {
	var targets []string
	for _, person := range configuration.People {
		for _, contact := range person.EffectiveContacts() {
			if strings.Contains(contact.To, "://") {
				targets = append(targets, contact.To)
			}
		}
	}
	for _, webhook := range configuration.Webhooks {
		targets = append(targets, webhook.URL)
	}
	slices.Sort(targets)
	return slices.Compact(targets)
}

// checkTarget opens a connection to a target, through the same guard as a page, and sends nothing that it would act on.
func checkTarget(ctx context.Context, s settings, target string) verdict {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	shown := notify.Redact(target)
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, target, nil)
	if err != nil {
		return bad("change the contact's address", "%s cannot be requested", shown)
	}
	client := notify.NewHTTPClient(notify.Guard{AllowPrivate: s.AllowPrivate})
	response, err := client.Do(request)
	if errors.Is(err, notify.ErrRefusedAddress) {
		return bad("allow it with "+variable("allow-private-webhooks")+", or choose a public address", "%s is not a public address", shown)
	}
	if err != nil {
		return bad("check the address and the firewall", "%s does not answer", shown)
	}
	return good("%s answers", shown).closing(response.Body)
}
