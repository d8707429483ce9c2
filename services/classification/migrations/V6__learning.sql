-- What persons' corrections teach, numbered in the order of commits, and what replicas made of it.

-- One row; its lock, held until the commit, makes the order of numbers the order of commits: a reader that has seen a number
-- never misses a lower one.
CREATE TABLE learning (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last bigint NOT NULL,
    -- Decides which complaints are in the audit sample; nobody outside can tell beforehand.
    salt text NOT NULL
);
INSERT INTO learning (last, salt)
SELECT coalesce(max(number), 0), gen_random_uuid()::text || gen_random_uuid()::text FROM corrections;

-- Numbers are taken from the row above, so that they are in the order of commits.
ALTER TABLE corrections ALTER COLUMN number DROP IDENTITY;

-- What persons say of a complaint, whole, each time that it or the text changes. A later row ends the earlier one of the same
-- complaint, takes its features away and is what counts; so it is when a decision is taken back (no label is left) and when the
-- complaint is erased (its rows lose the complaint too). Learning at a number means: all rows up to it that nothing up to it ended.
CREATE TABLE lessons (
    number bigint PRIMARY KEY,
    -- NULL: erased.
    complaint_id uuid,
    at timestamptz NOT NULL,
    -- Classes of the model's heads; empty: no person says.
    category text NOT NULL,
    kind text NOT NULL,
    urgency text NOT NULL,
    -- domain::hashed::Hashed; no words. NULL: the text was not read yet, or the row is ended.
    features bytea,
    -- Whether it had features when it was written: only such a row has taught anything.
    taught boolean NOT NULL,
    ended_by bigint
);
CREATE UNIQUE INDEX lessons_live ON lessons (complaint_id) WHERE ended_by IS NULL;
CREATE INDEX lessons_ended ON lessons (ended_by) WHERE taught;
CREATE INDEX lessons_unread ON lessons (number)
    WHERE features IS NULL AND ended_by IS NULL AND (category, kind, urgency) <> ('', '', '');

-- Of a model and what was learnt over it up to a number: equal on all replicas. The first that comes there writes it.
CREATE TABLE checksums (
    model text NOT NULL,
    number bigint NOT NULL,
    checksum bigint NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (model, number)
);

-- What was corrected before this version teaches too, as soon as its text has been read.
INSERT INTO lessons (number, complaint_id, at, category, kind, urgency, taught)
SELECT DISTINCT ON (complaint_id) number, complaint_id, at, category, kind,
    CASE urgency WHEN 'biasa' THEN 'normal' WHEN 'penting' THEN 'important' WHEN 'mendesak' THEN 'urgent' ELSE '' END, false
FROM corrections ORDER BY complaint_id, number DESC;
