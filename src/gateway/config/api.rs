//! `[api]`: where the page and the API answer, and to whom.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::world::MAX_NETWORKS;
use super::{ConfigError, beside, value};
use crate::model::Network;

/// Who may ask over TCP, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiPolicy {
    /// Every request needs a token, on this machine too and while there is none yet.
    pub require_token: bool,
    /// Certificate chain and private key, PEM: TLS alone is spoken where they are given.
    pub tls: Option<TlsFiles>,
    /// The proxies that requests from elsewhere come by, and nobody else.
    pub trusted_proxies: Vec<IpAddr>,
    /// Tokens and messages may go over the network in clear text.
    pub plain_http: bool,
    /// Networks from which parts by URL are fetched, besides the public Internet.
    pub part_urls_allow: Vec<Network>,
}

/// Files for TLS, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApi {
    listen: Option<String>,
    #[serde(default)]
    require_token: bool,
    tls_certificate: Option<String>,
    tls_key: Option<String>,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default)]
    plain_http_beyond_this_machine: bool,
    #[serde(default)]
    part_urls_allow: Vec<String>,
}

/// The address to listen on, if one is given, and the policy.
pub(super) fn check(
    file: &str,
    raw: RawApi,
) -> Result<(Option<SocketAddr>, ApiPolicy), ConfigError> {
    let tls = match (raw.tls_certificate, raw.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificate: readable(file, "api.tls_certificate", certificate)?,
            key: readable(file, "api.tls_key", key)?,
        }),
        (None, None) => None,
        (certificate, _) => {
            let (missing, given) = match certificate {
                Some(_) => ("api.tls_key", "tls_certificate"),
                None => ("api.tls_certificate", "tls_key"),
            };
            return Err(ConfigError::Missing {
                file: file.to_owned(),
                key: missing.to_owned(),
                expected: format!("it belongs to {given}"),
            });
        }
    };
    let mut trusted_proxies = Vec::with_capacity(raw.trusted_proxies.len());
    for (index, text) in raw.trusted_proxies.iter().enumerate() {
        let expected = "the address of a proxy, for example 192.0.2.7";
        let key = format!("api.trusted_proxies[{index}]");
        trusted_proxies.push(text.parse().map_err(|_| value(file, key, text, expected))?);
    }
    if raw.part_urls_allow.len() > MAX_NETWORKS {
        let shown = raw.part_urls_allow.len().to_string();
        let expected = format!("at most {MAX_NETWORKS} networks");
        return Err(value(file, "api.part_urls_allow".to_owned(), &shown, &expected));
    }
    let mut part_urls_allow = Vec::with_capacity(raw.part_urls_allow.len());
    for (index, text) in raw.part_urls_allow.iter().enumerate() {
        part_urls_allow.push(text.parse().map_err(|expected: &str| {
            value(file, format!("api.part_urls_allow[{index}]"), text, expected)
        })?);
    }
    let policy = ApiPolicy {
        part_urls_allow,
        require_token: raw.require_token,
        tls,
        trusted_proxies,
        plain_http: raw.plain_http_beyond_this_machine,
    };
    let Some(text) = raw.listen else { return Ok((None, policy)) };
    let expected = "an address and a port, for example 127.0.0.1:8411";
    let listen: SocketAddr =
        text.parse().map_err(|_| value(file, "api.listen".to_owned(), &text, expected))?;
    let is_safe = policy.tls.is_some() || !policy.trusted_proxies.is_empty() || policy.plain_http;
    if listen.ip().is_loopback() || is_safe {
        return Ok((Some(listen), policy));
    }
    let expected = "beyond this machine (127.0.0.1 or [::1]) messages and tokens would go over the \
                    network in clear text: give tls_certificate and tls_key, or name in \
                    trusted_proxies the proxy that speaks TLS for the gateway, or insist with \
                    plain_http_beyond_this_machine = true";
    Err(value(file, "api.listen".to_owned(), &text, expected))
}

fn readable(file: &str, key: &str, given: String) -> Result<PathBuf, ConfigError> {
    let path = beside(file, PathBuf::from(&given));
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(value(file, key.to_owned(), &given, &error.to_string())),
    }
}
