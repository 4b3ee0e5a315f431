//! Methods, status codes and abort reasons by number and name (WAP-230-WSP-20010705-a tables 34, 35
//! and 36).

use std::fmt;

/// PDU type of a method that sends no content: 0x40-0x5F, all in the form of Get (clause 8.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GetMethod(u8);

/// PDU type of a method that sends content: 0x60-0x7F, all in the form of Post (clause 8.2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PostMethod(u8);

/// Status of a Reply (table 36).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

/// Why a transaction was aborted or a session ended (table 35); a WTP abort of the type USER
/// carries one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AbortReason(pub u8);

impl GetMethod {
    /// 0x40
    pub const GET: Self = Self(0x40);
    /// 0x41
    pub const OPTIONS: Self = Self(0x41);
    /// 0x42
    pub const HEAD: Self = Self(0x42);
    /// 0x43
    pub const DELETE: Self = Self(0x43);
    /// 0x44
    pub const TRACE: Self = Self(0x44);

    /// The method of this PDU type, if it is one without content. 0x50-0x5F are given a meaning by
    /// the capability Extended Methods.
    #[must_use]
    pub const fn new(pdu_type: u8) -> Option<Self> {
        match pdu_type {
            0x40..=0x5F => Some(Self(pdu_type)),
            _ => None,
        }
    }

    /// The PDU type.
    #[must_use]
    pub const fn pdu_type(self) -> u8 {
        self.0
    }

    /// The name of a PDU in this form, as table 34 has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x40 => "Get",
            0x41 => "Options",
            0x42 => "Head",
            0x43 => "Delete",
            0x44 => "Trace",
            0x50..=0x5F => "Extended Method (Get PDU)",
            _ => "Unassigned (Get PDU)",
        }
    }
}

impl PostMethod {
    /// 0x60
    pub const POST: Self = Self(0x60);
    /// 0x61
    pub const PUT: Self = Self(0x61);

    /// The method of this PDU type, if it is one with content. 0x70-0x7F are given a meaning by the
    /// capability Extended Methods.
    #[must_use]
    pub const fn new(pdu_type: u8) -> Option<Self> {
        match pdu_type {
            0x60..=0x7F => Some(Self(pdu_type)),
            _ => None,
        }
    }

    /// The PDU type.
    #[must_use]
    pub const fn pdu_type(self) -> u8 {
        self.0
    }

    /// The name of a PDU in this form, as table 34 has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x60 => "Post",
            0x61 => "Put",
            0x70..=0x7F => "Extended Method (Post PDU)",
            _ => "Unassigned (Post PDU)",
        }
    }
}

/// Number, HTTP status and description.
const STATUSES: &[(u8, u16, &str)] = &[
    (0x10, 100, "Continue"),
    (0x11, 101, "Switching Protocols"),
    (0x20, 200, "OK"),
    (0x21, 201, "Created"),
    (0x22, 202, "Accepted"),
    (0x23, 203, "Non-Authoritative Information"),
    (0x24, 204, "No Content"),
    (0x25, 205, "Reset Content"),
    (0x26, 206, "Partial Content"),
    (0x30, 300, "Multiple Choices"),
    (0x31, 301, "Moved Permanently"),
    (0x32, 302, "Moved Temporarily"),
    (0x33, 303, "See Other"),
    (0x34, 304, "Not Modified"),
    (0x35, 305, "Use Proxy"),
    (0x36, 306, "reserved"),
    (0x37, 307, "Temporary Redirect"),
    (0x40, 400, "Bad Request"),
    (0x41, 401, "Unauthorized"),
    (0x42, 402, "Payment Required"),
    (0x43, 403, "Forbidden"),
    (0x44, 404, "Not Found"),
    (0x45, 405, "Method Not Allowed"),
    (0x46, 406, "Not Acceptable"),
    (0x47, 407, "Proxy Authentication Required"),
    (0x48, 408, "Request Timeout"),
    (0x49, 409, "Conflict"),
    (0x4A, 410, "Gone"),
    (0x4B, 411, "Length Required"),
    (0x4C, 412, "Precondition Failed"),
    (0x4D, 413, "Request Entity Too Large"),
    (0x4E, 414, "Request-URI Too Large"),
    (0x4F, 415, "Unsupported Media Type"),
    (0x50, 416, "Requested Range Not Satisfiable"),
    (0x51, 417, "Expectation Failed"),
    (0x60, 500, "Internal Server Error"),
    (0x61, 501, "Not Implemented"),
    (0x62, 502, "Bad Gateway"),
    (0x63, 503, "Service Unavailable"),
    (0x64, 504, "Gateway Timeout"),
    (0x65, 505, "HTTP Version Not Supported"),
];

impl Status {
    /// 0x20
    pub const OK: Self = Self(0x20);

