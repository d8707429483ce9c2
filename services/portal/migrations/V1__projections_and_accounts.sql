-- One row for each complaint, folded from events: codes and times only.
CREATE TABLE complaints (
    complaint_id  uuid PRIMARY KEY,
    listed        boolean NOT NULL,
    state         text NOT NULL,
    open          boolean NOT NULL,
    solved_at     timestamptz,
    desk          text NOT NULL,
    category      text NOT NULL,
    district      text NOT NULL,
    urgency       smallint NOT NULL,
    received_at   timestamptz,
    due_at        timestamptz,
    due_desk      text NOT NULL,
    overdue_since timestamptz,
    overdue_desk  text NOT NULL,
    -- Which transaction wrote the row last. Read up to the oldest transaction that still runs, it misses nothing,
    -- which a sequence or a time would, because those are drawn before the commit.
    written_by    bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);
CREATE INDEX complaints_newest  ON complaints (received_at DESC) WHERE listed;
CREATE INDEX complaints_due     ON complaints (due_at) WHERE listed AND due_at IS NOT NULL;
CREATE INDEX complaints_overdue ON complaints (overdue_desk) WHERE listed AND overdue_since IS NOT NULL;
CREATE INDEX complaints_solved  ON complaints (solved_at) WHERE listed AND solved_at IS NOT NULL;
CREATE INDEX complaints_open    ON complaints (complaint_id) WHERE listed AND open;
CREATE INDEX complaints_written ON complaints (written_by);

CREATE TABLE accounts (
    account_id    text PRIMARY KEY,
    role          text NOT NULL,
    opd_code      text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

-- A session is known by the hash of its cookie: who reads this table can open none.
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts ON DELETE CASCADE,
    csrf       text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expired ON sessions (expires_at);
CREATE INDEX sessions_account ON sessions (account_id);

-- How often something was tried in a window of time; the key is a hash of who and what.
CREATE TABLE attempts (
    key    bytea NOT NULL,
    window_start timestamptz NOT NULL,
    count  integer NOT NULL,
    PRIMARY KEY (key, window_start)
);
CREATE INDEX attempts_old ON attempts (window_start);
