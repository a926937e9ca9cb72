//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package pgserver

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing: these systems have no such signal. The next Start finds the orphan by its pid file.
func dieWithParent(*syscall.SysProcAttr) {}

// serverProcesses are none: what these systems show of a session does not say whose it is.
func serverProcesses(string) []int { return nil }

// isServer tells whether the process is a Postgres server on the data directory, by its command line.
func isServer(pid int, cluster string) bool {
	output, err := exec.Command("ps", "-ww", "-o", "stat=,args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return false
	}
	state, line, _ := strings.Cut(strings.TrimSpace(string(output)), " ")
	program, args, _ := strings.Cut(strings.TrimSpace(line), " -D ")
	return !strings.HasPrefix(state, "Z") &&
		filepath.Base(program) == "postgres" &&
		(args == cluster || strings.HasPrefix(args, cluster+" "))
}
