//! The signature of a webhook (Standard Webhooks 1.0, "Signature scheme"): HMAC-SHA256 over id, time
//! and body, so that whoever holds the secret knows who speaks, what was said, and that it is new.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::Timestamp;

/// The value of `webhook-signature`: one signature for each key, the newest first.
#[must_use]
pub fn sign<'a>(
    keys: impl IntoIterator<Item = &'a [u8]>,
    id: &str,
    at: Timestamp,
    body: &str,
) -> String {
    let mut value = String::new();
    for key in keys {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { continue };
        mac.update(format!("{id}.{}.{body}", at.as_secs()).as_bytes());
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str("v1,");
        value.push_str(&STANDARD.encode(mac.finalize().into_bytes()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the specification's own libraries.
    #[test]
    fn signature_is_that_of_the_specification() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_secs(1_614_265_330));
        let value = sign([&key[..]], id, at, r#"{"test": 2432232314}"#);
        assert_eq!(value, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = sign([b"new".as_slice(), &key], id, at, r#"{"test": 2432232314}"#);
        assert!(both.ends_with(&format!(" {value}")) && both.starts_with("v1,"), "{both}");
    }
}
