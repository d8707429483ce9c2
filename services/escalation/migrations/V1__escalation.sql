-- The clocks of complaints. `body` is the clock with what has been done about it; the columns are for the scan and lists.
CREATE TABLE clocks (
    complaint_id uuid NOT NULL,
    kind text NOT NULL,
    -- What it is about beside the complaint: an assignment, an answer, a question.
    subject text NOT NULL,
    place smallint NOT NULL,
    body jsonb NOT NULL,
    opd_code text NOT NULL,
    -- When it does its next step by itself.
    next_at timestamptz,
    due_at timestamptz,
    -- Breached, and running still.
    overdue boolean NOT NULL,
    -- Only who may see oversight complaints sees it in lists.
    oversight boolean NOT NULL,
    PRIMARY KEY (complaint_id, kind, subject)
) WITH (fillfactor = 85);
CREATE INDEX clocks_next ON clocks (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX clocks_overdue ON clocks (due_at, complaint_id) WHERE overdue;

-- The highest rung of the ladder that heard of a complaint.
CREATE TABLE raised (
    complaint_id uuid PRIMARY KEY,
    level text NOT NULL,
    at timestamptz NOT NULL
);