    fn row(self) -> Option<&'static (u8, u16, &'static str)> {
        STATUSES.iter().find(|(number, ..)| *number == self.0)
    }

    /// The HTTP status that it stands for; `None` for a number without an assignment.
    #[must_use]
    pub fn http(self) -> Option<u16> {
        self.row().map(|(_, http, _)| *http)
    }

    /// The number for an HTTP status; `None` for one that table 36 does not have.
    #[must_use]
    pub fn from_http(http: u16) -> Option<Self> {
        STATUSES.iter().find(|(_, known, _)| *known == http).map(|(number, ..)| Self(*number))
    }

    /// The description in table 36, empty for a number without an assignment.
    #[must_use]
    pub fn description(self) -> &'static str {
        self.row().map_or("", |(.., description)| description)
    }
}

/// The HTTP status and its description, or the bare number.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some((_, http, description)) => write!(f, "{http} {description}"),
            None => write!(f, "{:#04x}", self.0),
        }
    }
}

/// Number, name and description.
const REASONS: &[(u8, &str, &str)] = &[
    (0xE0, "PROTOERR", "protocol error, the PDU was illegal"),
    (0xE1, "DISCONNECT", "the session was disconnected"),
    (0xE2, "SUSPEND", "the session was suspended"),
    (0xE3, "RESUME", "the session was resumed"),
    (0xE4, "CONGESTION", "the peer is congested"),
    (0xE5, "CONNECTERR", "the session could not be established"),
    (0xE6, "MRUEXCEEDED", "larger than the peer receives"),
    (0xE7, "MOREXCEEDED", "more requests at a time than the peer takes"),
    (0xE8, "PEERREQ", "the peer asked for it"),
    (0xE9, "NETERR", "network error"),
    (0xEA, "USERREQ", "the user asked for it"),
    (0xEB, "USERRFS", "the push was refused for good"),
    (0xEC, "USERPND", "the push cannot be delivered to where it is meant for"),
    (0xED, "USERDCR", "the push was discarded for want of resources"),
    (0xEE, "USERDCU", "the content type of the push cannot be processed"),
];

impl AbortReason {
    /// 0xE0
    pub const PROTOERR: Self = Self(0xE0);
    /// 0xE1
    pub const DISCONNECT: Self = Self(0xE1);
    /// 0xE2
    pub const SUSPEND: Self = Self(0xE2);
    /// 0xE3
    pub const RESUME: Self = Self(0xE3);
    /// 0xE4
    pub const CONGESTION: Self = Self(0xE4);
    /// 0xE5
    pub const CONNECTERR: Self = Self(0xE5);
    /// 0xE6
    pub const MRUEXCEEDED: Self = Self(0xE6);
    /// 0xE7
    pub const MOREXCEEDED: Self = Self(0xE7);
    /// 0xE8
    pub const PEERREQ: Self = Self(0xE8);
    /// 0xE9
    pub const NETERR: Self = Self(0xE9);
    /// 0xEA
    pub const USERREQ: Self = Self(0xEA);
    /// 0xEB
    pub const USERRFS: Self = Self(0xEB);
    /// 0xEC
    pub const USERPND: Self = Self(0xEC);
    /// 0xED
    pub const USERDCR: Self = Self(0xED);
    /// 0xEE
    pub const USERDCU: Self = Self(0xEE);

    /// The name in table 35; `None` for a number without an assignment.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        REASONS.iter().find(|(number, ..)| *number == self.0).map(|(_, name, _)| *name)
    }
}

/// The name and what it means, or the bare number.
impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match REASONS.iter().find(|(number, ..)| *number == self.0) {
            Some((_, name, meaning)) => write!(f, "{name}: {meaning}"),
            None => write!(f, "{:#04x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_goes_to_http_and_back() {
        for number in 0..=u8::MAX {
            let status = Status(number);
            match status.http() {
                Some(http) => assert_eq!(Status::from_http(http), Some(status)),
                None => assert_eq!(status.description(), ""),
            }
        }
        assert_eq!(Status::from_http(406), Some(Status(0x46)));
        assert_eq!(Status::from_http(416), Some(Status(0x50)));
        assert_eq!(Status::from_http(429), None);
        assert_eq!(Status(0x52).http(), None);
        assert_eq!(Status::OK.to_string(), "200 OK");
        assert_eq!(Status(0x0F).to_string(), "0x0f");
    }

    #[test]
    fn reasons_have_their_names() {
        assert_eq!(AbortReason::DISCONNECT.name(), Some("DISCONNECT"));
        assert_eq!(AbortReason(0xEE).name(), Some("USERDCU"));
        assert_eq!(AbortReason(0xEF).name(), None);
        assert_eq!(AbortReason(0xEF).to_string(), "0xef");
        assert!(AbortReason::NETERR.to_string().starts_with("NETERR: "));
    }

    #[test]
    fn methods_lie_in_their_ranges() {
        for pdu_type in 0..=u8::MAX {
            let get = GetMethod::new(pdu_type).map(GetMethod::pdu_type);
            let post = PostMethod::new(pdu_type).map(PostMethod::pdu_type);
            assert_eq!(get, (0x40..=0x5F).contains(&pdu_type).then_some(pdu_type));
            assert_eq!(post, (0x60..=0x7F).contains(&pdu_type).then_some(pdu_type));
        }
        assert_eq!(GetMethod::TRACE.name(), "Trace");
        assert_eq!(PostMethod::PUT.name(), "Put");
    }
}
