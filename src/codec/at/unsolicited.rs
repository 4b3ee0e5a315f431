//! Lines that a modem sends by itself (3GPP TS 27.007, 27.005 clause 3.4.1; vendors' own).

use super::fields::{Field, fields};
use super::response::{RegistrationLine, registration, value_behind};

/// A line, or a line and the PDU behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsolicited {
    /// `+CMTI`, `+CDSI`: a message was stored.
    Stored {
        /// The storage; empty when the modem does not say.
        storage: String,
        /// The place; none when the modem does not say.
        index: Option<u16>,
    },
    /// `+CMT`, `+CDS`: a message itself.
    Direct {
        /// The hexadecimal line.
        pdu: String,
    },
    /// `+CREG`, `+CGREG`, `+CEREG`, `+C5GREG`.
    Registration(RegistrationLine),
    /// `^SMMEMFULL`, `^SMGO: 1` (full) and `2` (full, and a message waits), `+SMSFULL`: no room for
    /// more messages.
    StorageFull,
    /// `NO CARRIER` outside a call.
    NoCarrier,
    /// `+CGEV`, `^PDPDEACT` and their like, with their text: the network ended a context.
    ContextEnded(String),
    /// `RDY`, `^SYSSTART` and their like: the modem has just started and forgot its settings.
    Started,
    /// Anything else.
    Other(String),
}

/// Words that modems send by themselves, beside everything that begins with a sign.
const WORDS: [&str; 14] = [
    "RING",
    "NO CARRIER",
    "RDY",
    "SMS DONE",
    "SMS READY",
    "PB DONE",
    "CALL READY",
    "NORMAL POWER DOWN",
    "POWERED DOWN",
    "POWER DOWN",
    "SHUTDOWN",
    "UNDER-VOLTAGE WARNNING",
    "OVER-VOLTAGE WARNNING",
    "PACSP",
];

/// Extended codes that come unasked even while a command without a name of its own is answered.
const CODES: [&str; 33] = [
    "+CMTI:", "+CDSI:", "+CMT:", "+CDS:", "+CBM:", "+CBMI:", "+CREG:", "+CGREG:", "+CEREG:",
    "+C5GREG:", "+CRING:", "+CLIP:", "+CUSD:", "+CUSATP:", "+CGEV:", "+CIEV:", "+CTZV:", "+CTZE:",
    "+CTZDST:", "+NITZ:", "+PSUTTZ:", "+CPIN:", "+QIND:", "+QUSIM:", "+QGPSURC", "+ZUSIMR:",
    "+ZPASR:", "+CNSMOD:", "+SIM:", "+UREG:", "+STIN:", "+AT:", "#QSS:",
];

/// Whether a line comes unasked, when it does not begin like the answer that is awaited.
#[must_use]
pub fn is_unsolicited(line: &str) -> bool {
    let upper = line.trim().to_ascii_uppercase();
    line.starts_with('^')
        || WORDS.iter().any(|word| upper == *word)
        || CODES.iter().any(|code| upper.starts_with(code))
}

/// Whether a PDU follows this line.
#[must_use]
pub fn two_line_header(line: &str) -> bool {
    ["+CMT:", "+CDS:", "+CBM:"].iter().any(|code| value_behind(line, code).is_some())
}

