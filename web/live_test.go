package web

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"afterhours/web/auth"
)

// TestALivePageEndsWithItsSession holds streams open while their sessions end in every way there is.
func TestALivePageEndsWithItsSession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Now = time.Now // the sockets' deadlines are real
	server := httptest.NewServer(d.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(d.Close)
	streams := map[string]io.ReadCloser{}
	for _, account := range []string{"revoked", "expired", "idle", "disabled", "stays"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/tickets/live", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Cookie", d.signIn(t, account, auth.Viewer))
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		if line, err := bufio.NewReaderSize(response.Body, 16).ReadString('\n'); err != nil || line != ": here\n" {
			t.Fatalf("%s: got %s and %q, %v", account, response.Status, line, err)
		}
		streams[account] = response.Body
	}
	for _, change := range []string{
		`UPDATE sign_ins SET ended_at = now() WHERE account = 'revoked'`,
		`UPDATE sign_ins SET at = at - interval '2 days' WHERE account = 'expired'`,
		`UPDATE sign_ins SET seen_at = seen_at - interval '13 hours' WHERE account = 'idle'`,
		`UPDATE accounts SET disabled_at = now() WHERE id = 'disabled'`,
	} {
		if _, err := d.pool.Exec(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	for _, account := range []string{"revoked", "expired", "idle", "disabled"} {
		over := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, streams[account])
			over <- err
		}()
		select {
		case err := <-over:
			if err != nil {
				t.Errorf("%s: %v", account, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("the stream of the session that is %s goes on", account)
		}
	}
	d.live.mutex.Lock()
	defer d.live.mutex.Unlock()
	if len(d.live.streams) != 1 {
		t.Errorf("got %d streams, want the one whose session goes on", len(d.live.streams))
	}
}
