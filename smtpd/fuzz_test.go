package smtpd_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// FuzzDialogue sends any bytes as a client that then says no more: the server answers and ends, and it keeps exactly the
// mails that it answered with 250.
func FuzzDialogue(f *testing.F) {
	const begin = "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
	for _, seed := range []string{
		"", "QUIT\r\n", begin + "DATA\r\nbody\r\n.\r\nQUIT\r\n", begin + "DATA\r\nbody\r\n", begin + "BDAT 4 LAST\r\nbody", begin + "BDAT 9 LAST\r\nbody",
		begin + "BDAT 2\r\nboBDAT 2 LAST\r\ndy" + begin + "DATA\r\n.\r\n", begin + "BDAT 2\r\nboRSET\r\nQUIT\r\n", begin + "DATA\r\n\n.\n\r.\r\r\n.\r\n",
		"\x16\x03\x01\x00", "EHLO\r\n\r\n\x00\r\nMAIL FROM:<>\r\n", strings.Repeat("x", 3000) + "\r\n", begin + "BDAT 99999999999 LAST\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		p := open(t, nil)
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		go func() {
			_, _ = conn.Write(said) // the server may end first
			_ = conn.(*net.TCPConn).CloseWrite()
		}()
		answers, err := io.ReadAll(conn)
		if ended := net.Error(nil); errors.As(err, &ended) && ended.Timeout() {
			t.Fatalf("the server hangs after %q", answers)
		}
		if promised, kept := strings.Count(string(answers), "250 2.0.0 accepted as "), len(p.kept()); err == nil && promised != kept {
			t.Errorf("promised %d mails, kept %d", promised, kept)
		}
	})
}
