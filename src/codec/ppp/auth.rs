//! Contents of authentication packets: PAP (RFC 1334 section 2.2), CHAP (RFC 1994 section 4).

use md5::{Digest, Md5};

use crate::codec::{DecodeError, DecodeErrorKind};

/// The data of a PAP Authenticate-Request.
#[derive(Clone, PartialEq, Eq)]
pub struct PapRequest {
    /// Peer-ID; at most 255 octets are sent.
    pub peer_id: Vec<u8>,
    /// Password; at most 255 octets are sent.
    pub password: Vec<u8>,
}

impl std::fmt::Debug for PapRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PapRequest")
            .field("peer_id", &String::from_utf8_lossy(&self.peer_id))
            .finish_non_exhaustive()
    }
}

impl PapRequest {
    /// Reads the data of the packet.
    ///
    /// # Errors
    /// When a length goes beyond the input.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let (peer_id, rest) = counted("Peer-ID", data, 0)?;
        let (password, _) = counted("Password", rest, data.len() - rest.len())?;
        Ok(Self { peer_id: peer_id.to_vec(), password: password.to_vec() })
    }

    /// The data of the packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for field in [&self.peer_id, &self.password] {
            put_counted(field, &mut data);
        }
        data
    }
}

/// The data of a CHAP Challenge or Response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChapPacket {
    /// The challenge, or the 16 octets of the response; at most 255 octets are sent.
    pub value: Vec<u8>,
    /// Who is speaking.
    pub name: Vec<u8>,
}

impl ChapPacket {
    /// Reads the data of the packet.
    ///
    /// # Errors
    /// When the value goes beyond the input.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let (value, name) = counted("Value", data, 0)?;
        Ok(Self { value: value.to_vec(), name: name.to_vec() })
    }

    /// The data of the packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut data = Vec::new();
        put_counted(&self.value, &mut data);
        data.extend_from_slice(&self.name);
        data
    }
}

/// The response to a challenge (RFC 1994 section 4.1): MD5 over identifier, secret, challenge.
#[must_use]
pub fn chap_md5_response(identifier: u8, secret: &[u8], challenge: &[u8]) -> [u8; 16] {
    let mut hash = Md5::new();
    hash.update([identifier]);
    hash.update(secret);
    hash.update(challenge);
    hash.finalize().into()
}

/// The words of a PAP Ack or Nak: with their length, or, as some peers send them, without.
/// CHAP Success and Failure have no length; for those use the data as it is.
#[must_use]
pub fn auth_message(data: &[u8]) -> String {
    let words = match counted("Message", data, 0) {
        Ok((words, [])) => words,
        _ => data,
    };
    String::from_utf8_lossy(words).trim_matches(|c: char| c.is_control() || c == ' ').to_owned()
}

fn counted<'a>(
    field: &'static str,
    octets: &'a [u8],
    offset: usize,
) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
    let error = |kind| DecodeError { field, offset, kind };
    let (&length, rest) = octets.split_first().ok_or_else(|| error(DecodeErrorKind::Truncated))?;
    rest.split_at_checked(usize::from(length))
        .ok_or_else(|| error(DecodeErrorKind::LengthExceedsInput { declared: usize::from(length) }))
}

fn put_counted(field: &[u8], out: &mut Vec<u8>) {
    let field = field.get(..255).unwrap_or(field);
    out.push(u8::try_from(field.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(field);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pap_request_is_read_and_written() {
        let wire = b"\x02u1\x06s3cret";
        let request = PapRequest::decode(wire).unwrap();
        assert_eq!((&request.peer_id[..], &request.password[..]), (&b"u1"[..], &b"s3cret"[..]));
        assert_eq!(request.encode(), wire);
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn pap_request_that_ends_inside_the_password_is_an_error() {
        assert_eq!(
            PapRequest::decode(b"\x02u1\x06s3").map_err(|e| (e.field, e.offset)),
            Err(("Password", 3))
        );
    }

    #[test]
    fn chap_response_is_md5_of_identifier_secret_and_challenge() {
        // MD5("message digest") of RFC 1321 appendix A.5, cut as identifier, secret, challenge.
        assert_eq!(
            hex::encode(chap_md5_response(b'm', b"essage", b" digest")),
            "f96b697d7cb7938d525a2f31aaf161d0"
        );
    }

    #[test]
    fn message_is_read_with_and_without_its_length() {
        assert_eq!(auth_message(b"\x0bLogin wrong"), "Login wrong");
        assert_eq!(auth_message(b"Login wrong\r\n"), "Login wrong");
        assert_eq!(auth_message(b"\x00"), "");
        assert_eq!(auth_message(b""), "");
    }

    proptest! {
        #[test]
        fn any_octets_decode_or_fail(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = auth_message(&data);
            if let Ok(packet) = ChapPacket::decode(&data) {
                prop_assert_eq!(packet.encode(), data.clone());
            }
            if let Ok(request) = PapRequest::decode(&data) {
                prop_assert!(data.starts_with(&request.encode()));
            }
        }
    }
}
