package web

import (
	"net/http"
	"strings"
)

// mailFrame is a mail's HTML in a frame that has no rights: an empty sandbox lets no script run, no form post, no window
// open and no link leave the frame, and the frame's own policy loads nothing at all. The desk's policy holds in it, too;
// showing one only adds the digest of the frame's style sheet to it.
type mailFrame struct {
	safeHTML
	Source string // the document of the frame
}

// frameMail makes the frame's document and widens the policy of the answer by its style sheet.
func (s *Site) frameMail(w http.ResponseWriter, source string, pictures map[string][]byte) mailFrame {
	made := safe(s.mailPolicy, source, pictures)
	if strings.TrimSpace(made.Body) == "" {
		return mailFrame{safeHTML: made}
	}
	style := string(s.assets.named("mail.css"))
	digest := digestOf(style)
	w.Header().Set("Content-Security-Policy", policyWith(style))
	return mailFrame{made, `<!doctype html><html><head><meta charset="utf-8">` +
		`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src ` + digest + `">` +
		`<meta name="referrer" content="no-referrer"><title>The mail</title><style>` + style + `</style></head><body>` + made.Body + `</body></html>`}
}
