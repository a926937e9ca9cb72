package pgserver

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// MissingError says that no server program is installed.
type MissingError struct {
	Install string // the command that installs one on this system; empty where none is known
}

func (e *MissingError) Error() string {
	if e.Install == "" {
		return "no Postgres server program found: install PostgreSQL and put its folder on PATH, or set AFTERHOURS_DATABASE_URL to a Postgres server"
	}
	return fmt.Sprintf("no Postgres server program found: install it with %q, or set AFTERHOURS_DATABASE_URL to a Postgres server", e.Install)
}

// VersionError says that a cluster was made by a major version that is not installed. The cluster is untouched.
type VersionError struct {
	Dir     string // of the cluster
	Have    int    // major version of the cluster
	Found   int    // major version of the programs
	Install string // the command that installs version Have on this system; empty where none is known
}

func (e *VersionError) Error() string {
	install := fmt.Sprintf("install PostgreSQL %d", e.Have)
	if e.Install != "" {
		install += fmt.Sprintf(" with %q", e.Install)
	}
	return fmt.Sprintf("the database in %s was made by PostgreSQL %d, but only %d is installed: %s; "+
		"to move to %d, dump it with %d's pg_dump, move the folder away, start once and load the dump with psql. Nothing was changed",
		e.Dir, e.Have, e.Found, install, e.Found, e.Have)
}

// system is what decides which command installs a package.
type system struct {
	goos    string
	ids     []string // ID and ID_LIKE of os-release, most specific first
	release string   // VERSION_ID of os-release
	root    bool
}

func thisSystem() system {
	s := system{goos: runtime.GOOS, root: os.Geteuid() == 0}
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if content, err := os.ReadFile(path); err == nil {
			s.ids, s.release = parseRelease(string(content))
			break
		}
	}
	return s
}

// parseRelease reads the keys that matter of an os-release file: shell assignments, maybe quoted.
func parseRelease(content string) (ids []string, release string) {
	var like []string
	for line := range strings.Lines(content) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			ids = append(ids, value)
		case "ID_LIKE":
			like = strings.Fields(value)
		case "VERSION_ID":
			release = value
		}
	}
	return append(ids, like...), release
}

// install is the command that installs the server, of a given major version unless that is 0.
func (s system) install(major int) string {
	version := func(format, plain string) string {
		if major == 0 {
			return plain
		}
		return fmt.Sprintf(format, major)
	}
	switch s.goos {
	case "darwin":
		return "brew install " + version("postgresql@%d", "postgresql@17")
	case "freebsd":
		return s.asRoot("pkg install -y " + version("postgresql%d-server", "postgresql17-server"))
	case "openbsd":
		return s.asRoot("pkg_add postgresql-server")
	}
	is := func(names ...string) bool {
		return slices.ContainsFunc(s.ids, func(id string) bool { return slices.Contains(names, id) })
	}
	switch {
	case is("debian", "ubuntu"):
		return s.asRoot("apt-get install -y " + version("postgresql-%d", "postgresql"))
	case is("amzn"):
		return s.asRoot("dnf install -y " + version("postgresql%d-server", "postgresql17-server"))
	case is("fedora", "rhel", "centos"):
		return s.asRoot("dnf install -y " + version("postgresql%d-server", "postgresql-server"))
	case is("alpine"):
		return s.asRoot("apk add " + version("postgresql%d", "postgresql"))
	case is("suse", "opensuse", "sles"):
		return s.asRoot("zypper install -y " + version("postgresql%d-server", "postgresql-server"))
	case is("arch"):
		return s.asRoot("pacman -S --noconfirm postgresql")
	}
	return ""
}

func (s system) asRoot(command string) string {
	if s.root {
		return command
	}
	return "sudo " + command
}
