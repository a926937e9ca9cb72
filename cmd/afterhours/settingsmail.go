package main

import (
	"net/mail"
	"regexp"

	"afterhours/oncall/notify/email"
	"afterhours/smtpd"
)

// hostName is a name as a greeting and an address have it (RFC 1123, section 2.1); single labels are names, too.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$`)

// validateMail checks what the settings say about mail in and mail out before anything is started.
func (s settings) validateMail() error {
	if !hostName.MatchString(s.SMTPDomain) || len(s.SMTPDomain) > 253 {
		return invalid("smtp-domain", "%q is not a name like mx.example.com", s.SMTPDomain)
	}
	if _, err := smtpd.ParseAddressList(s.MailTo); err != nil {
		return invalid("mail-to", "%s", err)
	}
	if s.MailFromAllow != "" {
		if _, err := smtpd.ParseAddressList(s.MailFromAllow); err != nil {
			return invalid("mail-from-allow", "%s", err)
		}
	}
	for name, list := range map[string]string{"trusted-relays": s.TrustedRelays, "trusted-proxies": s.TrustedProxies} {
		if _, err := parseNetworks(list); err != nil {
			return invalid(name, "%s", err)
		}
	}
	if _, err := email.ParseSmarthost(s.SmarthostURL); err != nil {
		return invalid("smarthost-url", "%s", err)
	}
	if address, err := mail.ParseAddress(s.OutboundFrom); err != nil || address.Address != s.OutboundFrom {
		return invalid("outbound-from", "%q is not an address like afterhours@example.com", s.OutboundFrom)
	}
	return nil
}
