-- Where the newest event of each owner was handled here, as W3C traceparent: what a person or a scan does about a complaint
-- later belongs to the same trace.
ALTER TABLE seen ADD COLUMN traceparent text NOT NULL DEFAULT '';
