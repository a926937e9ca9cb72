package web

import (
	"strings"

	"afterhours/oncall"
)

// neverUndone says why an entry of the audit log cannot be undone; empty where its state before is kept.
func neverUndone(change oncall.Change) string {
	switch change.State {
	case oncall.StateKept:
		return ""
	case oncall.StateAge:
		return "It is more than a year old, and the state before it is not kept any more."
	case oncall.StateSize:
		return "It changed more than can be kept at once (1 MiB)."
	case oncall.StateErased:
		return "A person whom it held was erased, and with them the state before it."
	case oncall.StateKey:
		return "Its credentials were sealed with a key that is lost."
	}
	if change.Difference != "" {
		return "The state before it was not kept: an earlier version of afterhours wrote it."
	}
	if strings.Contains(change.Action, " invited") {
		return "Invitations are ended, and sent again, under Accounts."
	}
	for _, kind := range []struct{ begins, why string }{
		{"invitation ", "Invitations are ended, and sent again, under Accounts."},
		{"passkey ", "A passkey is its owner's to add or to remove."},
		{"account ", "Accounts are changed back under Accounts: a disabled one can be enabled there, and a password, once replaced, does not return."},
		{"token ", "A token is shown once and kept as a digest alone: make a new one under Tokens."},
		{"erased person ", "What was erased is nowhere any more."},
		{"credentials sealed", "A key is not put back; rotate it once more instead."},
		{"webhook ", "A receiver ended this webhook, or somebody let it be told again: its deliveries have the button for that."},
	} {
		if strings.HasPrefix(change.Action, kind.begins) {
			return kind.why
		}
	}
	return "It changed nothing of the configuration."
}

// thingWords names a thing of the configuration by its path: "schedule primary: overrides".
func thingWords(path string) string {
	parts := strings.Split(path, "/")
	known, ok := sectionNamed(parts[0])
	switch {
	case !ok:
		return strings.Join(parts, ": ")
	case len(parts) == 1 && known.ByID:
		return "the order of " + strings.ToLower(known.Title)
	case len(parts) == 1:
		return strings.ToLower(known.Title)
	}
	words := known.One + " " + parts[1]
	if len(parts) > 2 {
		words += ": " + strings.ReplaceAll(strings.Join(parts[2:], " "), "_", " ")
	}
	return words
}
