//! Every header field with a number (OMA-TS-MMS_ENC-V1_3 clauses 7.3 and 7.4): its name, the
//! version that introduced it and the form of its value.

use std::fmt;

use super::Version;

/// The form of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text-string. Octets that are no UTF-8 survive: see [`Value::Text`](super::Value::Text).
    Text,
    /// Encoded-string-value: text in any charset.
    Encoded,
    /// Encoded-string-value that is an address; the field is repeated for several.
    Address,
    /// From-value: an address, or the token that asks the MMSC to insert it.
    From,
    /// One octet of [`Field::tokens`]: Yes or No.
    YesNo,
    /// One octet of [`Field::tokens`].
    Token,
    /// Message-class-value: a token or a text.
    MessageClass,
    /// MMS-version-value.
    Version,
    /// Date-value: seconds since 1970, UTC.
    Date,
    /// An absolute time or a number of seconds from the arrival of the PDU.
    Time,
    /// Long-integer.
    Long,
    /// Integer-value.
    Integer,
    /// How often the message was forwarded, and by whom (clause 7.3.23).
    PreviouslySentBy,
    /// How often the message was forwarded, and when (clause 7.3.24).
    PreviouslySentDate,
    /// What to do with a keyword, and the keyword (clause 7.3.32).
    MmFlags,
    /// Messages or octets, and how many.
    Totals,
    /// The name of a field.
    FieldName,
    /// A reference to a part and parameters (clause 7.3.18).
    ElementDescriptor,
    /// A WSP Content-type-value; the last field of a PDU with a body.
    ContentType,
    /// Octets: a name to ask for in X-Mms-Attributes whose value the specification does not lay out.
    Opaque,
}

/// A header field with a number.
pub struct Field {
    /// The number without its high bit, 0x01 to 0x3F.
    pub code: u8,
    /// The name in the specification.
    pub name: &'static str,
    /// The version of the specification that introduced it.
    pub since: Version,
    /// How its value is laid out.
    pub form: Form,
    tokens: &'static [(u8, &'static str)],
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Field {}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Highest number of a field in OMA-TS-MMS_ENC-V1_3.
const LAST: usize = 0x3F;

impl Field {
    /// Every field, by number.
    #[must_use]
    pub const fn all() -> &'static [&'static Self] {
        ALL
    }

    /// The field of a number, given without its high bit.
    #[must_use]
    pub fn of_code(code: u8) -> Option<&'static Self> {
        BY_CODE.get(usize::from(code)).copied().flatten()
    }

    /// The field that a text names, in any case, with or without `X-Mms-`; X-Mms-Read-Report also by
    /// its name in MMS 1.0, X-Mms-Read-Reply.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Self> {
        let short = short_of(name);
        if short.eq_ignore_ascii_case("Read-Reply") {
            return Some(READ_REPORT);
        }
        ALL.iter().copied().find(|field| short_of(field.name).eq_ignore_ascii_case(short))
    }

    /// The name in lower case without `X-Mms-`, as JSON has it.
    #[must_use]
    pub fn json_name(&self) -> String {
        short_of(self.name).to_ascii_lowercase()
    }

    /// The octets that the specification names, each with its word. Codes that it reserves are not
    /// among them; [`Self::token_name`] tells how they are to be read.
    #[must_use]
    pub const fn tokens(&self) -> &'static [(u8, &'static str)] {
        self.tokens
    }

    /// The octet that a word of [`Self::tokens`] means, in any case.
    #[must_use]
    pub fn token(&self, word: &str) -> Option<u8> {
        let found = self.tokens.iter().find(|(_, known)| known.eq_ignore_ascii_case(word));
        found.map(|(code, _)| *code)
    }

    /// The word for an octet of this field; for a code that the specification reserves, the word as
    /// which it is to be read. `None` for one that means nothing.
    #[must_use]
    pub fn token_name(&self, code: u8) -> Option<&'static str> {
        let word_of =
            |code| self.tokens.iter().find(|(known, _)| *known == code).map(|(_, word)| *word);
        word_of(code).or_else(|| word_of(self.range_of(code)?))
    }

    /// Whether the octet is one that the specification names, and not merely reserves.
    #[must_use]
    pub fn is_named(&self, code: u8) -> bool {
        self.tokens.iter().any(|(known, _)| *known == code)
    }

    /// The code as which a reserved one is to be read (clauses 7.3.48 and 7.3.50, and in the same
    /// way X-Mms-Store-Status).
    fn range_of(&self, code: u8) -> Option<u8> {
        let ranged = [RESPONSE_STATUS, RETRIEVE_STATUS, STORE_STATUS].contains(&self);
        match code {
            0xC0..=0xDF if ranged => Some(0xC0),
            0x81.. if ranged => Some(0xE0),
            _ => None,
        }
    }
}

