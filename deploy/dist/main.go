// Command dist builds what a release consists of: static binaries, a Debian package, the licences of everything in them, a
// bill of materials, a statement of provenance and checksums. The same commit gives the same bytes, wherever and whenever
// it is built with the same version of Go: paths are trimmed, and every time is the commit's.
package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// platforms are what is built, as GOOS/GOARCH.
const platforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64"

func main() {
	out := flag.String("out", "dist", "folder that is filled")
	targets := flag.String("targets", platforms, "what to build, as GOOS/GOARCH separated by commas")
	flag.Parse()
	if err := run(context.Background(), *out, strings.Split(*targets, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// release is what is being built.
type release struct {
	out     string
	version string
	commit  string
	at      time.Time // of the commit
	goRoot  string
	targets []string
	modules []module
}

func run(ctx context.Context, out string, targets []string) error {
	r := release{out: out, targets: targets}
	if err := r.describe(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var binaries []string
	for _, target := range targets {
		binary, err := r.build(ctx, target)
		if err != nil {
			return err
		}
		binaries = append(binaries, binary)
	}
	var err error
	if r.modules, err = modulesOf(ctx, binaries); err != nil {
		return err
	}
	for _, file := range []struct {
		name  string
		write func() ([]byte, error)
	}{{"LICENSES.txt", r.licences}, {"afterhours.cdx.json", r.bill}} {
		if err := r.put(file.name, file.write); err != nil {
			return err
		}
	}
	if err := r.packages(ctx); err != nil {
		return err
	}
	if err := r.put("afterhours.intoto.json", r.provenance); err != nil { // it names the others
		return err
	}
	return r.checksums()
}

func (r *release) put(name string, write func() ([]byte, error)) error {
	content, err := write()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

var versionLine = regexp.MustCompile(`(?m)^const version = "([0-9.]+)"$`)

// describe asks git for what is built.
func (r *release) describe(ctx context.Context) error {
	shown, err := output(ctx, "git", "show", "-s", "--format=%H %ct", "HEAD")
	if err != nil {
		return err
	}
	var seconds int64
	if _, err := fmt.Sscanf(shown, "%s %d", &r.commit, &seconds); err != nil {
		return fmt.Errorf("git show: %w", err)
	}
	r.at = time.Unix(seconds, 0).UTC()
	changed, err := output(ctx, "git", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return err
	}
	if changed != "" {
		return errors.New("there are changes that are not committed: commit them, so that what is built has a name")
	}
	if r.goRoot, err = output(ctx, "go", "env", "GOROOT"); err != nil {
		return err
	}
	source, err := os.ReadFile("cmd/afterhours/version.go")
	if err != nil {
		return err
	}
	version := versionLine.FindSubmatch(source)
	if version == nil {
		return errors.New("cmd/afterhours/version.go names no version")
	}
	r.version = string(version[1]) + "+" + r.commit[:12]
	if tag, err := output(ctx, "git", "describe", "--tags", "--exact-match"); err == nil {
		r.version = strings.TrimPrefix(tag, "v")
	}
	return nil
}

// build makes one binary. What names the machine or the moment stays out of it.
func (r *release) build(ctx context.Context, target string) (string, error) {
	system, processor, ok := strings.Cut(target, "/")
	if !ok {
		return "", fmt.Errorf("%q is not GOOS/GOARCH", target)
	}
	path := filepath.Join(r.out, "afterhours-"+system+"-"+processor)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X main.releasedCommit="+r.commit, "-o", path, "./cmd/afterhours")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+system, "GOARCH="+processor, "GOAMD64=v1", "GOARM64=v8.0")
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", target, err, said)
	}
	return path, nil
}

// module is one dependency that is linked in.
type module struct {
	Path, Version, Sum string
	dir                string
}

// modulesOf are the modules of all binaries, as they name them themselves, with the folders of their sources.
func modulesOf(ctx context.Context, binaries []string) ([]module, error) {
	known := map[string]module{}
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		for _, dependency := range info.Deps {
			if dependency.Replace != nil {
				dependency = dependency.Replace
			}
			known[dependency.Path] = module{Path: dependency.Path, Version: dependency.Version, Sum: dependency.Sum}
		}
	}
	listed, err := output(ctx, "go", "list", "-m", "-json", "all")
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(strings.NewReader(listed)); decoder.More(); {
		var found struct{ Path, Dir string }
		if err := decoder.Decode(&found); err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if m, ok := known[found.Path]; ok {
			m.dir = found.Dir
			known[found.Path] = m
		}
	}
	modules := make([]module, 0, len(known))
	for _, m := range known {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// checksums writes the SHA-256 of every file, in the form that sha256sum -c reads.
func (r *release) checksums() error {
	files, err := r.files()
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, file := range files {
		sum, err := digest(filepath.Join(r.out, file))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%s  %s\n", sum, file)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(lines.String()), 0o644)
}

// files are the names of what was built so far, sorted.
func (r *release) files() ([]string, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}

func digest(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	said, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(said)), nil
}
