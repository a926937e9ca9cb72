package oncalldb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

type loadedConfiguration struct {
	version       int64
	configuration oncall.Configuration
}

// Configuration returns the configuration in force, credentials included.
func (s *Store) Configuration(ctx context.Context) (oncall.Configuration, error) {
	return s.configuration(ctx, s.Pool)
}

// ConfigurationIn is Configuration inside the caller's transaction.
func (s *Store) ConfigurationIn(ctx context.Context, tx pgx.Tx) (oncall.Configuration, error) {
	return s.configuration(ctx, tx)
}

func (s *Store) configuration(ctx context.Context, db querier) (oncall.Configuration, error) {
	held, err := s.inForce(ctx, db)
	return held.configuration, err
}

// inForce reads the version each time and the rest only when it changed, so that an apply is followed at once.
func (s *Store) inForce(ctx context.Context, db querier) (loadedConfiguration, error) {
	var version int64
	if err := db.QueryRow(ctx, `SELECT version FROM configuration`).Scan(&version); err != nil {
		return loadedConfiguration{}, fmt.Errorf("read configuration: %w", err)
	}
	return s.inForceAt(ctx, db, version)
}

// inForceAt is inForce for whoever has read the version.
func (s *Store) inForceAt(ctx context.Context, db querier, version int64) (loadedConfiguration, error) {
	if held := s.loaded.Load(); held != nil && held.version == version {
		return *held, nil
	}
	stored, err := load(ctx, db)
	if err != nil {
		return loadedConfiguration{}, fmt.Errorf("read configuration: %w", err)
	}
	configuration, err := stored.MapSecrets(s.Sealer.Open)
	if err != nil {
		return loadedConfiguration{}, fmt.Errorf("read configuration: %w", err)
	}
	if configuration, err = withDisabled(ctx, db, configuration); err != nil {
		return loadedConfiguration{}, fmt.Errorf("read disabled webhooks: %w", err)
	}
	held := loadedConfiguration{version, configuration}
	s.loaded.Store(&held)
	return held, nil
}

// Export returns the configuration in force with its credentials as they are stored: sealed. Applied where the same key
// opens them, it changes nothing.
func (s *Store) Export(ctx context.Context) (oncall.Configuration, error) {
	stored, err := load(ctx, s.Pool)
	if err != nil {
		return stored, fmt.Errorf("export configuration: %w", err)
	}
	return stored, nil
}

// load reads the configuration as it is stored.
func load(ctx context.Context, db querier) (oncall.Configuration, error) {
	var c oncall.Configuration
	var err error
	if c.People, err = definitions[oncall.Person](ctx, db, `SELECT definition FROM people WHERE removed_at IS NULL ORDER BY position`); err != nil {
		return c, err
	}
	if c.Schedules, err = definitions[oncall.Schedule](ctx, db, `SELECT definition FROM schedules ORDER BY position`); err != nil {
		return c, err
	}
	if c.Policies, err = definitions[oncall.Policy](ctx, db, `SELECT definition FROM policies ORDER BY position`); err != nil {
		return c, err
	}
	if c.Routes, err = definitions[oncall.Route](ctx, db, `SELECT definition FROM routes ORDER BY position`); err != nil {
		return c, err
	}
	if c.Webhooks, err = definitions[oncall.Webhook](ctx, db, `SELECT definition FROM webhooks ORDER BY position`); err != nil {
		return c, err
	}
	if c.Mutes, err = definitions[oncall.Mute](ctx, db, `SELECT definition FROM mutes ORDER BY position`); err != nil {
		return c, err
	}
	if c.Maintenance, err = definitions[oncall.Maintenance](ctx, db, `SELECT definition FROM maintenance ORDER BY position`); err != nil {
		return c, err
	}
	if c.Intake, err = definitions[oncall.Intake](ctx, db, `SELECT definition FROM intakes ORDER BY position`); err != nil {
		return c, err
	}
	if c.Tenants, err = definitions[oncall.Tenant](ctx, db, `SELECT definition FROM tenants ORDER BY position`); err != nil {
		return c, err
	}
	if c.Playbooks, err = definitions[oncall.Playbook](ctx, db, `SELECT definition FROM playbooks ORDER BY position`); err != nil {
		return c, err
	}
	if c.Readings, err = definitions[tickets.ReadingRule](ctx, db, `SELECT definition FROM readings ORDER BY position`); err != nil {
		return c, err
	}
	err = db.QueryRow(ctx, `SELECT retention, load FROM configuration`).Scan(&c.Retention, &c.Load)
	return c, err
}

func definitions[T any](ctx context.Context, db querier, query string) ([]T, error) {
	rows, err := db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) {
		var definition T
		var raw []byte
		if err := row.Scan(&raw); err != nil {
			return definition, err
		}
		return definition, json.Unmarshal(raw, &definition)
	})
}

// Apply changes the configuration in one transaction: change gets what is in force and returns what shall be. Two
// applies wait for each other. The new configuration is followed by every running process from its commit on; the
// difference stands in the audit log under the action, with what it takes to undo it, and an apply that changes nothing
// leaves no trace.
func (s *Store) Apply(ctx context.Context, actor, action string, change func(current oncall.Configuration) (oncall.Configuration, error)) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.applyIn(ctx, tx, actor, action, change) })
}

