//! The OPDs' users on NATS: what each may do, and the part of nats-server's configuration that says so.
//!
//! An OPD may look at its own durable consumer, pull from it, acknowledge, make
//! the calls of an OPD under its own name, and listen on its own inbox; nothing else.
//! Holes would be left by that alone, because the server publishes *for* a client wherever its reply subject points, in
//! the client's account: a pull with reply `$JS.API.STREAM.PURGE.OPD` would empty the stream of all OPDs, one with reply
//! `opd.routed.v1.b` would be stored and handed to B, and one with reply in B's inbox would reach B. So the users live in
//! an account of their own, which only imports those calls; the stream takes in on a subject that cannot be guessed; and
//! inboxes and names of durables have a random part.

use std::fmt::Write;

use contracts::{
    ids::Code,
    subjects::{OPD_API_PREFIX, OPD_CALLS, OPD_STREAM},
};

/// A user of an OPD's system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpdUser {
    /// Name of the user and of its durable consumer.
    pub name: Code,
    /// bcrypt hash of the password.
    pub password_hash: String,
    /// Prefix of the inboxes on which it receives, without the final `.>`.
    pub inbox_prefix: String,
}

impl OpdUser {
    /// The subjects it may publish to.
    pub fn publish(&self) -> [String; 5] {
        let (api, stream, name) = (OPD_API_PREFIX, OPD_STREAM, &self.name);
        [
            format!("{api}.CONSUMER.INFO.{stream}.{name}"),
            format!("{api}.CONSUMER.MSG.NEXT.{stream}.{name}"),
            format!("$JS.ACK.{stream}.{name}.>"),
            // The form with domain and account hash, which servers from 2.11 on may hand out.
            format!("$JS.ACK.*.*.{stream}.{name}.>"),
            format!("{OPD_CALLS}.{name}.*"),
        ]
    }

    /// The subject it may subscribe to.
    pub fn subscribe(&self) -> String {
        format!("{}.>", self.inbox_prefix)
    }
}

/// The inbox prefix of a user: readable for people who look at a server, unguessable for other OPDs.
pub fn inbox_prefix(name: &Code, random: &[u8; 16]) -> String {
    format!("_INBOX_{name}_{}", hex::encode(random))
}

/// The subject on which the stream takes in what it stores as `opd.routed.v1.<opd>`.
pub fn ingest_subject(random: &str, opd: &Code) -> String {
    format!("in.{random}.{opd}")
}

/// Names and hashes end up inside quotes in the server's configuration; whatever could end the quotes is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a NATS user, hash or inbox prefix holds a character that its configuration cannot hold")]
pub struct Unprintable;

/// The fragment that the block of account `DESKS` includes: the OPDs' users in the order given. The same input gives the
/// same text, so that an unchanged file needs no reload.
///
/// # Errors
/// [`Unprintable`] when a value cannot stand inside quotes.
pub fn render(users: &[OpdUser]) -> Result<String, Unprintable> {
    let mut out =
        String::from("# Written by opd-notification; changes are overwritten.\nusers: [\n");
    for user in users {
        if user.inbox_prefix.contains(['*', '>', ' ']) {
            return Err(Unprintable);
        }
        entry(
            &mut out,
            user.name.as_str(),
            &user.password_hash,
            &user.publish(),
            &user.subscribe(),
        )?;
    }
    out.push_str("]\n");
    Ok(out)
}

fn entry(
    out: &mut String,
    name: &str,
    hash: &str,
    publish: &[String],
    subscribe: &str,
) -> Result<(), Unprintable> {
    let quoted = |text: &str| {
        let safe = text
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        (safe && !text.is_empty())
            .then(|| format!("\"{text}\""))
            .ok_or(Unprintable)
    };
    let publish: Vec<String> = publish
        .iter()
        .map(|s| quoted(s))
        .collect::<Result<_, _>>()?;
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "  {{ user: {}, password: {}, permissions: {{ publish: {{ allow: [{}] }}, subscribe: {{ allow: [{}] }} }} }}",
        quoted(name)?,
        quoted(hash)?,
        publish.join(", "),
        quoted(subscribe)?,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> OpdUser {
        let name = Code::try_new(name).unwrap_or_else(|e| panic!("{e}"));
        OpdUser {
            inbox_prefix: inbox_prefix(&name, &[9; 16]),
            name,
            password_hash: "$2b$05$abc".into(),
        }
    }

    #[test]
    fn an_opd_gets_its_own_consumer_and_inbox_and_nothing_else() {
        let u = user("dikes");
        assert_eq!(
            u.publish(),
            [
                "ntbcare.api.CONSUMER.INFO.OPD.dikes",
                "ntbcare.api.CONSUMER.MSG.NEXT.OPD.dikes",
                "$JS.ACK.OPD.dikes.>",
                "$JS.ACK.*.*.OPD.dikes.>",
                "opd.calls.v1.dikes.*",
            ]
        );
        assert_eq!(u.subscribe(), format!("_INBOX_dikes_{}.>", "09".repeat(16)));
    }

    #[test]
    fn what_would_break_out_of_its_quotes_is_refused() {
        for bad in ["a\"", "a b", "a\\", "a\n", ""] {
            let mut hash = user("dikes");
            hash.password_hash = bad.into();
            assert_eq!(render(&[hash]), Err(Unprintable), "{bad:?}");
            let mut inbox = user("dikes");
            inbox.inbox_prefix = bad.into();
            if !bad.is_empty() {
                assert_eq!(render(&[inbox]), Err(Unprintable), "{bad:?}");
            }
        }
        let mut wide = user("dikes");
        wide.inbox_prefix = "_INBOX.>".into();
        assert_eq!(render(&[wide]), Err(Unprintable));
    }
}
