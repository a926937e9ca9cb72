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
	Key     []byte   // secret, at least 32 bytes
	Former  [][]byte // what was made with these is still known
	BaseURL string   // without a slash at the end
	Domain  string   // of the SMTP server, to which people reply by mail
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

// replyPrefix begins the local part of every address of ReplyAddress.
const replyPrefix = "reply+"

// ReplyAddress returns the address to which a reply to a page goes. It names the page and carries a signature of 128
// bits, in small letters and within 64 octets before the @ (RFC 5321, 4.5.3.1.1).
func (l Links) ReplyAddress(page int64) string {
	return l.signedAddress(replyPrefix, "reply", page)
}

// signedAddress names an id in an address of ours, which signedID reads back.
func (l Links) signedAddress(prefix, purpose string, id int64) string {
	return prefix + l.sign(purpose, id) + "@" + l.Domain
}

// signedID is the id in an address that signedAddress made; letters may have changed their case on the way. ok is false for
// any other address, and for one whose signature is wrong.
func (l Links) signedID(prefix, purpose, address string) (id int64, ok bool) {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	token, found := strings.CutPrefix(local, prefix)
	if !found || domain != strings.ToLower(l.Domain) {
		return 0, false
	}
	return l.verify(purpose, token)
}

// ReplyPage is the page of an address that ReplyAddress made.
func (l Links) ReplyPage(address string) (page int64, ok bool) {
	return l.signedID(replyPrefix, "reply", address)
}

// CallbackToken returns the token by which a provider's call (a receipt, a key press, a button) finds its page. It only
// names the page: that the call is the provider's is the signature's to show.
func (l Links) CallbackToken(page int64) string { return l.sign("callback", page) }

// CallbackPage is the page of a token that CallbackToken made.
func (l Links) CallbackPage(token string) (page int64, ok bool) { return l.verify("callback", token) }

// LoopMark stands in every mail of this installation, so that it knows one that comes back, whoever changed its id on the
// way. Nobody can guess it, and another installation has another.
func (l Links) LoopMark() string {
	mac := hmac.New(sha256.New, l.Key)
	mac.Write([]byte("mail of this installation"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// IsLoopMark says whether a mark is this installation's.
func (l Links) IsLoopMark(mark string) bool {
	given := []byte(strings.ToLower(strings.TrimSpace(mark)))
	return l.byAnyKey(func(l Links) bool { return hmac.Equal(given, []byte(l.LoopMark())) })
}

// IsMessageID says whether an id without its domain is the one under which a page is, or under a former key was, sent.
func (l Links) IsMessageID(local string, page int64, created time.Time) bool {
	return l.byAnyKey(func(l Links) bool { return hmac.Equal([]byte(local), []byte(l.MessageID(page, created))) })
}

// byAnyKey asks with the key and with each former one, all of them, so that the time tells nothing.
func (l Links) byAnyKey(ask func(Links) bool) bool {
	found := false
	for _, key := range append([][]byte{l.Key}, l.Former...) {
		l.Key = key
		found = ask(l) || found
	}
	return found
}

// sign writes a page's number and a signature of it that holds for one purpose.
func (l Links) sign(purpose string, page int64) string {
	number := strconv.FormatInt(page, 10)
	mac := hmac.New(sha256.New, l.Key)
	mac.Write([]byte(purpose + " of page " + number))
	return number + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}

func (l Links) verify(purpose, token string) (page int64, ok bool) {
	number, _, _ := strings.Cut(token, ".")
	page, err := strconv.ParseInt(number, 10, 64)
	if err != nil || page < 1 || !l.byAnyKey(func(l Links) bool { return hmac.Equal([]byte(token), []byte(l.sign(purpose, page))) }) {
		return 0, false
	}
	return page, true
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
