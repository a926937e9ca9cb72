package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestThePublicListenerShowsAcknowledgeLinksAlone(t *testing.T) {
	t.Parallel()
	app := serveTest(t, func(s *settings) { s.PublicHTTPAddr = "127.0.0.1:0" })
	for path, want := range map[string]int{
		"/healthz": 200, "/ack/AAAAAAAAAAAAAAAAAAAAAAAAAAA": 404, "/login": 404, "/tickets": 404, "/api/v1/openapi.json": 404,
		"/metrics": 404, "/": 404, "/readyz": 404,
	} {
		response := request(t, http.MethodGet, "http://"+app.publicAddr+path, nil)
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: got %s, %v, want %d", path, response.Status, err, want)
		}
		if isPage := strings.Contains(string(body), "<html"); isPage != strings.HasPrefix(path, "/ack/") {
			t.Errorf("%s: got\n%s", path, body)
		}
	}
	if strings.HasSuffix(app.baseURL, app.publicAddr[strings.LastIndexByte(app.publicAddr, ':'):]) {
		t.Errorf("links begin with %s, want the desk's address, because no public URL is set", app.baseURL)
	}
}

func TestOnlyTrustedProxiesNameTheirClient(t *testing.T) {
	t.Parallel()
	proxies, err := parseNetworks("10.0.0.0/8, 192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	seen := ""
	handler := forwarded(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }))
	for name, c := range map[string]struct{ peer, header, want string }{
		"a stranger's header counts nothing": {"203.0.113.5:77", "198.51.100.1", "203.0.113.5:77"},
		"a proxy's client":                   {"10.1.1.1:77", "198.51.100.1", "198.51.100.1:0"},
		"behind two proxies":                 {"10.1.1.1:77", "198.51.100.1, 192.0.2.7", "198.51.100.1:0"},
		"what the client made up":            {"10.1.1.1:77", "127.0.0.1, 198.51.100.1", "198.51.100.1:0"},
		"nonsense":                           {"10.1.1.1:77", "nonsense", "10.1.1.1:77"},
		"no header":                          {"10.1.1.1:77", "", "10.1.1.1:77"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.header != "" {
			r.Header.Set("X-Forwarded-For", c.header)
		}
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if seen != c.want {
			t.Errorf("%s: got %s, want %s", name, seen, c.want)
		}
	}
}
