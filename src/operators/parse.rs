//! Settings as people write them: each function takes the text of one key and says what is wrong
//! with it.

use std::net::{IpAddr, Ipv4Addr};

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::{AckMode, Auth, FromMode, SettingsError, TransportChoice};

/// Smallest and largest sensible limit of a whole PDU, octets: from the smallest operator limit
/// known (30 KB, an early conformance class) down a little, and up to Android's hard cap.
const MESSAGE_SIZES: std::ops::RangeInclusive<i64> = 10_240..=8_388_608;

/// An access point name: it goes into an AT command, so nothing but what a name may have
/// (3GPP TS 23.003 clause 9.1).
///
/// # Errors
/// When it is empty or has other characters.
pub fn apn(text: &str) -> Result<String, SettingsError> {
    let text = text.trim();
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b".-_".contains(&octet);
    if text.is_empty() || text.len() > 100 || !text.bytes().all(allowed) {
        let reason = "the operator's access point name for MMS, for example \"mms.example\"";
        return Err(error("apn", text, reason));
    }
    Ok(text.to_owned())
}

/// `IP`, `IPV6` or `IPV4V6`.
///
/// # Errors
/// When it is anything else.
pub fn pdp_type(text: &str) -> Result<String, SettingsError> {
    let upper = text.trim().to_ascii_uppercase();
    match upper.as_str() {
        "IP" | "IPV6" | "IPV4V6" => Ok(upper),
        _ => Err(error("pdp_type", text, "one of IP, IPV6 and IPV4V6")),
    }
}

/// A PPP user name or password: the length octet of PAP holds 255.
///
/// # Errors
/// When it is too long or could not stand in an AT command, where modems want it too.
pub fn credential(key: &'static str, text: &str, secret: bool) -> Result<String, SettingsError> {
    let allowed = |octet: u8| (octet.is_ascii_graphic() || octet == b' ') && octet != b'"';
    if text.len() > 255 || !text.bytes().all(allowed) {
        let shown = if secret { "***" } else { text };
        let reason = "at most 255 letters, digits and signs of ASCII without quotation marks";
        return Err(error(key, shown, reason));
    }
    Ok(text.to_owned())
}

/// `none`, `pap`, `chap` or `any`.
///
/// # Errors
/// When it is anything else.
pub fn auth(text: &str) -> Result<Auth, SettingsError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "any" => Ok(Auth::Any),
        "none" => Ok(Auth::None),
        "pap" => Ok(Auth::Pap),
        "chap" => Ok(Auth::Chap),
        _ => Err(error("auth", text, "one of none, pap, chap and any")),
    }
}

/// The MMSC's URL; blanks around it, common in published settings, are dropped.
///
/// # Errors
/// When it is no `http` or `https` URL.
pub fn mmsc(text: &str) -> Result<String, SettingsError> {
    let text = text.trim();
    let expected = "the URL of the operator's MMSC, for example \"http://mmsc.example/mms\"";
    if text.is_empty() {
        return Err(error("mmsc", text, expected));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(error("mmsc", text, expected));
    };
    let scheme = scheme.to_ascii_lowercase();
    let known = matches!(scheme.as_str(), "http" | "https");
    if !known || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(error("mmsc", text, expected));
    }
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0));
    if !is_host(host) || !port_fits {
        return Err(error("mmsc", text, expected));
    }
    let host = decimal_host(host);
    Ok(match port {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    })
}

/// The WAP proxy as `host:port`; empty means none. Zeros in front of the numbers of an address,
/// common in published settings, are decimal and dropped.
///
/// # Errors
/// When it has no port, or the port of a WAP gateway that speaks through WTLS.
pub fn proxy(text: &str) -> Result<Option<(String, u16)>, SettingsError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(None);
    }
    // People paste what their operator's page shows.
    let bare = trimmed.strip_prefix("http://").unwrap_or(trimmed).trim_end_matches('/');
    let expected = "host and port of the operator's WAP proxy, for example \"10.0.0.1:8080\", or \
                    \"\" for none";
    let Some((host, port)) = bare.rsplit_once(':') else {
        return Err(error("proxy", text, expected));
    };
    let port = match port.parse::<u16>() {
        Ok(port) if port != 0 => port,
        _ => return Err(error("proxy", text, expected)),
    };
    if matches!(port, 9202 | 9203) {
        let reason = format!(
            "port {port} is WSP over WTLS, the encryption of WAP 1.x, which mm1gate does not speak; \
             the same gateway without it answers at port {}, and most such operators have an HTTP \
             proxy at that address (port 8080 or 80)",
            port - 2
        );
        return Err(error("proxy", text, &reason));
    }
    if !is_host(host) {
        return Err(error("proxy", text, expected));
    }
    Ok(Some((decimal_host(host), port)))
}

