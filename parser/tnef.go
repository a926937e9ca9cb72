package parser

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Outlook's own format of mail, winmail.dat (Microsoft, [MS-OXTNEF]): a signature and then attributes, each with its
// length. What is read of it is the text and what is attached; the rest is passed over.

// tnefSignature begins every winmail.dat.
var tnefSignature = []byte{0x78, 0x9f, 0x3e, 0x22}

// Bounds of one winmail.dat.
const (
	maxAttributes = 2000
	maxProperties = 5000
)

// Attributes of a winmail.dat ([MS-OXTNEF] 2.1.3.2).
const (
	attBody         = 0x0002800c
	attMessageProps = 0x00069003
	attAttachBegins = 0x00069002
	attAttachTitle  = 0x00018010
	attAttachData   = 0x0006800f
	attAttachProps  = 0x00069005
)

// Properties ([MS-OXPROPS]), and the types of their values ([MS-OXCDATA] 2.11.1).
const (
	propBody         = 0x1000
	propRTF          = 0x1009
	propHTML         = 0x1013
	propAttachData   = 0x3701
	propAttachName   = 0x3704
	propAttachLong   = 0x3707
	propAttachType   = 0x370e
	typeString8      = 0x001e
	typeUnicode      = 0x001f
	typeObject       = 0x000d
	typeBinary       = 0x0102
	multipleValues   = 0x1000
	firstNamed       = 0x8000
	objectIdentifier = 16 // octets before an embedded object
)

// isTNEF says whether a part is a winmail.dat, whatever it is called.
func isTNEF(content []byte) bool { return bytes.HasPrefix(content, tnefSignature) }

// readTNEF takes a winmail.dat apart into the entities it holds: its text, and what is attached. whole is false where it
// ends early; what came before is kept.
func readTNEF(content []byte, depth int, left *budget) (entities []*message, whole bool) {
	if len(content) < 6 || !isTNEF(content) {
		return nil, false
	}
	r := tnefReader{depth: depth, left: left, rest: content[6:]}
	for range maxAttributes {
		if len(r.rest) == 0 {
			return r.finish(), true
		}
		if len(r.rest) < 9 {
			break
		}
		id := binary.LittleEndian.Uint32(r.rest[1:])
		size := uint64(binary.LittleEndian.Uint32(r.rest[5:]))
		r.rest = r.rest[9:]
		if size > uint64(len(r.rest)) {
			r.attribute(id, r.rest)
			break
		}
		r.attribute(id, r.rest[:size])
		r.rest = r.rest[min(size+2, uint64(len(r.rest))):] // a checksum follows
	}
	return r.finish(), false
}

type tnefReader struct {
	rest              []byte
	depth             int
	left              *budget
	plain, html, rich []byte
	files             []*message
}

func (r *tnefReader) attribute(id uint32, value []byte) {
	switch id {
	case attBody:
		r.plain = value
	case attMessageProps:
		eachProperty(value, r.messageProperty)
	case attAttachBegins:
		if r.left.parts++; r.left.parts < maxParts {
			r.files = append(r.files, &message{header: header{}, mediaType: "application/octet-stream", params: map[string]string{}})
		} else {
			r.left.crossed = true
		}
	case attAttachTitle, attAttachData, attAttachProps:
		r.attachment(id, value)
	}
}

func (r *tnefReader) attachment(id uint32, value []byte) {
	if len(r.files) == 0 {
		return
	}
	file := r.files[len(r.files)-1]
	switch id {
	case attAttachTitle:
		file.filename = firstOf(file.filename, oneLine(propertyText(value, typeString8)))
	case attAttachData:
		file.content = value
	case attAttachProps:
		eachProperty(value, func(property, kind uint16, value []byte) {
			switch property {
			case propAttachLong:
				file.filename = oneLine(propertyText(value, kind))
			case propAttachName:
				file.filename = firstOf(file.filename, oneLine(propertyText(value, kind)))
			case propAttachType:
				file.mediaType = knownKind(strings.ToLower(oneLine(propertyText(value, kind))))
			case propAttachData:
				if len(file.content) == 0 {
					file.content = value
				}
			}
		})
	}
}

func (r *tnefReader) messageProperty(property, kind uint16, value []byte) {
	switch property {
	case propBody:
		r.plain = []byte(propertyText(value, kind))
	case propHTML:
		r.html = value
		if kind == typeUnicode {
			r.html = []byte(propertyText(value, kind))
		}
	case propRTF:
		r.rich = value
	}
}

