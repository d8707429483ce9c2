-- Models fitted on what persons corrected, and which was in force when.

CREATE TABLE models (
    version text PRIMARY KEY,
    -- The shipped model that it was fitted from.
    base text NOT NULL,
    -- It has learnt all lessons up to this number by itself.
    trained_to bigint NOT NULL,
    at timestamptz NOT NULL,
    -- Lessons that it was fitted on.
    lessons integer NOT NULL,
    -- How it and the one in force did on the frozen texts, JSON.
    figures text NOT NULL,
    -- 'promoted', or why not.
    outcome text NOT NULL,
    -- As domain::artefact writes it. NULL: one of long ago that nobody can go back to.
    bytes bytea
);
CREATE INDEX models_newest ON models (trained_to DESC);

-- The last row is in force. Version '': the shipped one.
CREATE TABLE championships (
    number bigint PRIMARY KEY,
    version text NOT NULL,
    at timestamptz NOT NULL,
    -- An account's id; 'sistem': the nightly retraining.
    person_id text NOT NULL,
    role smallint NOT NULL,
    reason text NOT NULL,
    key text NOT NULL UNIQUE
);
