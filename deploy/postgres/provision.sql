-- What an administrator runs once, as a superuser in the database `ntbcare`, before the services start: one role and one
-- schema for each service, and nothing for anybody else. Running it again changes passwords and nothing more.
-- `standalone` does the same by itself.
--
--   psql -v intake="'…'" -v intake_keys="'…'" -v classification="'…'" -v routing="'…'" -v opd_notification="'…'" \
--        -v escalation="'…'" -v portal="'…'" -d ntbcare -f provision.sql
--
-- Each service brings its own tables when it starts. Intake's wrapped keys live in a database of their own,
-- `ntbcare_keys`, whose backups expire after 30 days: what was erased must not come back from an old backup.

\set ON_ERROR_STOP on

REVOKE ALL ON SCHEMA public FROM PUBLIC;

DO $do$
DECLARE service text;
BEGIN
  FOREACH service IN ARRAY ARRAY['intake', 'classification', 'routing', 'opd_notification', 'escalation', 'portal'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', service);
    END IF;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service);
  END LOOP;
END $do$;

ALTER ROLE intake PASSWORD :intake;
ALTER ROLE classification PASSWORD :classification;
ALTER ROLE routing PASSWORD :routing;
ALTER ROLE opd_notification PASSWORD :opd_notification;
ALTER ROLE escalation PASSWORD :escalation;
ALTER ROLE portal PASSWORD :portal;

SELECT 'CREATE DATABASE ntbcare_keys' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'ntbcare_keys') \gexec
SELECT 'CREATE ROLE intake_keys LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'intake_keys') \gexec
ALTER ROLE intake_keys PASSWORD :intake_keys;
\connect ntbcare_keys
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS intake_keys AUTHORIZATION intake_keys;
