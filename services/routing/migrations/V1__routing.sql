-- What routing owns. One schema; nobody else reads it.

-- Where each complaint stands: the whole routing facet (ntbcare.event.v1.RoutingFacet), also what stands underneath a merge.
CREATE TABLE cases (
    complaint_id uuid PRIMARY KEY,
    whole bytea NOT NULL,
    -- Desks that declined, one code for each time, separated by spaces.
    declined_by text NOT NULL,
    -- The desk that the last declining one proposes; empty: none.
    proposed text NOT NULL,
    -- How often the reporter had reopened it when it last moved.
    reopened integer NOT NULL,
    merged_into uuid
) WITH (fillfactor = 90);
CREATE INDEX cases_merged ON cases (merged_into) WHERE merged_into IS NOT NULL;

-- Every assignment there ever was (body: ntbcare.event.v1.Assignment).
CREATE TABLE assignments (
    complaint_id uuid NOT NULL,
    id uuid NOT NULL,
    lead boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('effective', 'declined', 'replaced', 'undone')),
    opd text NOT NULL,
    at timestamptz NOT NULL,
    ended_at timestamptz,
    -- Why, as one Indonesian sentence; and what the deciding person added, blanked on erasure.
    explanation text NOT NULL,
    note text NOT NULL,
    -- Of the call that made it; empty: a rule did.
    idempotency_key text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (complaint_id, id)
);
-- One effective lead assignment, whatever the code believes.
CREATE UNIQUE INDEX assignments_one_lead ON assignments (complaint_id) WHERE lead AND state = 'effective';

-- What waits for a person. A row exists exactly while it does.
CREATE TABLE queue (
    complaint_id uuid PRIMARY KEY,
    -- 0: ping-pong, for the coordinator; else the urgency's number, mendesak being 1.
    rank smallint NOT NULL,
    since timestamptz NOT NULL,
    -- Seen by the inspectorate alone.
    oversight boolean NOT NULL,
    -- ntbcare.routing.v1.QueueItem without its claim.
    item bytea NOT NULL,
    explanation text NOT NULL,
    claimed_by text NOT NULL DEFAULT '',
    claimed_until timestamptz
);
CREATE INDEX queue_order ON queue (oversight, rank, since, complaint_id);

-- Dated data, as in data/*.csv: agencies, rules, automatic routing.
CREATE TABLE opds (
    code text NOT NULL,
    name text NOT NULL,
    tasks text NOT NULL,
    level text NOT NULL,
    area text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    parent text NOT NULL,
    liaison text NOT NULL,
    PRIMARY KEY (code, valid_from)
);
CREATE TABLE rules (
    position integer NOT NULL,
    id text NOT NULL,
    version integer NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    categories text NOT NULL,
    kinds text NOT NULL,
    urgencies text NOT NULL,
    areas text NOT NULL,
    road_classes text NOT NULL,
    channels text NOT NULL,
    desk text NOT NULL,
    level text NOT NULL,
    co_handlers text NOT NULL,
    assumes text NOT NULL,
    explanation text NOT NULL,
    PRIMARY KEY (id, version)
);
CREATE TABLE autoroute (
    category text NOT NULL,
    threshold double precision NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    PRIMARY KEY (category, valid_from)
);
