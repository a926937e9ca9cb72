package oncall

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// LinkLifetime is how long an acknowledge link is good for.
const LinkLifetime = 7 * 24 * time.Hour

// Links makes the acknowledge links of pages. A token is derived from the page and the installation's key: the
// database holds its hash alone, and a repeated attempt carries the same link.
type Links struct {
	Key     []byte // secret, at least 32 bytes
	BaseURL string // without a slash at the end
}

// Token returns the 160-bit token of a page, URL-safe.
func (l Links) Token(page int64, created time.Time) string {
	return base64.RawURLEncoding.EncodeToString(l.derive("ack", page, created)[:20])
}

// URL returns the acknowledge link of a page.
func (l Links) URL(page int64, created time.Time) string {
	return strings.TrimSuffix(l.BaseURL, "/") + "/ack/" + l.Token(page, created)
}

// MessageID returns the id under which every attempt of a page is sent.
func (l Links) MessageID(page int64, created time.Time) string {
	return "page_" + strconv.FormatInt(page, 10) + "_" + hex.EncodeToString(l.derive("message", page, created)[:8])
}

func (l Links) derive(purpose string, page int64, created time.Time) []byte {
	mac := hmac.New(sha256.New, l.Key)
	mac.Write([]byte(purpose + ":" + strconv.FormatInt(page, 10) + ":" + strconv.FormatInt(created.UnixMicro(), 10)))
	return mac.Sum(nil)
}

// HashToken is the form in which a token is stored and looked up.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
