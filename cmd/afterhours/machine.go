package main

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"afterhours/migrations/pgserver"
)

// small says whether an embedded Postgres has to do with little memory.
func (s settings) small() bool {
	memory := ownMemory()
	return s.DatabaseURL == "" && memory > 0 && memory < pgserver.SmallMachine
}

// ownMemory is machineMemory of this machine.
func ownMemory() int64 { return machineMemory(os.DirFS("/")) }

// machineMemory is how many octets this process may use together with its neighbours: the machine's, or what its control
// groups (of either version) leave it. 0 where the system does not tell. root is the system's files.
func machineMemory(root fs.FS) (least int64) {
	note := func(octets int64, err error) {
		if err == nil && octets > 0 && (least == 0 || octets < least) {
			least = octets
		}
	}
	for _, line := range systemLines(root, "proc/meminfo") {
		if figure, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(figure, "kB")), 10, 64)
			note(kilobytes<<10, err)
		}
	}
	for _, line := range systemLines(root, "proc/self/cgroup") { // hierarchy:controllers:path
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 {
			continue
		}
		tree, limit := "sys/fs/cgroup", "memory.max"
		switch {
		case strings.Contains(","+parts[1]+",", ",memory,"):
			tree, limit = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) { // a limit holds for all groups below
			for _, line := range systemLines(root, path.Join(tree, group, limit)) {
				note(strconv.ParseInt(line, 10, 64)) // "max" is none
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

// systemLines are a file's; none where it cannot be read.
func systemLines(root fs.FS, name string) (lines []string) {
	file, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }() // it was read alone
	for scan := bufio.NewScanner(file); scan.Scan(); {
		lines = append(lines, strings.TrimSpace(scan.Text()))
	}
	return lines
}
