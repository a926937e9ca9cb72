package main

import (
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestAConnectionThatIsNotAcknowledgedEnds reads back what the kernel was told about a connection.
func TestAConnectionThatIsNotAcknowledgedEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var config pgconn.Config
	watchLine(&config)
	conn, err := config.DialFunc(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]struct{ level, name, want int }{
		"milliseconds without an acknowledgement": {syscall.IPPROTO_TCP, tcpUserTimeout, int(silentAfter.Milliseconds())},
		"questions whether it lives":              {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		"seconds until the first":                 {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, int(awaited.Idle.Seconds())},
		"seconds between them":                    {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, int(awaited.Interval.Seconds())},
		"how many":                                {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, awaited.Count},
	} {
		var got int
		var failed error
		if err := raw.Control(func(fd uintptr) { got, failed = syscall.GetsockoptInt(int(fd), option.level, option.name) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if got != option.want {
			t.Errorf("%s: got %d, want %d", name, got, option.want)
		}
	}
}
