-- Whether the public may see the pin: hidden; due, when it may and the pin has still to be opened; shown.
-- `lat` and `lon` are filled while it is shown, rounded, and only then.
ALTER TABLE standings ADD COLUMN pin text NOT NULL DEFAULT 'hidden';
UPDATE standings SET pin = 'due'
    WHERE listed AND verified AND NOT rahasia AND NOT oversight AND NOT sensitive AND NOT erased;
CREATE INDEX standings_pins_due ON standings (complaint_id) WHERE pin = 'due';
CREATE INDEX standings_pins ON standings (lat, lon) WHERE listed AND pin = 'shown';

-- Canaries that came home. Those on their way are complaints of their channel without a row here, so that neither a restart
-- nor another replica loses one.
CREATE TABLE canaries (
    complaint_id uuid PRIMARY KEY,
    -- When it was accepted.
    began timestamptz NOT NULL,
    home timestamptz NOT NULL
);
CREATE INDEX canaries_by_home ON canaries (home);

-- Complaints posted to the endpoint for trying out: seen there, and nowhere else.
ALTER TABLE standings ADD COLUMN test boolean NOT NULL DEFAULT false;
CREATE INDEX standings_test ON standings (received_at DESC) WHERE test;