/// A user name for HTTP's Basic scheme (RFC 7617 clause 2).
///
/// # Errors
/// When it has a colon, which ends the name on the wire, or what no header may have.
pub fn proxy_user(text: &str) -> Result<String, SettingsError> {
    let text = credential("proxy_user", text, false)?;
    if text.is_empty() || text.contains(':') {
        return Err(error("proxy_user", &text, "the proxy's user name, without a colon"));
    }
    Ok(text)
}

/// Certificates of authorities in PEM (RFC 7468), as DER; `key` names the file in complaints.
///
/// # Errors
/// When there is none, or one that no authority could have.
pub fn authorities(
    key: &'static str,
    file: &str,
    pem: &[u8],
) -> Result<Vec<Vec<u8>>, SettingsError> {
    let unusable = |reason: String| error(key, file, &reason);
    let mut found = Vec::new();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| unusable(format!("a file in PEM format: {error}")))?;
        roots
            .add(certificate.clone())
            .map_err(|error| unusable(format!("certificates of authorities: {error}")))?;
        found.push(certificate.to_vec());
    }
    if found.is_empty() {
        return Err(unusable("a file with \"-----BEGIN CERTIFICATE-----\" in it".to_owned()));
    }
    Ok(found)
}

/// The SHA-256 of a certificate in hexadecimal digits, with or without colons, as `openssl x509
/// -fingerprint -sha256` writes it.
///
/// # Errors
/// When it is anything else.
pub fn fingerprint(text: &str) -> Result<[u8; 32], SettingsError> {
    let digits = text.rsplit('=').next().unwrap_or_default();
    let digits: String = digits.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
    let octets = hex::decode(digits).ok().and_then(|octets| octets.try_into().ok());
    octets.ok_or_else(|| {
        let expected =
            "the SHA-256 of the certificate, 64 hexadecimal digits with or without colons";
        error("mmsc_fingerprint", text, expected)
    })
}

/// `auto`, `http` or `wap`.
///
/// # Errors
/// When it is anything else.
pub fn transport(text: &str) -> Result<TransportChoice, SettingsError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" => Ok(TransportChoice::Auto),
        "http" => Ok(TransportChoice::Http),
        "wap" => Ok(TransportChoice::Wap),
        _ => Err(error("transport", text, "one of auto, http and wap")),
    }
}

/// The operator's limit of a whole PDU in octets.
///
/// # Errors
/// When it is out of proportion.
pub fn max_message_size(octets: i64) -> Result<usize, SettingsError> {
    match usize::try_from(octets) {
        Ok(size) if MESSAGE_SIZES.contains(&octets) => Ok(size),
        _ => {
            let reason = format!(
                "octets from {} to {}, for example 307200 for 300 KB",
                MESSAGE_SIZES.start(),
                MESSAGE_SIZES.end()
            );
            Err(error("max_message_size", &octets.to_string(), &reason))
        }
    }
}

/// Most recipients in one PDU.
///
/// # Errors
/// When it is out of proportion.
pub fn max_recipients(count: i64) -> Result<usize, SettingsError> {
    match usize::try_from(count) {
        Ok(count @ 1..=200) => Ok(count),
        _ => Err(error("max_recipients", &count.to_string(), "a number from 1 to 200")),
    }
}

/// The value of a request header.
///
/// # Errors
/// When it has control characters.
pub fn header_value(key: &'static str, text: &str) -> Result<String, SettingsError> {
    if text.len() > 1_000 || !text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()) {
        return Err(error(key, text, "printable ASCII on one line, at most 1000 characters"));
    }
    Ok(text.to_owned())
}

