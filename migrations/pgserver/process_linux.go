package pgserver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent has the kernel end the server immediately when the thread that started it ends.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGQUIT }

// serverProcesses are the processes of a Postgres on the data directory, its sessions too: all stand in that folder.
func serverProcesses(cluster string) (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && isServer(pid, cluster) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isServer tells whether the process is a Postgres server on the data directory. A dead one that nobody has waited
// for is not.
func isServer(pid int, cluster string) bool {
	process := fmt.Sprintf("/proc/%d", pid)
	cwd, err := os.Readlink(process + "/cwd")
	if err == nil {
		program, err := os.Readlink(process + "/exe")
		// After an upgrade of the package the name ends with " (deleted)".
		return err == nil && cwd == cluster && strings.HasPrefix(filepath.Base(program), "postgres")
	}
	if !os.IsPermission(err) {
		return false
	}
	// Another user's process: its command line is open to all.
	line, err := os.ReadFile(process + "/cmdline")
	if err != nil {
		return false
	}
	args := bytes.Split(line, []byte{0})
	if !strings.HasPrefix(filepath.Base(string(args[0])), "postgres") {
		return false
	}
	for _, arg := range args[1:] {
		if string(arg) == cluster {
			return true
		}
	}
	return false
}
