-- +goose Up

-- What a summary stands for, in parts of which one transaction records what became of it. The pages themselves are changed but once,
-- when that is known: of a storm they are many thousands, and each change of one writes to all of its indexes. pages.summary is
-- written by older programs only.
CREATE TABLE summary_parts (
    summary  bigint NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    part     integer NOT NULL, -- from 1 on
    pages    bigint[] NOT NULL,
    recorded boolean NOT NULL DEFAULT false, -- what became of the summary, on each of the pages
    PRIMARY KEY (summary, part)
);
CREATE INDEX summary_parts_going ON summary_parts (summary) WHERE NOT recorded;

-- +goose Down
UPDATE pages SET summary = stands.summary FROM (SELECT summary, unnest(pages) AS page FROM summary_parts) AS stands WHERE id = page;
DROP TABLE summary_parts;