impl Unsolicited {
    /// Reads a line and, behind `+CMT`, `+CDS` and `+CBM`, the PDU.
    #[must_use]
    pub fn parse(line: &str, pdu: Option<&str>) -> Self {
        let line = line.trim();
        for code in ["+CMTI:", "+CDSI:"] {
            if let Some(list) = value_behind(line, code) {
                let list = fields(list);
                return Self::Stored {
                    storage: list.first().map_or("", |field| field.text).to_owned(),
                    index: list.get(1).and_then(Field::number),
                };
            }
        }
        if let (true, Some(pdu)) = (two_line_header(line), pdu)
            && value_behind(line, "+CBM:").is_none()
        {
            return Self::Direct { pdu: pdu.to_owned() };
        }
        if let Some(registration) = registration(line) {
            return Self::Registration(registration);
        }
        let upper = line.to_ascii_uppercase();
        let begins = |word: &str| upper.starts_with(word);
        if begins("^SMMEMFULL")
            || begins("+SMSFULL")
            || value_behind(line, "^SMGO:").is_some_and(|it| matches!(it, "1" | "2"))
            || (begins("+CIEV:") && is_full_sign(line))
        {
            Self::StorageFull
        } else if upper == "NO CARRIER" {
            Self::NoCarrier
        } else if (begins("+CGEV:") && upper.contains("DEACT"))
            || begins("^PDPDEACT")
            || begins("^NDISEND")
            || (begins("+CGEV:") && upper.contains("DETACH"))
        {
            Self::ContextEnded(line.to_owned())
        } else if upper == "RDY" || begins("^SYSSTART") || begins("+AT: READY") {
            Self::Started
        } else {
            Self::Other(line.to_owned())
        }
    }
}

/// Which context a line of [`Unsolicited::ContextEnded`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedContext {
    /// The modem was detached: all of them.
    All,
    /// This one.
    Cid(u8),
    /// The line does not say.
    Unknown,
}

/// Reads the line of [`Unsolicited::ContextEnded`] (3GPP TS 27.007 clause 10.1.19).
#[must_use]
pub fn ended_context(line: &str) -> EndedContext {
    let told = |list: &str, at: usize| {
        let cid = fields(list).get(at).and_then(Field::number::<u8>).filter(|cid| *cid > 0);
        cid.map_or(EndedContext::Unknown, EndedContext::Cid)
    };
    if let Some(list) = value_behind(line, "+CGEV:") {
        let upper = list.to_ascii_uppercase();
        if upper.contains("DETACH") {
            return EndedContext::All;
        }
        // NW PDN DEACT <cid>; NW DEACT <PDP_type>,<PDP_addr>[,<cid>]; of a dedicated bearer
        // NW DEACT <p_cid>,<cid>,<event_type>; ME likewise.
        if let Some((_, behind)) = upper.split_once("PDN DEACT") {
            return told(behind, 0);
        }
        let is_bearer = upper
            .split_once("DEACT")
            .and_then(|(_, behind)| fields(behind).first().and_then(Field::number::<u8>))
            .is_some();
        return told(list, if is_bearer { 1 } else { 2 });
    }
    // Huawei: ^PDPDEACT: <cid>, ^NDISEND:<cid>,...
    let list = value_behind(line, "^PDPDEACT:").or_else(|| value_behind(line, "^NDISEND:"));
    list.map_or(EndedContext::Unknown, |list| told(list, 0))
}

