-- The keys database: apart from the record, with backups that expire in 30 days, so that a deleted key is gone for good.

-- One wrapped key a complaint (kind 1) and a reporter's identity (kind 2).
CREATE TABLE data_keys (
    id uuid PRIMARY KEY,
    kind smallint NOT NULL CHECK (kind IN (1, 2)),
    master text NOT NULL,
    wrapped bytea NOT NULL
);
-- Which keys a rotation still has to wrap anew.
CREATE INDEX data_keys_by_master ON data_keys (master);

-- The ledger of erasures. It outlives the record's restores: what was erased is erased again at the next start.
CREATE TABLE erasures (
    complaint_id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    person_id text NOT NULL,
    basis text NOT NULL,
    -- Whether the record has followed.
    applied boolean NOT NULL DEFAULT false
);
CREATE INDEX erasures_open ON erasures (complaint_id) WHERE NOT applied;
