// Package email delivers messages through a smarthost, plain and HTML, one thread a ticket. Every mail says that a
// machine made it (RFC 3834) and carries a mark by which a loop is recognised, and nothing answers to its sender.
// Without a smarthost a message is held: it stays in the database, where the desk shows it.
package email

import (
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/wneessen/go-mail"

	"afterhours/oncall/notify"
)

// LoopHeader marks outgoing mail with the installation that sent it.
const LoopHeader = "X-Afterhours-Loop"

// maxSubject keeps the header below a line's 998 octets (RFC 5322, 2.1.1) however it is encoded.
const maxSubject = 200

// Smarthost is a mail server that takes outgoing mail. The zero Smarthost means that there is none.
type Smarthost struct {
	Host, User, Password string
	Port                 int
	TLS                  bool // from the first byte, not by STARTTLS
}

// ParseSmarthost reads smtp://user:pass@host:587 or smtps://…; an empty URL is no smarthost. Its errors never show the
// password.
func ParseSmarthost(raw string) (Smarthost, error) {
	if raw == "" {
		return Smarthost{}, nil
	}
	const mend = "write one like smtp://user:password@mail.example.com:587"
	target, err := url.Parse(raw)
	if err != nil {
		return Smarthost{}, errors.New("is not a URL; " + mend + " (special characters in the password as %XX)")
	}
	smarthost := Smarthost{Host: target.Hostname(), TLS: target.Scheme == "smtps", Port: 587}
	switch {
	case target.Scheme != "smtp" && target.Scheme != "smtps":
		return Smarthost{}, errors.New("must begin with smtp:// or smtps://; " + mend)
	case smarthost.Host == "":
		return Smarthost{}, errors.New("names no host; " + mend)
	case target.Path != "" && target.Path != "/":
		return Smarthost{}, errors.New("must not have a path; " + mend)
	}
	if smarthost.TLS {
		smarthost.Port = 465
	}
	if port := target.Port(); port != "" {
		if smarthost.Port, err = strconv.Atoi(port); err != nil || smarthost.Port < 1 || smarthost.Port > 65535 {
			return Smarthost{}, errors.New("has an impossible port; " + mend)
		}
	}
	if target.User != nil {
		smarthost.User = target.User.Username()
		smarthost.Password, _ = target.User.Password()
	}
	return smarthost, nil
}

// Options are what a Channel stands on. From is the sender's address, Domain the right side of message ids.
type Options struct {
	Smarthost Smarthost
	From      string
	Domain    string
	LoopMark  string // by which the installation knows its own mail
}

// Channel sends mail. It implements notify.Channel.
type Channel struct{ Options }

// New returns a channel, or an error that names the mend where From is no address.
func New(options Options) (*Channel, error) {
	if err := checkAddress(options.From); err != nil {
		return nil, fmt.Errorf("sender %q: %w", options.From, err)
	}
	return &Channel{options}, nil
}

// Check says whether the address is one bare mail address.
func (c *Channel) Check(to notify.Contact) error { return checkAddress(to.Address) }

func checkAddress(address string) error {
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > 254 || strings.ContainsFunc(address, unicode.IsControl) {
		return errors.New("is not a mail address like ana@example.com")
	}
	return nil
}

// Send hands one message to the smarthost.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if c.Smarthost.Host == "" {
		return notify.Receipt{}, notify.ErrHeld
	}
	letter, err := c.compose(to, message)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	client, err := c.client()
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if err := client.DialAndSendWithContext(ctx, letter); err != nil {
		return notify.Receipt{}, c.classify(err)
	}
	return notify.Receipt{ProviderID: c.messageID(message), Detail: "accepted by " + c.Smarthost.Host}, nil
}

func (c *Channel) messageID(message notify.Message) string { return message.ID + "@" + c.Domain }

func (c *Channel) compose(to notify.Contact, message notify.Message) (*mail.Msg, error) {
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(letter.FromFormat("afterhours", c.From), letter.To(to.Address), letter.EnvelopeFrom(c.From)); err != nil {
		return nil, errors.New("the sender or the recipient is not a mail address")
	}
	if message.ReplyTo != "" {
		if err := letter.ReplyTo(message.ReplyTo); err != nil {
			return nil, errors.New("the address for replies is not a mail address; check AFTERHOURS_SMTP_DOMAIN")
		}
	}
	letter.Subject(oneLine(message.Subject))
	letter.SetDateWithValue(message.At)
	letter.SetMessageIDWithValue(c.messageID(message))
	if message.Ticket != 0 {
		thread := fmt.Sprintf("<ticket-%d@%s>", message.Ticket, c.Domain)
		letter.SetGenHeader(mail.HeaderInReplyTo, thread)
		letter.SetGenHeader(mail.HeaderReferences, thread)
	}
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")
	letter.SetGenHeader(LoopHeader, c.LoopMark)
	if message.Severity == "high" {
		letter.SetImportance(mail.ImportanceHigh)
	}
	letter.SetBodyString(mail.TypeTextPlain, message.Text)
	if message.HTML != "" {
		letter.AddAlternativeString(mail.TypeTextHTML, message.HTML)
	}
	return letter, nil
}

// oneLine makes any text a header's value: bounded, and without an encoded word of somebody else's.
func oneLine(text string) string {
	return notify.Cut(notify.OneLine(strings.ReplaceAll(notify.OneLine(text), "=?", "= ?")), maxSubject)
}

// client speaks TLS wherever the smarthost offers it. A password goes over clear text to this machine alone.
func (c *Channel) client() (*mail.Client, error) {
	policy := mail.TLSOpportunistic
	if c.Smarthost.User != "" && !loopback(c.Smarthost.Host) {
		policy = mail.TLSMandatory
	}
	options := []mail.Option{
		mail.WithPort(c.Smarthost.Port), mail.WithTLSPolicy(policy), mail.WithHELO(c.Domain), mail.WithoutNoop(),
	}
	if c.Smarthost.TLS {
		options = append(options, mail.WithSSL())
	}
	if c.Smarthost.User != "" {
		method := mail.SMTPAuthAutoDiscover
		if loopback(c.Smarthost.Host) {
			method = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(method), mail.WithUsername(c.Smarthost.User), mail.WithPassword(c.Smarthost.Password))
	}
	client, err := mail.NewClient(c.Smarthost.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("smarthost %s cannot be used", c.Smarthost.Host)
	}
	return client, nil
}

func loopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

// classify tells a refusal (5xx) from what a later attempt may mend, without the server's own words where they could
// repeat a credential.
func (c *Channel) classify(err error) error {
	var sending *mail.SendError
	if errors.As(err, &sending) {
		fault := fmt.Errorf("smarthost %s answered %d %s", c.Smarthost.Host, sending.ErrorCode(), sending.EnhancedStatusCode())
		if !sending.IsTemp() && sending.ErrorCode() >= 500 {
			return notify.Permanent(fault)
		}
		return fault
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("smarthost %s did not answer in time", c.Smarthost.Host)
	case strings.Contains(err.Error(), "AUTH"), strings.Contains(err.Error(), "535"):
		return notify.Permanent(fmt.Errorf("smarthost %s refused the sign-in; check AFTERHOURS_SMARTHOST_URL", c.Smarthost.Host))
	}
	var network net.Error
	if errors.As(err, &network) {
		return fmt.Errorf("smarthost %s cannot be reached", c.Smarthost.Host)
	}
	return fmt.Errorf("smarthost %s: the mail was not taken", c.Smarthost.Host)
}
