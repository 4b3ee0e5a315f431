//! What the codes of TPDUs mean, for people (3GPP TS 23.040 clauses 9.2.3.9, .15, .19, .22 and .24).

/// What a status says about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusOutcome {
    /// The transaction is completed.
    Completed,
    /// A temporary error; the service centre still tries.
    StillTrying,
    /// A permanent error; the service centre tries no more.
    PermanentError,
    /// A temporary error; the service centre tries no more.
    GaveUp,
}

/// What TP-Status says. Reserved values count as "service rejected" (0x63), as clause 9.2.3.15
/// says; those that belong to a service centre count by their group.
#[must_use]
pub const fn status_outcome(status: u8) -> StatusOutcome {
    match status {
        0x00..=0x02 | 0x10..=0x1f => StatusOutcome::Completed,
        0x20..=0x25 | 0x30..=0x3f => StatusOutcome::StillTrying,
        0x40..=0x49 | 0x50..=0x5f => StatusOutcome::PermanentError,
        _ => StatusOutcome::GaveUp,
    }
}

/// The words of the specification for a TP-Status.
#[must_use]
pub const fn status_name(status: u8) -> &'static str {
    match status {
        0x00 => "received by the recipient",
        0x01 => "forwarded, delivery cannot be confirmed",
        0x02 => "replaced by the service centre",
        0x20 => "congestion, still trying",
        0x21 => "recipient busy, still trying",
        0x22 => "no response from the recipient, still trying",
        0x23 => "service rejected, still trying",
        0x24 => "quality of service not available, still trying",
        0x25 => "error in the recipient, still trying",
        0x40 => "remote procedure error",
        0x41 => "incompatible destination",
        0x42 => "connection rejected by the recipient",
        0x43 => "not obtainable",
        0x44 => "quality of service not available",
        0x45 => "no interworking available",
        0x46 => "validity period expired",
        0x47 => "deleted by the sender",
        0x48 => "deleted by the service centre's administration",
        0x49 => "the message does not exist",
        0x60 => "congestion, given up",
        0x61 => "recipient busy, given up",
        0x62 => "no response from the recipient, given up",
        0x63 => "service rejected, given up",
        0x64 => "quality of service not available, given up",
        0x65 => "error in the recipient, given up",
        0x10..=0x1f | 0x30..=0x3f | 0x50..=0x5f | 0x70..=0x7f => "specific to the service centre",
        _ => "reserved, counts as service rejected",
    }
}

/// The words of the specification for a TP-Failure-Cause.
#[must_use]
pub const fn failure_cause_name(cause: u8) -> &'static str {
    match cause {
        0x80 => "telematic interworking not supported",
        0x81 => "short message type 0 not supported",
        0x82 => "cannot replace short message",
        0x8f => "unspecified TP-PID error",
        0x90 => "data coding scheme not supported",
        0x91 => "message class not supported",
        0x9f => "unspecified TP-DCS error",
        0xa0 => "command cannot be actioned",
        0xa1 => "command unsupported",
        0xaf => "unspecified TP-Command error",
        0xb0 => "TPDU not supported",
        0xc0 => "service centre busy",
        0xc1 => "no subscription at the service centre",
        0xc2 => "service centre system failure",
        0xc3 => "invalid address",
        0xc4 => "destination barred",
        0xc5 => "duplicate rejected",
        0xc6 => "TP-VPF not supported",
        0xc7 => "TP-VP not supported",
        0xd0 => "SIM storage full",
        0xd1 => "no storage on the SIM",
        0xd2 => "error in the mobile",
        0xd3 => "memory capacity exceeded",
        0xd4 => "SIM application toolkit busy",
        0xd5 => "SIM data download error",
        0xe0..=0xfe => "specific to the application",
        0xff => "unspecified error",
        _ => "reserved",
    }
}

/// The words of the specification for a TP-Command-Type.
#[must_use]
pub const fn command_type_name(command_type: u8) -> &'static str {
    match command_type {
        0x00 => "enquiry",
        0x01 => "cancel status report request",
        0x02 => "delete the message",
        0x03 => "enable status report request",
        0xe0..=0xff => "specific to the service centre",
        _ => "reserved",
    }
}

