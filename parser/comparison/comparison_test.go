// Package comparison reads the same files with this parser and with enmime, the parser most used in Go, in one run. It is a
// module of its own, so that the other parser is no dependency of the program.
package comparison

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"afterhours/parser"
)

var folder = flag.String("mails", "../testdata", "folder of .eml files, and of one named collection whose files are read together")

// readers are what is compared. What enmime refuses, it has read as well.
var readers = map[string]func(raw []byte){
	"afterhours": func(raw []byte) { parser.Parse(raw) },
	"enmime":     func(raw []byte) { _, _ = enmime.ReadEnvelope(bytes.NewReader(raw)) },
}

func BenchmarkFiles(b *testing.B) {
	files := filesIn(b, *folder)
	if len(files) == 0 {
		b.Fatalf("no .eml file in %s", *folder)
	}
	for _, name := range files {
		raw := content(b, name)
		b.Run(strings.TrimSuffix(filepath.Base(name), ".eml"), func(b *testing.B) { compare(b, raw) })
	}
}

func BenchmarkCollection(b *testing.B) {
	var mails [][]byte
	for _, name := range filesIn(b, filepath.Join(*folder, "collection")) {
		mails = append(mails, content(b, name))
	}
	if len(mails) == 0 {
		b.Skip("only with -mails FOLDER")
	}
	compare(b, mails...)
}

// compare measures each reader by the processor time of its thread, which other work on the machine moves least.
func compare(b *testing.B, mails ...[]byte) {
	size := 0
	for _, raw := range mails {
		size += len(raw)
	}
	for of, read := range readers {
		b.Run(of, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			runtime.LockOSThread() // whose time it is
			defer runtime.UnlockOSThread()
			begin := processorTime(b)
			for b.Loop() {
				for _, raw := range mails {
					read(raw)
				}
			}
			spent := float64((processorTime(b) - begin).Nanoseconds()) / float64(b.N) / 1e6
			b.ReportMetric(spent, "cpu-ms/op")
			b.ReportMetric(spent*(1<<20)/float64(max(size, 1)), "cpu-ms/MiB")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	const thread = 1 // RUSAGE_THREAD of Linux
	var usage syscall.Rusage
	if err := syscall.Getrusage(thread, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func filesIn(b *testing.B, folder string) []string {
	names, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	if err != nil {
		b.Fatal(err)
	}
	return names
}

func content(b *testing.B, name string) []byte {
	raw, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return raw
}
