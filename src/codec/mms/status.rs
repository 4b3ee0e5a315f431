//! Status codes (OMA-TS-MMS_ENC-V1_3 clauses 7.3.48, 7.3.50, 7.3.54, 7.3.37); reserved ranges act
//! as the specification maps them, and every octet survives a round trip.

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
}
