-- The taxonomy as dated data. It is planted once from what ships; afterwards the tables are what holds, and each change is an
-- edit by a named person. Nothing that held on a day is ever rewritten, but for the last day of what ends.

-- The revision is the number of the last edit; numbers are taken under the lock of this table's only row, so their order is the
-- order of commits.
CREATE TABLE taxonomy_revision (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL);
INSERT INTO taxonomy_revision (last) VALUES (0);

CREATE TABLE taxonomy_edits (
    revision bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    -- An account's id, never a name.
    person_id text NOT NULL,
    valid_from date NOT NULL,
    key text NOT NULL UNIQUE,
    -- ntbcare.classification.v1.EditTaxonomyRequest.
    body bytea NOT NULL
);

CREATE TABLE taxonomy_groups (
    code text PRIMARY KEY,
    position integer NOT NULL,
    name_id text NOT NULL,
    name_en text NOT NULL
);

CREATE TABLE categories (
    code text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    position integer NOT NULL,
    group_code text NOT NULL REFERENCES taxonomy_groups,
    name_id text NOT NULL,
    name_en text NOT NULL,
    description text NOT NULL,
    -- Who gets it at each level of government; empty: as at its own level.
    opd_provincial text NOT NULL,
    opd_regency text NOT NULL,
    opd_village text NOT NULL,
    opd_outside text NOT NULL,
    level text NOT NULL,
    default_kind text NOT NULL,
    default_urgency text NOT NULL,
    -- The edits that began and ended this version; 0: as shipped.
    begun_by bigint NOT NULL,
    ended_by bigint,
    PRIMARY KEY (code, valid_from),
    CHECK (valid_to >= valid_from)
);
-- One version without an end, whatever the code believes.
CREATE UNIQUE INDEX categories_one_open ON categories (code) WHERE valid_to IS NULL;

CREATE TABLE successions (
    code text NOT NULL,
    successor text NOT NULL,
    since date NOT NULL,
    reason text NOT NULL,
    edit bigint NOT NULL,
    PRIMARY KEY (code, successor)
);
