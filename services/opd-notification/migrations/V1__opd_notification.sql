-- Where an OPD's systems are reached. Rows stay after they are revoked: deliveries name them.
CREATE TABLE endpoints (
    id uuid PRIMARY KEY,
    opd_code text NOT NULL,
    way text NOT NULL CHECK (way IN ('nats', 'grpc', 'webhook')),
    url text NOT NULL DEFAULT '',
    allow_private_network boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    -- SHA-256 of the key that the OPD shows with its calls: 256 random bits, so a fast hash holds.
    key_hash bytea NOT NULL UNIQUE,
    -- The webhook's secret, sealed: signing needs it.
    sealed_secret bytea,
    nats_user text UNIQUE,
    nats_password_hash text,
    nats_inbox_prefix text,
    -- The same request of the same administrator makes one endpoint.
    request_id uuid UNIQUE,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text
);
CREATE INDEX endpoints_active ON endpoints (opd_code) WHERE active;
-- Two durables on one subject would each see the other's delivery ids.
CREATE UNIQUE INDEX endpoints_one_nats ON endpoints (opd_code) WHERE active AND way = 'nats';

-- The last number of each OPD's sequence. Its row lock makes the order of numbers the order of commits.
CREATE TABLE opd_sequences (
    opd_code text PRIMARY KEY,
    last bigint NOT NULL
) WITH (fillfactor = 50);

-- What an OPD is told: thin, ids and codes only.
CREATE TABLE messages (
    id uuid PRIMARY KEY,
    opd_code text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    complaint_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    ticket text NOT NULL,
    category text NOT NULL,
    kind text NOT NULL,
    urgency text NOT NULL,
    area_code text NOT NULL,
    routed_at timestamptz,
    -- How often the reporter had reopened the complaint: tells a second closing from the first.
    nth integer NOT NULL,
    traceparent text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX messages_in_order ON messages (opd_code, seq);
CREATE INDEX messages_of_complaint ON messages (complaint_id);

-- One row a message and endpoint; one without endpoint for an OPD that works in pages.
CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    message_id uuid NOT NULL,
    endpoint_id uuid,
    opd_code text NOT NULL,
    seq bigint NOT NULL,
    way text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'disabled')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    -- On NATS: where the stream keeps it; null while it has to be published (again).
    stream_seq bigint,
    created_at timestamptz NOT NULL,
    delivered_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX deliveries_of_message ON deliveries (message_id);
-- An endpoint's deliveries in its order: a stream reads on from its cursor.
CREATE UNIQUE INDEX deliveries_in_order ON deliveries (endpoint_id, seq);
-- What an endpoint has not taken over yet, in its order.
CREATE INDEX deliveries_pending ON deliveries (endpoint_id, seq) WHERE state = 'pending';
-- Webhooks in due order, each endpoint's apart: the backlog of one must not hide another's.
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at) WHERE state = 'pending' AND way = 'webhook';
-- What has to be published, each endpoint's apart.
CREATE INDEX deliveries_to_publish ON deliveries (endpoint_id, seq) WHERE state = 'pending' AND way = 'nats' AND stream_seq IS NULL;
-- What was published and may have been taken.
CREATE INDEX deliveries_published ON deliveries (endpoint_id, stream_seq) WHERE state = 'pending' AND stream_seq IS NOT NULL;

-- Tries of webhooks. Never a body.
CREATE TABLE attempts (
    delivery_id uuid NOT NULL,
    n integer NOT NULL,
    at timestamptz NOT NULL,
    status integer NOT NULL,
    milliseconds integer NOT NULL,
    error text NOT NULL,
    traceparent text NOT NULL,
    PRIMARY KEY (delivery_id, n)
);

-- What people in OPDs did, with their words. The words go when the complaint is erased.
CREATE TABLE acts (
    id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    opd_code text NOT NULL,
    verb text NOT NULL,
    person text NOT NULL,
    -- The words, sealed: an officer may write what a reporter said.
    words bytea NOT NULL,
    -- SHA-256 of the request: the same key with another request is refused.
    digest bytea NOT NULL,
    version bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX acts_of_complaint ON acts (complaint_id);

CREATE TABLE evidence (
    id uuid PRIMARY KEY,
    act_id uuid NOT NULL,
    complaint_id uuid NOT NULL,
    n integer NOT NULL,
    media_type text NOT NULL,
    -- Sealed as well.
    content bytea NOT NULL
);
CREATE INDEX evidence_of_act ON evidence (act_id, n);
CREATE INDEX evidence_of_complaint ON evidence (complaint_id);

-- The stream in the OPDs' account: the part of its subject that nobody can guess, and which stream it was last.
CREATE TABLE opd_stream (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    ingest text NOT NULL,
    created timestamptz
);
