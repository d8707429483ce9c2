-- What is kept to find complaints about the same incident: of the text a signature, from which it cannot be read again, but by
-- which a guessed text can be tested: it is personal data under a pseudonym. All of it goes when the complaint is erased.
CREATE TABLE likeness (
    complaint_id uuid PRIMARY KEY,
    -- The transaction that wrote the row last: replicas read what is not older than any that was at work at their last look.
    tx bigint NOT NULL,
    -- How signatures were made; those of another way are not compared.
    scheme smallint NOT NULL,
    -- Open, and of a kind that can be about an incident: in the index.
    live boolean NOT NULL,
    -- Of the label in force. An empty category: erased, kept for an hour so that every replica hears of it.
    category text NOT NULL,
    area_code text NOT NULL,
    -- On a grid of 1/2000 degree, about 55 m.
    lat integer,
    lon integer,
    -- When it was written.
    at timestamptz NOT NULL,
    -- 128 bytes; empty: the text has no letters.
    signature bytea NOT NULL
);
CREATE INDEX likeness_by_tx ON likeness (tx);
CREATE INDEX likeness_erased ON likeness (at) WHERE category = '';
