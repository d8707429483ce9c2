-- The event of intake whose text, or a newer one, the model has read: an older reading that comes later is let go.
ALTER TABLE labels
    ADD COLUMN text_epoch integer NOT NULL DEFAULT 0,
    ADD COLUMN text_version integer NOT NULL DEFAULT 0;
