package main

import (
	"net/url"
	"strings"

	"afterhours/oncall"
)

// emergencyContact is the contact that the setting names; the zero contact where it names none.
func emergencyContact(s settings) (oncall.EmergencyContact, error) {
	to := s.EmergencyContact
	if to == "" {
		return oncall.EmergencyContact{}, nil
	}
	if strings.Contains(to, "://") {
		target, err := url.Parse(to)
		allowed := err == nil && (target.Scheme == "https" || s.AllowPrivate && target.Scheme == "http")
		if !allowed || target.Host == "" {
			return oncall.EmergencyContact{}, invalid("emergency-contact", "is not an https address; write a mail address, or a webhook like https://hooks.example.com/x")
		}
		return oncall.EmergencyContact{Channel: "webhook", Address: to}, nil
	}
	if local, domain, ok := strings.Cut(to, "@"); !ok || local == "" || domain == "" || strings.ContainsAny(to, " ,<>") {
		return oncall.EmergencyContact{}, invalid("emergency-contact", "is neither a mail address nor an https address")
	}
	return oncall.EmergencyContact{Channel: "email", Address: to}, nil
}
