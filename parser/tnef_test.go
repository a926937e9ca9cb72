package parser

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// tnef puts attributes together as a winmail.dat.
func tnef(attributes ...[]byte) []byte {
	return slices.Concat(append([][]byte{{0x78, 0x9f, 0x3e, 0x22, 1, 0}}, attributes...)...)
}

func attribute(level byte, id uint32, value []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{level}, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	sum := uint16(0)
	for _, c := range value {
		sum += uint16(c)
	}
	return binary.LittleEndian.AppendUint16(append(b, value...), sum)
}

type property struct {
	id, kind uint16
	value    []byte
}

func properties(list ...property) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for _, p := range list {
		b = binary.LittleEndian.AppendUint16(b, p.kind)
		b = binary.LittleEndian.AppendUint16(b, p.id)
		if p.id >= firstNamed {
			b = append(b, make([]byte, 16)...)
			b = append(b, 1, 0, 0, 0, 6, 0, 0, 0, 'a', 0, 'b', 0, 0, 0, 0, 0)
		}
		if p.kind == 3 {
			b = append(b, p.value...)
			continue
		}
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.value)))
		b = append(b, p.value...)
		b = append(b, make([]byte, (4-len(p.value)%4)%4)...)
	}
	return b
}

func wide(text string) []byte {
	var b []byte
	for _, unit := range append(utf16.Encode([]rune(text)), 0) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

// plainRTF is rich text in its uncompressed form.
func plainRTF(text string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	return append(append(b, "MELA\x00\x00\x00\x00"...), text...)
}

func inMail(winmail []byte) []byte {
	return slices.Concat([]byte("From: sam.lee@contoso.example\nSubject: FW: alert\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n \n"+
		"--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"), lines64(string(winmail)), []byte("\n--b--\n"))
}

func TestTheTextOfAWinmailDatIsRead(t *testing.T) {
	t.Parallel()
	const said = "From: defender-noreply@microsoft.com\nSent: Monday\nTo: soc@contoso.example\nSubject: High severity alert: Tëst\n\nSeverity: High\nDevice: ws-1\nhttps://security.microsoft.com/alerts/da637551227677560813_-961444813\n"
	htm := "<p>" + strings.ReplaceAll(said, "\n", "<br>") + "</p>"
	encapsulated := `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0 Arial;}}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 From: defender-noreply@microsoft.com{\*\htmltag84 <br>}\htmlrtf \line\htmlrtf0 Sent: Monday{\*\htmltag84 <br>}To: soc@contoso.example{\*\htmltag84 <br>}` +
		`Subject: High severity alert: T\'ebst{\*\htmltag84 <br>}{\*\htmltag84 <br>}Severity: High{\*\htmltag84 <br>}Device: ws-1{\*\htmltag84 <br>}{\*\htmltag84 <a href="https://security.microsoft.com/alerts/da637551227677560813_-961444813">}View{\*\htmltag92 </a>}\htmlrtf }\htmlrtf0 {\*\htmltag72 </p>}}`
	rich := `{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator x;}` + strings.ReplaceAll(strings.ReplaceAll(said, "ë", `\u235?`), "\n", `\par `) + `}`
	for name, attributes := range map[string][][]byte{
		"as text":           {attribute(1, attBody, []byte(strings.ReplaceAll(said, "ë", "\xeb")))},
		"as wide text":      {attribute(1, attMessageProps, properties(property{0x3fde, 3, []byte{1, 2, 3, 4}}, property{0x8001, typeUnicode, wide("x")}, property{propBody, typeUnicode, wide(said)}))},
		"as HTML":           {attribute(1, attMessageProps, properties(property{propHTML, typeBinary, []byte(htm)}))},
		"as rich text":      {attribute(1, attMessageProps, properties(property{propRTF, typeBinary, plainRTF(rich)}))},
		"as HTML in rich":   {attribute(1, attMessageProps, properties(property{propRTF, typeBinary, plainRTF(encapsulated)}))},
		"before it is cut":  {attribute(1, attBody, []byte(strings.ReplaceAll(said, "ë", "\xeb"))), attribute(1, attMessageProps, make([]byte, 90))[:20]},
		"beside attributes": {attribute(1, 0x00089006, []byte{0, 0, 1, 0}), attribute(1, 0x00078008, []byte("IPM.Note\x00")), attribute(1, attBody, []byte(strings.ReplaceAll(said, "ë", "\xeb")+"\x00"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alert := Parse(inMail(tnef(attributes...)))
			if alert.Kind != "alert" || alert.Severity != "high" || alert.Title != "Tëst" || !slices.Equal(alert.Devices, []string{"ws-1"}) ||
				!slices.Equal(alert.AlertIDs, []string{"da637551227677560813_-961444813"}) || !alert.Message.Forwarded {
				t.Errorf("got %+v", alert)
			}
			if damaged := strings.Contains(strings.Join(alert.Warnings, "\n"), "tnef: "); damaged != (name == "before it is cut") {
				t.Errorf("warnings: %q", alert.Warnings)
			}
		})
	}
}

func TestTheFilesOfAWinmailDatAreNamed(t *testing.T) {
	t.Parallel()
	inner := "From: defender-noreply@microsoft.com\nSubject: Low severity alert: inside\n\nDevice: ws-9\n"
	alert := Parse(inMail(tnef(
		attribute(1, attBody, []byte("see attached")),
		attribute(2, attAttachBegins, make([]byte, 14)), attribute(2, attAttachTitle, []byte("REPORT~1.PDF\x00")), attribute(2, attAttachData, []byte("%PDF")),
		attribute(2, attAttachProps, properties(property{propAttachLong, typeUnicode, wide("Übersicht.pdf")}, property{propAttachType, typeString8, []byte("application/pdf\x00")})),
		attribute(2, attAttachBegins, make([]byte, 14)), attribute(2, attAttachTitle, []byte("alert.eml\x00")), attribute(2, attAttachData, []byte(inner)),
	)))
	var names []string
	for _, a := range alert.Attachments {
		names = append(names, a.Filename+" "+a.ContentType)
	}
	if want := []string{"winmail.dat application/ms-tnef", "Übersicht.pdf application/pdf", "alert.eml application/octet-stream"}; !slices.Equal(names, want) {
		t.Errorf("attachments: got %q, want %q", names, want)
	}
	if alert.Title != "inside" || !slices.Equal(alert.Devices, []string{"ws-9"}) {
		t.Errorf("the attached message was not read: %+v", alert)
	}
}

// TestCompressedRichTextIsRead reads the two examples whose octets Microsoft prints ([MS-OXRTFCP] 4.1).
func TestCompressedRichTextIsRead(t *testing.T) {
	t.Parallel()
	for want, packed := range map[string][]byte{
		"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n": {
			0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0, 0x0a, 0, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42,
			0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
		},
		"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}": {
			0x1a, 0, 0, 0, 0x1c, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41, 0, 0x04, 0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
		},
	} {
		if got := decompressRTF(packed); !bytes.Equal(got, []byte(want)) {
			t.Errorf("got %q, want %q", got, want)
		}
		for end := range packed { // cut off anywhere
			decompressRTF(packed[:end])
		}
	}
}

func FuzzTNEF(f *testing.F) {
	f.Add(tnef(attribute(1, attBody, []byte("x")), attribute(1, attMessageProps, properties(property{propRTF, typeBinary, plainRTF(`{\rtf1\fromhtml1 {\*\htmltag64 <p>}x\par}`)}))))
	f.Add(tnef(attribute(2, attAttachBegins, make([]byte, 14)), attribute(2, attAttachData, tnef(attribute(1, attBody, []byte("y"))))))
	f.Fuzz(func(t *testing.T, content []byte) {
		var entities []*message
		bounded(t, func() { entities, _ = readTNEF(append(slices.Clone(tnefSignature), content...), 0, &budget{}) })
		if len(entities) > maxParts+2 {
			t.Fatalf("%d entities", len(entities))
		}
	})
}
