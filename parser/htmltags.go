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
}

// Bounds of the tags that are known again: layouts write the same ones, with long styles, for every cell.
const (
	maxKnownTags    = 500
	longestKnownTag = 2000 // octets
)

// tag is the present token's tag.
func (r *htmlReader) tag() htmlTag {
	raw := r.tokens.Raw()
	if bare := bareTag(raw); bare != 0 {
		return htmlTag{atom: bare, name: bare.String()}
	}
	if t, known := r.known[string(raw)]; known {
		return t
	}
	if len(r.known) >= maxKnownTags || len(raw) > longestKnownTag {
		return r.readTag()
	}
	written := string(raw) // before it is read, which changes it
	t := r.readTag()
	if r.known == nil {
		r.known = map[string]htmlTag{}
	}
	r.known[written] = t
	return t
}

// bareTag is the element of a start or end tag without attributes as most are written, <td> or </td>; 0 for all others. The
// tokenizer would copy its name.
func bareTag(raw []byte) atom.Atom {
	begin, end := 1, len(raw)-1
	if end < 2 || raw[end] != '>' {
		return 0
	}
	if raw[begin] == '/' {
		begin++
	}
	for _, c := range raw[begin:end] {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return 0
		}
	}
	return atom.Lookup(raw[begin:end])
}

// readTag reads the present token's tag.
func (r *htmlReader) readTag() htmlTag {
	name, more := r.tokens.TagName()
	t := htmlTag{atom: atom.Lookup(name), name: string(name)}
	var key, value []byte
	for more {
		key, value, more = r.tokens.TagAttr()
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
