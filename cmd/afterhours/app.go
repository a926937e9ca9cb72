package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"afterhours/migrations"
	"afterhours/oncall"
	"afterhours/parser"
	"afterhours/smtpd"
	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
	"afterhours/web"
	"afterhours/web/auth"
)

// Bounds of a stop, and of the HTTP server.
const (
	stopWithin        = 25 * time.Second
	headerWithin      = 10 * time.Second
	requestWithin     = 60 * time.Second
	idleWithin        = 2 * time.Minute
	maxHeader         = 32 << 10
	housekeepingEvery = "@every 1h"
)

// application is everything that serves. It is built in order by start and stopped in reverse by stop.
type application struct {
	settings settings
	log      *slog.Logger
	now      func() time.Time

	db       database
	rooms    *rooms
	auth     *auth.Auth
	smtpAddr string // as bound
	baseURL  string
	failed   chan error // a part that ended by itself

	cleanups []cleanup
}

type cleanup struct {
	name string
	stop func(ctx context.Context) error
}

func (a *application) onStop(name string, stop func(ctx context.Context) error) {
	a.cleanups = append(a.cleanups, cleanup{name, stop})
}

// start builds the application. What was built is stopped again where a later step fails.
func start(ctx context.Context, s settings, log *slog.Logger, now func() time.Time) (a *application, err error) {
	a = &application{log: log, now: now, failed: make(chan error, 4)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.stop())
		}
	}()
	if a.settings, err = s.complete(); err != nil {
		return a, err
	}
	for _, name := range a.settings.given() {
		log.Warn("setting has no effect in this version", "variable", name)
	}
	steps := []func(context.Context) error{a.openDatabase, a.listenHTTP, a.startRooms, a.startReader, a.startSMTP, a.startCron}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return a, err
		}
	}
	return a, nil
}

// stop ends everything in reverse order, within stopWithin.
func (a *application) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	var errs []error
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		if err := a.cleanups[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", a.cleanups[i].name, err))
		}
	}
	a.cleanups = nil
	return errors.Join(errs...)
}

func (a *application) openDatabase(ctx context.Context) (err error) {
	if a.db, err = openDatabase(ctx, a.settings, a.log); err != nil {
		return err
	}
	a.onStop("database", func(context.Context) error { return a.db.close() })
	if a.db.server != nil {
		go func() {
			<-a.db.server.Done()
			a.failed <- errors.New("the embedded Postgres ended by itself; its last lines are in the log")
		}()
	}
	if _, err := migrations.Up(ctx, a.db.pool); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// listenHTTP binds the web's port and serves it; the base of links is known from then on.
func (a *application) listenHTTP(context.Context) error {
	listener, err := net.Listen("tcp", a.settings.HTTPAddr)
	if err != nil {
		return fmt.Errorf("web: %w; choose another address with %s", err, variable("http-addr"))
	}
	scheme := "http"
	if a.settings.HTTPTLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(a.settings.HTTPTLSCert, a.settings.HTTPTLSKey)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", variable("http-tls-cert"), err), listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		scheme = "https"
	}
	a.baseURL = strings.TrimSuffix(a.settings.PublicURL, "/")
	if a.baseURL == "" {
		a.baseURL = scheme + "://" + reachable(listener.Addr())
	}
	handler := &lateHandler{}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerWithin, ReadTimeout: requestWithin, WriteTimeout: requestWithin,
		IdleTimeout: idleWithin, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.onStop("web", server.Shutdown)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("web: %w", err)
		}
	}()
	a.rooms, err = wire(a.settings, a.db, a.baseURL, a.log, a.now)
	if err != nil {
		return err
	}
	a.auth = auth.New(a.db.pool, auth.Options{Now: a.now, Secure: strings.HasPrefix(a.baseURL, "https:")})
	site, err := web.New(web.Options{
		Tickets: a.rooms.tickets, OnCall: a.rooms.oncall, Auth: a.auth, Log: a.log, Now: a.now, PublicURL: a.baseURL,
		IntakeAddress: a.intakeAddress(), Ready: a.ready, ReadySMTP: a.ready,
		Metrics: a.metrics(), Version: buildVersion(),
	})
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	handler.set(site.Handler())
	return nil
}

// lateHandler answers 503 until the pages are built.
type lateHandler struct {
	mutex sync.RWMutex
	inner http.Handler
}

func (h *lateHandler) set(inner http.Handler) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.inner = inner
}