fn short_of(name: &str) -> &str {
    match name.get(..6) {
        Some(prefix) if prefix.eq_ignore_ascii_case("X-Mms-") => name.get(6..).unwrap_or(name),
        _ => name,
    }
}

macro_rules! fields {
    ($($constant:ident = $code:literal $name:literal $since:ident $form:ident $tokens:expr;)+) => {
        $(
            #[doc = concat!($name, ", ", stringify!($code), ".")]
            pub const $constant: &Field = &Field {
                code: $code,
                name: $name,
                since: Version::$since,
                form: Form::$form,
                tokens: $tokens,
            };
        )+
        const ALL: &[&Field] = &[$($constant,)+];
    };
}

const BY_CODE: [Option<&Field>; LAST + 1] = {
    let mut table = [None; LAST + 1];
    let mut at = 0;
    while at < ALL.len() {
        table[ALL[at].code as usize] = Some(ALL[at]);
        at += 1;
    }
    table
};

const YES_NO: &[(u8, &str)] = &[(0x80, "Yes"), (0x81, "No")];

fields! {
    BCC = 0x01 "Bcc" V1_0 Address &[];
    CC = 0x02 "Cc" V1_0 Address &[];
    CONTENT_LOCATION = 0x03 "X-Mms-Content-Location" V1_0 Text &[];
    CONTENT_TYPE = 0x04 "Content-Type" V1_0 ContentType &[];
    DATE = 0x05 "Date" V1_0 Date &[];
    DELIVERY_REPORT = 0x06 "X-Mms-Delivery-Report" V1_0 YesNo YES_NO;
    DELIVERY_TIME = 0x07 "X-Mms-Delivery-Time" V1_0 Time &[];
    EXPIRY = 0x08 "X-Mms-Expiry" V1_0 Time &[];
    FROM = 0x09 "From" V1_0 From &[];
    MESSAGE_CLASS = 0x0A "X-Mms-Message-Class" V1_0 MessageClass &[
        (0x80, "Personal"), (0x81, "Advertisement"), (0x82, "Informational"), (0x83, "Auto"),
    ];
    MESSAGE_ID = 0x0B "Message-ID" V1_0 Text &[];
    MESSAGE_TYPE = 0x0C "X-Mms-Message-Type" V1_0 Token MESSAGE_TYPES;
    MMS_VERSION = 0x0D "X-Mms-MMS-Version" V1_0 Version &[];
    MESSAGE_SIZE = 0x0E "X-Mms-Message-Size" V1_0 Long &[];
    PRIORITY = 0x0F "X-Mms-Priority" V1_0 Token &[(0x80, "Low"), (0x81, "Normal"), (0x82, "High")];
    READ_REPORT = 0x10 "X-Mms-Read-Report" V1_0 YesNo YES_NO;
    REPORT_ALLOWED = 0x11 "X-Mms-Report-Allowed" V1_0 YesNo YES_NO;
    RESPONSE_STATUS = 0x12 "X-Mms-Response-Status" V1_0 Token RESPONSE_STATUSES;
    RESPONSE_TEXT = 0x13 "X-Mms-Response-Text" V1_0 Encoded &[];
    SENDER_VISIBILITY = 0x14 "X-Mms-Sender-Visibility" V1_0 Token &[(0x80, "Hide"), (0x81, "Show")];
    STATUS = 0x15 "X-Mms-Status" V1_0 Token &[
        (0x80, "Expired"), (0x81, "Retrieved"), (0x82, "Rejected"), (0x83, "Deferred"),
        (0x84, "Unrecognised"), (0x85, "Indeterminate"), (0x86, "Forwarded"), (0x87, "Unreachable"),
    ];
    SUBJECT = 0x16 "Subject" V1_0 Encoded &[];
    TO = 0x17 "To" V1_0 Address &[];
    TRANSACTION_ID = 0x18 "X-Mms-Transaction-Id" V1_0 Text &[];
    RETRIEVE_STATUS = 0x19 "X-Mms-Retrieve-Status" V1_1 Token RETRIEVE_STATUSES;
    RETRIEVE_TEXT = 0x1A "X-Mms-Retrieve-Text" V1_1 Encoded &[];
    READ_STATUS = 0x1B "X-Mms-Read-Status" V1_1 Token &[
        (0x80, "Read"), (0x81, "Deleted without being read"),
    ];
    REPLY_CHARGING = 0x1C "X-Mms-Reply-Charging" V1_1 Token &[
        (0x80, "Requested"), (0x81, "Requested text only"), (0x82, "Accepted"),
        (0x83, "Accepted text only"),
    ];
    REPLY_CHARGING_DEADLINE = 0x1D "X-Mms-Reply-Charging-Deadline" V1_1 Time &[];
    REPLY_CHARGING_ID = 0x1E "X-Mms-Reply-Charging-ID" V1_1 Text &[];
    REPLY_CHARGING_SIZE = 0x1F "X-Mms-Reply-Charging-Size" V1_1 Long &[];
    PREVIOUSLY_SENT_BY = 0x20 "X-Mms-Previously-Sent-By" V1_1 PreviouslySentBy &[];
    PREVIOUSLY_SENT_DATE = 0x21 "X-Mms-Previously-Sent-Date" V1_1 PreviouslySentDate &[];
    STORE = 0x22 "X-Mms-Store" V1_2 YesNo YES_NO;
    MM_STATE = 0x23 "X-Mms-MM-State" V1_2 Token &[
        (0x80, "Draft"), (0x81, "Sent"), (0x82, "New"), (0x83, "Retrieved"), (0x84, "Forwarded"),
    ];
    MM_FLAGS = 0x24 "X-Mms-MM-Flags" V1_2 MmFlags &[(0x80, "Add"), (0x81, "Remove"), (0x82, "Filter")];
    STORE_STATUS = 0x25 "X-Mms-Store-Status" V1_2 Token STORE_STATUSES;
    STORE_STATUS_TEXT = 0x26 "X-Mms-Store-Status-Text" V1_2 Encoded &[];
    STORED = 0x27 "X-Mms-Stored" V1_2 YesNo YES_NO;
    ATTRIBUTES = 0x28 "X-Mms-Attributes" V1_2 FieldName &[];
    TOTALS = 0x29 "X-Mms-Totals" V1_2 YesNo YES_NO;
    MBOX_TOTALS = 0x2A "X-Mms-Mbox-Totals" V1_2 Totals UNITS;
    QUOTAS = 0x2B "X-Mms-Quotas" V1_2 YesNo YES_NO;
    MBOX_QUOTAS = 0x2C "X-Mms-Mbox-Quotas" V1_2 Totals UNITS;
    MESSAGE_COUNT = 0x2D "X-Mms-Message-Count" V1_2 Integer &[];
    CONTENT = 0x2E "Content" V1_2 Opaque &[];
    START = 0x2F "X-Mms-Start" V1_2 Integer &[];
    ADDITIONAL_HEADERS = 0x30 "Additional-headers" V1_2 Opaque &[];
    DISTRIBUTION_INDICATOR = 0x31 "X-Mms-Distribution-Indicator" V1_2 YesNo YES_NO;
    ELEMENT_DESCRIPTOR = 0x32 "X-Mms-Element-Descriptor" V1_2 ElementDescriptor &[];
    LIMIT = 0x33 "X-Mms-Limit" V1_2 Integer &[];
    RECOMMENDED_RETRIEVAL_MODE = 0x34 "X-Mms-Recommended-Retrieval-Mode" V1_3 Token &[
        (0x80, "Manual"),
    ];
    RECOMMENDED_RETRIEVAL_MODE_TEXT = 0x35 "X-Mms-Recommended-Retrieval-Mode-Text" V1_3 Encoded &[];
    STATUS_TEXT = 0x36 "X-Mms-Status-Text" V1_3 Encoded &[];
    APPLIC_ID = 0x37 "X-Mms-Applic-ID" V1_3 Text &[];
    REPLY_APPLIC_ID = 0x38 "X-Mms-Reply-Applic-ID" V1_3 Text &[];
    AUX_APPLIC_INFO = 0x39 "X-Mms-Aux-Applic-Info" V1_3 Text &[];
    CONTENT_CLASS = 0x3A "X-Mms-Content-Class" V1_3 Token &[
        (0x80, "text"), (0x81, "image-basic"), (0x82, "image-rich"), (0x83, "video-basic"),
        (0x84, "video-rich"), (0x85, "megapixel"), (0x86, "content-basic"), (0x87, "content-rich"),
    ];
    DRM_CONTENT = 0x3B "X-Mms-DRM-Content" V1_3 YesNo YES_NO;
    ADAPTATION_ALLOWED = 0x3C "X-Mms-Adaptation-Allowed" V1_3 YesNo YES_NO;
    REPLACE_ID = 0x3D "X-Mms-Replace-ID" V1_3 Text &[];
    CANCEL_ID = 0x3E "X-Mms-Cancel-ID" V1_3 Text &[];
    CANCEL_STATUS = 0x3F "X-Mms-Cancel-Status" V1_3 Token &[
        (0x80, "Cancel request successfully received"), (0x81, "Cancel request corrupted"),
    ];
}

