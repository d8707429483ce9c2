-- When a key was last handed out for sealing. An identity's key is deleted only when nobody can be about to seal with it.
ALTER TABLE data_keys ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
