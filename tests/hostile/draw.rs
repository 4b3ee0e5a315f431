//! What goes wrong in a run, drawn from its seed.

use mm1gate::model::Random;
use mm1gate::sim::{ActiveFault, Fault, WapPath};

/// Names of the faults that are drawn.
pub(crate) const NAMES: [&str; 21] = [
    "proxy-status",
    "proxy-refuses",
    "proxy-slow",
    "proxy-closes-mid-request",
    "proxy-chunks",
    "proxy-redirects",
    "connection-reset",
    "mmsc-html",
    "mmsc-http-status",
    "mmsc-response-status",
    "mmsc-send-conf-lost",
    "mmsc-closes-before-last",
    "mmsc-cuts-body",
    "mmsc-slow",
    "mmsc-omits-transaction-id",
    "mmsc-omits-message-id",
    "mmsc-not-found",
    "mmsc-expires",
    "mmsc-retrieve-status",
    "mmsc-wrong-content-type",
    "mmsc-refuses-acknowledgement",
];

/// HTTP statuses of proxies and MMSCs that have a bad day.
const STATUSES: [u16; 14] = [400, 401, 402, 403, 404, 407, 408, 410, 413, 429, 500, 502, 503, 504];
/// X-Mms-Response-Status: OMA's of all classes, one of MMS 1.0, and some that nobody has assigned.
const RESPONSES: [u8; 14] =
    [0x82, 0x84, 0x86, 0x88, 0x90, 0xc0, 0xc2, 0xc4, 0xd7, 0xe1, 0xe4, 0xeb, 0xf7, 0xff];
/// X-Mms-Retrieve-Status.
const RETRIEVALS: [u8; 8] = [0x82, 0xc0, 0xc1, 0xc2, 0xe1, 0xe2, 0xe3, 0xf7];

/// What the operator says when it refuses.
pub(crate) const TEXT: &str = "Ihr Vertrag sagt nein \u{2013} 4711";

pub(crate) struct Dice(pub(crate) Random);

impl Dice {
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        least + self.0.below(most - least + 1)
    }

    pub(crate) fn one_in(&self, count: u64) -> bool {
        self.0.below(count) == 0
    }

    fn size(&self, least: u64, most: u64) -> usize {
        usize::try_from(self.between(least, most)).unwrap()
    }

    fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.size(0, of.len() as u64 - 1)]
    }
}

/// One to four faults; each strikes one to three times, after up to three occasions that it lets pass.
pub(crate) fn faults(dice: &Dice) -> Vec<ActiveFault> {
    (0..dice.between(1, 4))
        .map(|_| ActiveFault {
            times: Some(u32::try_from(dice.between(1, 3)).unwrap()),
            after_times: Some(u32::try_from(dice.between(0, 3)).unwrap()),
            ..fault(dice).into()
        })
        .collect()
}

fn fault(dice: &Dice) -> Fault {
    let said = || (!dice.one_in(4)).then(|| TEXT.to_owned());
    match dice.between(0, 21) {
        0 => Fault::ProxyStatus { status: dice.pick(&STATUSES) },
        1 => Fault::ProxyRefuses {},
        2 => Fault::ProxySlow { millis: dice.between(500, 400_000) },
        3 => Fault::ProxyClosesMidRequest { after: dice.size(1, 7_000) },
        4 => Fault::ProxyChunks { octets: dice.size(1, 900) },
        5 => Fault::ProxyRedirects { status: dice.pick(&[301, 302, 307, 308]) },
        // Requests with a picture have up to 7 KB, all others and their answers less than one.
        6 => Fault::ConnectionReset { after: dice.size(0, 8_000) },
        7 => Fault::ConnectionReset { after: dice.size(0, 1_200) },
        8 => Fault::MmscHtml {},
        9 => Fault::MmscHttpStatus { status: dice.pick(&STATUSES) },
        10 => Fault::MmscResponseStatus { status: dice.pick(&RESPONSES), text: said() },
        11 => Fault::MmscSendConfLost {},
        12 => Fault::MmscClosesBeforeLast {},
        13 => Fault::MmscCutsBody {},
        14 => Fault::MmscSlow { millis: dice.between(500, 400_000) },
        15 => Fault::MmscOmitsTransactionId {},
        16 => Fault::MmscOmitsMessageId {},
        17 => Fault::MmscNotFound {},
        18 => Fault::MmscExpires { seconds: dice.between(1, 900) },
        19 => Fault::MmscRetrieveStatus { status: dice.pick(&RETRIEVALS), text: said() },
        20 => Fault::MmscWrongContentType {},
        _ => Fault::MmscRefusesAcknowledgement { status: dice.pick(&STATUSES) },
    }
}

/// What the way through a WAP gateway does to datagrams, where this run takes it.
pub(crate) fn wap(dice: &Dice) -> Option<WapPath> {
    let wap = dice.one_in(6);
    let permille = |most| u16::try_from(dice.between(0, most)).unwrap();
    let path = WapPath { lost: permille(150), doubled: permille(60), late: permille(60) };
    wap.then_some(path)
}

/// Whether a fault can leave nobody knowing what became of a submission.
pub(crate) fn takes_answer(fault: &Fault) -> bool {
    match fault {
        // What keeps the door has not let the request in.
        Fault::ProxyStatus { status } | Fault::MmscHttpStatus { status } => {
            *status >= 500 && *status != 503
        }
        // Some of the recipients have it.
        Fault::MmscResponseStatus { status: 0xc4, .. } => true,
        Fault::ProxySlow { .. }
        | Fault::ProxyClosesMidRequest { .. }
        | Fault::ConnectionReset { .. }
        | Fault::MmscHtml {}
        | Fault::MmscSendConfLost {}
        | Fault::MmscClosesBeforeLast {}
        | Fault::MmscCutsBody {}
        | Fault::MmscSlow { .. } => true,
        _ => false,
    }
}

/// Something in the reason of a submission that failed by this fault, if it can fail for good by it.
pub(crate) fn refusal(fault: &Fault) -> Option<String> {
    match fault {
        Fault::ProxyStatus { status }
        | Fault::MmscHttpStatus { status }
        | Fault::ProxyRedirects { status } => {
            (*status < 500 && !matches!(status, 408 | 429)).then(|| format!("HTTP {status}"))
        }
        Fault::MmscResponseStatus { status, text } => match (status, text) {
            // What may be better later (OMA-TS-MMS_ENC clause 7.3.48).
            (0x86 | 0xc0..=0xdf, _) => None,
            (_, Some(text)) => Some(text.clone()),
            (status, None) => Some(format!("{status:#04x}")),
        },
        _ => None,
    }
}

/// Whether a message that is announced may not be had by itself because of this fault.
pub(crate) fn takes_content(fault: &Fault) -> bool {
    match fault {
        Fault::MmscNotFound {} | Fault::MmscExpires { .. } => true,
        Fault::MmscHttpStatus { status } | Fault::ProxyStatus { status } => {
            (400..500).contains(status)
        }
        Fault::MmscRetrieveStatus { status, .. } => !matches!(status, 0xc0..=0xdf),
        _ => false,
    }
}
