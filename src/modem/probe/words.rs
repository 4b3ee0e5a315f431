//! What codes of 3GPP TS 27.007 and 27.005 mean, in words for people, and whether messages reach a
//! SIM on LTE.

use serde::Serialize;

/// `<stat>` of `+CREG`, `+CGREG`, `+CEREG` and `+C5GREG` in words (27.007 clauses 7.2, 10.1.20,
/// 10.1.22, 10.1.47).
#[must_use]
pub const fn registration_words(stat: u8) -> &'static str {
    match stat {
        0 => "not registered and not searching",
        1 => "registered, home network",
        2 => "searching for a network",
        3 => "registration denied by the network",
        4 => "no coverage now (registration unknown)",
        5 => "registered, roaming",
        6 => "registered for SMS only, home network",
        7 => "registered for SMS only, roaming",
        8 => "emergency calls only",
        9 => "registered, home network, fall-back to 2G/3G for calls not preferred",
        10 => "registered, roaming, fall-back to 2G/3G for calls not preferred",
        11 => "restricted local services only",
        _ => "a state that no standard lists",
    }
}

/// `<AcT>` of `+COPS` and `+CEREG` (27.007 clause 7.3).
#[must_use]
pub const fn access_words(access: u8) -> &'static str {
    match access {
        0 | 1 => "2G (GSM)",
        2 => "3G (UMTS)",
        3 => "2G (EDGE)",
        4..=6 => "3G (HSPA)",
        7 => "4G (LTE)",
        8 => "2G (EC-GSM-IoT)",
        9 => "4G (NB-IoT)",
        10..=13 => "5G",
        _ => "an unknown technology",
    }
}

/// What `+CPIN?` says, in words.
#[must_use]
pub fn lock_words(state: &str) -> &'static str {
    match state {
        "READY" => "open",
        "SIM PIN" => "waits for its PIN",
        "SIM PUK" => "blocked, waits for its PUK",
        "SIM PIN2" | "SIM PUK2" => "open; a second PIN, which is not needed here, is asked for",
        "PH-SIM PIN" | "PH-FSIM PIN" => "the modem is locked to another SIM",
        "PH-NET PIN" | "PH-NETSUB PIN" | "PH-SP PIN" | "PH-CORP PIN" => {
            "the modem is locked to another operator"
        }
        _ => "not ready",
    }
}

/// `+CGSMS` (27.007 clause 10.1.21): over which network messages leave.
#[must_use]
pub const fn sms_service_words(service: u8) -> &'static str {
    match service {
        0 => "packet network only",
        1 => "circuit-switched network only",
        2 => "packet network preferred",
        3 => "circuit-switched network preferred",
        _ => "a value that no standard lists",
    }
}

/// What decides whether messages arrive on LTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LteFacts {
    /// `<AcT>` of `+COPS?`.
    pub access: Option<u8>,
    /// `<stat>` of `+CREG?`.
    pub circuit: Option<u8>,
    /// `<stat>` of `+CEREG?`.
    pub eps: Option<u8>,
    /// `<reg_info>` of `+CIREG?`.
    pub ims: Option<bool>,
    /// Whether `<ext_info>` of `+CIREG?` lists SMS using IMS (bit 4).
    pub ims_sms: Option<bool>,
}

/// Whether messages, and with them the notifications of MMS, reach this SIM where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmsOnLte {
    /// It is not on LTE: messages come over the circuit-switched network as ever.
    NotOnLte,
    /// Combined attach: over SGs.
    Sgs,
    /// Registered for SMS only: over SGs.
    SgsOnly,
    /// Over IMS.
    Ims,
    /// Neither SGs nor IMS.
    No,
    /// The modem does not tell enough.
    Unknown,
}

