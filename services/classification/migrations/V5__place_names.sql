-- Names that officers added to the gazetteer. What ends stays: who called a place so, and until when.

-- The revision is the number of the last change; it is taken under the lock of this table's only row, so that its order is the
-- order of commits and a replica that has seen a number misses no lower one.
CREATE TABLE place_names_revision (one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL);
INSERT INTO place_names_revision (last) VALUES (0);

CREATE TABLE place_names (
    -- The revision that added it.
    number bigint PRIMARY KEY,
    name text NOT NULL,
    area_code text NOT NULL,
    added_at timestamptz NOT NULL,
    -- Accounts' ids, never names.
    added_by text NOT NULL,
    added_role smallint NOT NULL,
    key text NOT NULL UNIQUE,
    ended_at timestamptz,
    ended_by text
);
-- A name is in use once for an area.
CREATE UNIQUE INDEX place_names_in_use ON place_names (name, area_code) WHERE ended_at IS NULL;
