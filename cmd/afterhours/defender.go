package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/robfig/cron/v3"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/tickets"
	"afterhours/tickets/defender"
	"afterhours/tickets/ticketdb"
)

// environmentTenant is the id of the tenant that the settings name.
const environmentTenant = "environment"

// defenderRooms is everything that speaks with Microsoft.
type defenderRooms struct {
	settings settings
	rooms    *rooms
	log      *slog.Logger
	client   *defender.Client
	store    *defender.Store
	poller   *defender.Poller
	writing  *defender.Writing
	sender   *defender.Sender
	notices  *defender.Notices
}

func wireDefender(s settings, pool *pgxpool.Pool, r *rooms, log *slog.Logger, now func() time.Time) (*defenderRooms, error) {
	d := &defenderRooms{settings: s, rooms: r, log: log}
	d.store = defender.NewStore(pool, now, ticketdb.AddEvents)
	d.client = defender.NewClient(defender.ClientOptions{
		HTTP: apiClient(s), Budget: d.store, Now: now, Wait: defender.Pause,
	})
	d.notices = &defender.Notices{Store: d.store, Targets: d.notify, Now: now}
	d.poller = &defender.Poller{
		Client: d.client, Store: d.store, Notices: d.notices, Tenants: d.tenants, Person: d.personOf, Now: now, Log: log,
	}
	d.writing = &defender.Writing{InForce: func(ctx context.Context, tx pgx.Tx) ([]defender.Tenant, func(string) (string, string), error) {
		configuration, err := r.oncall.ConfigurationIn(ctx, tx)
		return d.tenantsOf(configuration), func(actor string) (name, address string) { return actorOf(configuration, actor) }, err
	}}
	d.sender = &defender.Sender{Client: d.client, Store: d.store, Notices: d.notices, Tenants: d.tenants, Now: now, Log: log}
	return d, nil
}

// apiTimeout bounds one request; a page of a thousand alerts takes its time.
const apiTimeout = 60 * time.Second

// apiClient reaches what a webhook may reach: api_url and token_url are an administrator's to set, and what they lead to
// is not to be a service inside.
func apiClient(s settings) *http.Client {
	client := *notify.NewHTTPClient(notify.Guard{AllowPrivate: s.AllowPrivate})
	client.Timeout = apiTimeout
	if guarded, ok := client.Transport.(*http.Transport); ok {
		patient := guarded.Clone()
		patient.ResponseHeaderTimeout = apiTimeout
		client.Transport = patient
	}
	return &client
}

// tenants are those of the configuration and the one of the settings.
func (d *defenderRooms) tenants(ctx context.Context) ([]defender.Tenant, error) {
	configuration, err := d.rooms.oncall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	return d.tenantsOf(configuration), nil
}

func (d *defenderRooms) tenantsOf(configuration oncall.Configuration) []defender.Tenant {
	var all []defender.Tenant
	for _, t := range configuration.Tenants {
		all = append(all, defender.Tenant{
			ID: t.ID, TenantID: t.TenantID, ClientID: t.ClientID, ClientSecret: t.ClientSecret, APIURL: t.APIURL, TokenURL: t.TokenURL,
			GraphURL: t.GraphURL, Source: t.Source, Poll: time.Duration(t.Poll), WriteBack: t.WriteBack, ExpectMail: lower(t.ExpectMail),
		})
	}
	s := d.settings
	known := slices.ContainsFunc(all, func(t defender.Tenant) bool { return strings.EqualFold(t.TenantID, s.DefenderTenantID) })
	if s.DefenderTenantID != "" && !known {
		all = append(all, defender.Tenant{
			ID: environmentTenant, TenantID: s.DefenderTenantID, ClientID: s.DefenderClientID, ClientSecret: s.DefenderClientSecret,
			APIURL: s.DefenderAPIURL, TokenURL: s.DefenderTokenURL,
		})
	}
	for i := range all {
		all[i].Sole = len(all) == 1
		if all[i].Poll == 0 {
			all[i].Poll = defender.DefaultPoll
		}
	}
	return all
}

func lower(values []string) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = strings.ToLower(value)
	}
	return list
}

// polls are how the polls of the configured tenants go, by our ids; of one that was removed nothing is said.
func (d *defenderRooms) polls(ctx context.Context) (map[string]tickets.TenantStatus, error) {
	tenants, err := d.tenants(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := d.store.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]tickets.TenantStatus{}
	for _, tenant := range tenants {
		status := stored[tenant.ID]
		status.Tenant, status.Directory = tenant.ID, tenant.TenantID
		found[tenant.ID] = status
	}
	return found, nil
}

// directories are the tenants as mails name them.
func (d *defenderRooms) directories(ctx context.Context) (tickets.Directories, error) {
	configuration, err := d.rooms.oncall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	var all tickets.Directories
	for _, tenant := range d.tenantsOf(configuration) {
		configured, _ := configuration.Tenant(tenant.ID)
		all = append(all, tickets.Directory{ID: tenant.TenantID, Organisation: configured.Organisation})
	}
	return all, nil
}

// personOf is the person of a mail address, or empty.
func (d *defenderRooms) personOf(ctx context.Context, address string) (string, error) {
	configuration, err := d.rooms.oncall.Configuration(ctx)
	if err != nil {
		return "", err
	}
	for _, person := range configuration.People {
		if person.Email != "" && strings.EqualFold(person.Email, address) {
			return person.ID, nil
		}
	}
	return "", nil
}

// actorOf is a person as Defender is told of them.
func actorOf(configuration oncall.Configuration, id string) (name, address string) {
	person, ok := configuration.Person(id)
	if !ok {
		return id, ""
	}
	return person.Name, person.Email
}

// notify are the targets that a tenant names for its own faults.
func (d *defenderRooms) notify(ctx context.Context, tenant string) ([]string, error) {
	configuration, err := d.rooms.oncall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	var targets []string
	configured, _ := configuration.Tenant(tenant)
	for _, target := range configured.Notify {
		targets = append(targets, target.String())
	}
	return targets, nil
}

// schedule lets the cron drive polls and what is written back.
func (d *defenderRooms) schedule(ctx context.Context, schedule *cron.Cron, log *slog.Logger) error {
	for _, entry := range []struct {
		name string
		tick func(context.Context) error
	}{{"poll", d.poller.Tick}, {"write back", d.sender.Tick}, {"playbooks", d.rooms.playbooks.Tick}} {
		_, err := schedule.AddFunc("@every 1s", func() {
			if err := entry.tick(ctx); err != nil && ctx.Err() == nil {
				log.Error("tick failed", "part", entry.name, "error", err)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
