-- +goose Up

-- One response to one ticket on one device. The row is the truth: what is due is claimed, and every move has its step.
CREATE TABLE playbook_runs (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    playbook        text NOT NULL,
    ticket          bigint NOT NULL REFERENCES tickets (number),
    tenant          text NOT NULL,
    action          text NOT NULL,
    settings        jsonb NOT NULL DEFAULT '{}',
    device          text NOT NULL,             -- as the alert names it: an id or a name
    machine_id      text NOT NULL DEFAULT '',
    machine         text NOT NULL DEFAULT '',
    state           text NOT NULL CHECK (state IN ('planned', 'waiting', 'approved', 'requesting', 'running', 'succeeded',
                        'failed', 'declined', 'expired', 'skipped')),
    reason          text NOT NULL DEFAULT '',
    approvers       integer NOT NULL DEFAULT 1 CHECK (approvers > 0),
    decide_by       timestamptz,
    run_on_end      boolean NOT NULL DEFAULT false, -- a question that nobody answers is a yes
    automatic       boolean NOT NULL DEFAULT false, -- it was approved by nobody
    action_id       text NOT NULL DEFAULT '',
    status          text NOT NULL DEFAULT '',
    requested_at    timestamptz,
    undo_of         bigint REFERENCES playbook_runs (id),
    due_at          timestamptz NOT NULL,
    lease_until     timestamptz,
    attempts        integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    CHECK ((state = 'waiting') <= (decide_by IS NOT NULL)),
    CHECK ((state = 'running') <= (machine_id <> ''))
);
-- The same alert never starts the same response twice; an undo is its own run, and there is one of each.
CREATE UNIQUE INDEX playbook_runs_once ON playbook_runs (playbook, ticket, lower(device)) WHERE undo_of IS NULL;
CREATE UNIQUE INDEX playbook_runs_undone_once ON playbook_runs (undo_of) WHERE undo_of IS NOT NULL AND state NOT IN ('failed', 'declined');
CREATE INDEX playbook_runs_due ON playbook_runs (due_at) WHERE state IN ('planned', 'waiting', 'approved', 'requesting', 'running');
CREATE INDEX playbook_runs_by_ticket ON playbook_runs (ticket, id);
CREATE INDEX playbook_runs_by_playbook ON playbook_runs (playbook, id DESC);

-- One answer a person.
CREATE TABLE playbook_approvals (
    run             bigint NOT NULL REFERENCES playbook_runs (id),
    person          text NOT NULL,
    at              timestamptz NOT NULL,
    yes             boolean NOT NULL,
    PRIMARY KEY (run, person)
);

-- The audit of every run: append-only.
CREATE TABLE playbook_steps (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run             bigint NOT NULL REFERENCES playbook_runs (id),
    at              timestamptz NOT NULL,
    actor           text NOT NULL,
    state           text NOT NULL,
    says            text NOT NULL
);
CREATE INDEX playbook_steps_by_run ON playbook_steps (run, id);
CREATE TRIGGER playbook_steps_append_only BEFORE UPDATE OR DELETE ON playbook_steps
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- +goose Down
DROP TABLE playbook_steps, playbook_approvals, playbook_runs;