/// The name of a request header (RFC 9110 clause 5.6.2).
///
/// # Errors
/// When it is no token.
pub fn header_name(key: &'static str, text: &str) -> Result<String, SettingsError> {
    let token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    if text.is_empty() || text.len() > 100 || !text.bytes().all(token) {
        return Err(error(key, text, "the name of a header, for example \"x-wap-profile\""));
    }
    Ok(text.to_owned())
}

/// What a template of [`header_template`] may hold.
const MACROS: &[&str] = &["{LINE1}", "{LINE1NOCC}", "{IMSI}", "{NAI}"];

/// The value of a request header in which the SIM's number and IMSI are filled in.
///
/// # Errors
/// As [`header_value`], and when it holds a macro that nobody fills in.
pub fn header_template(key: &'static str, text: &str) -> Result<String, SettingsError> {
    let text = header_value(key, text)?;
    let mut rest = text.as_str();
    while let Some((_, tail)) = rest.split_once('{') {
        let (name, after) = tail.split_once('}').unwrap_or((tail, ""));
        let looks_like_one = name.bytes().all(|octet| octet.is_ascii_alphanumeric());
        if looks_like_one && !MACROS.contains(&format!("{{{name}}}").as_str()) {
            let expected =
                format!("a text in which nothing but {} is filled in", MACROS.join(", "));
            return Err(error(key, &text, &expected));
        }
        rest = after;
    }
    Ok(text)
}

/// Headers that this program writes itself: a second one would change what a request means.
const RESERVED: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "expect",
    "te",
    "trailer",
    "upgrade",
];

/// The name of a further request header.
///
/// # Errors
/// As [`header_name`], and for those that are not the configuration's to set.
pub fn extra_header_name(key: &'static str, text: &str) -> Result<String, SettingsError> {
    let name = header_name(key, text)?;
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        let expected = "a header other than those that mm1gate writes by itself (see \
                        connection_close and content_type_charset)";
        return Err(error(key, text, expected));
    }
    Ok(name)
}

/// `insert` or `number`.
///
/// # Errors
/// When it is anything else.
pub fn from_mode(text: &str) -> Result<FromMode, SettingsError> {
    match text {
        "insert" => Ok(FromMode::Insert),
        "number" => Ok(FromMode::Number),
        _ => Err(error("from", text, "one of insert and number")),
    }
}

/// `notify-resp`, `acknowledge` or `both`.
///
/// # Errors
/// When it is anything else.
pub fn ack_mode(text: &str) -> Result<AckMode, SettingsError> {
    match text {
        "notify-resp" => Ok(AckMode::NotifyResp),
        "acknowledge" => Ok(AckMode::Acknowledge),
        "both" => Ok(AckMode::Both),
        _ => Err(error("ack", text, "one of notify-resp, acknowledge and both")),
    }
}

/// `1.0` to `1.3`.
///
/// # Errors
/// When it is anything else.
pub fn mms_version(text: &str) -> Result<(u8, u8), SettingsError> {
    match text {
        "1.0" => Ok((1, 0)),
        "1.1" => Ok((1, 1)),
        "1.2" => Ok((1, 2)),
        "1.3" => Ok((1, 3)),
        _ => Err(error("mms_version", text, "one of 1.0, 1.1, 1.2 and 1.3")),
    }
}

/// A code that asks the network something (3GPP TS 22.090), such as `*100#`.
///
/// # Errors
/// When it has anything but digits, `*` and `#`, or more than 40 of them.
pub fn ussd(text: &str) -> Result<String, SettingsError> {
    let text = text.trim();
    let allowed = |octet: u8| octet.is_ascii_digit() || b"*#".contains(&octet);
    if !(2..=40).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(error("balance_code", text, "digits, * and #, for example \"*100#\""));
    }
    Ok(text.to_owned())
}

/// The address of a name server.
///
/// # Errors
/// When it is no IP address.
pub fn name_server(text: &str) -> Result<IpAddr, SettingsError> {
    decimal_host(text.trim())
        .parse()
        .map_err(|_| error("name_servers", text, "IP addresses, for example \"10.0.0.53\""))
}