const UNITS: &[(u8, &str)] = &[(0x80, "Messages"), (0x81, "Octets")];

const MESSAGE_TYPES: &[(u8, &str)] = &[
    (0x80, "m-send.req"),
    (0x81, "m-send.conf"),
    (0x82, "m-notification.ind"),
    (0x83, "m-notifyresp.ind"),
    (0x84, "m-retrieve.conf"),
    (0x85, "m-acknowledge.ind"),
    (0x86, "m-delivery.ind"),
    (0x87, "m-read-rec.ind"),
    (0x88, "m-read-orig.ind"),
    (0x89, "m-forward.req"),
    (0x8A, "m-forward.conf"),
    (0x8B, "m-mbox-store.req"),
    (0x8C, "m-mbox-store.conf"),
    (0x8D, "m-mbox-view.req"),
    (0x8E, "m-mbox-view.conf"),
    (0x8F, "m-mbox-upload.req"),
    (0x90, "m-mbox-upload.conf"),
    (0x91, "m-mbox-delete.req"),
    (0x92, "m-mbox-delete.conf"),
    (0x93, "m-mbox-descr"),
    (0x94, "m-delete.req"),
    (0x95, "m-delete.conf"),
    (0x96, "m-cancel.req"),
    (0x97, "m-cancel.conf"),
];

