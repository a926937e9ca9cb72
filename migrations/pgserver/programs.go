package pgserver

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldestMajor is the oldest Postgres that still gets its fixes.
const oldestMajor = 14

// Programs are one installation's server programs.
type Programs struct {
	Bin   string // the folder that holds postgres and initdb
	Major int
}

// finder knows where to look for programs and how this system installs them.
type finder struct {
	path  string   // as in PATH
	globs []string // folders, in order of preference; within one pattern the highest number comes first
	system
}

func systemFinder() finder {
	globs := []string{
		"/usr/lib/postgresql/*/bin",     // Debian, Ubuntu
		"/usr/lib/postgresql*/bin",      // openSUSE
		"/usr/libexec/postgresql*",      // Alpine
		"/usr/pgsql-*/bin",              // the project's own packages for Red Hat and its kin
		"/usr/local/pgsql/bin",          // from source
		"/opt/homebrew/opt/postgresql*", // completed below
		"/usr/local/opt/postgresql*",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
	for i := 5; i <= 7; i++ {
		globs[i] = filepath.Join(globs[i], "bin")
	}
	modules := []string{"node_modules", "/usr/lib/node_modules", "/usr/local/lib/node_modules", "/opt/homebrew/lib/node_modules"}
	if program, err := os.Executable(); err == nil {
		modules = append(modules, filepath.Join(filepath.Dir(program), "node_modules"))
	}
	for _, folder := range modules {
		if absolute, err := filepath.Abs(folder); err == nil {
			globs = append(globs, filepath.Join(absolute, "@embedded-postgres", "*", "native", "bin"))
		}
	}
	return finder{path: os.Getenv("PATH"), globs: globs, system: thisSystem()}
}

// Find returns the programs that a first start would use: those on PATH, else the newest that are installed. The
// error is a *MissingError when there are none.
func Find(ctx context.Context) (Programs, error) {
	if !supported {
		return Programs{}, ErrUnsupported
	}
	user, err := serverAccount()
	if err != nil {
		return Programs{}, err
	}
	return systemFinder().find(ctx, user, 0)
}

// find returns the programs of major version want, and of the first place that has any where want is 0 or not there.
func (f finder) find(ctx context.Context, user account, want int) (Programs, error) {
	var first Programs
	for _, dir := range f.folders() {
		major, ok := probe(ctx, user, dir)
		if !ok || (want == 0 && major < oldestMajor) {
			continue
		}
		if want == 0 || major == want {
			return Programs{Bin: dir, Major: major}, nil
		}
		if first.Major == 0 {
			first = Programs{Bin: dir, Major: major}
		}
	}
	if err := ctx.Err(); err != nil {
		return Programs{}, fmt.Errorf("look for the server program: %w", err)
	}
	if first.Major == 0 {
		return Programs{}, &MissingError{Install: f.install(want)}
	}
	return first, nil
}

var digits = regexp.MustCompile(`\d+`)

// folders lists every folder that holds both programs, best first.
func (f finder) folders() []string {
	folders := filepath.SplitList(f.path)
	for _, pattern := range f.globs {
		matches, _ := filepath.Glob(pattern)
		slices.SortStableFunc(matches, func(a, b string) int { return cmp.Compare(lastNumber(b), lastNumber(a)) })
		folders = append(folders, matches...)
	}
	var usable []string
	for _, dir := range folders {
		if !filepath.IsAbs(dir) || slices.Contains(usable, dir) {
			continue
		}
		if isProgram(filepath.Join(dir, "postgres")) && isProgram(filepath.Join(dir, "initdb")) {
			usable = append(usable, dir)
		}
	}
	return usable
}

func lastNumber(path string) int {
	numbers := digits.FindAllString(path, -1)
	if len(numbers) == 0 {
		return 0
	}
	number, _ := strconv.Atoi(numbers[len(numbers)-1])
	return number
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// probe asks the server program for its version, as the user who will run it: one that this user may not run, or that
// was built for another machine, does not count.
func probe(ctx context.Context, user account, dir string) (major int, ok bool) {
	output, err := user.command(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, false
	}
	major, err = strconv.Atoi(digits.FindString(string(output)))
	return major, err == nil
}
