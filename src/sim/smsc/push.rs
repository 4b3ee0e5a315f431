//! WAP pushes as short messages, in the ways in which networks mistreat them (WAP-235, WAP-259,
//! 3GPP TS 23.040 clause 9.2.3.24).

use std::time::Duration;

use bytes::Bytes;

use super::{SmsError, Smsc};
use crate::codec::sms::{
    Dcs, Deliver, EncodeError, PORT_WAP_PUSH, PORT_WAP_WSP, Scts, SmsAddress, StatusReport,
    port_addressed_delivers,
};
use crate::model::Timestamp;
use crate::sim::fault::Fault;

/// Sender of WAP pushes, a short code as operators use it.
const PUSH_ORIGINATOR: &str = "86888";
/// The same where the operator likes names.
const NAMED_ORIGINATOR: &str = "MMS Centre";
/// Who else sends in parts at the same time.
const STRANGER: &str = "+447700900777";
/// The port that the stranger's datagram goes to; nobody listens there.
const STRANGERS_PORT: u16 = 49_000;
/// TP-Status "short message received by the SME" (TS 23.040 clause 9.2.3.15).
const RECEIVED: u8 = 0;

impl Smsc {
    /// Sends an MMS PDU as WAP Push (WAP-235 clause 8: X-Wap-Application-Id 4 is the MMS user
    /// agent), in as many SMS as it takes.
    pub(in crate::sim) fn push(
        &self,
        subscriber: &str,
        mms: &[u8],
        tid: u8,
        reference: u8,
        now: Timestamp,
    ) -> Result<(), SmsError> {
        // Transaction id, PDU type Push, length of the headers, application/vnd.wap.mms-message,
        // X-Wap-Application-Id: mms.ua (WAP-230 clause 8.2.4.1).
        let mut push = vec![tid, 0x06, 3, 0xbe, 0xaf, 0x84];
        push.extend_from_slice(mms);
        let not_sent = |error: EncodeError| SmsError::NotATpdu {
            expected: "SMS-DELIVER",
            reason: error.to_string(),
        };
        let (tpdus, withheld) = self.parts(&push, reference, now).map_err(not_sent)?;
        if let Some(part) = withheld {
            self.withhold(subscriber, part);
        }
        self.deliver(subscriber, tpdus)
    }

    /// The parts in their order of arrival, and the one that does not arrive yet.
    fn parts(
        &self,
        push: &[u8],
        reference: u8,
        now: Timestamp,
    ) -> Result<(Vec<Bytes>, Option<Bytes>), EncodeError> {
        let faults = &self.0.faults;
        let scts = Scts::new(self.told_time(now), 0);
        let named = faults.shows(&Fault::SmsSenderAlphanumeric {});
        let originator =
            SmsAddress::from_text(if named { NAMED_ORIGINATOR } else { PUSH_ORIGINATOR });
        let class = faults.find(|fault| match fault {
            Fault::MessageClassIs { class } => Some(class.get()),
            _ => None,
        });
        let mut parts = if faults.shows(&Fault::SmsReferenceWide {}) {
            let reference = u16::from(reference) << 8 | 0x5a;
            port_addressed_delivers(push, &originator, PORT_WAP_PUSH, PORT_WAP_WSP, reference, scts)
        } else {
            port_addressed_delivers(push, &originator, PORT_WAP_PUSH, PORT_WAP_WSP, reference, scts)
        }?;
        for part in &mut parts {
            if let Some(class) = class {
                // Data coding/message class, 8-bit data (TS 23.038 clause 4).
                part.dcs = Dcs(0xf4 | class);
            }
        }
        let mut tpdus = encoded(&parts)?;
        if faults.strikes(&Fault::SmsPartsReversed {}) {
            tpdus.reverse();
        }
        if faults.strikes(&Fault::SmsPartsShuffled {}) {
            for last in (1..tpdus.len()).rev() {
                tpdus.swap(last, self.below(last + 1));
            }
        }
        if faults.strikes(&Fault::SmsPartTwice {}) {
            let again = tpdus.get(self.below(tpdus.len())).cloned();
            tpdus.extend(again);
        }
        let missing = faults.shows(&Fault::SmsPartMissing {}) && !tpdus.is_empty();
        let withheld = missing.then(|| tpdus.remove(self.below(tpdus.len())));
        if faults.strikes(&Fault::SmsReferenceShared {}) {
            let stranger = SmsAddress::from_text(STRANGER);
            let filler = vec![0x5a; 200];
            let theirs = port_addressed_delivers(
                &filler,
                &stranger,
                STRANGERS_PORT,
                PORT_WAP_WSP,
                reference,
                scts,
            )?;
            for (index, part) in encoded(&theirs)?.into_iter().enumerate() {
                tpdus.insert((2 * index).min(tpdus.len()), part);
            }
        }
        let stray = faults.take(|fault| match fault {
            Fault::StrayStatusReport { .. } => Some(()),
            _ => None,
        });
        if stray.is_some() {
            let recipient = SmsAddress::from_text(STRANGER);
            let report = StatusReport::new(reference, recipient, scts, scts, RECEIVED);
            tpdus.push(Bytes::from(report.encode()?));
        }
        Ok((tpdus, withheld))
    }

    /// The time that the message centre believes in.
    fn told_time(&self, now: Timestamp) -> Timestamp {
        let hours = self.0.faults.find(|fault| match fault {
            Fault::OddMessageTime { hours } => Some(i64::from(*hours)),
            _ => None,
        });
        match hours {
            None => now,
            Some(hours) if hours >= 0 => {
                now.plus(Duration::from_secs(hours.unsigned_abs() * 3_600))
            }
            Some(hours) => {
                let back = i64::try_from(hours.unsigned_abs() * 3_600).unwrap_or(0);
                Timestamp::from_secs(now.as_secs().saturating_sub(back))
            }
        }
    }

    fn below(&self, count: usize) -> usize {
        let below = self.0.random.below(u64::try_from(count).unwrap_or(0));
        usize::try_from(below).unwrap_or(0)
    }
}

fn encoded(parts: &[Deliver]) -> Result<Vec<Bytes>, EncodeError> {
    parts.iter().map(|part| part.encode().map(Bytes::from)).collect()
}