/// The codes up to 0x88 are those of MMS 1.0.
const RESPONSE_STATUSES: &[(u8, &str)] = &[
    (0x80, "Ok"),
    (0x81, "Error-unspecified"),
    (0x82, "Error-service-denied"),
    (0x83, "Error-message-format-corrupt"),
    (0x84, "Error-sending-address-unresolved"),
    (0x85, "Error-message-not-found"),
    (0x86, "Error-network-problem"),
    (0x87, "Error-content-not-accepted"),
    (0x88, "Error-unsupported-message"),
    (0xC0, "Error-transient-failure"),
    (0xC1, "Error-transient-sending-address-unresolved"),
    (0xC2, "Error-transient-message-not-found"),
    (0xC3, "Error-transient-network-problem"),
    (0xC4, "Error-transient-partial-success"),
    (0xE0, "Error-permanent-failure"),
    (0xE1, "Error-permanent-service-denied"),
    (0xE2, "Error-permanent-message-format-corrupt"),
    (0xE3, "Error-permanent-sending-address-unresolved"),
    (0xE4, "Error-permanent-message-not-found"),
    (0xE5, "Error-permanent-content-not-accepted"),
    (0xE6, "Error-permanent-reply-charging-limitations-not-met"),
    (0xE7, "Error-permanent-reply-charging-request-not-accepted"),
    (0xE8, "Error-permanent-reply-charging-forwarding-denied"),
    (0xE9, "Error-permanent-reply-charging-not-supported"),
    (0xEA, "Error-permanent-address-hiding-not-supported"),
    (0xEB, "Error-permanent-lack-of-prepaid"),
];

