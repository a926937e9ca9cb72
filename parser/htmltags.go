package parser

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html/atom"
)

// htmlTag is a start tag with the attributes that count, or an end tag.
type htmlTag struct {
	atom      atom.Atom
	name      string
	href, src string
	hidden    bool // it hides its element
	ends      bool // it is an end tag
}

// tag is the present token's tag.
func (r *htmlReader) tag(ends bool) htmlTag {
	if r.tokens.own {
		return r.tokens.tag
	}
	raw := r.tokens.tokenizer.Raw()
	if t, known := r.tokens.known[string(raw)]; known {
		return t
	}
	if len(r.tokens.known) >= maxKnownTags || len(raw) > longestKnownTag {
		return r.readTag()
	}
	written := string(raw) // before it is read, which changes it
	t := r.readTag()
	t.ends = ends
	r.tokens.known[written] = t
	return t
}

// readTag reads the present token's tag.
func (r *htmlReader) readTag() htmlTag {
	name, more := r.tokens.tokenizer.TagName()
	t := htmlTag{atom: atom.Lookup(name), name: string(name)}
	var key, value []byte
	for more {
		key, value, more = r.tokens.tokenizer.TagAttr()
		switch string(key) {
		case "href":
			if t.atom == atom.A || t.atom == atom.Area {
				t.href = string(value)
			}
		case "src":
			if t.atom == atom.Img {
				t.src = string(value)
			}
		case "hidden":
			t.hidden = true
		case "style":
			t.hidden = t.hidden || hidingStyle(string(value))
		case "class":
			t.hidden = t.hidden || bytes.Contains(bytes.ToLower(value), []byte("preheader")) || r.hides(string(value))
		}
	}
	return t
}

// hides says whether a style sheet hides one of an element's classes.
func (r *htmlReader) hides(class string) bool {
	return len(r.classes) > 0 && slices.ContainsFunc(strings.Fields(clip(class, 1000)), func(name string) bool { return r.classes[name] })
}
