-- What a person wrote, sealed under the complaint's own key. Written once; only erasing changes it.
CREATE TABLE complaints (
    id uuid PRIMARY KEY,
    ticket text NOT NULL UNIQUE,
    -- SHA-256 of the secret beside the ticket.
    secret_hash bytea NOT NULL,
    -- Keyed hash of (platform, id on the platform): one post makes one complaint, by whatever way it comes.
    dedupe bytea NOT NULL UNIQUE,
    -- Whose identity it is; empty when nothing is known of the reporter.
    reporter_id uuid,
    channel text NOT NULL,
    -- The client (name of an API key) or operator (account id) that entered it.
    submitted_by text,
    -- The submission without its reporter, sealed; empty when erased.
    sealed bytea,
    received_at timestamptz NOT NULL
);
-- Whether an identity still has complaints, when one of them is erased.
CREATE INDEX complaints_by_reporter ON complaints (reporter_id) WHERE reporter_id IS NOT NULL;

-- Who complains, sealed under a key of their own.
CREATE TABLE reporters (
    id uuid PRIMARY KEY,
    sealed bytea NOT NULL,
    seen_at timestamptz NOT NULL
);

-- Where a complaint stands: intake's own facet, and what lists, filters and rights need of the others'.
-- Apart from `complaints`, because this changes often and that is large.
CREATE TABLE standings (
    complaint_id uuid PRIMARY KEY,
    facet bytea NOT NULL,
    -- The public state, since when, and whether it is an end.
    state text NOT NULL,
    since timestamptz NOT NULL,
    ended boolean NOT NULL,
    -- What decides who may see what.
    verified boolean NOT NULL,
    anonim boolean NOT NULL,
    rahasia boolean NOT NULL,
    oversight boolean NOT NULL,
    sensitive boolean NOT NULL,
    erased boolean NOT NULL,
    -- Whether the public may know of it, so that public lists have an index of their own.
    listed boolean NOT NULL,
    category text NOT NULL,
    area_code text NOT NULL,
    -- The agency that leads, and all that have a part.
    agency text NOT NULL,
    agencies text[] NOT NULL,
    due_at timestamptz,
    -- The pin, only while the public may see it; else it stays sealed.
    lat double precision,
    lon double precision,
    attachments integer NOT NULL DEFAULT 0,
    received_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX standings_public ON standings (received_at DESC) WHERE listed;
CREATE INDEX standings_public_changed ON standings (updated_at DESC) WHERE listed;

-- Every change of the public state, for the timeline and for Open311's updates.
CREATE TABLE changes (
    complaint_id uuid NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL,
    opd_code text NOT NULL,
    ended boolean NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (complaint_id, at, state)
);
CREATE INDEX changes_by_time ON changes (at DESC);

-- The conversation. `id` is also the reply's id when a channel has to send it.
CREATE TABLE messages (
    id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    at timestamptz NOT NULL,
    -- reporter | team | opd | system
    sender text NOT NULL,
    opd_code text NOT NULL,
    about text NOT NULL,
    -- What it refers to at another owner (an answer, a note), whose text is read there.
    reference text NOT NULL,
    -- Words of a person, sealed under the complaint's key; empty for what is worded from `about`.
    sealed bytea,
    -- Channel that has to send it; empty when the reporter reads it on the tracking page.
    channel text NOT NULL,
    -- waiting | sent | failed | page
    delivery text NOT NULL,
    delivery_reason text NOT NULL DEFAULT '',
    platform_id text NOT NULL DEFAULT '',
    -- Keyed hash of (complaint, idempotency key): a repeated call adds nothing.
    idempotency bytea UNIQUE
);
CREATE INDEX messages_by_complaint ON messages (complaint_id, at);

CREATE TABLE attachments (
    id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    at timestamptz NOT NULL,
    media_type text NOT NULL,
    bytes bigint NOT NULL,
    -- Position and time of the photo, sealed under the complaint's key.
    facts bytea NOT NULL,
    photo boolean NOT NULL,
    -- Keyed hash of (complaint, idempotency key).
    idempotency bytea NOT NULL UNIQUE
);
CREATE INDEX attachments_by_complaint ON attachments (complaint_id, at);

-- Who saw personal data, when and why. Never deleted with the complaint: it names no reporter.
CREATE TABLE unmaskings (
    id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    person_id text NOT NULL,
    role text NOT NULL,
    opd_code text NOT NULL,
    purpose text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX unmaskings_by_complaint ON unmaskings (complaint_id, at);

-- Which owners have confirmed that their copies of an erased complaint are gone.
CREATE TABLE erasure_confirmations (
    complaint_id uuid NOT NULL,
    owner smallint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (complaint_id, owner)
);

-- What an operator blackened: spans of characters in the original text.
CREATE TABLE redactions (
    complaint_id uuid NOT NULL,
    first integer NOT NULL,
    last integer NOT NULL,
    person_id text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (complaint_id, first, last)
);
