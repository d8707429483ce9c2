-- Whether the model is right where it acts without a person: what persons found.

-- A share of what was routed without a person, for one to look at. No text; the row goes when the complaint is erased.
CREATE TABLE audits (
    complaint_id uuid PRIMARY KEY,
    since timestamptz NOT NULL,
    -- As it was routed.
    category text NOT NULL,
    confidence real NOT NULL,
    opd_code text NOT NULL,
    -- The verdict; NULL: it waits for a person.
    is_right boolean,
    right_category text NOT NULL DEFAULT '',
    person_id text NOT NULL DEFAULT '',
    at timestamptz,
    key text NOT NULL DEFAULT ''
);
CREATE INDEX audits_waiting ON audits (since, complaint_id) WHERE is_right IS NULL;

-- Persons' labels of what the model was sure of: verdicts on the sample, and officers' first decisions on what was not routed
-- without them. What the model had got wrong and an agency sent back is not among them: only errors come back.
CREATE TABLE evidence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- NULL: erased; the count stays.
    complaint_id uuid,
    source text NOT NULL CHECK (source IN ('audit', 'triage')),
    -- As the model said.
    category text NOT NULL,
    is_right boolean NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (complaint_id, source)
);
CREATE INDEX evidence_newest ON evidence (category, at DESC, id DESC);
