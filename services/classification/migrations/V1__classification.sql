-- Labels and what persons made of them. No text of a complaint is here.

-- The label of each complaint. The words that spoke for a label are in `said`, of the masked text and only such as the model
-- knows from its own training; the row goes when the complaint is erased and is written anew when parts of its text are
-- blackened.
CREATE TABLE labels (
    complaint_id uuid PRIMARY KEY,
    -- ntbcare.event.v1.ClassificationFacet as published.
    facet bytea NOT NULL,
    -- ntbcare.classification.v1.Label: what the model said; none: a person came first.
    said bytea,
    said_at timestamptz
) WITH (fillfactor = 85);

-- What persons decided: it outranks the model for good, and is what the next model learns from.
CREATE TABLE corrections (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    complaint_id uuid NOT NULL,
    at timestamptz NOT NULL,
    -- ntbcare.common.v1.Actor of the person: an account's id, never a name.
    person_id text NOT NULL,
    role smallint NOT NULL,
    opd_code text NOT NULL,
    -- As decided; empty: left as it was.
    kind text NOT NULL,
    category text NOT NULL,
    urgency text NOT NULL,
    area_code text NOT NULL,
    -- What the model had said, and which; empty: nothing yet.
    model text NOT NULL,
    said_kind text NOT NULL,
    said_category text NOT NULL,
    said_urgency text NOT NULL,
    -- A call of Correct with its idempotency key, or an assignment of routing with its id.
    source text NOT NULL CHECK (source IN ('call', 'routing')),
    key text NOT NULL,
    -- The event of routing that told of it.
    epoch integer NOT NULL,
    version integer NOT NULL,
    -- The version of the label that a call made.
    label_version bigint NOT NULL,
    UNIQUE (complaint_id, source, key)
);
