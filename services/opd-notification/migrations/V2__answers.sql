-- Each time a person of an OPD was given personal data: who, when, why. It stays when the complaint is erased.
CREATE TABLE unmaskings (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    opd_code text NOT NULL,
    endpoint_id uuid NOT NULL,
    person text NOT NULL,
    purpose text NOT NULL,
    complaint_id uuid NOT NULL
);
-- Ids are UUID v7: their order is that of time.
CREATE INDEX unmaskings_of_complaint ON unmaskings (complaint_id, id);
CREATE INDEX unmaskings_of_opd ON unmaskings (opd_code, id);

-- The OPDs' own case numbers, also those that were replaced: people go on naming them.
CREATE TABLE case_numbers (
    assignment_id uuid NOT NULL,
    -- As it is compared: small letters, no spaces.
    folded text NOT NULL,
    external_ref text NOT NULL,
    opd_code text NOT NULL,
    complaint_id uuid NOT NULL,
    ticket text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (assignment_id, folded)
);
CREATE INDEX case_numbers_of_opd ON case_numbers (opd_code, folded text_pattern_ops);
CREATE INDEX case_numbers_of_all ON case_numbers (folded text_pattern_ops);
CREATE INDEX case_numbers_of_complaint ON case_numbers (complaint_id);