fn is_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(v6) = bare {
        return v6.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet))
}

/// An IPv4 address without zeros in front of its numbers; anything else as it is.
#[must_use]
pub fn decimal_host(host: &str) -> String {
    let numbers: Vec<Option<u8>> = host
        .split('.')
        .map(|text| {
            let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        })
        .collect();
    match numbers.as_slice() {
        [Some(a), Some(b), Some(c), Some(d)] => Ipv4Addr::new(*a, *b, *c, *d).to_string(),
        _ => host.to_owned(),
    }
}

fn error(key: &'static str, value: &str, reason: &str) -> SettingsError {
    SettingsError { key, value: value.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_address_with_leading_zeros_is_decimal() {
        assert_eq!(proxy("192.168.094.023:08080"), Ok(Some(("192.168.94.23".to_owned(), 8080))));
        assert_eq!(proxy(" http://proxy.example:80/ "), Ok(Some(("proxy.example".into(), 80))));
        assert_eq!(proxy("  "), Ok(None));
        assert!(proxy("10.0.0.1:0").is_err());
    }

    #[test]
    fn wap_gateways_are_taken_and_those_with_wtls_refused_by_name() {
        assert_eq!(proxy("010.0.0.1:9201"), Ok(Some(("10.0.0.1".into(), 9201))));
        assert_eq!(proxy("10.0.0.1:9200"), Ok(Some(("10.0.0.1".into(), 9200))));
        for (port, plain) in [(9202, "9200"), (9203, "9201")] {
            let told = proxy(&format!("10.0.0.1:{port}")).unwrap_err().to_string();
            assert!(told.contains("WTLS") && told.contains(plain), "{told}");
        }
        assert_eq!(transport("WAP"), Ok(TransportChoice::Wap));
        assert!(transport("wsp").unwrap_err().to_string().contains("auto, http and wap"));
    }

    #[test]
    fn mmsc_url_is_trimmed_and_checked() {
        assert_eq!(
            mmsc(" http://mmsc.example:8002/mms "),
            Ok("http://mmsc.example:8002/mms".into())
        );
        assert_eq!(mmsc("http://010.1.2.3"), Ok("http://10.1.2.3/".into()));
        assert_eq!(mmsc("http://[fd00::1]:80/"), Ok("http://[fd00::1]:80/".into()));
        for bad in ["", "mmsc.example", "ftp://x/", "http://", "http://a b/", "http://a:99999/"] {
            assert!(mmsc(bad).is_err(), "{bad}");
        }
        assert_eq!(mmsc("HTTPS://mmsc.example/"), Ok("https://mmsc.example/".into()));
    }

    #[test]
    fn fingerprint_is_read_as_tools_write_it() {
        let plain = "0a".repeat(32);
        let colons = vec!["0A"; 32].join(":");
        assert_eq!(fingerprint(&plain), Ok([10; 32]));
        assert_eq!(fingerprint(&format!("sha256 Fingerprint={colons}")), Ok([10; 32]));
        assert!(fingerprint("0a0a").unwrap_err().to_string().contains("64 hexadecimal digits"));
    }

    #[test]
    fn file_without_certificates_is_no_file_of_authorities() {
        assert!(
            authorities("mmsc_ca_file", "ca.pem", b"")
                .unwrap_err()
                .to_string()
                .contains("BEGIN CERTIFICATE")
        );
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(authorities("mmsc_ca_file", "ca.pem", broken).is_err());
    }

    #[test]
    fn proxy_user_ends_before_its_colon() {
        assert_eq!(proxy_user("shop"), Ok("shop".into()));
        assert!(proxy_user("shop:1").is_err() && proxy_user("").is_err());
    }

    #[test]
    fn apn_cannot_leave_its_at_command() {
        assert!(apn("mms\",\"x").is_err());
        assert!(apn("mms.example\r").is_ok(), "blanks around it are dropped");
        assert!(apn("a\rb").is_err());
    }

    #[test]
    fn secret_is_not_repeated_in_the_complaint() {
        let text = credential("password", "hidden\n", true).unwrap_err().to_string();
        assert!(!text.contains("hidden"));
    }
}
