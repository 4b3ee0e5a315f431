//! The breaker of a SIM: several refusals in a row that are about the contract and not about the message
//! pause it, so that a lapsed SIM does not burn the whole queue. Pure; `gate` asks it.

use std::time::Duration;

use crate::codec::mms::ResponseStatus;
use crate::mm1::{Mm1Error, SubmitOutcome};
use crate::model::{Blame, Explain, Fault, Layer, Retry, Timestamp};
use crate::modem::ModemError;
use crate::store::BreakerState;

/// When a SIM is paused, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// After so many refusals in a row; 0: never.
    pub after: u32,
    /// How long until one message may try again.
    pub probe_after: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { after: 3, probe_after: Duration::from_secs(3600) }
    }
}

/// What an attempt says about the contract of the SIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// The operator serves it.
    Served,
    /// The operator does not serve it, in these words.
    Refused(Fault),
    /// Nothing: it went wrong for another reason.
    Nothing,
}

/// What the answer to an MMS says (OMA-TS-MMS_ENC-V1_3 clause 7.3.48: service denied, in three forms;
/// no credit; HTTP 403 and 407).
pub(super) fn word_of_mms(outcome: &Result<SubmitOutcome, Mm1Error>) -> Word {
    match outcome {
        Ok(SubmitOutcome::Accepted { .. } | SubmitOutcome::Partial { .. }) => Word::Served,
        Ok(refused @ SubmitOutcome::Refused { status: ResponseStatus(0x82 | 0xe1 | 0xeb), .. }) => {
            refused.refusal().map_or(Word::Nothing, |refusal| Word::Refused(refusal.to_fault()))
        }
        // Whoever judges the message itself serves the SIM, but an early word about the contract
        // may have been lost among such.
        Ok(_) => Word::Nothing,
        Err(error @ Mm1Error::HttpStatus { seen, .. }) if matches!(seen.status, 403 | 407) => {
            Word::Refused(error.to_fault())
        }
        Err(_) => Word::Nothing,
    }
}

/// What the modem's answer to an SMS says (3GPP TS 24.011 annex E-2: operator determined barring,
/// call barred, facility not subscribed).
pub(super) fn word_of_text(error: &ModemError) -> Word {
    match error {
        ModemError::SmsRefused(refusal) if matches!(refusal.code, Some(8 | 10 | 50)) => {
            Word::Refused(error.to_fault())
        }
        _ => Word::Nothing,
    }
}

/// The state after an attempt with submission `key`; none: nothing changes.
pub(super) fn after(
    state: &BreakerState,
    word: &Word,
    key: i64,
    policy: BreakerPolicy,
    now: Timestamp,
) -> Option<BreakerState> {
    match word {
        Word::Nothing => None,
        Word::Served => (*state != BreakerState::default()).then(BreakerState::default),
        Word::Refused(_) if policy.after == 0 => None,
        Word::Refused(fault) => {
            // The same one once more, on a person's word, says nothing about the others.
            let again = state.failures > 0 && state.last == key && state.opened_at.is_none();
            let failures = state.failures.saturating_add(u32::from(!again));
            let open = failures >= policy.after || state.opened_at.is_some();
            Some(BreakerState {
                failures,
                last: key,
                opened_at: open.then(|| state.opened_at.unwrap_or(now)),
                probe_at: open.then(|| now.plus(policy.probe_after)),
                fault: Some(fault.clone()),
            })
        }
    }
}

/// Until when nothing may be sent; none: the breaker is closed, or one message may try.
pub(super) fn closed_until(state: &BreakerState, now: Timestamp) -> Option<Timestamp> {
    state.opened_at?;
    state.probe_at.filter(|probe| now < *probe)
}

