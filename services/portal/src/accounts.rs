//! Built-in accounts: passwords by argon2id, tokens by chance, and the command that adds an account.

use std::{io::BufRead as _, process::ExitCode};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::{Error, Failure};
use contracts::ids::Code;
use deadpool_postgres::Pool;
use sha2::{Digest as _, Sha256};

use crate::{domain::access::Role, pages::Account, store};

/// Shortest password that is taken.
const SHORTEST: usize = 12;

/// An account with its password in the clear, on its way to the database.
#[derive(Debug)]
pub struct Sample {
    /// The account.
    pub account: Account,
    /// Its password.
    pub password: String,
}

impl Sample {
    /// Reads `id:role:password` or `id:role:opd:password`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (id, role, opd, password) = match parts.as_slice() {
            [id, role, password] => (id, role, "", password),
            [id, role, opd, password] => (id, role, *opd, password),
            _ => return Err("expected id:role:password or id:role:opd:password".into()),
        };
        Ok(Self {
            account: account(id, role, opd)?,
            password: checked(password)?,
        })
    }
}

fn checked(password: &str) -> Result<String, String> {
    if password.chars().count() < SHORTEST {
        return Err(format!("a password has at least {SHORTEST} characters"));
    }
    Ok(password.to_owned())
}

fn account(id: &str, role: &str, opd: &str) -> Result<Account, String> {
    let code = |text: &str| {
        Code::try_new(text)
            .map(|_| text.to_owned())
            .map_err(|e| e.to_string())
    };
    let role = Role::from_code(role).ok_or_else(|| format!("{role} is no role"))?;
    let opd_code = match (role, opd) {
        (Role::Opd, opd) => code(opd)?,
        (_, "") => String::new(),
        _ => return Err("only accounts of the role opd name an agency".into()),
    };
    Ok(Account {
        id: code(id)?,
        role,
        opd_code,
    })
}

fn hash(password: &str) -> Result<String, Failure> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|e| Failure::unavailable("argon2", e.to_string()))?;
    Ok(hash.to_string())
}

/// Stores an account with its password's hash.
///
/// # Errors
/// When the database does not answer.
pub async fn put(pool: &Pool, account: &Account, password: &str) -> Result<(), Failure> {
    let password = password.to_owned();
    let hash = tokio::task::spawn_blocking(move || hash(&password))
        .await
        .map_err(|e| Failure::unavailable("argon2", e))??;
    store::accounts::put(pool, account, &hash).await
}

/// Whether a password fits. Takes as long for an account that does not exist, so that none can be found out.
///
/// # Errors
/// When the database does not answer.
pub async fn verify(pool: &Pool, id: &str, password: String) -> Result<Option<Account>, Failure> {
    let found = store::accounts::find(pool, id).await?;
    let (account, stored) = match found {
        Some((account, stored)) => (Some(account), Some(stored)),
        None => (None, None),
    };
    let fits = tokio::task::spawn_blocking(move || match stored {
        Some(stored) => PasswordHash::new(&stored).is_ok_and(|h| {
            Argon2::default()
                .verify_password(password.as_bytes(), &h)
                .is_ok()
        }),
        None => hash(&password).is_err(),
    })
    .await
    .map_err(|e| Failure::unavailable("argon2", e))?;
    Ok(account.filter(|_| fits))
}

/// 256 bits by chance, as text for a cookie or a form.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a token.
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// `portal account add <id> <role> [opd]`, the password on standard input. The configuration comes from the environment.
pub fn command(words: &[String]) -> ExitCode {
    let outcome = (|| {
        let (id, role, opd) = match words {
            [id, role] => (id, role, ""),
            [id, role, opd] => (id, role, opd.as_str()),
            _ => {
                return Err(Error::Invalid(
                    "usage: portal account add <id> <role> [opd] < password".into(),
                ));
            }
        };
        let account = account(id, role, opd).map_err(Error::Invalid)?;
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|e| Error::setup("standard input", e))?;
        let password = checked(line.trim_end_matches(['\r', '\n'])).map_err(Error::Invalid)?;
        let config = chassis::service::load_config::<crate::Own>("portal", None)
            .map_err(|e| Error::setup("configuration", e))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::setup("runtime", e))?;
        runtime.block_on(async {
            let pool = chassis::postgres::pool("portal", &config.base.postgres)?;
            chassis::postgres::migrate(&pool, "portal", crate::migrations()).await?;
            put(&pool, &account, &password).await?;
            Ok(())
        })
    })();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            chassis::service::report(&error);
            ExitCode::FAILURE
        }
    }
}
