-- +goose Up

-- What people were told of a tenant, by its subject (its polls, its incidents, …) and the cause: each is told once, and the
-- ticket ends when the cause is gone.
CREATE TABLE tenant_notices (
    tenant          text NOT NULL,
    subject         text NOT NULL,
    code            text NOT NULL,
    told_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant, subject)
);
INSERT INTO tenant_notices (tenant, subject, code, told_at)
SELECT tenant, 'fault', told_code, coalesce(failed_at, now()) FROM tenant_polls WHERE told_code <> ''
UNION ALL SELECT tenant, 'mail', 'Mail', mail_told_at FROM tenant_polls WHERE mail_told_at IS NOT NULL;

-- Why an escalation began whatever routes say; its pages carry it.
ALTER TABLE escalations ADD COLUMN note text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE escalations DROP COLUMN note;
DROP TABLE tenant_notices;
