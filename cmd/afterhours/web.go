package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/parser"
	"afterhours/web"
	"afterhours/web/auth"
)

// Bounds of the HTTP server.
const (
	headerWithin  = 10 * time.Second
	requestWithin = 60 * time.Second
	idleWithin    = 2 * time.Minute
	maxHeader     = 32 << 10
)

// listenHTTP binds the web's port, and the public one where it is set; the base of links is known from then on. Until
// showPages, and after it at a stop, they answer that the process lives and is not ready.
func (a *application) listenHTTP(context.Context) error {
	proxies, err := parseNetworks(a.settings.TrustedProxies)
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", variable("trusted-proxies"), err)}
	}
	a.handler = &lateHandler{}
	bound, err := a.serveHTTP("http-addr", a.settings.HTTPAddr, forwarded(proxies, a.handler))
	if err != nil {
		return err
	}
	if a.settings.PublicHTTPAddr != "" {
		public, err := a.serveHTTP("public-http-addr", a.settings.PublicHTTPAddr, forwarded(proxies, publicOnly(a.handler)))
		if err != nil {
			return err
		}
		a.publicAddr = public.String()
		if a.settings.PublicURL == "" {
			a.log.Warn("links in messages begin with the address of the desk, not of the public listener; set " + variable("public-url"))
		}
	}
	a.baseURL = strings.TrimSuffix(a.settings.PublicURL, "/")
	if a.baseURL == "" {
		scheme := "http"
		if a.settings.HTTPTLSCert != "" {
			scheme = "https"
		}
		a.baseURL = scheme + "://" + reachable(bound)
	}
	return nil
}

func (a *application) serveHTTP(name, address string, handler http.Handler) (net.Addr, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("web: %w; choose another address with %s", err, variable(name))
	}
	bound := listener.Addr()
	if a.settings.HTTPTLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(a.settings.HTTPTLSCert, a.settings.HTTPTLSKey)
		if err != nil {
			return nil, errors.Join(usageError{fmt.Errorf("%s: %w", variable("http-tls-cert"), err)}, listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerWithin, ReadTimeout: requestWithin, WriteTimeout: requestWithin,
		IdleTimeout: idleWithin, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.onStop(name, server.Shutdown)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("web: %w", err)
		}
	}()
	return bound, nil
}

// publicOnly shows what whoever was paged needs: the acknowledge links with their stylesheet, the signed calls of
// providers, and that the process lives.
func publicOnly(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if path == "/healthz" || strings.HasPrefix(path, "/ack/") || strings.HasPrefix(path, "/hooks/") || strings.HasPrefix(path, "/ical/") || strings.HasPrefix(path, "/static/") {
			inner.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	})
}

// forwarded gives requests that come through trusted proxies the address of their client: the last one in
// X-Forwarded-For that is not itself a trusted proxy.
func forwarded(proxies []netip.Prefix, inner http.Handler) http.Handler {
	if len(proxies) == 0 {
		return inner
	}
	trusted := func(address netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(network netip.Prefix) bool { return network.Contains(address.Unmap()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; err == nil && i >= 0 && trusted(peer.Addr()); i-- {
			hop, bad := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if bad != nil {
				break
			}
			peer = netip.AddrPortFrom(hop, 0)
		}
		if err == nil {
			r = r.Clone(r.Context())
			r.RemoteAddr = peer.String()
		}
		inner.ServeHTTP(w, r)
	})
}

// showPages builds the desk, the night page and the API.
func (a *application) showPages(context.Context) error {
	a.auth = auth.New(a.db.pool, auth.Options{
		Now: a.now, Secure: strings.HasPrefix(a.baseURL, "https:"), PublicURL: a.baseURL, Idle: a.settings.SessionIdle, Lifetime: a.settings.SessionLifetime,
		SignOn: a.settings.signOn(a.baseURL),
	})
	site, err := web.New(web.Options{
		Tickets: a.rooms.tickets, OnCall: a.rooms.oncall, Auth: a.auth, Log: a.log, Now: a.now, PublicURL: a.baseURL,
		IntakeAddress: a.intakeAddress(), Hooks: a.hooks(), SendMail: a.sendMail, PushKey: a.rooms.pushKeys.Public, Ready: a.ready, ReadySMTP: a.gateway.ready, ReadyToPage: a.readyToPage, Status: a.status, Standby: a.rooms.standby, Warnings: a.gateway.warnings, CheckContact: checkContact(a.rooms.channels), Unready: unready(a.rooms.channels),
		Parse: a.rooms.parse, ReadBy: parseBy, HTML: parser.HTML,
		Export: a.rooms.export, Merge: func(current oncall.Configuration, document oncall.Document) (oncall.Configuration, error) {
			return a.rooms.merge(current, []oncall.Document{document})
		},
		Playbooks: a.rooms.playbooks, Configured: a.rooms.playbooks.Playbooks, DryRun: a.rooms.dryRun, Polls: a.rooms.defender.polls,
		Metrics: a.metrics(), Version: buildVersion(),
	})
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	pages := site.Handler()
	a.handler.inner.Store(&pages)
	a.onStop("pages", func(context.Context) error {
		a.handler.inner.Store(nil)
		site.Close()
		return nil
	})
	return nil
}

// sendMail hands a mail that belongs to no ticket to the smarthost.
func (a *application) sendMail(ctx context.Context, mail web.Mail) error {
	_, err := a.rooms.channels["email"].Send(ctx, notify.Contact{Address: mail.To}, notify.Message{
		ID: mail.ID, At: a.now(), Subject: mail.Subject, Text: mail.Text,
	})
	return err
}

// lateHandler stands in while there are no pages.
type lateHandler struct{ inner atomic.Pointer[http.Handler] }

func (h *lateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if inner := h.inner.Load(); inner != nil {
		(*inner).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Path == "/healthz" {
		_, _ = io.WriteString(w, "ok\n") // a client that left does not matter
		return
	}
	w.Header().Set("Retry-After", "5")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "starting or stopping: the database is being opened, migrated or closed\n")
}

// reachable is a listener's address as a browser on this machine can use it.
func reachable(bound net.Addr) string {
	address := bound.(*net.TCPAddr)
	host := address.IP.String()
	if address.IP.IsUnspecified() || address.IP.IsLoopback() && address.IP.To4() != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(address.Port))
}

func (a *application) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := a.late.why(); err != nil {
		return errors.New("the database has not been there since the start; mail goes into the spool, and the log says more")
	}
	if err := a.db.pool.Ping(ctx); err != nil {
		return errors.New("the database cannot be reached")
	}
	return nil
}
