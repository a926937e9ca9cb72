package parser

import "strings"

// HTML returns the HTML of a message as it was sent, in UTF-8, and its pictures by Content-ID without the angle brackets.
// A message without any that only carries others returns what the first of those holds; without any at all the source is
// empty. Nothing of it may be shown before it is made safe. An error cannot be: what is broken is left out.
func HTML(raw []byte) (source string, pictures map[string][]byte) {
	pictures = map[string][]byte{}
	defer func() { _ = recover() }() // as of a stage of Parse: what was found before the fault is kept
	m := readMessage(raw, 0, &budget{})
	for depth := 0; m != nil && depth <= maxDepth; depth++ {
		_, html, attached := m.shown()
		m.pictures(pictures)
		if source = clip(html, maxHTML); source != "" || len(attached) == 0 {
			return source, pictures
		}
		m = attached[0]
	}
	return source, pictures
}

// pictures collects the pictures that have an id, of attached messages, too; the first of an id counts.
func (m *message) pictures(into map[string][]byte) {
	id := strings.Trim(strings.TrimSpace(m.header.get("content-id")), "<>")
	if _, known := into[id]; id != "" && !known && len(m.content) > 0 && strings.HasPrefix(m.mediaType, "image/") {
		into[id] = m.content
	}
	for _, part := range m.parts {
		part.pictures(into)
	}
}
