//! What holds of warnings, errors and slices, whoever gives them.

use std::fmt::Debug;
use std::ops::Range;

use bytes::Bytes;
use mm1gate::codec::{DecodeError, Decoded, Node, Warning};

/// Warnings point into the input or right behind it, in order, and say something.
pub(crate) fn warnings(list: &[Warning], octets: &[u8]) {
    let mut last = 0;
    for warning in list {
        assert!(warning.offset <= octets.len(), "beyond {}: {warning:?}", octets.len());
        assert!(warning.offset >= last, "out of order: {list:?}");
        assert!(!warning.field.is_empty() && !warning.text.is_empty(), "{warning:?}");
        last = warning.offset;
    }
}

/// An error points into the input or right behind it and says something.
pub(crate) fn error(error: &DecodeError, octets: &[u8]) {
    assert!(error.offset <= octets.len(), "beyond {}: {error:?}", octets.len());
    assert!(!error.field.is_empty() && !error.kind.to_string().is_empty(), "{error:?}");
}

/// `part` is a slice of `whole`, not a copy.
pub(crate) fn slice_of(part: &Bytes, whole: &Bytes) {
    let (inner, outer) = (part.as_ptr_range(), whole.as_ptr_range());
    let inside = outer.start <= inner.start && inner.end <= outer.end;
    assert!(part.is_empty() || inside, "a copy of {} octets", part.len());
}

/// Whether the octets name an encoding that makes a copy of a part's body necessary.
pub(crate) fn names_transfer_encoding(octets: &[u8]) -> bool {
    let lower = octets.to_ascii_lowercase();
    let names = |name: &[u8]| lower.windows(name.len()).any(|window| window == name);
    names(b"base64") || names(b"quoted-printable")
}

/// What was read can be written and read, and from then on neither octets nor value change. Gives
/// what it settles on, with the warnings of its first reading.
pub(crate) fn settles<T: PartialEq + Debug>(
    value: &T,
    encode: impl Fn(&T) -> Bytes,
    decode: impl Fn(&Bytes) -> Result<Decoded<T>, DecodeError>,
) -> Decoded<T> {
    let read = |octets: &Bytes| {
        decode(octets).unwrap_or_else(|e| panic!("{e}: {octets:02X?} of {value:?}"))
    };
    let first = encode(value);
    let settled = read(&first);
    let second = encode(&settled.value);
    assert_eq!(second, first, "of {value:?}, then {:?}", settled.value);
    settled
}

/// The text without what no header can carry: control characters, and the byte order mark that
/// readers take off. Also without blanks at its ends.
pub(crate) fn bare(text: &str) -> String {
    let kept = |character: &char| !character.is_control() && *character != '\u{FEFF}';
    text.chars().filter(kept).collect::<String>().trim().to_owned()
}

/// The nodes lie within `from..to`, one behind the other (bits of one octet have its range), and
/// their children within them.
pub(crate) fn nodes(list: &[Node], from: usize, to: usize) {
    let mut last = from..from;
    for node in list {
        let Range { start, end } = node.range;
        let behind = last.end <= start || last == node.range;
        assert!(behind && start <= end && end <= to, "{last:?} {to}: {node:?}");
        assert!(!node.name.is_empty(), "{node:?}");
        nodes(&node.children, start, end);
        last = start..end;
    }
}
