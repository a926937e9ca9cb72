package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// postfixMain keeps what comes in its queue: nothing is delivered.
const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
daemon_directory = %[2]s
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.test.example
mydestination = test.example
local_recipient_maps =
mynetworks = 127.0.0.0/8
defer_transports = local
smtpd_client_connection_count_limit = 0
default_process_limit = 600
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
`

const postfixMaster = `127.0.0.1:%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
local unix - n n - - local
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix of the test's own and returns its address; empty where there is none, or it may not start.
func startPostfix(t *testing.T) string {
	t.Helper()
	owner, err := user.Lookup("postfix")
	daemons, configErr := exec.Command("/usr/sbin/postconf", "-h", "daemon_directory").Output()
	if err != nil || configErr != nil || os.Geteuid() != 0 {
		return ""
	}
	port := freePort(t)
	dir, err := os.MkdirTemp("", "postfix") // its sockets' paths are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "conf"), 0o755), os.Mkdir(filepath.Join(dir, "queue"), 0o755),
		os.Mkdir(filepath.Join(dir, "data"), 0o755), os.Chown(filepath.Join(dir, "data"), uid, -1),
		os.WriteFile(filepath.Join(dir, "conf", "main.cf"), fmt.Appendf(nil, postfixMain, dir, strings.TrimSpace(string(daemons))), 0o644),
		os.WriteFile(filepath.Join(dir, "conf", "master.cf"), fmt.Appendf(nil, postfixMaster, port), 0o644),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	control := func(command string) error {
		return exec.Command("/usr/sbin/postfix", "-c", filepath.Join(dir, "conf"), command).Run()
	}
	if err := control("start"); err != nil {
		t.Logf("Postfix does not start: %v", err)
		return ""
	}
	t.Cleanup(func() {
		if err := control("stop"); err != nil {
			t.Errorf("stop Postfix: %v", err)
		}
	})
	address := fmt.Sprintf("127.0.0.1:%s", port)
	eventually(t, "Postfix answers", func() bool {
		client, err := dialSMTP(address)
		if err != nil {
			return false
		}
		client.close()
		return true
	})
	return address
}