// finish makes entities of what was found: the HTML, or what the rich text holds of it, the text, and the files.
func (r *tnefReader) finish() []*message {
	plain, html := bytes.TrimRight(r.plain, "\x00"), bytes.TrimRight(r.html, "\x00")
	if len(html) == 0 && len(r.rich) > 0 {
		text, isHTML := readRTF(decompressRTF(r.rich))
		if isHTML {
			html = []byte(text)
		} else if len(plain) == 0 {
			plain = []byte(text)
		}
	}
	var entities []*message
	for _, body := range []struct {
		kind    string
		content []byte
	}{{"text/plain", plain}, {"text/html", html}} {
		if len(body.content) > 0 {
			entities = append(entities, &message{header: header{"content-type": {body.kind}}, mediaType: body.kind, params: map[string]string{}, inline: true, content: body.content})
		}
	}
	for _, file := range r.files {
		r.open(file)
		entities = append(entities, file)
	}
	return entities
}

// open reads a message that is attached, as a file or as an embedded object.
func (r *tnefReader) open(file *message) {
	if r.depth+1 >= maxDepth {
		r.left.crossed = true
		return
	}
	content := file.content
	if len(content) > objectIdentifier && isTNEF(content[objectIdentifier:]) {
		content = content[objectIdentifier:]
	}
	switch {
	case isTNEF(content):
		file.unpacked, _ = readTNEF(content, r.depth+1, r.left)
	case file.mediaType == "message/rfc822", strings.HasSuffix(strings.ToLower(file.filename), ".eml"):
		file.inner = readMessage(content, r.depth+1, r.left)
	}
}

// eachProperty walks over a list of properties ([MS-OXTNEF] 2.1.3.4); one that is cut off ends it.
func eachProperty(list []byte, found func(property, kind uint16, value []byte)) {
	p := propertyReader{rest: list}
	count := p.number()
	for range min(count, maxProperties) {
		kind, property := p.short(), p.short()
		if property >= firstNamed {
			p.skipName()
		}
		values := uint32(1)
		isVariable := kind == typeString8 || kind == typeUnicode || kind == typeObject || kind == typeBinary
		if isVariable || kind&multipleValues != 0 {
			values = p.number()
		}
		for range min(values, maxProperties) {
			value := p.value(kind&^multipleValues, isVariable)
			if p.failed {
				return
			}
			found(property, kind, value)
		}
	}
}

// propertyReader reads numbers and values in little-endian order, values padded to four octets.
type propertyReader struct {
	rest   []byte
	failed bool
}

func (p *propertyReader) take(size uint64) []byte {
	if size > uint64(len(p.rest)) {
		p.failed = true
		size = uint64(len(p.rest))
	}
	value := p.rest[:size]
	p.rest = p.rest[size:]
	return value
}

func (p *propertyReader) number() uint32 {
	if value := p.take(4); len(value) == 4 {
		return binary.LittleEndian.Uint32(value)
	}
	return 0
}

func (p *propertyReader) short() uint16 {
	if value := p.take(2); len(value) == 2 {
		return binary.LittleEndian.Uint16(value)
	}
	return 0
}

// skipName passes over the name of a named property: a GUID, and a number or a text.
func (p *propertyReader) skipName() {
	p.take(16)
	if p.number() == 0 {
		p.take(4)
		return
	}
	p.padded(uint64(p.number()))
}

func (p *propertyReader) padded(size uint64) []byte {
	value := p.take(size)
	if over := size % 4; over > 0 {
		p.take(min(4-over, uint64(len(p.rest))))
	}
	return value
}

func (p *propertyReader) value(kind uint16, isVariable bool) []byte {
	switch {
	case isVariable || kind == typeString8 || kind == typeUnicode || kind == typeBinary:
		return p.padded(uint64(p.number()))
	case kind == 5, kind == 6, kind == 7, kind == 0x14, kind == 0x40:
		return p.take(8)
	case kind == 0x48:
		return p.take(16)
	}
	return p.take(4)
}

func propertyText(value []byte, kind uint16) string {
	charset := ""
	if kind == typeUnicode {
		charset = "utf-16le"
	}
	return strings.TrimRight(toUTF8(clipBytes(value, maxHTML), charset), "\x00")
}
