-- Versions that came before one below them: without them a gap would stay open although all events have come, because
-- what closes it comes alone.
ALTER TABLE seen ADD COLUMN above integer[] NOT NULL DEFAULT '{}';
