package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// bill is the software bill of materials in CycloneDX 1.6 (cyclonedx.org/docs/1.6/json). It is made of what the binaries say
// about themselves.
func (r *release) bill() ([]byte, error) {
	type object map[string]any
	components := make([]object, 0, len(r.modules)+1)
	references := make([]string, 0, len(r.modules)+1)
	add := func(name, version, purl string, more object) {
		component := object{"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
		for key, value := range more {
			component[key] = value
		}
		components, references = append(components, component), append(references, purl)
	}
	goVersion := strings.TrimPrefix(runtime.Version(), "go")
	add("std", goVersion, "pkg:golang/std@"+goVersion, object{"licenses": []object{{"license": object{"id": "BSD-3-Clause"}}}})
	for _, m := range r.modules {
		more := object{"properties": []object{{"name": "go:sum", "value": m.Sum}}}
		texts, err := m.licenceFiles()
		if err != nil {
			return nil, err
		}
		if id := identify(texts); id != "" {
			more["licenses"] = []object{{"license": object{"id": id}}}
		}
		add(m.Path, m.Version, "pkg:golang/"+m.Path+"@"+m.Version, more)
	}
	self := "pkg:golang/afterhours@" + r.version
	serial := sha256.Sum256([]byte(self + r.commit + strings.Join(references, "\n")))
	serial[6], serial[8] = serial[6]&0x0f|0x80, serial[8]&0x3f|0x80 // a UUID of version 8 (RFC 9562)
	return indented(object{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"serialNumber": fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", serial[0:4], serial[4:6], serial[6:8], serial[8:10], serial[10:16]),
		"metadata": object{
			"timestamp": r.at.Format("2006-01-02T15:04:05Z"),
			"component": object{
				"type": "application", "bom-ref": self, "name": "afterhours", "version": r.version, "purl": self,
				"licenses": []object{{"license": object{"id": "Apache-2.0"}}},
			},
		},
		"components":   components,
		"dependencies": []object{{"ref": self, "dependsOn": references}},
	})
}

// provenance says what was built of what and how, as an in-toto statement with SLSA's predicate (slsa.dev/spec/v1.0/provenance).
// It is not signed: sign SHA256SUMS, or this, with a key of your own.
func (r *release) provenance() ([]byte, error) {
	type object map[string]any
	files, err := r.files()
	if err != nil {
		return nil, err
	}
	subjects := make([]object, len(files))
	for i, file := range files {
		sum, err := digest(filepath.Join(r.out, file))
		if err != nil {
			return nil, err
		}
		subjects[i] = object{"name": file, "digest": object{"sha256": sum}}
	}
	materials := []object{{"uri": "git+afterhours@" + r.version, "digest": object{"gitCommit": r.commit}}}
	for _, m := range r.modules {
		materials = append(materials, object{"uri": "pkg:golang/" + m.Path + "@" + m.Version, "annotations": object{"go.sum": m.Sum}})
	}
	return indented(object{
		"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": "https://slsa.dev/provenance/v1",
		"predicate": object{
			"buildDefinition": object{
				"buildType":            "urn:afterhours:make-dist:1",
				"externalParameters":   object{"targets": r.targets},
				"internalParameters":   object{"go": runtime.Version(), "flags": []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X main.releasedCommit=" + r.commit}, "cgo": false},
				"resolvedDependencies": materials,
			},
			"runDetails": object{"builder": object{"id": "urn:afterhours:make-dist"}},
		},
	})
}

func indented(value any) ([]byte, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	return append(text, '\n'), err
}