const RETRIEVE_STATUSES: &[(u8, &str)] = &[
    (0x80, "Ok"),
    (0xC0, "Error-transient-failure"),
    (0xC1, "Error-transient-message-not-found"),
    (0xC2, "Error-transient-network-problem"),
    (0xE0, "Error-permanent-failure"),
    (0xE1, "Error-permanent-service-denied"),
    (0xE2, "Error-permanent-message-not-found"),
    (0xE3, "Error-permanent-content-unsupported"),
];

const STORE_STATUSES: &[(u8, &str)] = &[
    (0x80, "Success"),
    (0xC0, "Error-transient-failure"),
    (0xC1, "Error-transient-network-problem"),
    (0xE0, "Error-permanent-failure"),
    (0xE1, "Error-permanent-service-denied"),
    (0xE2, "Error-permanent-message-format-corrupt"),
    (0xE3, "Error-permanent-message-not-found"),
    (0xE4, "Error-permanent-mmbox-full"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_specification_has_its_field() {
        let codes: Vec<u8> = Field::all().iter().map(|field| field.code).collect();
        assert_eq!(codes, (0x01..=0x3F).collect::<Vec<u8>>());
        for field in Field::all() {
            assert_eq!(Field::of_code(field.code), Some(*field));
        }
        assert_eq!(
            (Field::of_code(0), Field::of_code(0x40), Field::of_code(0xFF)),
            (None, None, None)
        );
    }

    #[test]
    fn versions_are_those_of_the_specifications() {
        for field in Field::all() {
            let since = match field.code {
                0x01..=0x18 => Version::V1_0,
                0x19..=0x21 => Version::V1_1,
                0x22..=0x33 => Version::V1_2,
                _ => Version::V1_3,
            };
            assert_eq!(field.since, since, "{}", field.name);
        }
    }

    #[test]
    fn names_lead_back_to_their_fields() {
        for field in Field::all() {
            assert_eq!(Field::of_name(field.name), Some(*field));
            assert_eq!(Field::of_name(&field.json_name()), Some(*field));
            assert_eq!(Field::of_name(&field.name.to_ascii_uppercase()), Some(*field));
        }
        assert_eq!(TRANSACTION_ID.json_name(), "transaction-id");
        assert_eq!(Field::of_name("X-Mms-Read-Reply"), Some(READ_REPORT));
        assert_eq!((Field::of_name("x-mms-"), Field::of_name("")), (None, None));
    }

    #[test]
    fn words_lead_back_to_their_octets() {
        for field in Field::all() {
            for (code, word) in field.tokens() {
                assert_eq!(field.token(word), Some(*code));
                assert_eq!(field.token_name(*code), Some(*word));
            }
        }
    }

    #[test]
    fn reserved_codes_are_read_as_the_specification_says() {
        for (field, last_transient, last_permanent) in [
            (RESPONSE_STATUS, 0xC4, 0xEB),
            (RETRIEVE_STATUS, 0xC2, 0xE3),
            (STORE_STATUS, 0xC1, 0xE4),
        ] {
            for code in last_transient + 1..=0xDF {
                assert_eq!(field.token_name(code), Some("Error-transient-failure"), "{code:#x}");
                assert!(!field.is_named(code));
            }
            for code in (last_permanent + 1..=0xFF).chain(0x89..=0xBF) {
                assert_eq!(field.token_name(code), Some("Error-permanent-failure"), "{code:#x}");
                assert!(!field.is_named(code));
            }
        }
        for field in [STATUS, READ_STATUS, CANCEL_STATUS, PRIORITY, STORE] {
            assert_eq!(field.token_name(0xC5), None, "{}", field.name);
        }
    }
}