// applyIn is Apply inside the caller's transaction.
func (s *Store) applyIn(ctx context.Context, tx pgx.Tx, actor, action string, change func(current oncall.Configuration) (oncall.Configuration, error)) error {
	current, err := s.lockConfiguration(ctx, tx)
	if err != nil {
		return err
	}
	wanted, err := change(current)
	if err != nil {
		return err
	}
	_, err = s.replace(ctx, tx, replacement{actor: actor, action: action, current: current, wanted: wanted})
	return err
}

// lockConfiguration holds up every other change until the transaction ends and returns what is in force.
func (s *Store) lockConfiguration(ctx context.Context, tx pgx.Tx) (oncall.Configuration, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM configuration FOR UPDATE`); err != nil {
		return oncall.Configuration{}, fmt.Errorf("apply: %w", err)
	}
	stored, err := load(ctx, tx)
	if err != nil {
		return stored, fmt.Errorf("apply: %w", err)
	}
	current, err := stored.MapSecrets(s.Sealer.Open)
	if err != nil {
		return current, fmt.Errorf("apply: %w", err)
	}
	return current, nil
}

// replacement is a configuration that takes the place of the one in force, and what the audit log says of it.
type replacement struct {
	actor, action   string
	current, wanted oncall.Configuration
	undoes          *int64   // the entry that it undoes
	leftOut         []string // what it did not put back
}

// replace writes a configuration and its entry in the audit log, and returns the entry's id; 0 where nothing changes.
func (s *Store) replace(ctx context.Context, tx pgx.Tx, r replacement) (entry int64, err error) {
	difference, err := r.current.Difference(r.wanted)
	if err != nil || difference == "" {
		return 0, err
	}
	if err := s.write(ctx, tx, r.wanted); err != nil {
		return 0, fmt.Errorf("apply: %w", err)
	}
	err = tx.QueryRow(ctx, `INSERT INTO audit_log (at, actor, action, difference) VALUES ($1, $2, $3, $4) RETURNING id`,
		s.Now(), r.actor, r.action, difference).Scan(&entry)
	if err != nil {
		return 0, fmt.Errorf("apply: %w", err)
	}
	if err := s.keep(ctx, tx, entry, r); err != nil {
		return 0, fmt.Errorf("apply: keep the state before: %w", err)
	}
	return entry, nil
}

func (s *Store) write(ctx context.Context, tx pgx.Tx, c oncall.Configuration) error {
	c, err := c.MapSecrets(s.Sealer.Seal)
	if err != nil {
		return err
	}
	now := s.Now()
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE people SET removed_at = $1 WHERE removed_at IS NULL`, now)
	for position, person := range c.People {
		batch.Queue(`
			INSERT INTO people (id, name, position, definition) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET name = $2, position = $3, definition = $4, removed_at = NULL`,
			person.ID, person.Name, position, person)
	}
	for _, table := range []string{"schedules", "policies", "webhooks", "routes", "mutes", "intakes", "tenants", "playbooks", "readings", "maintenance"} {
		batch.Queue(`DELETE FROM ` + table)
	}
	const named = ` (id, position, definition) VALUES ($1, $2, $3)`
	for position, schedule := range c.Schedules {
		batch.Queue(`INSERT INTO schedules`+named, schedule.ID, position, schedule)
	}
	for position, policy := range c.Policies {
		batch.Queue(`INSERT INTO policies`+named, policy.ID, position, policy)
	}
	for position, webhook := range c.Webhooks {
		batch.Queue(`INSERT INTO webhooks`+named, webhook.ID, position, webhook)
	}
	for position, intake := range c.Intake {
		batch.Queue(`INSERT INTO intakes`+named, intake.ID, position, intake)
	}
	for position, route := range c.Routes {
		batch.Queue(`INSERT INTO routes (position, definition) VALUES ($1, $2)`, position, route)
	}
	for position, rule := range c.Readings {
		batch.Queue(`INSERT INTO readings`+named, rule.ID, position, rule)
	}
	for position, mute := range c.Mutes {
		batch.Queue(`INSERT INTO mutes (position, definition) VALUES ($1, $2)`, position, mute)
	}
	for position, maintenance := range c.Maintenance {
		batch.Queue(`INSERT INTO maintenance`+named, maintenance.ID, position, maintenance)
	}
	for position, tenant := range c.Tenants {
		batch.Queue(`INSERT INTO tenants`+named, tenant.ID, position, tenant)
	}
	for position, playbook := range c.Playbooks {
		batch.Queue(`INSERT INTO playbooks`+named, playbook.ID, position, playbook)
	}
	batch.Queue(saveVersions, now)
	batch.Queue(`UPDATE configuration SET version = version + 1, applied_at = $1, retention = $2, load = $3`, now, c.Retention, c.Load)
	batch.Queue(`SELECT pg_notify('afterhours_configuration', '')`) // heard from the commit on
	return tx.SendBatch(ctx, batch).Close()
}
