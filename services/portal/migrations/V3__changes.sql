-- What open pages have to be told, apart from the projection: most events change nothing that a row shows, and a row whose
-- indexed columns stay is written without touching its indexes.
DROP INDEX complaints_written;
ALTER TABLE complaints DROP COLUMN written_by;
ALTER TABLE complaints SET (fillfactor = 85);
ALTER TABLE work SET (fillfactor = 85);

-- Only added to, and cut off from behind. `written_by`: which transaction wrote it. Read up to the oldest transaction that still
-- runs, it misses nothing, which a sequence or a time would, because those are drawn before the commit.
CREATE TABLE changes (
    written_by   bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    complaint_id uuid NOT NULL,
    listed       boolean NOT NULL
);
CREATE INDEX changes_written ON changes (written_by);
