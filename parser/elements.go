package parser

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// headingLevel is 1 to 4 for a heading's tag, else 0.
func headingLevel(tag atom.Atom) int {
	switch tag {
	case atom.H1:
		return 1
	case atom.H2:
		return 2
	case atom.H3:
		return 3
	case atom.H4, atom.H5, atom.H6:
		return 4
	}
	return 0
}

// isBlock says whether an element begins and ends a line.
func isBlock(tag atom.Atom) bool {
	switch tag {
	case atom.P, atom.Div, atom.Table, atom.Tbody, atom.Thead, atom.Tr, atom.Td, atom.Th, atom.Ul, atom.Ol, atom.Li, atom.Dl,
		atom.Dt, atom.Dd, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre, atom.Hr, atom.Section,
		atom.Article, atom.Header, atom.Footer, atom.Center, atom.Body, atom.Form, atom.Main, atom.Nav, atom.Aside, atom.Address,
		atom.Fieldset, atom.Figure, atom.Figcaption, atom.Caption, atom.Tfoot, atom.Option, atom.Details, atom.Summary:
		return true
	}
	return false
}

// isInline says whether an element marks words inside a line.
func isInline(tag atom.Atom) bool {
	switch tag {
	case atom.B, atom.Strong, atom.Span, atom.Em, atom.I, atom.Font, atom.Label, atom.Small, atom.U:
		return true
	}
	return false
}

// isVoid says whether an element has no content.
func isVoid(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}

// neverShown says whether an element's content is no text; xml is what Word leaves behind.
func neverShown(t htmlTag) bool {
	switch t.atom {
	case atom.Script, atom.Style, atom.Title, atom.Template, atom.Svg, atom.Object:
		return true
	}
	return t.name == "xml"
}

// hidingStyle says whether a style attribute hides its element. mso-hide is not among them: it hides from Outlook alone.
func hidingStyle(style string) bool {
	for declaration := range strings.SplitSeq(clip(style, 4096), ";") {
		property, value, _ := strings.Cut(declaration, ":")
		property, value = strings.TrimSpace(property), strings.TrimSpace(value)
		switch {
		case strings.EqualFold(property, "display"):
			if beginsFolded(value, "none") {
				return true
			}
		case strings.EqualFold(property, "visibility"):
			if beginsFolded(value, "hidden") {
				return true
			}
		case strings.EqualFold(property, "max-height"), strings.EqualFold(property, "font-size"), strings.EqualFold(property, "opacity"):
			if value == "0" || len(value) > 1 && value[0] == '0' && strings.IndexByte("!pe% \t\r\n", value[1]) >= 0 {
				return true
			}
		}
	}
	return false
}
