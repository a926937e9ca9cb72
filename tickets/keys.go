package tickets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of the keys of one mail: a mail that names more alerts than this is a list, not an alert.
const (
	maxKeys      = 64
	maxKeyLength = 200
)

var cve = regexp.MustCompile(`(?i)\bCVE-\d{4}-\d{4,7}\b`)

// Keys are what makes two notifications one matter, sorted and each once: alert ids without prefix and case, incidents
// with their tenant, CVEs, the mail platform's GUIDs and the Message-ID; for a mail that has none of these a hash of
// its sender, title, first device and day of receipt, or without a title its own digest. There is always at least one.
func Keys(alert Alert, received time.Time, digest []byte) []string {
	var keys []string
	add := func(kind, id string) {
		if id == "" || len(keys) == maxKeys {
			return
		}
		key := kind + ":" + strings.ToLower(id)
		if len(key) > maxKeyLength {
			sum := sha256.Sum256([]byte(key))
			key = kind + ":sha256:" + hex.EncodeToString(sum[:])
		}
		keys = append(keys, key)
	}
	if id := alert.IncidentID; id != "" {
		add("incident", alert.TenantID+"/"+id)
	}
	for _, id := range alert.MergedIncidentIDs {
		add("incident", alert.TenantID+"/"+id)
	}
	for _, id := range alert.AlertIDs {
		add("alert", FoldAlertID(id))
	}
	if alert.Kind == KindVulnerability {
		for _, id := range cve.FindAllString(alert.Title, -1) {
			add("cve", alert.TenantID+"/"+id)
		}
	}
	for _, id := range alert.Tracking {
		add("mail", id)
	}
	add("message", alert.Message.MessageID)
	if len(keys) == 0 && alert.Title == "" {
		add("digest", hex.EncodeToString(digest))
	}
	if len(keys) == 0 {
		device := ""
		if len(alert.Devices) > 0 {
			device = alert.Devices[0]
		}
		content := strings.Join([]string{
			alert.Message.From, alert.Title, device, received.UTC().Format(time.DateOnly),
		}, "\x00")
		sum := sha256.Sum256([]byte(content))
		add("content", hex.EncodeToString(sum[:]))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// FoldAlertID is an alert id as it is compared: lower case, without the two letters that some portals put before the
// same id (Microsoft, "Investigate alerts": the prepended character does not change the GUID).
func FoldAlertID(id string) string {
	id = strings.ToLower(id)
	if len(id) > 2 && isLetter(id[0]) && isLetter(id[1]) && !isHexGUID(id) {
		return id[2:]
	}
	return id
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// isHexGUID says whether id begins with a GUID of its own: "da…" can be the first digits of one.
func isHexGUID(id string) bool { return len(id) >= 36 && id[8] == '-' && id[13] == '-' }

// Fingerprint recognises an exact repeat: a mail that says the same under the same Message-ID, or, where it has no
// Message-ID, one of the same bytes. digest is the SHA-256 of the raw mail.
func Fingerprint(alert Alert, digest []byte) []byte {
	if alert.Message.MessageID == "" {
		return digest
	}
	said := alert
	said.Message.To = nil
	said.Warnings = nil
	content, err := json.Marshal(said)
	if err != nil {
		return digest
	}
	sum := sha256.Sum256(content)
	return sum[:]
}
