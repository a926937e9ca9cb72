package notify

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// hostile are targets that lead inside, in every writing that resolvers and parsers know.
var hostile = []string{
	"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "localhost",
	"LOCALHOST", "localhost.", "127.0.0.1.", "0.0.0.0", "0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]",
	"[fe80::1%25lo]", "[fc00::1]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "10.0.0.1",
	"10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "169.254.169.254", "169.254.0.1",
	"100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
	"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1", "0.0.0.1", "127.255.255.254",
	"[2001::1]", "[2001:0:7f00:1::]", "[3fff::1]", "[5f00::1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[2002:a00:1::]",
}

func TestHostileTargetsAreNeverDialled(t *testing.T) {
	t.Parallel()
	var canary atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { canary.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client := NewHTTPClient(Guard{})
	client.Timeout = 3 * time.Second
	for _, host := range hostile {
		for _, url := range []string{fmt.Sprintf("http://%s:%s/", host, port), fmt.Sprintf("https://%s/", host)} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
			if err != nil {
				continue // not even a URL
			}
			if _, err := Post(client, request, time.Now); err == nil {
				t.Errorf("%s: got an answer", url)
			}
		}
	}
	if seen := canary.Load(); seen != 0 {
		t.Errorf("the canary saw %d connections, want 0", seen)
	}
	if len(hostile) < 60 {
		t.Errorf("only %d hostile targets", len(hostile))
	}
}

// TestTheAddressIsCheckedAfterResolution stands for a resolver that answers differently the second time: what counts is
// the address that is dialled.
func TestTheAddressIsCheckedAfterResolution(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.215.14:443": true, "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443": true,
		"93.184.215.14:80": false, "127.0.0.1:443": false, "10.1.2.3:443": false, "[::1]:443": false, "nonsense": false,
	} {
		if err := (Guard{}).control(t.Context(), "tcp", address, nil); (err == nil) != want {
			t.Errorf("%s: got %v", address, err)
		}
	}
	if err := (Guard{AllowPrivate: true}).control(t.Context(), "tcp", "127.0.0.1:80", nil); err != nil {
		t.Errorf("lifted guard: got %v", err)
	}
	if public(netip.MustParseAddr("8.8.8.8")) != true {
		t.Error("a public address is refused")
	}
}

func TestTargetsAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://hooks.example.com/in": true, "https://hooks.example.com:443/in": true, "https://hooks.example.com:8443/in": false,
		"http://hooks.example.com/in": false, "https://user:pass@hooks.example.com/": false, "ftp://x.example/": false,
		"https://": false, "": false, "https://127.0.0.1/": false, "https://localhost/": false, "https://[::1]/": false, "mailto:a@b.example": false,
		"https://a.example/\r\nx": false,
	} {
		if err := (Guard{}).CheckURL(url); (err == nil) != ok {
			t.Errorf("%q: got %v", url, err)
		}
	}
	if err := (Guard{AllowPrivate: true}).CheckURL("http://127.0.0.1:9000/in"); err != nil {
		t.Errorf("lifted guard: got %v", err)
	}
}

func TestARefusalIsPermanentAndNamesTheMend(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://127.0.0.1/secret-path?token=x", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Post(NewHTTPClient(Guard{}), request, time.Now)
	if !IsPermanent(err) || !errors.Is(err, ErrRefusedAddress) {
		t.Errorf("got %v, want the permanent refusal", err)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"5": 5 * time.Second, "-5": 0, "": 0, "soon": 0, "99999999": maxWait, "Sun, 01 Mar 2026 03:00:09 GMT": 9 * time.Second, "Sun, 01 Mar 2026 02:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}
