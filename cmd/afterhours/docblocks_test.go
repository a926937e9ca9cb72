package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// documentWithin bounds the blocks of one document.
const documentWithin = time.Minute

// block is what stands between two fences of a document.
type block struct {
	line     int
	language string
	mark     string // what follows the language
	text     string
}

// blocksOf reads the fenced blocks of a Markdown file.
func blocksOf(t *testing.T, path string) []block {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []block
	var inside *block
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(lines.Text()), "```")
		switch {
		case !isFence && inside != nil:
			inside.text += lines.Text() + "\n"
		case !isFence:
		case inside != nil:
			found, inside = append(found, *inside), nil
		default:
			language, mark, _ := strings.Cut(fence, " ")
			inside = &block{line: number, language: language, mark: strings.TrimSpace(mark)}
		}
	}
	if err := lines.Err(); err != nil || inside != nil {
		t.Fatalf("%s: a block without an end, or %v", path, err)
	}
	return found
}

// documents are those whose blocks run, in their order.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) < 15 {
		t.Fatalf("got %d documents, %v, want all of them", len(found), err)
	}
	return append([]string{"../../README.md"}, found...)
}

// TestEveryBlockOfCommandsSaysWhetherItRuns leaves no command in the documents that nothing checks and nobody explains.
func TestEveryBlockOfCommandsSaysWhetherItRuns(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, document := range append(documents(t), "../../ARCHITECTURE.md", "../../CONTRIBUTING.md", "../../SECURITY.md", "../../CHANGELOG.md") {
		for _, b := range blocksOf(t, document) {
			why, excused := strings.CutPrefix(b.mark, "norun:")
			switch {
			case b.language == "":
				t.Errorf("%s:%d: the block names no language: sh, yaml, json, text, …", document, b.line)
			case slices.Contains([]string{"bash", "console", "shell"}, b.language):
				t.Errorf("%s:%d: write sh instead of %s", document, b.line, b.language)
			case b.language != "sh":
			case b.mark == "run":
				ran++
			case !excused || len(strings.TrimSpace(why)) < 10:
				t.Errorf("%s:%d: mark the block `sh run`, or `sh norun:` and why not", document, b.line)
			}
		}
	}
	if ran < 6 {
		t.Errorf("got %d blocks that run, want those that can", ran)
	}
}

// TestTheCommandsOfTheDocumentsRun runs them as a reader would: in one folder, beside a gateway that has just been started
// there.
func TestTheCommandsOfTheDocumentsRun(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is missing; run: deploy/install curl")
	}
	home := documentHome(t)
	gateway := serveIn(t, home)
	own := strings.NewReplacer("http://127.0.0.1:8080", gateway.web, "127.0.0.1:2525", gateway.smtp, "https://ntfy.sh/", "https://ntfy.invalid/")
	for _, document := range documents(t) {
		var script strings.Builder
		for _, b := range blocksOf(t, document) {
			if name, ok := strings.CutPrefix(b.mark, "file="); ok {
				if err := os.WriteFile(filepath.Join(home, filepath.Base(name)), []byte(own.Replace(b.text)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if b.language == "sh" && b.mark == "run" {
				fmt.Fprintf(&script, "echo \"+ line %d\"\n%s", b.line, own.Replace(b.text))
			}
		}
		if script.Len() == 0 {
			continue
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), documentWithin)
		command := exec.CommandContext(ctx, "sh", "-eu", "-c", script.String())
		command.Dir, command.Env = home, append(homeVariables(home), "AFTERHOURS_SMTP_ADDR="+gateway.smtp)
		said, err := command.CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("%s: %v\n%s", document, err, said)
		}
		t.Logf("%s: %s", filepath.Base(document), time.Since(began).Round(time.Millisecond))
		if filepath.Base(document) == "README.md" { // what the other documents tell of
			gateway.awaitTicket(t, home)
		}
	}
}

// documentHome is a folder with the program in it as the documents name it.
func documentHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "afterhours-docs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("remove the home: %v", err)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", childImport, self)
	for _, err := range []error{
		os.Chmod(home, 0o711), // the database may run as another user
		os.Mkdir(filepath.Join(home, "bin"), 0o755),
		os.WriteFile(filepath.Join(home, "bin", "afterhours"), []byte(program), 0o755), //nolint:gosec // it is a program
		os.WriteFile(filepath.Join(home, ".curlrc"), []byte("fail\nsilent\nshow-error\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// homeVariables are the environment of somebody whose home that is, and who has set nothing.
func homeVariables(home string) []string {
	variables := []string{"HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH")}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if name != "HOME" && name != "PATH" && !strings.HasPrefix(name, envPrefix) {
			variables = append(variables, pair)
		}
	}
	return variables
}

// serveIn starts `afterhours serve` in a home, on free ports, with its log in afterhours.log.
func serveIn(t *testing.T, home string) *served {
	t.Helper()
	log, err := os.Create(filepath.Join(home, "afterhours.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	t.Cleanup(func() {
		if content, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("the gateway's log:\n%s", content)
		}
	})
	child := &served{process: exec.Command(filepath.Join(home, "bin", "afterhours"), "serve", "--smtp-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")}
	child.process.Dir, child.process.Env, child.process.Stderr = home, homeVariables(home), log
	child.begin(t)
	t.Cleanup(func() {
		if _, err := child.terminate(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return child
}

// awaitTicket waits until the mail of the documents is a ticket whose page was attempted.
func (c *served) awaitTicket(t *testing.T, home string) {
	t.Helper()
	eventually(t, "the sample mail has paged", func() bool {
		content, err := os.ReadFile(filepath.Join(home, "afterhours.log"))
		return err == nil && strings.Contains(string(content), "page attempted")
	})
}
