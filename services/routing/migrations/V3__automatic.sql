-- Automatic routing is switched by named persons on evidence, and ends by itself when the evidence turns: who, when and why.
-- Rows of the sample data say so in their basis: nobody had looked at anything before.
ALTER TABLE autoroute
    ADD COLUMN basis text NOT NULL DEFAULT 'sample',
    -- Set: switched off; the row counts no more.
    ADD COLUMN ended_at timestamptz;
CREATE TABLE autoroute_changes (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    category text NOT NULL,
    is_on boolean NOT NULL,
    -- An account's id; 'sistem': by itself.
    person_id text NOT NULL,
    reason text NOT NULL
);
