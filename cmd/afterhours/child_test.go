package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childProfile names the variable by which a test has a command write a profile of its processor time.
const childProfile = "AFTERHOURS_TEST_PROFILE"

// commandChild runs a command line as the program does and returns its exit code.
func commandChild() int {
	if path := os.Getenv(childProfile); path != "" {
		file, err := os.Create(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitFailed
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitFailed
		}
		defer pprof.StopCPUProfile()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	go func() {
		<-stopped
		cancel()
	}()
	return run(ctx, os.Args[1:], environment{vars: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now})
}

// served is `afterhours serve` as a process of its own.
type served struct {
	process *exec.Cmd
	smtp    string // its address
	web     string // its base URL
}

var (
	servedWeb  = regexp.MustCompile(`(?m)^Web: +(\S+)`)
	servedSMTP = regexp.MustCompile(`smtp://(\S+)`)
)

// serveChild starts `afterhours serve` with settings, given as variables, and waits until it takes mail.
func serveChild(t testing.TB, variables ...string) *served {
	t.Helper()
	return serveProgram(t, os.Args[0], variables...)
}

// serveProgram is serveChild for a program of its own, as one of another version; words before it start it, as nice does.
func serveProgram(t testing.TB, program string, variables ...string) *served {
	t.Helper()
	words := append(strings.Fields(program), "serve", "--smtp-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	child := &served{process: exec.Command(words[0], words[1:]...)}
	child.process.Env = append(append(os.Environ(), childImport+"=1"), variables...)
	child.process.Stderr = childLog(t)
	child.begin(t)
	return child
}

// begin starts the process and waits until it takes mail.
func (c *served) begin(t testing.TB) {
	t.Helper()
	out, err := c.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	lines := bufio.NewScanner(out)
	for c.smtp == "" && lines.Scan() {
		if found := servedWeb.FindStringSubmatch(lines.Text()); found != nil {
			c.web = found[1]
		}
		if found := servedSMTP.FindStringSubmatch(lines.Text()); found != nil {
			c.smtp = found[1]
		}
	}
	if c.smtp == "" {
		t.Fatal("the child ended before it took mail")
	}
	go func() { // its pipe never fills
		for lines.Scan() {
		}
	}()
}

// childLog is where a child's log goes: a file that is shown where the test failed, because a child may outlive its test.
func childLog(t testing.TB) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if content, err := os.ReadFile(file.Name()); err == nil {
				t.Logf("child's log, its end:\n%s", content[max(0, len(content)-8000):])
			}
		}
		_ = file.Close()
	})
	return file
}

// kill ends the process without giving it a say; it may be dead already.
func (c *served) kill() {
	_ = c.process.Process.Kill()
	_ = c.process.Wait()
}

// terminate asks the process to stop and returns how long that took.
func (c *served) terminate() (time.Duration, error) {
	began := time.Now()
	if err := c.process.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	err := c.process.Wait()
	return time.Since(began), err
}

// memory is a figure of /proc/PID/status in MiB: VmRSS now, VmHWM the most so far. 0 where the system has none.
func (c *served) memory(name string) float64 {
	return procFigure(c.process.Process.Pid, "status", name)
}
