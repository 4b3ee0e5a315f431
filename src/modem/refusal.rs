//! Why the network or the modem did not take a short message (3GPP TS 27.005 clause 3.2.5, 3GPP TS
//! 24.011 table 8.4, 3GPP TS 23.040 clause 9.2.3.22).

use std::fmt;

use crate::codec::at::FinalResult;
use crate::model::{Blame, Retry};

/// A message that was refused: it was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsRefusal {
    /// `+CMS ERROR`, when the modem gives one.
    pub code: Option<u16>,
    /// The modem's own words with the code's name.
    pub answer: String,
}

impl SmsRefusal {
    pub(super) fn new(result: &FinalResult) -> Self {
        Self { code: result.cms(), answer: result.to_string() }
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self.code {
            // The number or the message is wrong, or the subscription does not cover it.
            Some(
                1
                | 8
                | 10
                | 21
                | 28..=30
                | 50
                | 69
                | 81
                | 95..=99
                | 111
                | 128
                | 130
                | 143..=145
                | 159
                | 161
                | 175
                | 176
                | 193
                | 195..=199
                | 303..=305
                | 330,
            ) => Retry::Never,
            Some(192 | 301 | 314) => Retry::Soon,
            _ => Retry::Backoff,
        }
    }

    /// Whose matter it is.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self.code {
            Some(1 | 28 | 30 | 195 | 330) => Blame::Caller,
            Some(81 | 95..=99 | 111 | 304 | 305) => Blame::Gateway,
            Some(1..=255 | 331 | 332) => Blame::Operator,
            _ => Blame::Modem,
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self.code {
            Some(1 | 28 | 30 | 195) => "check the number: the network does not know it",
            Some(8 | 10 | 29 | 50 | 69 | 193 | 196) => {
                "ask the operator whether this SIM may send SMS, to this number too, and whether \
                 it has credit"
            }
            Some(21 | 197..=199) => {
                "ask the operator why it rejects the message: often credit is used up or a limit \
                 is reached"
            }
            Some(27 | 38 | 41 | 42 | 47 | 192 | 194 | 331 | 332) => {
                "nothing; the network cannot take it now and it is tried again"
            }
            Some(310..=313 | 315..=318) => "check the SIM and its PIN",
            Some(320 | 322) => "delete the SIM's messages in a phone: its storage is full",
            Some(330) => {
                "the SIM holds no SMS centre: enter it in a phone, or with AT+CSCA as the operator \
                 says"
            }
            Some(302 | 303) => "use a modem that can send SMS; this one says that it cannot",
            Some(81 | 95..=99 | 111 | 304 | 305) => "report this message as a defect of mm1gate",
            _ => "check coverage and credit; it is tried again",
        }
    }
}

impl fmt::Display for SmsRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart() {
        let refusal = |line: &str| SmsRefusal::new(&FinalResult::parse(line).unwrap());
        for (line, retry, blame) in [
            ("+CMS ERROR: 1", Retry::Never, Blame::Caller),
            ("+CMS ERROR: 21", Retry::Never, Blame::Operator),
            ("+CMS ERROR: 38", Retry::Backoff, Blame::Operator),
            ("+CMS ERROR: 304", Retry::Never, Blame::Gateway),
            ("+CMS ERROR: 314", Retry::Soon, Blame::Modem),
            ("+CMS ERROR: 322", Retry::Backoff, Blame::Modem),
            ("+CMS ERROR: 500", Retry::Backoff, Blame::Modem),
            ("ERROR", Retry::Backoff, Blame::Modem),
        ] {
            let refusal = refusal(line);
            assert_eq!((refusal.retry(), refusal.blame()), (retry, blame), "{line}");
            assert!(!refusal.remedy().is_empty());
        }
        assert!(refusal("+CMS ERROR: 1").to_string().contains("unassigned"));
    }
}