/// The words of the specification for a TP-Protocol-Identifier.
#[must_use]
pub const fn protocol_identifier_name(pid: u8) -> &'static str {
    match pid {
        0x00..=0x1f => "short message",
        0x20 => "telematic: as the service centre chooses",
        0x21 => "telex",
        0x22 => "group 3 telefax",
        0x23 => "group 4 telefax",
        0x24 => "voice telephone",
        0x25 => "ERMES",
        0x26 => "national paging system",
        0x27 => "videotex",
        0x28 => "teletex, carrier unspecified",
        0x29 => "teletex over PSPDN",
        0x2a => "teletex over CSPDN",
        0x2b => "teletex over PSTN",
        0x2c => "teletex over ISDN",
        0x2d => "UCI",
        0x30 => "message handling facility",
        0x31 => "X.400",
        0x32 => "Internet e-mail",
        0x38..=0x3e => "telematic, specific to the service centre",
        0x3f => "GSM or UMTS mobile station",
        0x40 => "short message type 0",
        0x41 => "replace short message type 1",
        0x42 => "replace short message type 2",
        0x43 => "replace short message type 3",
        0x44 => "replace short message type 4",
        0x45 => "replace short message type 5",
        0x46 => "replace short message type 6",
        0x47 => "replace short message type 7",
        0x48 => "device triggering",
        0x5e => "enhanced message service",
        0x5f => "return call message",
        0x7c => "ANSI-136 R-DATA",
        0x7d => "mobile equipment data download",
        0x7e => "mobile equipment de-personalisation",
        0x7f => "SIM data download",
        0xc0..=0xff => "specific to the service centre",
        _ => "reserved",
    }
}

/// The words of the specification for an Information Element Identifier.
#[must_use]
pub const fn element_name(id: u8) -> &'static str {
    match id {
        0x00 => "Concatenated short messages, 8-bit reference number",
        0x01 => "Special SMS Message Indication",
        0x04 => "Application port addressing scheme, 8 bit address",
        0x05 => "Application port addressing scheme, 16 bit address",
        0x06 => "SMSC Control Parameters",
        0x07 => "UDH Source Indicator",
        0x08 => "Concatenated short message, 16-bit reference number",
        0x09 => "Wireless Control Message Protocol",
        0x0a => "Text Formatting",
        0x0b => "Predefined Sound",
        0x0c => "User Defined Sound",
        0x0d => "Predefined Animation",
        0x0e => "Large Animation",
        0x0f => "Small Animation",
        0x10 => "Large Picture",
        0x11 => "Small Picture",
        0x12 => "Variable Picture",
        0x13 => "User prompt indicator",
        0x14 => "Extended Object",
        0x15 => "Reused Extended Object",
        0x16 => "Compression Control",
        0x17 => "Object Distribution Indicator",
        0x18 => "Standard WVG object",
        0x19 => "Character Size WVG object",
        0x1a => "Extended Object Data Request Command",
        0x20 => "RFC 5322 E-Mail Header",
        0x21 => "Hyperlink format element",
        0x22 => "Reply Address Element",
        0x23 => "Enhanced Voice Mail Information",
        0x24 => "National Language Single Shift",
        0x25 => "National Language Locking Shift",
        0x70..=0x7f => "(U)SIM Toolkit Security Header",
        0x80..=0x9f => "SME to SME specific use",
        0xc0..=0xdf => "SC specific use",
        _ => "Reserved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_statuses_count_as_service_rejected() {
        for (status, outcome) in [
            (0x00, StatusOutcome::Completed),
            (0x03, StatusOutcome::GaveUp),
            (0x1f, StatusOutcome::Completed),
            (0x20, StatusOutcome::StillTrying),
            (0x26, StatusOutcome::GaveUp),
            (0x30, StatusOutcome::StillTrying),
            (0x46, StatusOutcome::PermanentError),
            (0x4a, StatusOutcome::GaveUp),
            (0x5f, StatusOutcome::PermanentError),
            (0x63, StatusOutcome::GaveUp),
            (0x80, StatusOutcome::GaveUp),
            (0xff, StatusOutcome::GaveUp),
        ] {
            assert_eq!(status_outcome(status), outcome, "{status:#04x}");
        }
        assert_eq!(status_name(0x4a), status_name(0xff));
    }
}
