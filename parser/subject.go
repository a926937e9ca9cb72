package parser

import "regexp"

// The marks that mail programs of common languages put before a subject.
const (
	forwardMarks = `fwd?|wg|tr|rv|vb|vs|vl|enc|i|doorst|pd|ynt|ilt|i̇lt|πρθ|továbbítás|továbbitás|přeposl|hn|пересл|转发|轉寄|转寄|전달|הועבר|إعادة توجيه|forwarded`
	replyMarks   = `re|aw|antw|sv|odp|r|res|rif|bls|atb|απ|σχετ|vá|отв|回复|回覆|答复|答覆|返信|답장|회신|رد|תגובה`
)

var (
	mark  = regexp.MustCompile(`(?i)^\s*(?:` + forwardMarks + `|` + replyMarks + `)\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s*[:：]\s*`)
	tag   = regexp.MustCompile(`(?i)^\s*(?:\[[^\]]{1,30}\]|【[^】]{1,30}】|[({*]{1,3}\s*(?:ext|external|extern|externe|caution)(?: (?:e-?mail|sender|mail))?\s*[)}*]{1,3}|(?:ext|external|caution)(?: (?:e-?mail|sender))?\s*[:|])\s*[:-]?\s*`)
	fwd   = regexp.MustCompile(`(?i)^\s*(?:` + forwardMarks + `)\s*(?:\[\d{1,3}\])?\s*[:：]`)
	reply = regexp.MustCompile(`(?i)^\s*(?:` + replyMarks + `)\s*(?:\[\d{1,3}\])?\s*[:：]`)
)

// bareSubject is a subject without reply and forward marks and without tags of filters.
func bareSubject(subject string) string { bare, _, _ := readSubject(subject); return bare }

// readSubject takes marks and tags off a subject and says whether a mark of forwarding or of replying was among them.
func readSubject(subject string) (bare string, forwarded, replied bool) {
	subject = oneLine(subject)
	for range 20 {
		at := mark.FindStringIndex(subject)
		if at == nil {
			at = tag.FindStringIndex(subject)
		} else {
			forwarded = forwarded || fwd.MatchString(subject)
			replied = replied || reply.MatchString(subject)
		}
		if at == nil || at[1] == len(subject) {
			break
		}
		subject = subject[at[1]:]
	}
	return subject, forwarded, replied
}
