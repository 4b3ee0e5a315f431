//! Who may ask: keeps other web sites out of a listener on the loopback (DNS rebinding, forged
//! cross-site requests), and the headers that every answer carries.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// From where requests come, and so how far they are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The socket in the data folder: only its owner can open it, no browser can.
    Socket,
    /// A TCP listener without sign-in: only requests addressed to the loopback or to the
    /// listener's own address, and no requests on behalf of other web sites.
    Tcp {
        /// Where it listens.
        listen: SocketAddr,
    },
}

/// Refuses what is not meant for us and completes the headers of what is.
pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let verdict = match access {
        Access::Socket => Ok(()),
        Access::Tcp { listen } => admit(&request, listen.ip()),
    };
    let mut response = match verdict {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

fn admit(request: &Request, listen: IpAddr) -> Result<(), Problem> {
    let headers = request.headers();
    let host = request
        .uri()
        .authority()
        .cloned()
        .or_else(|| text(headers, header::HOST).and_then(|host| host.parse().ok()));
    let Some(host) = host.filter(|host| is_local(host, listen)) else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "host-not-allowed",
            "this gateway answers on this machine only",
            "the request's Host header is neither a loopback name nor the listen address",
        )
        .hint("use http://127.0.0.1 or http://localhost with the gateway's port"));
    };
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let fetch_site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let foreign_site = fetch_site.is_some_and(|site| site != "same-origin" && site != "none");
    let foreign_origin = headers.contains_key(header::ORIGIN)
        && text(headers, header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .is_none_or(|(_, authority)| !authority.eq_ignore_ascii_case(host.as_str()));
    if foreign_site || foreign_origin {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-origin",
            "another web site may not do this",
            "the request was made on behalf of another web site",
        )
        .hint("use the gateway's own page, or a program that is not a browser"));
    }
    Ok(())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_local(authority: &Authority, listen: IpAddr) -> bool {
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|address| {
        address.to_canonical().is_loopback() || (address == listen && !listen.is_unspecified())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn verdict(method: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut request = axum::http::Request::builder().method(method).uri("/api/v1/messages");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let listen = "127.0.0.1".parse().expect("an address");
        admit(&request, listen).map_err(|problem| problem.code.into())
    }

    #[test]
    fn loopback_names_are_admitted() {
        for host in ["127.0.0.1:8411", "localhost:8411", "[::1]:8411", "LOCALHOST", "a.localhost"] {
            assert_eq!(verdict("GET", &[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn rebound_names_are_refused() {
        for host in ["evil.example:8411", "localhost.evil.example", "192.0.2.1", "0.0.0.0", ""] {
            assert_eq!(verdict("GET", &[("host", host)]), Err("host-not-allowed".into()), "{host}");
        }
        assert_eq!(verdict("GET", &[]), Err("host-not-allowed".into()));
    }

    #[test]
    fn post_for_another_site_is_refused() {
        let host = ("host", "127.0.0.1:8411");
        assert_eq!(verdict("POST", &[host]), Ok(()), "curl sends neither header");
        assert_eq!(verdict("POST", &[host, ("origin", "http://127.0.0.1:8411")]), Ok(()));
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "http://127.0.0.1:3000"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(
                verdict("POST", &[host, foreign]),
                Err("cross-origin".into()),
                "{foreign:?}"
            );
        }
    }
}
