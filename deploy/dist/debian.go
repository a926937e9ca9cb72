package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// debianProcessors are those that Debian and Go name alike.
var debianProcessors = []string{"amd64", "arm64"}

// packages makes a Debian package of each binary for Linux. Without dpkg-deb there are none, and it says so.
func (r *release) packages(ctx context.Context) error {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		fmt.Fprintln(os.Stderr, "dist: no dpkg-deb here: no Debian packages are made")
		return nil
	}
	for _, target := range r.targets {
		processor, ok := strings.CutPrefix(target, "linux/")
		if !ok || !slices.Contains(debianProcessors, processor) {
			continue
		}
		if err := r.debian(ctx, processor); err != nil {
			return fmt.Errorf("debian package for %s: %w", processor, err)
		}
	}
	return nil
}

func (r *release) debian(ctx context.Context, processor string) (err error) {
	root, err := os.MkdirTemp("", "afterhours-deb-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	unit, err := os.ReadFile("deploy/afterhours.service")
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(filepath.Join(r.out, "afterhours-linux-"+processor))
	if err != nil {
		return err
	}
	terms, err := os.ReadFile(filepath.Join(r.out, "LICENSES.txt"))
	if err != nil {
		return err
	}
	files := map[string]struct {
		mode    os.FileMode
		content string
	}{
		"usr/bin/afterhours":                    {0o755, string(binary)},
		"lib/systemd/system/afterhours.service": {0o644, strings.ReplaceAll(string(unit), "/usr/local/bin/", "/usr/bin/")},
		"etc/afterhours/env":                    {0o640, "# Settings of afterhours, one VARIABLE=value a line: see afterhours serve --help.\n#AFTERHOURS_SMARTHOST_URL=\n#AFTERHOURS_PUBLIC_URL=\n"},
		"usr/share/doc/afterhours/copyright":    {0o644, string(terms)},
		"DEBIAN/conffiles":                      {0o644, "/etc/afterhours/env\n"},
		"DEBIAN/postinst":                       {0o755, "#!/bin/sh\nset -e\nif [ -d /run/systemd/system ]; then systemctl daemon-reload; systemctl try-restart afterhours.service; fi\n"},
		"DEBIAN/prerm":                          {0o755, "#!/bin/sh\nset -e\nif [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --now afterhours.service; fi\n"},
		"DEBIAN/control":                        {0o644, r.control(processor, len(binary)+len(terms))},
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(files[name].content), files[name].mode); err != nil {
			return err
		}
	}
	if err := evenOut(root); err != nil {
		return err
	}
	into := filepath.Join(r.out, "afterhours_"+r.version+"_"+processor+".deb")
	command := exec.CommandContext(ctx, "dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, into)
	command.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.at.Unix()))
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("dpkg-deb: %w: %s", err, said)
	}
	return nil
}

// evenOut gives files and folders modes that no umask has touched.
func evenOut(root string) error {
	return filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o755)
		if !entry.IsDir() {
			info, err := entry.Info()
			if err != nil {
				return err
			}
			switch {
			case info.Mode()&0o100 != 0:
			case strings.HasSuffix(path, "etc/afterhours/env"): // it may hold credentials
				mode = 0o640
			default:
				mode = 0o644
			}
		}
		return os.Chmod(path, mode)
	})
}

func (r *release) control(processor string, octets int) string {
	return fmt.Sprintf(`Package: afterhours
Version: %s
Architecture: %s
Maintainer: afterhours maintainers <maintainers@afterhours.invalid>
Installed-Size: %d
Recommends: postgresql, ca-certificates
Section: net
Priority: optional
Description: on-call for Microsoft Defender
 Takes Microsoft Defender's notification mails, opens tickets, and pages whoever
 is on call until somebody says that they have it.
`, r.version, processor, octets/1024)
}
