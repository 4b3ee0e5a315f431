//! Short messages out: `AT+CMGS` in PDU mode (3GPP TS 27.005 clauses 3.5.1 and 4.3).

use std::time::Duration;

use bytes::Bytes;

use super::driver::Driver;
use super::line::{Reply, command};
use super::{ModemError, ModemEvent, PortError, SmsRefusal};
use crate::codec::at::{FinalResult, fields, value_behind};
use crate::codec::sms::to_hex;
use crate::proto::at::Kind;

/// Octets of a TPDU: SMS-SUBMIT with the longest address and 140 octets of user data has 164
/// (3GPP TS 23.040 clause 9.2.2.2).
const MAX_TPDU: usize = 176;
/// Octets of the SMSC's address behind its length.
const MAX_SMSC: usize = 11;
/// Longer than a modem needs to find that it cannot send a message at all. After that it has tried,
/// and a refusal without a cause does not say how far it came.
const LOCAL_CHECK: Duration = Duration::from_secs(2);
/// How often a modem may say that its SIM is busy, a second apart.
const BUSY_TRIES: u32 = 10;

impl Driver {
    /// Hands one message to the network; answers its TP-MR, where the modem tells it.
    pub(super) async fn send_sms(&mut self, octets: &Bytes) -> Result<Option<u8>, ModemError> {
        let length = tpdu_length(octets)?;
        let times = self.profile().timeouts;
        let mut busy = 0;
        loop {
            let kind =
                Kind::Prompt { payload: to_hex(octets).into_bytes(), result_within: times.send };
            let line = self.at()?;
            line.settle().await?;
            let reply = line.run(command(&format!("AT+CMGS={length}"))?, kind, times.prompt).await;
            // An answer without a prompt is that of a modem that did not hear the message.
            let prompted = line.was_prompted();
            let line_had_it = line.had_payload_for();
            let unknown = |reason: String| Err(ModemError::SmsUnknown { reason });
            match reply {
                Ok(Reply::Response(response)) if response.result.is_ok() && prompted => {
                    // Some modems forget to tell it; the message is sent all the same.
                    return Ok(reference(&response.lines));
                }
                Ok(Reply::Response(response)) if response.result.is_ok() => {
                    return Err(ModemError::NoPrompt { seconds: times.prompt.as_secs() });
                }
                Ok(Reply::Response(response)) => {
                    let result = response.result;
                    if result.is_busy() && busy < BUSY_TRIES {
                        busy += 1;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                    // The network may have it: only its acknowledgement is missing, or the modem
                    // does not say what is. What is wrong with the message itself is found at once.
                    let late = line_had_it >= LOCAL_CHECK;
                    if prompted && (result.cms() == Some(332) || late && names_no_cause(&result)) {
                        return unknown(result.to_string());
                    }
                    if result.cms() == Some(322) {
                        self.event(ModemEvent::SmsStorageFull);
                    }
                    return Err(ModemError::SmsRefused(SmsRefusal::new(&result)));
                }
                Ok(Reply::TimedOut { lines }) if prompted => {
                    line.fall_out_of_step();
                    // Some modems forget the OK behind an answer.
                    if let Some(reference) = reference(&lines) {
                        return Ok(Some(reference));
                    }
                    return unknown(format!("no answer within {} s", times.send.as_secs()));
                }
                Ok(Reply::TimedOut { .. }) => {
                    line.fall_out_of_step();
                    return Err(ModemError::NoPrompt { seconds: times.prompt.as_secs() });
                }
                Ok(Reply::Connected { .. }) => {
                    return unknown("the modem went into data mode".to_owned());
                }
                Err(error) if prompted => {
                    // Whoever watches the port hears of its end by the next thing it does there.
                    self.lose_port(&error);
                    return unknown(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn lose_port(&mut self, error: &ModemError) {
        if matches!(error, ModemError::Port(PortError::Gone { .. }) | ModemError::NoAnswer { .. }) {
            self.lose(error.clone(), true);
        }
    }
}

/// Whether a refusal leaves open what went wrong: "unknown error" by either numbering (3GPP TS
/// 27.005 clause 3.2.5, 3GPP TS 27.007 clause 9.2), or no code at all.
fn names_no_cause(result: &FinalResult) -> bool {
    let code = result.cms().or_else(|| result.cme());
    matches!(code, None | Some(100 | 500))
}

/// TP-MR, as the modem tells it.
fn reference(lines: &[String]) -> Option<u8> {
    fields(lines.iter().find_map(|it| value_behind(it, "+CMGS:"))?).first()?.number()
}

/// `<length>` of `+CMGS`: octets of the TPDU without the SMSC's address.
fn tpdu_length(octets: &[u8]) -> Result<usize, ModemError> {
    let wrong = |reason: &'static str| Err(ModemError::SmsMalformed { reason });
    let Some((smsc, rest)) = octets.split_first() else { return wrong("it is empty") };
    let smsc = usize::from(*smsc);
    if smsc > MAX_SMSC {
        return wrong("the SMSC's address is longer than 11 octets");
    }
    match rest.len().checked_sub(smsc) {
        Some(length @ 1..=MAX_TPDU) => Ok(length),
        Some(0) | None => wrong("it ends within the SMSC's address"),
        Some(_) => wrong("its TPDU is longer than 176 octets"),
    }
}
