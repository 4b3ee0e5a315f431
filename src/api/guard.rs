//! What every request passes: who asks, other web sites kept out (DNS rebinding, forged cross-site
//! requests), and the headers that every answer carries.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{self, Caller, Refusal};
use super::problem::Problem;
use crate::gateway::Gateway;

/// From where requests come, and so how far they are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The socket in the data folder: only its owner can open it, no browser can.
    Socket,
    /// A TCP listener: no requests on behalf of other web sites, and without a token only those
    /// addressed to the loopback or to the listener's own address.
    Tcp {
        /// Where it listens.
        listen: SocketAddr,
    },
}

/// What the guard needs to know.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) access: Access,
    pub(super) gateway: Gateway,
}

/// What only a proxy adds: the request began on another machine.
const FORWARDED: &[&str] =
    &["forwarded", "x-forwarded-for", "x-forwarded-host", "via", "x-real-ip"];

/// Notes who asks, refuses what is not meant for us, and completes the headers of what is.
pub(super) async fn guard(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    let verdict = match guard.access {
        Access::Socket => Ok(Caller::Owner),
        Access::Tcp { listen } => {
            let known = auth::identify(&guard.gateway, request.headers()).await;
            admit(&guard.gateway, &request, known, listen.ip())
        }
    };
    let mut response = match verdict {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
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

fn admit(
    gateway: &Gateway,
    request: &Request,
    known: Option<Caller>,
    listen: IpAddr,
) -> Result<Caller, Problem> {
    let host = host_of(request);
    let caller = match known {
        Some(caller) => caller,
        None if needs_token(gateway, request.headers(), listen) => Caller::Nobody(Refusal::Missing),
        None => Caller::Local,
    };
    // A name that another site had resolve to this machine finds no credentials in a browser: it is
    // harmless where a token is asked for.
    if matches!(caller, Caller::Local) {
        check_host(host.as_ref(), listen)?;
    }
    check_origin(request, host.as_ref())?;
    Ok(caller)
}

fn needs_token(gateway: &Gateway, headers: &HeaderMap, listen: IpAddr) -> bool {
    !listen.is_loopback()
        || gateway.config().api.require_token
        || gateway.access().has_tokens()
        || FORWARDED.iter().any(|name| headers.contains_key(*name))
}

fn host_of(request: &Request) -> Option<Authority> {
    let given = text(request.headers(), header::HOST).and_then(|host| host.parse().ok());
    request.uri().authority().cloned().or(given)
}

fn check_host(host: Option<&Authority>, listen: IpAddr) -> Result<(), Problem> {
    if host.is_some_and(|host| is_local(host, listen)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "host-not-allowed",
        "this gateway answers on this machine only",
        "the request's Host header is neither a loopback name nor the listen address",
    )
    .hint("use http://127.0.0.1 or http://localhost with the gateway's port, or a token"))
}

fn check_origin(request: &Request, host: Option<&Authority>) -> Result<(), Problem> {
    let headers = request.headers();
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    // A proxy may ask us under another name than it is asked itself.
    let outside = headers.get("x-forwarded-host").and_then(|value| value.to_str().ok());
    let is_own = |authority: &str| {
        let by_host = host.is_some_and(|host| authority.eq_ignore_ascii_case(host.as_str()));
        by_host || outside.is_some_and(|name| authority.eq_ignore_ascii_case(name.trim()))
    };
    let fetch_site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let foreign_site = fetch_site.is_some_and(|site| site != "same-origin" && site != "none");
    let foreign_origin = headers.contains_key(header::ORIGIN)
        && text(headers, header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .is_none_or(|(_, authority)| !is_own(authority));
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
        let host = host_of(&request);
        check_host(host.as_ref(), listen)
            .and_then(|()| check_origin(&request, host.as_ref()))
            .map_err(|problem| problem.code.into())
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
