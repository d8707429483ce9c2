-- What every service keeps beside its own tables. One schema a service; nobody reads another's.

-- One row: the epoch of this owner's record, raised by a restore.
CREATE TABLE meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch integer NOT NULL DEFAULT 1
);
INSERT INTO meta DEFAULT VALUES;

-- The owner's log: what survives a lost bus. Kept as long as the complaint. `id` is a UUID v7: its order is time.
CREATE TABLE events (
    complaint_id uuid NOT NULL,
    version integer NOT NULL,
    id uuid NOT NULL,
    subject text NOT NULL,
    body bytea NOT NULL,
    traceparent text NOT NULL,
    PRIMARY KEY (complaint_id, version)
);
CREATE UNIQUE INDEX events_by_time ON events (id);

-- Points to the events that the bus has not acknowledged yet. `id` is the Nats-Msg-Id.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    version integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0,
        autovacuum_analyze_threshold = 1000000);

-- Events this service has taken. The day is that of the event's own id, so that a repetition meets the same partition.
CREATE TABLE inbox (
    day date NOT NULL,
    owner smallint NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (day, owner, event_id)
) PARTITION BY RANGE (day);
CREATE TABLE inbox_other PARTITION OF inbox DEFAULT;

-- What this service has seen of each owner's log about each complaint: the highest version without a gap below it, the
-- highest of all, and the facet of that one.
CREATE TABLE seen (
    complaint_id uuid NOT NULL,
    owner smallint NOT NULL,
    epoch integer NOT NULL,
    contiguous integer NOT NULL,
    highest integer NOT NULL,
    facet bytea NOT NULL,
    PRIMARY KEY (complaint_id, owner)
) WITH (fillfactor = 80);

-- Until when each owner's log has been compared with the inbox.
CREATE TABLE repaired (
    owner smallint PRIMARY KEY,
    until timestamptz NOT NULL
);

-- What could not be handled. `trying`: it will be tried again; `dead`: put aside until somebody re-drives it.
CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    event_id uuid UNIQUE,
    subject text NOT NULL,
    body bytea NOT NULL,
    traceparent text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    state text NOT NULL CHECK (state IN ('trying', 'dead', 'redrive')),
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letters_by_state ON dead_letters (state, last_at);
