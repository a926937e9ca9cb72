package parser

import (
	"bytes"

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

// isVoid says whether an element has no content.
func isVoid(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}

// neverShown says whether an element's content is no text; xml is what Word leaves behind.
func neverShown(tag atom.Atom, name []byte) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Title, atom.Template, atom.Svg, atom.Object:
		return true
	}
	return string(name) == "xml"
}

// hidingStyle says whether a style attribute hides its element. mso-hide is not among them: it hides from Outlook alone.
func hidingStyle(style []byte) bool {
	if len(style) > 4096 {
		style = style[:4096]
	}
	style = bytes.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			return -1
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, style)
	if bytes.Contains(style, []byte("display:none")) || bytes.Contains(style, []byte("visibility:hidden")) {
		return true
	}
	for _, property := range []string{"max-height:0", "font-size:0", "opacity:0"} {
		if _, after, found := bytes.Cut(style, []byte(property)); found && (len(after) == 0 || bytes.IndexByte([]byte(";!pe%"), after[0]) >= 0) {
			return true
		}
	}
	return false
}
