-- One row for each assignment that has an effect now, folded from events: codes and times only.
CREATE TABLE work (
    assignment_id uuid PRIMARY KEY,
    complaint_id  uuid NOT NULL,
    opd_code      text NOT NULL,
    step          text NOT NULL,
    -- Whether the desk has to act next.
    waits         boolean NOT NULL,
    ticket        text NOT NULL,
    category      text NOT NULL,
    district      text NOT NULL,
    urgency       smallint NOT NULL,
    assigned_at   timestamptz,
    due_at        timestamptz
);
CREATE INDEX work_of_desk ON work (opd_code, waits DESC, due_at, assignment_id);
CREATE INDEX work_complaint ON work (complaint_id);
