//! URLs of MMSCs and messages (RFC 3986): kept as the operator wrote them as far as HTTP allows.

use std::net::IpAddr;

use hyper::Uri;

use crate::operators::parse::decimal_host;

/// Longest URL taken from a notification, octets: longer ones than a concatenated SMS can carry.
const MAX_URL: usize = 8 * 1024;

/// An absolute `http` or `https` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mm1) struct HttpUrl {
    uri: Uri,
    host: String,
    port: u16,
    secure: bool,
}

impl HttpUrl {
    /// Reads an absolute URL; blanks around it and octets that no URL has are forgiven.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(in crate::mm1) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.len() > MAX_URL {
            return Err(format!("it has more than {MAX_URL} octets"));
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let secure = match scheme.as_deref() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(format!("'{other}' is neither http nor https")),
            None => return Err("it does not begin with http:// or https://".to_owned()),
        };
        let uri: Uri = text
            .parse()
            .or_else(|_| escape(text).parse())
            .map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?;
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        let (host, port) =
            (host.to_owned(), uri.port_u16().unwrap_or_else(|| default_port(secure)));
        Ok(Self { uri, host, port, secure })
    }

    /// Reads a Content-Location: absolute, or relative to this URL of the MMSC (RFC 3986 clause
    /// 5.2), or an MMSC's own name without its scheme.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(in crate::mm1) fn join(&self, location: &str) -> Result<Self, String> {
        let location = location.trim();
        // A colon later on belongs to a query.
        let head = location.split(['/', '?', '#']).next().unwrap_or_default();
        if location.contains("://") && head.ends_with(':') {
            return Self::parse(location);
        }
        if location.is_empty() {
            return Err("it is empty".to_owned());
        }
        let scheme = if self.secure { "https" } else { "http" };
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        if head.eq_ignore_ascii_case(authority) || head.eq_ignore_ascii_case(&self.host) {
            return Self::parse(&format!("{scheme}://{location}"));
        }
        if location.starts_with('/') {
            return Self::parse(&format!("{scheme}://{authority}{location}"));
        }
        let path = self.uri.path();
        if location.starts_with('?') {
            return Self::parse(&format!("{scheme}://{authority}{path}{location}"));
        }
        let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
        Self::parse(&format!("{scheme}://{authority}{folder}{location}"))
    }

    /// Whether TLS is asked for.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Where to connect to without a proxy.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The request target towards a proxy (RFC 9112 clause 3.2.2).
    pub(super) fn absolute_form(&self) -> Uri {
        self.uri.clone()
    }

    /// The request target without a proxy (RFC 9112 clause 3.2.1).
    pub(super) fn origin_form(&self) -> Uri {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        target.parse().unwrap_or_default()
    }

    /// The target of a tunnel (RFC 9112 clause 3.2.3).
    pub(super) fn authority_form(&self) -> String {
        let host = self.uri.host().unwrap_or(&self.host);
        format!("{host}:{}", self.port)
    }

    /// The Host field: by name, whatever address the connection goes to.
    pub(super) fn host_field(&self) -> String {
        let host = self.uri.host().unwrap_or(&self.host);
        if self.port == default_port(self.secure) {
            host.to_owned()
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The address that a host is written as, if it is one; zeros in front are decimal.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    decimal_host(bare).parse().ok()
}

/// Percent-encodes what no URL may hold; what is encoded already stays.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).unwrap()
    }

    #[test]
    fn url_is_kept_as_written() {
        let url = url(" http://mmsr5:8002/a/b?message-id=1@x|y ");
        assert_eq!(url.absolute_form().to_string(), "http://mmsr5:8002/a/b?message-id=1@x|y");
        assert_eq!(url.origin_form().to_string(), "/a/b?message-id=1@x|y");
        assert_eq!(url.host_field(), "mmsr5:8002");
        assert_eq!(url.host_and_port(), ("mmsr5", 8002));
    }

    #[test]
    fn default_port_and_literal_addresses() {
        assert_eq!(url("HTTP://bl").host_field(), "bl");
        assert_eq!(url("http://bl").absolute_form().to_string(), "http://bl/");
        assert_eq!(url("http://bl:80/").host_field(), "bl");
        assert_eq!(url("http://[fd00::1]:81/").host_field(), "[fd00::1]:81");
        assert_eq!(url("http://[fd00::1]:81/").host_and_port(), ("fd00::1", 81));
        assert_eq!(address("192.168.094.023"), Some("192.168.94.23".parse().unwrap()));
        assert_eq!(address("fd00::1"), Some("fd00::1".parse().unwrap()));
        assert_eq!(address("mmsc"), None);
    }

    #[test]
    fn octets_that_no_url_has_are_escaped() {
        assert_eq!(
            url("http://a/b c\u{fc}%20").absolute_form().to_string(),
            "http://a/b%20c%C3%BC%20"
        );
    }

    #[test]
    fn unusable_urls_say_why() {
        let why = |text: &str| HttpUrl::parse(text).unwrap_err();
        assert!(why("mmsc/mms").contains("http://"));
        assert!(why("ftp://x/").contains("ftp"));
        assert!(why("").contains("empty"));
        assert!(!why("http:///x").is_empty());
    }

    #[test]
    fn relative_location_is_completed_against_the_mmsc() {
        let base = url("http://mmsc.example:8002/servlets/mms?x=1");
        let join = |location: &str| base.join(location).unwrap().absolute_form().to_string();
        assert_eq!(join("/got/1"), "http://mmsc.example:8002/got/1");
        assert_eq!(join("one?id=2"), "http://mmsc.example:8002/servlets/one?id=2");
        assert_eq!(join("?id=2"), "http://mmsc.example:8002/servlets/mms?id=2");
        assert_eq!(join("//other/1"), "http://other/1");
        assert_eq!(join("mmsc.example:8002/1"), "http://mmsc.example:8002/1");
        assert_eq!(join("http://bl/1"), "http://bl/1");
        assert_eq!(join("get?u=http://x/"), "http://mmsc.example:8002/servlets/get?u=http://x/");
        assert_eq!(join("https://x/1"), "https://x/1");
        assert!(base.join("ftp://x/").is_err());
    }

    #[test]
    fn https_has_its_own_port_and_keeps_its_scheme() {
        let base = url("https://mmsc.example/mms");
        assert!(base.is_secure() && !url("http://mmsc.example/").is_secure());
        assert_eq!(base.host_and_port(), ("mmsc.example", 443));
        assert_eq!(base.host_field(), "mmsc.example");
        assert_eq!(url("https://mmsc.example:80/").host_field(), "mmsc.example:80");
        assert_eq!(base.join("/1").unwrap().absolute_form().to_string(), "https://mmsc.example/1");
        assert!(base.join("mmsc.example/1").unwrap().is_secure());
        assert!(!base.join("http://mmsc.example/1").unwrap().is_secure(), "as the MMSC wrote it");
    }
}
