package main

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

var (
	tracedStart = regexp.MustCompile(`^(\d+) +(\w+)\((\d+)<?`)
	spoolFile   = regexp.MustCompile(`/spool/([0-9a-f-]+)\.mail[^/]*>`)
	tracedEnd   = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
)

// traced are the lines of strace's record, with the unfinished calls put together where they end.
func traced(t *testing.T, path string) (calls []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	begun := map[string]string{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		thread, _, _ := strings.Cut(line, " ")
		switch {
		case strings.HasSuffix(line, "<unfinished ...>"):
			if strings.Contains(line, "write(") { // a write counts from its beginning
				calls = append(calls, line)
			}
			begun[thread] = line
		case tracedEnd.MatchString(line):
			if !strings.Contains(begun[thread], "write(") {
				calls = append(calls, strings.TrimSuffix(begun[thread], "<unfinished ...>")+line)
			}
		case tracedStart.MatchString(line):
			calls = append(calls, line)
		}
	}
	return calls
}

// tracedGateway is `afterhours serve` under strace.
func tracedGateway(t *testing.T, variables ...string) (child *served, record string) {
	t.Helper()
	strace := installed(t, "strace")
	record = filepath.Join(t.TempDir(), "calls")
	child = serveProgram(t, strace+" -f -yy -s 200 -e trace=read,write,fsync,fdatasync -o "+record+" "+os.Args[0], variables...)
	return child, record
}

// TestTheSpoolAnswersAfterItsFileAndItsFolderAreSynced reads in the calls of the process what precedes each 250. That one of the
// database follows the commit is held where its answers are lost.
func TestTheSpoolAnswersAfterItsFileAndItsFolderAreSynced(t *testing.T) {
	longTest(t)
	t.Parallel()
	postgres := startPostgres(t)
	child, record := tracedGateway(t, gatewayVariables(postgres.URL(), t.TempDir())...)
	mustSend(t, child.smtp, cutMail(99))
	postgres.kill()
	const mails = 10
	for i := range mails {
		mustSend(t, child.smtp, cutMail(i))
	}
	calls := traced(t, record)
	if pid, err := strconv.Atoi(strings.Fields(calls[0])[0]); err == nil { // it outlives strace otherwise
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	child.kill()
	postgres.start()                        // for its end
	filed, answered := map[string]bool{}, 0 // filed: by the id; true once the folder is synced, too
	for _, call := range calls {
		synced := strings.Contains(call, "sync(") && strings.HasSuffix(call, "= 0")
		switch file := spoolFile.FindStringSubmatch(call); {
		case synced && file != nil:
			filed[file[1]] = false
		case synced && strings.Contains(call, "/spool>"):
			for id := range filed {
				filed[id] = true
			}
		case strings.Contains(call, "write(") && strings.Contains(call, "250 2.0.0 accepted as "):
			_, id, _ := strings.Cut(call, "accepted as ")
			id, _, _ = strings.Cut(id, `\r`)
			if !strings.Contains(id, "-") {
				continue // the database has it
			}
			if answered++; !filed[id] {
				t.Errorf("%s was answered before its file and its folder were synced", id)
			}
		}
	}
	t.Logf("%d answers, each after the fsync of its file and then of its folder", answered)
	if answered != mails {
		t.Errorf("got %d answers, want %d", answered, mails)
	}
}
