package main

import (
	"syscall"
	"testing"
)

// TestAnEmbeddedServerThatIsKilledIsStartedAgain kills the database of a running serve: mail is still taken, and becomes a
// ticket once the database is back, without anybody's help.
func TestAnEmbeddedServerThatIsKilledIsStartedAgain(t *testing.T) {
	t.Parallel()
	gateway := startGateway(t)
	ana, ben := newHook(t), newHook(t)
	configureDatabase(t, gateway.database, team(ana, ben, "1h"))
	for round := range 2 {
		pid := postmaster(gateway.cluster)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		client, err := dialSMTP(gateway.smtp)
		if err != nil {
			t.Fatal(err)
		}
		for _, mail := range sampleMails(t, uint64(round), "high", 1, 2000) {
			if _, _, err := client.send("defender@test.example", mail); err != nil {
				t.Fatalf("a mail while the database is away: %v", err)
			}
		}
		client.close()
		eventually(t, "the server lives again", func() bool { now := postmaster(gateway.cluster); return now != 0 && now != pid })
		eventually(t, "the mail is a ticket that pages", func() bool { return len(ana.deliveries()) == round+1 })
	}
	if ended, err := gateway.terminate(); err != nil {
		t.Errorf("stop: %v %v", ended, err)
	}
	eventually(t, "no server is left behind", func() bool { pid := postmaster(gateway.cluster); return pid == 0 || syscall.Kill(pid, 0) != nil })
}
