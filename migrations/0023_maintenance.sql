-- +goose Up

-- Planned times in which what they match pages nobody; what they hold back names one until its end.
CREATE TABLE maintenance (
    id              text PRIMARY KEY,
    position        integer NOT NULL,
    definition      jsonb NOT NULL
);
ALTER TABLE escalations ADD COLUMN maintenance text NOT NULL DEFAULT '';
CREATE INDEX escalations_held ON escalations (maintenance) WHERE maintenance <> '' AND state = 'running';

-- Who may see how the load is shared; the JSON form of the on-call room's type.
ALTER TABLE configuration ADD COLUMN load jsonb NOT NULL DEFAULT '{}';
-- What a person acknowledged, when.
CREATE INDEX ticket_events_acknowledged ON ticket_events (actor, at) WHERE type = 'acknowledged';

-- +goose Down
DROP INDEX ticket_events_acknowledged;
ALTER TABLE configuration DROP COLUMN load;
DROP INDEX escalations_held;
ALTER TABLE escalations DROP COLUMN maintenance;
DROP TABLE maintenance;
