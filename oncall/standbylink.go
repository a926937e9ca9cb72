package oncall

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// StandbyToken is the token of a page that was sent while the database was away: of a spooled mail, to a contact of a
// person or webhook.
func (l Links) StandbyToken(mail, who, contact string) string {
	return base64.RawURLEncoding.EncodeToString(l.standby("ack", mail, who, contact)[:20])
}

// StandbyURL is the acknowledge link with that token.
func (l Links) StandbyURL(mail, who, contact string) string {
	return strings.TrimSuffix(l.BaseURL, "/") + "/ack/" + l.StandbyToken(mail, who, contact)
}

// StandbyMessageID is the id under which every attempt of such a page is sent.
func (l Links) StandbyMessageID(mail, who, contact string) string {
	return "standby_" + hex.EncodeToString(l.standby("message", mail, who, contact)[:12])
}

func (l Links) standby(purpose string, parts ...string) []byte {
	mac := hmac.New(sha256.New, l.Key)
	mac.Write([]byte("standby " + purpose + "\x00" + strings.Join(parts, "\x00")))
	return mac.Sum(nil)
}