/// The operator refuses what this SIM sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the operator has refused {} messages in a row from the SIM in modem \"{modem}\": {}; nothing is \
     sent by it, one message tries again at {}",
    state.failures,
    state.fault.as_ref().map_or("no reason told", |fault| fault.summary.as_str()),
    state.probe_at.map_or_else(|| "any time".to_owned(), |at| at.to_string())
)]
pub(super) struct SimRefused {
    pub(super) modem: String,
    pub(super) state: BreakerState,
}

/// The code of [`SimRefused`].
pub(super) const SIM_REFUSED: &str = "sim-refused";

impl Explain for SimRefused {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        SIM_REFUSED
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        format!(
            "look after the SIM's contract or credit, and whether it includes MMS; then `mm1gate modem \
             resume {}` sends what waits at once",
            self.modem
        )
    }

    fn verbatim(&self) -> Option<String> {
        self.state.fault.as_ref().and_then(|fault| fault.verbatim.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm1::Seen;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn refused() -> Word {
        word_of_mms(&Ok(SubmitOutcome::Refused {
            status: ResponseStatus(0xe1),
            text: Some("Kein Guthaben".to_owned()),
        }))
    }

    #[test]
    fn only_words_about_the_contract_count() {
        let status = |status| {
            word_of_mms(&Ok(SubmitOutcome::Refused { status: ResponseStatus(status), text: None }))
        };
        for code in [0x82, 0xe1, 0xeb] {
            assert!(matches!(status(code), Word::Refused(_)), "{code:#x}");
        }
        for code in [0x81, 0x83, 0x84, 0x85, 0x87, 0x88, 0xe0, 0xe2, 0xe3, 0xe5, 0xea] {
            assert_eq!(status(code), Word::Nothing, "{code:#x}");
        }
        let http = |status| {
            let seen = Seen { status, content_type: None, text: None };
            word_of_mms(&Err(Mm1Error::HttpStatus { by: "x".to_owned(), seen, released: true }))
        };
        for code in [403, 407] {
            assert!(matches!(http(code), Word::Refused(_)), "{code}");
        }
        for code in [400, 401, 404, 413, 500, 503] {
            assert_eq!(http(code), Word::Nothing, "{code}");
        }
    }

    #[test]
    fn three_different_ones_in_a_row_open_it_and_a_success_closes_it() {
        let policy = BreakerPolicy::default();
        let mut state = BreakerState::default();
        for key in [1, 1, 2] {
            state = after(&state, &refused(), key, policy, NOW).unwrap();
            assert_eq!(state.opened_at, None, "{key}");
        }
        assert_eq!(after(&state, &Word::Nothing, 3, policy, NOW), None);
        let open = after(&state, &refused(), 3, policy, NOW).unwrap();
        assert_eq!(open.opened_at, Some(NOW));
        let probe = NOW.plus(policy.probe_after);
        assert_eq!(closed_until(&open, NOW), Some(probe));
        assert_eq!(closed_until(&open, probe), None, "one may try");
        // The one that tries is refused as well: as long once more.
        let again = after(&open, &refused(), 3, policy, probe).unwrap();
        assert_eq!(again.opened_at, Some(NOW));
        assert_eq!(closed_until(&again, probe), Some(probe.plus(policy.probe_after)));
        assert_eq!(after(&again, &Word::Served, 4, policy, probe), Some(BreakerState::default()));
        assert_eq!(after(&BreakerState::default(), &Word::Served, 4, policy, NOW), None);
    }

    #[test]
    fn success_between_refusals_begins_anew_and_zero_means_never() {
        let policy = BreakerPolicy::default();
        let mut state = BreakerState::default();
        for key in 0..20 {
            if let Some(next) = after(&state, &refused(), key, policy, NOW) {
                state = next;
            }
            if key % 2 == 1
                && let Some(next) = after(&state, &Word::Served, key, policy, NOW)
            {
                state = next;
            }
            assert_eq!(state.opened_at, None);
        }
        let never = BreakerPolicy { after: 0, ..policy };
        assert_eq!(after(&state, &refused(), 99, never, NOW), None);
    }
}
