//! Status codes (OMA-TS-MMS_ENC-V1_3 clause 7.3); reserved ranges act as the
//! specification maps them, and every octet survives a round trip.

use std::fmt;

use super::field;
use crate::model::ReportStatus;

/// X-Mms-Response-Status of M-Send.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseStatus(pub u8);

/// X-Mms-Retrieve-Status of M-Retrieve.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RetrieveStatus(pub u8);

/// X-Mms-Status of M-NotifyResp.ind and M-Delivery.ind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MmsStatus(pub u8);

/// X-Mms-Read-Status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadStatus(pub u8);

/// X-Mms-MM-State of a message in the MMBox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MmState(pub u8);

/// X-Mms-Store-Status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreStatus(pub u8);

/// X-Mms-Cancel-Status of M-Cancel.conf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CancelStatus(pub u8);

/// What a status code means for the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// Done.
    Ok,
    /// May work later.
    Transient,
    /// Will not work.
    Permanent,
    /// 0xC4 of M-Send.conf: done for some recipients.
    Partial,
}

impl ResponseStatus {
    /// 0x80
    pub const OK: Self = Self(0x80);
    /// 0x86, of MMS 1.0
    pub const NETWORK_PROBLEM: Self = Self(0x86);
    /// 0xC0
    pub const TRANSIENT_FAILURE: Self = Self(0xC0);
    /// 0xC3
    pub const TRANSIENT_NETWORK_PROBLEM: Self = Self(0xC3);
    /// 0xC4
    pub const PARTIAL_SUCCESS: Self = Self(0xC4);
    /// 0xE0
    pub const PERMANENT_FAILURE: Self = Self(0xE0);
    /// 0xE1
    pub const SERVICE_DENIED: Self = Self(0xE1);
    /// 0xE2
    pub const FORMAT_CORRUPT: Self = Self(0xE2);
    /// 0xE3
    pub const ADDRESS_UNRESOLVED: Self = Self(0xE3);
    /// 0xE5
    pub const CONTENT_NOT_ACCEPTED: Self = Self(0xE5);
    /// 0xEB, of MMS 1.3
    pub const LACK_OF_PREPAID: Self = Self(0xEB);

    /// What it means for the sender; reserved codes by their range.
    #[must_use]
    pub const fn class(self) -> StatusClass {
        match self.0 {
            0x80 => StatusClass::Ok,
            0xC4 => StatusClass::Partial,
            0x86 | 0xC0..=0xDF => StatusClass::Transient,
            _ => StatusClass::Permanent,
        }
    }
}

impl RetrieveStatus {
    /// 0x80
    pub const OK: Self = Self(0x80);
    /// 0xC0
    pub const TRANSIENT_FAILURE: Self = Self(0xC0);
    /// 0xC1
    pub const TRANSIENT_MESSAGE_NOT_FOUND: Self = Self(0xC1);
    /// 0xC2
    pub const TRANSIENT_NETWORK_PROBLEM: Self = Self(0xC2);
    /// 0xE0
    pub const PERMANENT_FAILURE: Self = Self(0xE0);
    /// 0xE1
    pub const SERVICE_DENIED: Self = Self(0xE1);
    /// 0xE2
    pub const MESSAGE_NOT_FOUND: Self = Self(0xE2);
    /// 0xE3
    pub const CONTENT_UNSUPPORTED: Self = Self(0xE3);

    /// What it means for the one who retrieves; reserved codes by their range. An absent field
    /// means [`StatusClass::Ok`].
    #[must_use]
    pub const fn class(self) -> StatusClass {
        match self.0 {
            0x80 => StatusClass::Ok,
            0xC0..=0xDF => StatusClass::Transient,
            _ => StatusClass::Permanent,
        }
    }
}

impl MmsStatus {
    /// 0x80
    pub const EXPIRED: Self = Self(0x80);
    /// 0x81
    pub const RETRIEVED: Self = Self(0x81);
    /// 0x82
    pub const REJECTED: Self = Self(0x82);
    /// 0x83
    pub const DEFERRED: Self = Self(0x83);
    /// 0x84
    pub const UNRECOGNISED: Self = Self(0x84);
    /// 0x85
    pub const INDETERMINATE: Self = Self(0x85);
    /// 0x86
    pub const FORWARDED: Self = Self(0x86);
    /// 0x87
    pub const UNREACHABLE: Self = Self(0x87);

    /// The domain's word for it; `None` for a reserved code.
    #[must_use]
    pub const fn report(self) -> Option<ReportStatus> {
        match self {
            Self::EXPIRED => Some(ReportStatus::Expired),
            Self::RETRIEVED => Some(ReportStatus::Retrieved),
            Self::REJECTED => Some(ReportStatus::Rejected),
            Self::DEFERRED => Some(ReportStatus::Deferred),
            Self::UNRECOGNISED => Some(ReportStatus::Unrecognised),
            Self::INDETERMINATE => Some(ReportStatus::Indeterminate),
            Self::FORWARDED => Some(ReportStatus::Forwarded),
            Self::UNREACHABLE => Some(ReportStatus::Unreachable),
            _ => None,
        }
    }
}

