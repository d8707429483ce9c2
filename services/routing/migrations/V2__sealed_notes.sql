-- What the deciding person added is sealed, because it may name people; NULL: nothing, or erased. A call is known again by a hash
-- of its idempotency key; NULL: a rule decided.
ALTER TABLE assignments DROP COLUMN note, DROP COLUMN idempotency_key, ADD COLUMN note bytea, ADD COLUMN call bytea;
