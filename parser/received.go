package parser

import (
	"strings"
	"time"
)

// Received is when a mail was sent by its own word: the Date of its header, else the moment of the topmost Received
// field; the zero time where neither can be read.
func Received(raw []byte) time.Time {
	h, _, _ := splitHeader(clipBytes(raw, maxHeaderOctets), &budget{})
	if at := headerDate(h.get("date")); !at.IsZero() {
		return at
	}
	for _, trace := range h["received"] {
		if end := strings.LastIndexByte(trace, ';'); end >= 0 { // RFC 5321, 4.4: the time stands behind the last semicolon
			return headerDate(strings.TrimSpace(trace[end+1:]))
		}
	}
	return time.Time{}
}
