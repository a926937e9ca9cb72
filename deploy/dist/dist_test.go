package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// made is a release of one module whose sources the test writes.
func made(t *testing.T, licence string) *release {
	t.Helper()
	source, out := t.TempDir(), t.TempDir()
	if licence != "" {
		if err := os.WriteFile(filepath.Join(source, "LICENSE.md"), []byte(licence), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(out, "afterhours-linux-amd64"), []byte("binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &release{
		out: out, version: "0.1.0+0123456789ab", commit: strings.Repeat("0123456789abcdef0123", 2), at: time.Unix(1_700_000_000, 0).UTC(),
		targets: []string{"linux/amd64"}, modules: []module{{Path: "example.com/lib", Version: "v1.2.3", Sum: "h1:x", dir: source}},
	}
}

const mit = "MIT License\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy of this software"

func TestTheBillNamesEveryModuleWithItsLicenceAndIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	r := made(t, mit)
	first, err := r.bill()
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.bill()
	if err != nil || string(first) != string(again) {
		t.Errorf("a second bill differs: %v", err)
	}
	var bill struct {
		BomFormat, SpecVersion, SerialNumber string
		Metadata                             struct{ Timestamp string }
		Components                           []struct {
			Name, Version, Purl string
			Licenses            []struct{ License struct{ ID string } }
		}
	}
	if err := json.Unmarshal(first, &bill); err != nil {
		t.Fatal(err)
	}
	last := bill.Components[len(bill.Components)-1]
	if bill.BomFormat != "CycloneDX" || bill.Metadata.Timestamp != "2023-11-14T22:13:20Z" || last.Purl != "pkg:golang/example.com/lib@v1.2.3" ||
		len(last.Licenses) != 1 || last.Licenses[0].License.ID != "MIT" || len(bill.SerialNumber) != len("urn:uuid:")+36 {
		t.Errorf("got %+v", bill)
	}
}

func TestAModuleWithoutALicenceIsNotShipped(t *testing.T) {
	t.Parallel()
	texts, err := made(t, "").modules[0].licenceFiles()
	if err != nil || len(texts) != 0 {
		t.Errorf("got %v, %v, want none", texts, err)
	}
	for text, want := range map[string]string{
		mit: "MIT", "Apache License\n  Version 2.0, January 2004": "Apache-2.0", "Mozilla Public License, version 2.0": "", "Mozilla Public License Version 2.0": "MPL-2.0",
		"Neither the name of X may be used to endorse or promote products derived from this": "BSD-3-Clause", "All mine.": "",
	} {
		if got := identify(map[string]string{"LICENSE": text}); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestTheStatementNamesWhatWasBuiltByItsDigest(t *testing.T) {
	t.Parallel()
	r := made(t, mit)
	text, err := r.provenance()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := digest(filepath.Join(r.out, "afterhours-linux-amd64"))
	if err != nil || !strings.Contains(string(text), sum) || !strings.Contains(string(text), r.commit) {
		t.Errorf("the statement lacks digest or commit: %v", err)
	}
	if err := r.checksums(); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(r.out, "SHA256SUMS"))
	if err != nil || string(sums) != sum+"  afterhours-linux-amd64\n" {
		t.Errorf("checksums: got %q, %v", sums, err)
	}
}
