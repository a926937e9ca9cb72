//go:build linux

package pgserver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMissingProgramGivesOneLineWithTheCommand(t *testing.T) {
	t.Parallel()
	find := finder{path: t.TempDir(), system: system{goos: "linux", ids: []string{"debian"}, root: true}}
	_, err := start(t.Context(), Options{Dir: folder(t)}, find)
	var missing *MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("error = %v, want a *MissingError", err)
	}
	if got, want := missing.Install, "apt-get install -y postgresql"; got != want {
		t.Errorf("command = %q, want %q", got, want)
	}
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, missing.Install) {
		t.Errorf("error = %q, want one line with %q", text, missing.Install)
	}
}

func TestInstallCommandFitsTheSystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		goos, release string
		root          bool
		major         int
		want          string
	}{
		{"linux", "ID=debian\nVERSION_ID=\"12\"\n", true, 0, "apt-get install -y postgresql"},
		{"linux", "ID=debian\nVERSION_ID=\"12\"\n", true, 14, "apt-get install -y postgresql-14"},
		{"linux", "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", false, 0, "sudo apt-get install -y postgresql"},
		{"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", false, 0, "sudo dnf install -y postgresql-server"},
		{"linux", "ID=\"amzn\"\nID_LIKE=\"fedora\"\n", true, 16, "dnf install -y postgresql16-server"},
		{"linux", "ID=alpine\n", true, 0, "apk add postgresql"},
		{"linux", "ID=alpine\n", true, 16, "apk add postgresql16"},
		{"linux", "ID='opensuse-leap'\nID_LIKE='suse opensuse'\n", true, 0, "zypper install -y postgresql-server"},
		{"linux", "ID=arch\n", true, 0, "pacman -S --noconfirm postgresql"},
		{"linux", "ID=other\n", true, 0, ""},
		{"darwin", "", false, 16, "brew install postgresql@16"},
	} {
		ids, release := parseRelease(c.release)
		if got := (system{goos: c.goos, ids: ids, release: release, root: c.root}).install(c.major); got != c.want {
			t.Errorf("%s %q, major %d: command = %q, want %q", c.goos, c.release, c.major, got, c.want)
		}
	}
}

func TestClusterOfAnotherMajorIsRefusedWithTheMendAndUntouched(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cluster := filepath.Join(dir, "cluster")
	if err := os.MkdirAll(filepath.Join(cluster, "base", "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"PG_VERSION": "9\n", "base/1/1259": "rows", "postgresql.conf": ""} {
		if err := os.WriteFile(filepath.Join(cluster, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, cluster)
	_, err := Start(t.Context(), Options{Dir: dir})
	var version *VersionError
	if !errors.As(err, &version) {
		t.Fatalf("error = %v, want a *VersionError", err)
	}
	if version.Have != 9 || version.Found < oldestMajor {
		t.Errorf("versions = %d, %d, want 9 and the installed one", version.Have, version.Found)
	}
	for _, want := range []string{cluster, "install PostgreSQL 9", "pg_dump"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %q, want %q in it", err, want)
		}
	}
	if after := tree(t, cluster); after != before {
		t.Errorf("the cluster was changed from\n%s\nto\n%s", before, after)
	}
}

func TestFolderThatIsNoClusterIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cluster := filepath.Join(dir, "cluster")
	if err := os.MkdirAll(cluster, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cluster, "letter.txt"), []byte("dear reader"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, cluster)
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("error = %v, want one that says to move the folder away", err)
	}
	if after := tree(t, cluster); after != before {
		t.Errorf("the folder was changed from\n%s\nto\n%s", before, after)
	}
}

// tree lists every file with its mode, time and content.
func tree(t *testing.T, root string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		list.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			list.Write(content)
		}
		list.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

// scripts makes a folder of programs that claim a version.
func scripts(t *testing.T, version string, parts ...string) string {
	t.Helper()
	dir := filepath.Join(parts...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "initdb"} {
		script := "#!/bin/sh\necho '" + name + " (PostgreSQL) " + version + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFinderPrefersPathThenTheNewestAndTheClustersOwnMajor(t *testing.T) {
	t.Parallel()
	base := folder(t)
	v9 := scripts(t, "9.6.24", base, "lib", "9.6", "bin")
	v15 := scripts(t, "15.8", base, "lib", "15", "bin")
	v17 := scripts(t, "17.2 (Debian 17.2-1)", base, "lib", "17", "bin")
	v16 := scripts(t, "16beta1", base, "path")
	for _, dir := range []string{base, filepath.Join(base, "lib")} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	globs := []string{filepath.Join(base, "lib", "*", "bin")}
	for _, c := range []struct {
		name, path string
		want       int
		programs   Programs
	}{
		{"PATH first", v16, 0, Programs{v16, 16}},
		{"newest without PATH", "", 0, Programs{v17, 17}},
		{"the cluster's own", v16, 15, Programs{v15, 15}},
		{"an old cluster's own", v16, 9, Programs{v9, 9}},
		{"another where that is not there", "", 14, Programs{v17, 17}},
	} {
		got, err := finder{path: c.path, globs: globs}.find(t.Context(), testAccount(t), c.want)
		if err != nil || got != c.programs {
			t.Errorf("%s: programs = %v, %v, want %v", c.name, got, err, c.programs)
		}
	}
}

func TestAsRootTheServerRunsUnprivileged(t *testing.T) {
	t.Parallel()
	server := run(t, Options{Dir: folder(t), Throwaway: true})
	info, err := os.Stat("/proc/" + strconv.Itoa(server.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	got := int(info.Sys().(*syscall.Stat_t).Uid)
	if got == 0 {
		t.Error("the server runs as root")
	}
	if want := int(testAccount(t).uid); got != want {
		t.Errorf("the server runs as user %d, want %d", got, want)
	}
}

func TestParentThatTheServersUserCannotEnterIsNamed(t *testing.T) {
	t.Parallel()
	base := folder(t)
	closed := filepath.Join(base, "closed")
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o711); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "postgres")
	server, err := Start(within(t, 20*time.Second), Options{Dir: dir, Throwaway: true})
	if !testAccount(t).drop {
		// The same user: a closed folder is as it should be.
		if err != nil {
			t.Fatalf("Start: %v", err)
		}
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := `chmod o+x ` + closed; err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error = %v, want %q in it", err, want)
	}
}

func TestClusterOfRootIsGivenToTheServersUser(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := run(t, Options{Dir: dir, Throwaway: true}).Stop(); err != nil {
		t.Fatal(err)
	}
	// As after a restore from a backup by the person who runs this.
	err := filepath.WalkDir(filepath.Join(dir, "cluster"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, os.Geteuid(), os.Getegid())
	})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, run(t, Options{Dir: dir, Throwaway: true}).URL(), "SELECT current_user")
}