/// `+CIEV: "smsfull",1`, as Cinterion and others name the indicator.
fn is_full_sign(line: &str) -> bool {
    let list = value_behind(line, "+CIEV:").map(fields).unwrap_or_default();
    list.first().is_some_and(|it| it.text.trim().eq_ignore_ascii_case("smsfull"))
        && list.get(1).and_then(Field::number::<u8>).is_some_and(|it| it > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(line: &str) -> (String, Option<u16>) {
        match Unsolicited::parse(line, None) {
            Unsolicited::Stored { storage, index } => (storage, index),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn stored_messages_in_every_form_of_the_field() {
        assert_eq!(stored("+CMTI: \"SM\",1"), ("SM".into(), Some(1)));
        assert_eq!(stored("+CMTI: \"ME\",0"), ("ME".into(), Some(0)));
        assert_eq!(stored("+CMTI: \"SM\",1,\"MMS PUSH\",2,1"), ("SM".into(), Some(1)));
        assert_eq!(stored("+CMTI: \"SM\",2,\"MMS PUSH\""), ("SM".into(), Some(2)));
        assert_eq!(stored("+CMTI: ,-1"), (String::new(), None));
        assert_eq!(stored("+CMTI:\"SM\", 3"), ("SM".into(), Some(3)));
        assert_eq!(stored("+CDSI: \"SR\",4"), ("SR".into(), Some(4)));
    }

    #[test]
    fn direct_message_needs_its_pdu() {
        assert_eq!(
            Unsolicited::parse("+CMT: ,24", Some("0004")),
            Unsolicited::Direct { pdu: "0004".into() }
        );
        assert!(matches!(Unsolicited::parse("+CMT: ,24", None), Unsolicited::Other(_)));
        assert!(matches!(Unsolicited::parse("+CBM: 88", Some("00")), Unsolicited::Other(_)));
        // ZTE: leading comma.
        assert!(matches!(Unsolicited::parse("+CDS: ,25", Some("00")), Unsolicited::Direct { .. }));
    }

    #[test]
    fn floods_and_words_are_known_as_unasked() {
        for line in [
            "RING",
            "^RSSI:17",
            "^DSFLOWRPT:0,0",
            "+CUSATP: D0",
            "NO CARRIER",
            "+ZUSIMR:2",
            "RDY",
            "+CREG: 1",
            "SMS DONE",
        ] {
            assert!(is_unsolicited(line), "{line}");
        }
        for line in ["OK", "Quectel", "262011234567890", "+CSQ: 17,99"] {
            assert!(!is_unsolicited(line), "{line}");
        }
    }

    #[test]
    fn ended_context_is_told_in_every_form() {
        for (line, ended) in [
            ("+CGEV: NW DEACT \"IP\",\"10.0.0.1\",3", EndedContext::Cid(3)),
            ("+CGEV: ME DEACT \"IP\",\"10.0.0.1\"", EndedContext::Unknown),
            // A dedicated bearer, 5, of the context 1 that stays.
            ("+CGEV: NW DEACT 1,5,1", EndedContext::Cid(5)),
            ("+CGEV: NW PDN DEACT 2", EndedContext::Cid(2)),
            ("+CGEV: ME PDN DEACT 2,0", EndedContext::Cid(2)),
            ("+CGEV: NW DETACH", EndedContext::All),
            ("+CGEV: ME DETACH", EndedContext::All),
            ("^PDPDEACT: 1", EndedContext::Cid(1)),
            ("^NDISEND:1,33", EndedContext::Cid(1)),
            ("^PDPDEACT", EndedContext::Unknown),
        ] {
            assert!(
                matches!(Unsolicited::parse(line, None), Unsolicited::ContextEnded(_)),
                "{line}"
            );
            assert_eq!(ended_context(line), ended, "{line}");
        }
    }

    #[test]
    fn full_storage_ended_context_and_restart() {
        assert_eq!(Unsolicited::parse("^SMMEMFULL: \"SM\"", None), Unsolicited::StorageFull);
        for line in ["^SMGO: 1", "^SMGO: 2", "^SMGO:1"] {
            assert_eq!(Unsolicited::parse(line, None), Unsolicited::StorageFull, "{line}");
        }
        assert!(matches!(Unsolicited::parse("^SMGO: 0", None), Unsolicited::Other(_)));
        assert_eq!(Unsolicited::parse("+CIEV: smsfull,1", None), Unsolicited::StorageFull);
        assert_eq!(Unsolicited::parse("+CIEV: \"smsfull\",1", None), Unsolicited::StorageFull);
        assert!(matches!(Unsolicited::parse("+CIEV: smsfull,0", None), Unsolicited::Other(_)));
        assert!(matches!(
            Unsolicited::parse("+CGEV: NW DEACT \"IP\",\"10.0.0.1\",1", None),
            Unsolicited::ContextEnded(_)
        ));
        for line in ["RDY", "^SYSSTART", "+AT: READY"] {
            assert_eq!(Unsolicited::parse(line, None), Unsolicited::Started, "{line}");
        }
    }
}