func (h *lateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mutex.RLock()
	inner := h.inner
	h.mutex.RUnlock()
	if inner == nil {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	inner.ServeHTTP(w, r)
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
	if err := a.db.pool.Ping(ctx); err != nil {
		return errors.New("the database cannot be reached")
	}
	return nil
}

func (a *application) startRooms(ctx context.Context) error {
	if err := a.rooms.tickets.PrepareMonths(ctx, a.now()); err != nil {
		return err
	}
	if err := a.rooms.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	a.onStop("queue", a.rooms.queue.Stop)
	return nil
}

// startReader runs the intake's committers and the workers that read mails into tickets.
func (a *application) startReader(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	reader := &tickets.Reader{Store: a.rooms.tickets, Parse: parser.Parse, Log: a.log, Wake: a.rooms.intake.Wake()}
	var group sync.WaitGroup
	group.Go(func() { a.rooms.intake.Run(ctx) })
	group.Go(func() { reader.Run(ctx) })
	a.onStop("reader", func(context.Context) error {
		cancel()
		group.Wait()
		return nil
	})
	return nil
}

func (a *application) startSMTP(context.Context) error {
	config, err := smtpConfig(a.settings, a.rooms.intake, a.log, a.now)
	if err != nil {
		return err
	}
	server, err := smtpd.New(config)
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	listener, err := net.Listen("tcp", a.settings.SMTPAddr)
	if err != nil {
		return fmt.Errorf("smtp: %w; choose another address with %s", err, variable("smtp-addr"))
	}
	a.smtpAddr = listener.Addr().String()
	a.onStop("smtp", server.Shutdown)
	go func() {
		if err := server.Serve(listener); err != nil {
			a.failed <- fmt.Errorf("smtp: %w", err)
		}
	}()
	a.log.Info("ready", "web", a.baseURL, "smtp", a.smtpAddr)
	return nil
}

// startCron drives the escalator each second. What is due stands in the database: a tick that is missed runs late.
func (a *application) startCron(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	escalator := &oncall.Escalator{Store: a.rooms.oncall}
	schedule := cron.New(cron.WithLocation(time.UTC), cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	_, err := schedule.AddFunc("@every 1s", func() {
		if err := escalator.Tick(ctx, a.now()); err != nil && ctx.Err() == nil {
			a.log.Error("escalator tick", "error", err)
		}
	})
	if err == nil {
		_, err = schedule.AddFunc(housekeepingEvery, func() {
			if err := a.rooms.tickets.PrepareMonths(ctx, a.now()); err != nil && ctx.Err() == nil {
				a.log.Error("prepare months", "error", err)
			}
		})
	}
	if err != nil {
		cancel()
		return fmt.Errorf("cron: %w", err)
	}
	schedule.Start()
	a.onStop("cron", func(stopping context.Context) error {
		done := schedule.Stop()
		select {
		case <-done.Done():
		case <-stopping.Done():
		}
		cancel()
		return nil
	})
	return nil
}

func (a *application) intakeAddress() string {
	for _, item := range strings.Split(a.settings.MailTo, ",") {
		if item = strings.TrimSpace(item); strings.Contains(item, "@") {
			return item
		} else if item != "" && item != "*" {
			return "defender@" + item
		}
	}
	return "defender@" + a.settings.SMTPDomain
}

// smtpConfig is the SMTP server as the settings want it, in front of intake.
func smtpConfig(s settings, intake *ticketdb.Intake, log *slog.Logger, now func() time.Time) (smtpd.Config, error) {
	recipients, err := smtpd.ParseAddressList(s.MailTo)
	if err != nil {
		return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("mail-to"), err)}
	}
	config := smtpd.Config{
		Domain: s.SMTPDomain, MaxSize: int64(s.MailMaxSize), MaxConnections: s.SMTPMaxConns, MaxPerAddress: s.SMTPMaxPerAddress,
		Recipients: recipients.Contains, TLSRequired: s.SMTPTLSRequired, Now: now, Log: log,
		Accept: func(ctx context.Context, e smtpd.Envelope, raw []byte) (string, error) {
			id, err := intake.Accept(ctx, tickets.Envelope{
				From: e.From, To: e.To, Remote: e.Remote, Helo: e.Helo, TLS: e.TLS, ReceivedAt: e.ReceivedAt,
			}, raw)
			return strconv.FormatInt(id, 10), err
		},
	}
	if s.MailFromAllow != "" {
		senders, err := smtpd.ParseAddressList(s.MailFromAllow)
		if err != nil {
			return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("mail-from-allow"), err)}
		}
		config.Senders = senders.Contains
	}
	if s.SMTPTLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(s.SMTPTLSCert, s.SMTPTLSKey)
		if err != nil {
			return smtpd.Config{}, usageError{fmt.Errorf("%s: %w", variable("smtp-tls-cert"), err)}
		}
		config.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	return config, nil
}
