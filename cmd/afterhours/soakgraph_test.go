package main

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
)

// The graph is one panel a figure, all over the same time.
const (
	soakWide, soakPanel  = 760, 130 // pixels
	soakLeft, soakBottom = 60, 24
)

type soakLine struct {
	dash string
	of   func(soakLook) float64
}

// drawSoak draws what was seen as SVG.
func drawSoak(looks []soakLook) []byte {
	panels := []struct {
		title string
		lines []soakLine
	}{
		{"Mails so far, thousands", []soakLine{{"", func(l soakLook) float64 { return float64(l.mails) / 1000 }}}},
		{"Memory of the gateway, MiB", []soakLine{{"", func(l soakLook) float64 { return l.memory }}}},
		{"Memory of Postgres with its sessions, MiB", []soakLine{{"", func(l soakLook) float64 { return l.databaseMemory }}}},
		{"Goroutines (solid), open files (dashed), database sessions (dotted)", []soakLine{
			{"", func(l soakLook) float64 { return float64(l.goroutines) }},
			{"6 4", func(l soakLook) float64 { return float64(l.files) }},
			{"2 3", func(l soakLook) float64 { return float64(l.sessions) }},
		}},
		{"Octets stored of a mail", []soakLine{{"", func(l soakLook) float64 { return l.stored * (1 << 20) / float64(max(l.mails, 1)) }}}},
		{"Journal (solid) and other files (dashed), MiB", []soakLine{
			{"", func(l soakLook) float64 { return l.journal }},
			{"6 4", func(l soakLook) float64 { return l.atRest }},
		}},
		{"p99 of ten seconds, ms: reply to the data (solid), mail to page (dashed)", []soakLine{
			{"", func(l soakLook) float64 { return milliseconds(l.dataP99) }},
			{"6 4", func(l soakLook) float64 { return milliseconds(l.pageP99) }},
		}},
	}
	var svg bytes.Buffer
	height := len(panels) * (soakPanel + soakBottom + 20)
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", soakWide, height)
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", soakWide, height)
	for i, panel := range panels {
		top, most := i*(soakPanel+soakBottom+20)+20, 0.0
		for _, line := range panel.lines {
			for _, look := range looks {
				most = max(most, line.of(look))
			}
		}
		fmt.Fprintf(&svg, `<text x="%d" y="%d" fill="#111">%s</text>`+"\n", soakLeft, top-5, html.EscapeString(panel.title))
		for _, part := range []float64{0, 0.5, 1} {
			y := float64(top) + soakPanel*(1-part)
			fmt.Fprintf(&svg, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" fill="#555" text-anchor="end">%s</text>`+"\n", soakLeft, y, soakWide-10, soakLeft-6, y+4,
				strconv.FormatFloat(most*part, 'f', map[bool]int{true: 0, false: 1}[most >= 100], 64))
		}
		for _, line := range panel.lines {
			fmt.Fprintf(&svg, `<polyline fill="none" stroke="#0b5cad" stroke-width="1.5" stroke-dasharray="%s" points="`, line.dash)
			for k, look := range looks {
				fmt.Fprintf(&svg, "%.1f,%.1f ", soakLeft+float64(k)*float64(soakWide-10-soakLeft)/float64(max(len(looks)-1, 1)), float64(top)+soakPanel*(1-line.of(look)/max(most, 1e-9)))
			}
			svg.WriteString(`"/>` + "\n")
		}
		if len(looks) > 0 {
			fmt.Fprintf(&svg, `<text x="%d" y="%d" fill="#555">0</text><text x="%d" y="%d" fill="#555" text-anchor="end">%.0f min</text>`+"\n",
				soakLeft, top+soakPanel+14, soakWide-10, top+soakPanel+14, looks[len(looks)-1].after.Minutes())
		}
	}
	svg.WriteString("</svg>\n")
	return svg.Bytes()
}
