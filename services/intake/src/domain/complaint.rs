//! Intake's own part of a complaint's life: which act is legal when. The public state is folded
//! from all owners' facts elsewhere; here an owner refuses what contradicts what it knows.

use uuid::Uuid;

/// Where a complaint stands in intake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Accepted; nobody has looked.
    Received,
    /// Found to be a real complaint; its content may be public unless flagged.
    Verified,
    /// The reporter was asked; `verified` says where it returns to.
    WaitingForReporter {
        /// Whether it had been verified before the question.
        verified: bool,
    },
    /// Refused with a reason that the reporter reads.
    Rejected,
    /// The reporter accepted this answer, which closes the complaint.
    Confirmed(Uuid),
    /// The reporter said "belum" to this answer.
    Reopened(Uuid),
    /// Taken back by the reporter, or by their silence after a question.
    Withdrawn,
    /// Ended on this answer without a reaction.
    Closed(Uuid),
    /// Its keys are deleted; nothing follows.
    Erased,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// An operator, or the first routing, finds it real.
    Verify,
    /// An operator refuses it; the reason is checked by the caller to be present.
    Reject,
    /// Somebody asks the reporter.
    Ask,
    /// The reporter adds something.
    Supplement,
    /// The reporter accepts the answer.
    Confirm(Uuid),
    /// The reporter says the answer does not solve it.
    Reopen(Uuid),
    /// The reporter takes it back.
    Withdraw,
    /// Silence after the answer, or a kind that closes on the answer.
    Close(Uuid),
    /// Personal data are deleted.
    Erase,
}

/// What an act does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The state becomes this; publish the event.
    Becomes(State),
    /// It is so already (a repeated call): answer as the first time, publish nothing.
    Already,
}

/// Why an act is refused. The text tells the caller what stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.english())]
pub enum Refusal {
    /// The complaint has ended in a way that this act cannot change.
    Ended,
    /// Nothing is left of it.
    Erased,
    /// There is no approved answer yet.
    NoAnswer,
    /// A newer answer has replaced the one named.
    OtherAnswer,
    /// The reporter has already decided otherwise on this answer.
    Reacted,
}

impl Refusal {
    /// In English.
    pub fn english(self) -> &'static str {
        match self {
            Self::Ended => "the complaint has ended",
            Self::Erased => "the complaint is erased",
            Self::NoAnswer => "no answer has been given yet",
            Self::OtherAnswer => "another answer is the current one",
            Self::Reacted => "the reporter has already reacted to this answer",
        }
    }
    /// In Bahasa Indonesia.
    pub fn indonesian(self) -> &'static str {
        match self {
            Self::Ended => "pengaduan sudah berakhir",
            Self::Erased => "pengaduan sudah dihapus",
            Self::NoAnswer => "belum ada jawaban",
            Self::OtherAnswer => "sudah ada jawaban yang lebih baru",
            Self::Reacted => "pelapor sudah menanggapi jawaban ini",
        }
    }
}

impl State {
    /// Whether the content counts as verified (see `visible`).
    pub fn is_verified(&self) -> bool {
        match self {
            Self::Verified | Self::Confirmed(_) | Self::Reopened(_) | Self::Closed(_) => true,
            Self::WaitingForReporter { verified } => *verified,
            Self::Received | Self::Rejected | Self::Withdrawn | Self::Erased => false,
        }
    }

    /// Whether work may still be done on it.
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Received | Self::Verified | Self::WaitingForReporter { .. } | Self::Reopened(_)
        )
    }
}

/// Decides `act` on a complaint in `state` whose newest answer that the reporter was told of is
/// `answer`. Repeating an act that has happened is [`Outcome::Already`], so that callers may retry.
pub fn decide(state: &State, answer: Option<Uuid>, act: Act) -> Result<Outcome, Refusal> {
    use Outcome::{Already, Becomes};
    use State as S;

    if *state == S::Erased {
        return if act == Act::Erase {
            Ok(Already)
        } else {
            Err(Refusal::Erased)
        };
    }
    match act {
        Act::Erase => Ok(Becomes(S::Erased)),
        Act::Verify => match state {
            S::Received => Ok(Becomes(S::Verified)),
            S::WaitingForReporter { verified: false } => {
                Ok(Becomes(S::WaitingForReporter { verified: true }))
            }
            s if s.is_verified() => Ok(Already),
            _ => Err(Refusal::Ended),
        },
        Act::Reject => match state {
            S::Rejected => Ok(Already),
            s if s.is_open() => Ok(Becomes(S::Rejected)),
            _ => Err(Refusal::Ended),
        },
        Act::Ask => match state {
            S::WaitingForReporter { .. } => Ok(Already),
            s if s.is_open() => Ok(Becomes(S::WaitingForReporter {
                verified: s.is_verified(),
            })),
            _ => Err(Refusal::Ended),
        },
        Act::Supplement => match state {
            S::WaitingForReporter { verified: true } => Ok(Becomes(S::Verified)),
            S::WaitingForReporter { verified: false } => Ok(Becomes(S::Received)),
            S::Rejected | S::Withdrawn => Err(Refusal::Ended),
            _ => Ok(Already),
        },
        Act::Withdraw => match state {
            S::Withdrawn => Ok(Already),
            s if s.is_open() => Ok(Becomes(S::Withdrawn)),
            _ => Err(Refusal::Ended),
        },
        Act::Confirm(id) => react(state, answer, id, S::Confirmed(id)),
        Act::Close(id) => react(state, answer, id, S::Closed(id)),
        Act::Reopen(id) => react(state, answer, id, S::Reopened(id)),
    }
}