impl From<ReportStatus> for MmsStatus {
    fn from(report: ReportStatus) -> Self {
        match report {
            ReportStatus::Expired => Self::EXPIRED,
            ReportStatus::Retrieved => Self::RETRIEVED,
            ReportStatus::Rejected => Self::REJECTED,
            ReportStatus::Deferred => Self::DEFERRED,
            ReportStatus::Unrecognised => Self::UNRECOGNISED,
            ReportStatus::Indeterminate => Self::INDETERMINATE,
            ReportStatus::Forwarded => Self::FORWARDED,
            ReportStatus::Unreachable => Self::UNREACHABLE,
        }
    }
}

impl ReadStatus {
    /// 0x80
    pub const READ: Self = Self(0x80);
    /// 0x81
    pub const DELETED_UNREAD: Self = Self(0x81);
}

impl MmState {
    /// 0x80
    pub const DRAFT: Self = Self(0x80);
    /// 0x81
    pub const SENT: Self = Self(0x81);
    /// 0x82
    pub const NEW: Self = Self(0x82);
    /// 0x83
    pub const RETRIEVED: Self = Self(0x83);
    /// 0x84
    pub const FORWARDED: Self = Self(0x84);
}

impl StoreStatus {
    /// 0x80
    pub const SUCCESS: Self = Self(0x80);

    /// What it means for the one who stores; reserved codes by their range.
    #[must_use]
    pub const fn class(self) -> StatusClass {
        match self.0 {
            0x80 => StatusClass::Ok,
            0xC0..=0xDF => StatusClass::Transient,
            _ => StatusClass::Permanent,
        }
    }
}

impl CancelStatus {
    /// 0x80
    pub const RECEIVED: Self = Self(0x80);
    /// 0x81
    pub const CORRUPTED: Self = Self(0x81);
}

macro_rules! words_of {
    ($($name:ident $field:ident)+) => {
        $(
            impl $name {
                /// The specification's word; for a reserved code the one as which it is to be read.
                #[must_use]
                pub fn name(self) -> &'static str {
                    field::$field.token_name(self.0).unwrap_or("reserved")
                }
            }

            impl fmt::Display for $name {
                /// The word and the code, for example `Error-service-denied (0x82)`.
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{} ({:#04x})", self.name(), self.0)
                }
            }
        )+
    };
}
words_of! {
    ResponseStatus RESPONSE_STATUS
    RetrieveStatus RETRIEVE_STATUS
    MmsStatus STATUS
    ReadStatus READ_STATUS
    MmState MM_STATE
    StoreStatus STORE_STATUS
    CancelStatus CANCEL_STATUS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_codes_fall_into_their_classes() {
        let class = |code| ResponseStatus(code).class();
        assert_eq!(class(0x80), StatusClass::Ok);
        assert_eq!(class(0xC4), StatusClass::Partial);
        for code in (0xC0..=0xDF).filter(|code| *code != 0xC4).chain([0x86]) {
            assert_eq!(class(code), StatusClass::Transient, "{code:#x}");
        }
        for code in (0x81..=0x85).chain([0x87, 0x88]).chain(0xE0..=0xFF) {
            assert_eq!(class(code), StatusClass::Permanent, "{code:#x}");
        }
    }

    #[test]
    fn retrieve_codes_fall_into_their_classes() {
        assert_eq!(RetrieveStatus(0x80).class(), StatusClass::Ok);
        assert_eq!(RetrieveStatus(0xDF).class(), StatusClass::Transient);
        assert_eq!(RetrieveStatus(0xE0).class(), StatusClass::Permanent);
        assert_eq!(RetrieveStatus(0xFF).class(), StatusClass::Permanent);
    }

    #[test]
    fn reserved_codes_take_the_name_of_their_range() {
        assert_eq!(ResponseStatus(0xC9).name(), "Error-transient-failure");
        assert_eq!(ResponseStatus(0xF0).name(), "Error-permanent-failure");
        assert_eq!(ResponseStatus(0xEB).to_string(), "Error-permanent-lack-of-prepaid (0xeb)");
    }

    #[test]
    fn report_words_and_codes_agree() {
        for code in 0x80..=0x87 {
            let report = MmsStatus(code).report().unwrap();
            assert_eq!(MmsStatus::from(report), MmsStatus(code));
            assert_eq!(MmsStatus(code).name().to_ascii_lowercase(), report.as_str());
        }
        assert_eq!(MmsStatus(0x88).report(), None);
    }
}
