package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licenceName is a file in which a module names its terms.
var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|unlicense|patents)([-._].*)?$`)

// licenceFiles are the terms of a module, by the names of their files.
func (m module) licenceFiles() (map[string]string, error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, fmt.Errorf("source of %s: %w", m.Path, err)
	}
	texts := map[string]string{}
	for _, entry := range entries {
		if entry.IsDir() || !licenceName.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(m.dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		texts[entry.Name()] = string(bytes.ToValidUTF8(content, nil))
	}
	return texts, nil
}

// licences are the terms of everything in the binaries, one after the other. A module without any is an error: it must not
// be shipped.
func (r *release) licences() ([]byte, error) {
	var all strings.Builder
	write := func(name, terms string) {
		fmt.Fprintf(&all, "%s\n%s\n\n%s\n\n", name, strings.Repeat("=", len(name)), strings.TrimSpace(strings.ReplaceAll(terms, "\r\n", "\n")))
	}
	own, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	write("afterhours", string(own))
	language, err := os.ReadFile(filepath.Join(r.goRoot, "LICENSE"))
	if err != nil {
		return nil, fmt.Errorf("licence of Go: %w", err)
	}
	write("Go and its standard library", string(language))
	write("htmx (embedded)", htmxTerms)
	for _, m := range r.modules {
		texts, err := m.licenceFiles()
		if err != nil {
			return nil, err
		}
		if len(texts) == 0 {
			return nil, fmt.Errorf("%s %s names no licence", m.Path, m.Version)
		}
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			write(m.Path+" "+m.Version+" ("+name+")", texts[name])
		}
	}
	return []byte(all.String()), nil
}

// htmxTerms are those of the one file that is not a module of Go.
const htmxTerms = "htmx is published under the Zero-Clause BSD licence (SPDX: 0BSD): it may be used, copied, changed and distributed for any\n" +
	"purpose with or without fee, and comes without any warranty."

// words by which a licence is known, the more special first.
var licenceWords = []struct{ id, words string }{
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"Apache-2.0", "Apache License Version 2.0"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"},
	{"BSD-3-Clause", "may be used to endorse or promote products derived from"},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce the above copyright notice"},
}

var spaces = regexp.MustCompile(`[\s,]+`)

// identify is the SPDX identifier of a module's terms; empty where they are not one of the usual alone.
func identify(texts map[string]string) string {
	found := map[string]bool{}
	for name, text := range texts {
		if !strings.HasPrefix(strings.ToLower(name), "licen") && !strings.HasPrefix(strings.ToLower(name), "copying") {
			continue
		}
		text = spaces.ReplaceAllString(text, " ")
		for _, known := range licenceWords {
			if strings.Contains(text, spaces.ReplaceAllString(known.words, " ")) {
				found[known.id] = true
				break
			}
		}
	}
	if len(found) != 1 {
		return ""
	}
	for id := range found {
		return id
	}
	return ""
}
