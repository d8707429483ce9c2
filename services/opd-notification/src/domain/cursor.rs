//! The cursor of a stream: the number of a message in its OPD's own sequence, which is given in the order of commits.

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a cursor: send back one that you were given, or none to begin with the oldest message"
)]
pub struct InvalidCursor;

/// Reads a cursor; empty is before the first message.
///
/// # Errors
/// [`InvalidCursor`] when it is no cursor of ours.
pub fn parse(text: &str) -> Result<i64, InvalidCursor> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().ok().filter(|n| *n >= 0).ok_or(InvalidCursor)
}

/// The cursor of the message with this number.
pub fn of(number: i64) -> String {
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_read_again_and_nothing_else() {
        assert_eq!(parse(&of(42)), Ok(42));
        assert_eq!(parse(""), Ok(0));
        for bad in ["-1", "x", "1.5", "99999999999999999999"] {
            assert_eq!(parse(bad), Err(InvalidCursor), "{bad}");
        }
    }
}
