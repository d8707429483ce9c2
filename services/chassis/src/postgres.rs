//! PostgreSQL: the pool of one service (own role, own schema), with TLS where an authority is configured, and its
//! migrations under an advisory lock.

use std::{str::FromStr, sync::Arc};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use refinery::Runner;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio_postgres::{NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{config, service::Error};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The schema of `service`.
pub fn schema(service: &str, config: &config::Postgres) -> String {
    if config.schema.is_empty() {
        service.replace('-', "_")
    } else {
        config.schema.clone()
    }
}

/// Opens the pool of `service`. Connects lazily.
///
/// # Errors
/// When the URL or the authority's certificate cannot be read.
pub fn pool(service: &str, config: &config::Postgres) -> Result<Pool, Error> {
    let mut pg = tokio_postgres::Config::from_str(&config.url.0)
        .map_err(|e| Error::setup("postgres.url", e))?;
    let schema = schema(service, config);
    pg.application_name(service);
    pg.connect_timeout(std::time::Duration::from_secs(5));
    pg.options(format!(
        "-c search_path={schema} -c statement_timeout={} -c idle_in_transaction_session_timeout=60000 -c jit=off",
        config.statement_timeout_ms
    ));
    let manager = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = if config.ca_file.is_empty() {
        Manager::from_config(pg, NoTls, manager)
    } else {
        pg.ssl_mode(SslMode::Require);
        Manager::from_config(pg, MakeRustlsConnect::new(tls(&config.ca_file)?), manager)
    };
    Pool::builder(manager)
        .max_size(config.pool)
        .wait_timeout(Some(std::time::Duration::from_secs(10)))
        .create_timeout(Some(std::time::Duration::from_secs(10)))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|e| Error::setup("postgres pool", e))
}

/// TLS that trusts the authority in a PEM file, and nothing else.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn tls(ca_file: &str) -> Result<rustls::ClientConfig, Error> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(ca_file).map_err(|e| Error::setup("ca_file", e))?
    {
        let certificate = certificate.map_err(|e| Error::setup("ca_file", e))?;
        roots
            .add(certificate)
            .map_err(|e| Error::setup("ca_file", e))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::setup("tls", e))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Brings the schema of `service` up to date: the chassis' tables, then the service's own. Replicas that start together
/// wait for each other.
///
/// # Errors
/// When the database does not answer or a migration fails.
pub async fn migrate(pool: &Pool, service: &str, own: Runner) -> Result<(), Error> {
    let chassis = embedded::migrations::runner();
    run_locked(
        pool,
        service,
        vec![(chassis, "chassis_migrations"), (own, "migrations")],
    )
    .await
}

async fn run_locked(pool: &Pool, what: &str, runners: Vec<(Runner, &str)>) -> Result<(), Error> {
    let mut client = pool
        .get()
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    let sql = |e| Error::setup("migration", e);
    let name = format!("migrate {what}");
    client
        .execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", &[&name])
        .await
        .map_err(sql)?;
    let outcome = async {
        for (mut runner, table) in runners {
            runner.set_migration_table_name(table);
            runner
                .run_async(&mut **client.as_mut())
                .await
                .map_err(|e| Error::setup("migration", e))?;
        }
        Ok(())
    }
    .await;
    client
        .execute(
            "SELECT pg_advisory_unlock(hashtextextended($1, 0))",
            &[&name],
        )
        .await
        .map_err(sql)?;
    outcome
}

/// Brings a further database of a service up to date: one without the chassis' tables.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_only(pool: &Pool, what: &str, own: Runner) -> Result<(), Error> {
    run_locked(pool, what, vec![(own, "migrations")]).await
}

/// Refuses a pool that the server cannot hold.
///
/// # Errors
/// When the server does not answer, or `connections` exceed what it offers to ordinary roles.
pub async fn check_budget(pool: &Pool, connections: usize) -> Result<(), Error> {
    let client = pool
        .get()
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    let row = client
        .query_one(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int",
            &[],
        )
        .await
        .map_err(|e| Error::setup("postgresql", e))?;
    let offered = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    if connections > offered {
        return Err(Error::Invalid(format!(
            "postgres.pool: {connections} connections wanted, the server offers {offered}"
        )));
    }
    Ok(())
}