/// A reaction to the answer `id`: which must be the current one and not yet reacted to, except that
/// a reporter may still say "belum" after silence or their own hasty confirmation closed it.
fn react(state: &State, answer: Option<Uuid>, id: Uuid, next: State) -> Result<Outcome, Refusal> {
    use State as S;

    if *state == next {
        return Ok(Outcome::Already);
    }
    match answer {
        None => return Err(Refusal::NoAnswer),
        Some(current) if current != id => return Err(Refusal::OtherAnswer),
        Some(_) => {}
    }
    match (state, &next) {
        (S::Rejected | S::Withdrawn, _) => Err(Refusal::Ended),
        (S::Reopened(old), _) if *old == id => Err(Refusal::Reacted),
        (S::Confirmed(_) | S::Closed(_), S::Reopened(_)) => Ok(Outcome::Becomes(next)),
        // Confirming what silence closed adds the reporter's word; the reverse adds nothing.
        (S::Closed(old), S::Confirmed(_)) if *old == id => Ok(Outcome::Becomes(next)),
        (S::Confirmed(old), S::Closed(_)) if *old == id => Ok(Outcome::Already),
        _ => Ok(Outcome::Becomes(next)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn run(answer: Option<Uuid>, acts: &[Act]) -> (State, Option<Refusal>) {
        let mut state = State::Received;
        for act in acts {
            match decide(&state, answer, *act) {
                Ok(Outcome::Becomes(s)) => state = s,
                Ok(Outcome::Already) => {}
                Err(refusal) => return (state, Some(refusal)),
            }
        }
        (state, None)
    }

    #[test]
    fn nothing_can_be_confirmed_before_it_is_answered_nor_an_answer_that_was_replaced() {
        assert_eq!(
            run(None, &[Act::Verify, Act::Confirm(A)]).1,
            Some(Refusal::NoAnswer)
        );
        assert_eq!(
            run(Some(B), &[Act::Verify, Act::Confirm(A)]).1,
            Some(Refusal::OtherAnswer)
        );
    }

    #[test]
    fn a_belum_stands_until_another_answer_comes() {
        let (state, refusal) = run(Some(A), &[Act::Verify, Act::Reopen(A), Act::Close(A)]);
        assert_eq!(
            (&state, refusal),
            (&State::Reopened(A), Some(Refusal::Reacted))
        );
        assert_eq!(
            decide(&state, Some(B), Act::Confirm(B)),
            Ok(Outcome::Becomes(State::Confirmed(B)))
        );
    }

    #[test]
    fn a_question_leads_back_to_where_it_was_asked() {
        assert_eq!(run(None, &[Act::Ask, Act::Supplement]).0, State::Received);
        assert_eq!(
            run(None, &[Act::Verify, Act::Ask, Act::Supplement]).0,
            State::Verified
        );
        assert_eq!(run(None, &[Act::Ask, Act::Withdraw]).0, State::Withdrawn);
    }

    #[test]
    fn what_is_rejected_or_withdrawn_stays_so() {
        for act in [Act::Verify, Act::Ask, Act::Supplement, Act::Reopen(A)] {
            assert_eq!(
                run(Some(A), &[Act::Reject, act]).1,
                Some(Refusal::Ended),
                "{act:?}"
            );
            assert_eq!(
                run(Some(A), &[Act::Withdraw, act]).1,
                Some(Refusal::Ended),
                "{act:?}"
            );
        }
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            Just(Act::Verify),
            Just(Act::Reject),
            Just(Act::Ask),
            Just(Act::Supplement),
            Just(Act::Confirm(A)),
            Just(Act::Reopen(A)),
            Just(Act::Withdraw),
            Just(Act::Close(A)),
            Just(Act::Erase),
            Just(Act::Confirm(B)),
        ]
    }

    proptest! {
        #[test]
        fn repeating_an_act_changes_nothing_and_erased_is_the_end(acts in prop::collection::vec(act(), 0..12), last in act()) {
            let (state, _) = run(Some(A), &acts);
            if let Ok(Outcome::Becomes(next)) = decide(&state, Some(A), last) {
                if last != Act::Supplement {
                    prop_assert_eq!(decide(&next, Some(A), last), Ok(Outcome::Already));
                }
                prop_assert_ne!(state, State::Erased);
            }
        }
    }
}
