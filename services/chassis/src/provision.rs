//! What an administrator does once for a database: a role and a schema for each service, and nothing for anybody else.
//! `standalone` and the tests call it; for a cluster the same statements are in `deploy/`.

use tokio_postgres::Client;

use crate::service::Error;

/// Creates the role and the schema of `service` where they are missing, and sets the role's password. `admin` is
/// connected as a superuser to the database that will hold the schema.
///
/// # Errors
/// When the database refuses.
pub async fn role_and_schema(admin: &Client, service: &str, password: &str) -> Result<(), Error> {
    let name = service.replace('-', "_");
    let name = admin_ident(&name)?;
    let password = password.replace('\'', "''");
    admin
        .batch_execute(&format!(
            "DO $do$ BEGIN
               PERFORM pg_advisory_xact_lock(hashtextextended('provision', 0));
               IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} LOGIN; END IF;
             END $do$;
             ALTER ROLE {name} PASSWORD '{password}';
             CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {name};
             REVOKE ALL ON SCHEMA public FROM PUBLIC;"
        ))
        .await
        .map_err(|e| Error::setup("provisioning", e))
}

fn admin_ident(name: &str) -> Result<&str, Error> {
    let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if fits {
        Ok(name)
    } else {
        Err(Error::Invalid(format!("not a role's name: {name}")))
    }
}
