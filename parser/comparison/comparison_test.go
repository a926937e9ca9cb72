// Package comparison reads the same files with this parser and with enmime, the parser most used in Go, in one run. It is a
// module of its own, so that the other parser is no dependency of the program.
package comparison

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"afterhours/parser"
)

var folder = flag.String("mails", "../testdata", "folder of .eml files")

func BenchmarkFiles(b *testing.B) {
	names, err := filepath.Glob(filepath.Join(*folder, "*.eml"))
	if err != nil || len(names) == 0 {
		b.Fatalf("no .eml file in %s: %v", *folder, err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		for of, read := range map[string]func(){
			"afterhours": func() { parser.Parse(raw) },
			"enmime":     func() { _, _ = enmime.ReadEnvelope(bytes.NewReader(raw)) }, // what it refuses, it has read as well
		} {
			b.Run(strings.TrimSuffix(filepath.Base(name), ".eml")+"/"+of, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(raw)))
				for b.Loop() {
					read()
				}
			})
		}
	}
}
