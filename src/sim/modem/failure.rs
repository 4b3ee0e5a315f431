//! Error codes of the equipment and of messages, as numbers and as words (3GPP TS 27.007 clause
//! 9.2, TS 27.005 clause 3.2.5).

/// Why a command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// ERROR, whatever `+CMEE` says.
    Plain,
    /// `+CME ERROR`
    Cme(u16),
    /// `+CMS ERROR`
    Cms(u16),
    /// NO CARRIER
    NoCarrier,
}

pub(super) const OPERATION_NOT_ALLOWED: Failure = Failure::Cme(3);
pub(super) const NOT_SUPPORTED: Failure = Failure::Cme(4);
pub(super) const SIM_NOT_INSERTED: Failure = Failure::Cme(10);
pub(super) const PIN_REQUIRED: Failure = Failure::Cme(11);
pub(super) const PUK_REQUIRED: Failure = Failure::Cme(12);
pub(super) const SIM_BUSY: Failure = Failure::Cme(14);
pub(super) const MEMORY_FULL: Failure = Failure::Cme(20);
pub(super) const INVALID_INDEX: Failure = Failure::Cme(21);
pub(super) const TEXT_TOO_LONG: Failure = Failure::Cme(24);
pub(super) const NUMBER_TOO_LONG: Failure = Failure::Cme(26);
pub(super) const INCORRECT_PASSWORD: Failure = Failure::Cme(16);
pub(super) const NOT_FOUND: Failure = Failure::Cme(22);
pub(super) const NO_NETWORK: Failure = Failure::Cme(30);
pub(super) const INVALID_PARAMETER: Failure = Failure::Cme(50);

pub(super) const CMS_NOT_ALLOWED: Failure = Failure::Cms(302);
pub(super) const CMS_NOT_SUPPORTED: Failure = Failure::Cms(303);
pub(super) const CMS_INVALID_PDU: Failure = Failure::Cms(304);
pub(super) const CMS_INVALID_TEXT_MODE: Failure = Failure::Cms(305);
pub(super) const CMS_INVALID_INDEX: Failure = Failure::Cms(321);
pub(super) const CMS_STORAGE_FULL: Failure = Failure::Cms(322);
pub(super) const CMS_NO_SERVICE: Failure = Failure::Cms(331);
pub(super) const CMS_NO_ACK_EXPECTED: Failure = Failure::Cms(340);
pub(super) const CMS_UNKNOWN: Failure = Failure::Cms(500);

pub(super) const fn cme_text(code: u16) -> &'static str {
    match code {
        3 => "operation not allowed",
        4 => "operation not supported",
        10 => "SIM not inserted",
        11 => "SIM PIN required",
        12 => "SIM PUK required",
        13 => "SIM failure",
        14 => "SIM busy",
        15 => "SIM wrong",
        16 => "incorrect password",
        20 => "memory full",
        21 => "invalid index",
        22 => "not found",
        24 => "text string too long",
        25 => "invalid characters in text string",
        26 => "dial string too long",
        30 => "no network service",
        31 => "network timeout",
        32 => "network not allowed - emergency calls only",
        50 => "incorrect parameters",
        103 => "Illegal MS",
        107 => "GPRS services not allowed",
        132 => "service option not supported",
        133 => "requested service option not subscribed",
        134 => "service option temporarily out of order",
        148 => "unspecified GPRS error",
        149 => "PDP authentication failure",
        _ => "unknown",
    }
}

pub(super) const fn cms_text(code: u16) -> &'static str {
    match code {
        300 => "ME failure",
        301 => "SMS service of ME reserved",
        302 => "operation not allowed",
        303 => "operation not supported",
        304 => "invalid PDU mode parameter",
        305 => "invalid text mode parameter",
        310 => "SIM not inserted",
        311 => "SIM PIN required",
        314 => "SIM busy",
        316 => "SIM PUK required",
        320 => "memory failure",
        321 => "invalid memory index",
        322 => "memory full",
        330 => "SMSC address unknown",
        331 => "no network service",
        332 => "network timeout",
        340 => "no +CNMA acknowledgement expected",
        _ => "unknown error",
    }
}
