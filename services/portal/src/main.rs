//! The portal's binary; `portal account add <id> <role> [opd]` reads a password from standard input.
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [account, add, rest @ ..] if account == "account" && add == "add" => {
            portal::accounts::command(rest)
        }
        _ => chassis::service::main("portal", portal::run),
    }
}