impl SmsOnLte {
    /// Judges by the registrations (3GPP TS 23.272 clause 5.2: a combined attach registers for SMS
    /// over SGs; 3GPP TS 24.341: SMS over IMS).
    #[must_use]
    pub fn judge(facts: LteFacts) -> Self {
        let registered = |stat: Option<u8>| matches!(stat, Some(1 | 5 | 6 | 7 | 9 | 10));
        // `+CREG: n,6` and its like exist on LTE only.
        let lte_only = matches!(facts.circuit, Some(6 | 7 | 9 | 10));
        let on_lte = match facts.access {
            Some(access) => matches!(access, 7 | 9 | 10..=13) || lte_only,
            None => registered(facts.eps) || lte_only,
        };
        if !on_lte {
            return if registered(facts.circuit) { Self::NotOnLte } else { Self::Unknown };
        }
        match (facts.circuit, facts.ims, facts.ims_sms) {
            (_, Some(true), Some(true)) => Self::Ims,
            (Some(6 | 7), ..) => Self::SgsOnly,
            (Some(1 | 5 | 9 | 10), ..) => Self::Sgs,
            // Registered with IMS, and for what it does not say.
            (_, Some(true), None) | (None | Some(4), ..) => Self::Unknown,
            _ if registered(facts.eps) => Self::No,
            _ => Self::Unknown,
        }
    }

    /// The verdict for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotOnLte => "yes: the modem is on 2G or 3G, where messages arrive as ever",
            Self::Sgs => "yes: on LTE, over the connection to the 2G/3G core (SGs)",
            Self::SgsOnly => "yes: on LTE, registered for SMS only (SGs)",
            Self::Ims => "yes: on LTE, over IMS",
            Self::No => {
                "NO: on LTE the network has let this SIM in for data only (neither SGs nor IMS), so \
                 no message and no MMS notification arrives"
            }
            Self::Unknown => "not known: the modem does not tell enough",
        }
    }

    /// What to do about it; none when messages arrive.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::No => Some(
                "ask the operator to enable SMS for this SIM on LTE, or keep the modem on 3G/2G \
                 (the command is in its manual, for example AT+CNMP or AT+QCFG=\"nwscanmode\")",
            ),
            Self::Unknown => Some("send a text message to this SIM and see whether it arrives"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registration_state_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = (0..=12).map(registration_words).collect();
        assert_eq!(words.len(), 13);
        assert!(
            registration_words(6).contains("SMS only") && registration_words(10).contains("roam")
        );
    }

    #[test]
    fn sms_on_lte_is_judged_by_the_combined_attach_and_ims() {
        let lte = LteFacts { access: Some(7), eps: Some(1), ..LteFacts::default() };
        for (facts, verdict) in [
            (LteFacts { circuit: Some(1), ..lte }, SmsOnLte::Sgs),
            (LteFacts { circuit: Some(6), ..lte }, SmsOnLte::SgsOnly),
            (LteFacts { circuit: Some(7), access: None, ..lte }, SmsOnLte::SgsOnly),
            (LteFacts { circuit: Some(10), ..lte }, SmsOnLte::Sgs),
            (LteFacts { circuit: Some(0), ..lte }, SmsOnLte::No),
            (LteFacts { circuit: Some(3), ims: Some(false), ..lte }, SmsOnLte::No),
            (
                LteFacts { circuit: Some(2), ims: Some(true), ims_sms: Some(true), ..lte },
                SmsOnLte::Ims,
            ),
            (
                LteFacts { circuit: Some(0), ims: Some(true), ims_sms: Some(false), ..lte },
                SmsOnLte::No,
            ),
            (LteFacts { circuit: Some(0), ims: Some(true), ..lte }, SmsOnLte::Unknown),
            (LteFacts { circuit: None, ..lte }, SmsOnLte::Unknown),
            (
                LteFacts { circuit: Some(5), access: Some(2), ..LteFacts::default() },
                SmsOnLte::NotOnLte,
            ),
            (
                LteFacts { circuit: Some(1), eps: Some(0), ..LteFacts::default() },
                SmsOnLte::NotOnLte,
            ),
            (LteFacts { circuit: Some(2), eps: Some(2), ..LteFacts::default() }, SmsOnLte::Unknown),
            (LteFacts::default(), SmsOnLte::Unknown),
        ] {
            assert_eq!(SmsOnLte::judge(facts), verdict, "{facts:?}");
            assert_eq!(
                verdict.remedy().is_some(),
                matches!(verdict, SmsOnLte::No | SmsOnLte::Unknown)
            );
        }
    }
}
