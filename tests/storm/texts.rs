//! Texts that scenarios hold: of one part or several, whose parts come in any order, far apart, and
//! some of them twice, as service centres deliver what they had no acknowledgement for.

use bytes::Bytes;
use mm1gate::codec::sms::{ConcatReference, Deliver, Scts, SmsAddress, split_text};
use mm1gate::model::{Random, Timestamp};

use crate::run::PHONE;

/// Septets of a part of several (3GPP TS 23.040 clause 9.2.3.24.1).
const PART: usize = 153;
/// TP-More-Messages-to-Send: 0 is more (clause 9.2.3.2).
const NO_MORE: u8 = 0x04;

/// A text of so many parts, no two of which say the same.
pub(crate) fn wording(mark: &str, parts: usize) -> String {
    let mut text = format!("this is {mark}");
    let mut count = 0;
    while parts > 1 && text.len() <= PART * (parts - 1) + PART / 2 {
        count += 1;
        text.push_str(&format!(" {count:03}"));
    }
    text
}

/// The SMS-DELIVERs of a text.
pub(crate) fn deliveries(text: &str, reference: ConcatReference, sent: Timestamp) -> Vec<Bytes> {
    let parts = split_text(text, &[], reference).unwrap();
    let deliver = |(dcs, user_data)| {
        let sender = SmsAddress::from_text(PHONE);
        Deliver::new(sender, dcs, Scts::new(sent, 0), user_data).encode().unwrap().into()
    };
    parts.into_iter().map(deliver).collect()
}

/// What the service centre does with a text that comes in within `busy` seconds: each delivery with
/// its second.
pub(crate) fn arrivals(
    text: &str,
    random: &Random,
    start: Timestamp,
    busy: u64,
) -> Vec<(u64, Bytes)> {
    let reference = random.u32().to_be_bytes();
    let reference = if random.below(2) == 0 {
        ConcatReference::Narrow(reference[0])
    } else {
        ConcatReference::Wide(u16::from_be_bytes([reference[0], reference[1]]))
    };
    let mut tpdus = deliveries(text, reference, start);
    // In any order, and all at once or each in its own time.
    for last in (1..tpdus.len()).rev() {
        tpdus.swap(last, index(random, last + 1));
    }
    let begin = random.below(busy);
    let scattered = random.below(2) == 0;
    let mut all: Vec<(u64, Bytes)> = tpdus
        .into_iter()
        .map(|tpdu| (if scattered { random.below(busy) } else { begin }, tpdu))
        .collect();
    if random.below(2) == 0 {
        // Once more, and this time nothing waits behind it.
        let (at, first) = all[index(random, all.len())].clone();
        let mut again = first.to_vec();
        again[0] ^= NO_MORE;
        all.push((at + random.below(busy), again.into()));
    }
    all
}

fn index(random: &Random, count: usize) -> usize {
    usize::try_from(random.below(count as u64)).unwrap()
}
