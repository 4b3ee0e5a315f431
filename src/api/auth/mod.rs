//! Who asks, and whether that one may: tokens with scopes (RFC 6750), or the place from which the
//! request comes.
//!
//! * The socket in the data folder is the owner's: everything is allowed.
//! * A listener on the loopback lets everybody on this machine do everything but `admin`, until the
//!   first token exists or the configuration has `require_token`. What a proxy forwards is not from
//!   this machine.
//! * Everywhere else, and from then on, each request needs a token: `Authorization: Bearer`, or
//!   Basic with the token as password, which is what browsers can ask for.

mod scope;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::problem::Problem;
use crate::gateway::Gateway;
use crate::model::Origin;
use crate::store::TokenRecord;

pub use scope::Scope;

/// Longest credentials looked at, octets.
const MAX_CREDENTIALS: usize = 512;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// Whoever may open the socket in the data folder.
    Owner,
    /// Somebody on this machine, while no token is asked for.
    Local,
    /// Somebody with a token that holds.
    Token(Box<TokenRecord>),
    /// Somebody without a token where one is needed, or with one that does not hold.
    Nobody(Refusal),
}

/// Why nobody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There are no credentials.
    Missing,
    /// These are none of ours, or of a token that was revoked.
    Wrong,
    /// The token's time is over.
    Expired,
}

impl Caller {
    /// Whether this one may do what the scope stands for.
    pub(super) fn may(&self, scope: Scope) -> bool {
        match self {
            Self::Owner => true,
            Self::Local => scope != Scope::Admin,
            Self::Token(token) => {
                token.scopes.iter().any(|name| name == scope.name() || name == Scope::Admin.name())
            }
            Self::Nobody(_) => false,
        }
    }

    /// The account in whose name it asks; whoever has one sees that one's messages alone.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::Token(token) => token.account.as_deref(),
            _ => None,
        }
    }

    /// The account in whose name messages are handed in, and what that may.
    pub(super) fn origin(&self, gateway: &Gateway) -> Origin {
        let name = self.account().map(str::to_owned);
        let account = name.as_deref().and_then(|name| gateway.access().account(name));
        Origin {
            account: name,
            modems: account.map(|account| account.modems).unwrap_or_default(),
            once: None,
            dropped: None,
        }
    }
}

/// Who asks, by what the request brings along; `None` when it brings nothing.
pub(super) async fn identify(gateway: &Gateway, headers: &HeaderMap) -> Option<Caller> {
    let given = headers.get(header::AUTHORIZATION)?;
    let Some(text) = given.to_str().ok().and_then(token_in) else {
        return Some(Caller::Nobody(Refusal::Wrong));
    };
    Some(by_token(gateway, &text).await)
}

/// Whose token this is.
pub(super) async fn by_token(gateway: &Gateway, text: &str) -> Caller {
    let now = gateway.now();
    match gateway.access().find(text) {
        None => Caller::Nobody(Refusal::Wrong),
        Some(token) if token.expires_at.is_some_and(|at| at <= now) => {
            Caller::Nobody(Refusal::Expired)
        }
        Some(token) => {
            if let Err(error) = gateway.access().used(&token, now).await {
                tracing::warn!(%error, "the use of a token is not on record");
            }
            Caller::Token(Box::new(token))
        }
    }
}

/// Lets a request pass whose caller has the scope.
pub(super) async fn require(scope: Scope, request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>() {
        Some(caller) => match check(caller, scope) {
            Ok(()) => next.run(request).await,
            Err(problem) => refuse(*problem, request.headers()),
        },
        None => refuse(missing(), request.headers()),
    }
}

/// Lets a request pass whose caller has the scope for reading or changing settings, by its method.
pub(super) async fn settings(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let scope = if reads { Scope::SettingsRead } else { Scope::SettingsManage };
    require(scope, request, next).await
}

/// Whether a caller has a scope.
pub(super) fn check(caller: &Caller, scope: Scope) -> Result<(), Box<Problem>> {
    if caller.may(scope) {
        return Ok(());
    }
    Err(Box::new(match caller {
        Caller::Nobody(Refusal::Missing) => missing(),
        Caller::Nobody(Refusal::Wrong) => Problem::new(
            StatusCode::UNAUTHORIZED,
            "token-unknown",
            "this token is not known",
            "the request's credentials are no token of this gateway",
        )
        .hint("`mm1gate token list` shows the tokens that hold, `mm1gate token create` makes one"),
        Caller::Nobody(Refusal::Expired) => Problem::new(
            StatusCode::UNAUTHORIZED,
            "token-expired",
            "this token's time is over",
            "the request's token holds no longer",
        )
        .hint("make a new one: mm1gate token create"),
        _ => Problem::new(
            StatusCode::FORBIDDEN,
            "scope-missing",
            "this token does not allow that",
            format!("this needs a token with the scope '{}'", scope.name()),
        )
        .hint(format!("mm1gate token create --scope {}", scope.name())),
    }))
}

/// The answer to somebody who may not, with what a browser needs to ask for a password.
pub(super) fn refuse(problem: Problem, headers: &HeaderMap) -> Response {
    let unauthorized = problem.status() == StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if unauthorized {
        let is_browser = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        // Programs are not asked for Basic: a browser's script would make a dialogue pop up.
        let challenge = if is_browser {
            "Basic realm=\"mm1gate: any name, a token as password\", charset=\"UTF-8\""
        } else {
            "Bearer realm=\"mm1gate\""
        };
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

fn missing() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "token-missing",
        "this needs a token",
        "the request has no Authorization header",
    )
    .hint("make one with `mm1gate token create` and send it as 'Authorization: Bearer mm1_...'")
}

/// The token in an Authorization header.
fn token_in(value: &str) -> Option<String> {
    if value.len() > MAX_CREDENTIALS {
        return None;
    }
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(rest.trim()).ok()?;
        let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        return Some(password.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_read_from_both_schemes() {
        assert_eq!(token_in("Bearer mm1_x").as_deref(), Some("mm1_x"));
        assert_eq!(token_in("bearer  mm1_x ").as_deref(), Some("mm1_x"));
        let basic = format!("Basic {}", STANDARD.encode("anybody:mm1_x:y"));
        assert_eq!(token_in(&basic).as_deref(), Some("mm1_x:y"));
        for wrong in ["mm1_x", "Basic !", "Digest x", "", "Basic bW0x"] {
            assert_eq!(token_in(wrong), None, "{wrong}");
        }
        assert_eq!(token_in(&format!("Bearer {}", "x".repeat(600))), None);
    }

    #[test]
    fn admin_is_everything_and_nothing_else_is_admin() {
        let token = |scope: &str| {
            Caller::Token(Box::new(TokenRecord {
                id: "x".to_owned(),
                name: "x".to_owned(),
                account: None,
                scopes: vec![scope.to_owned()],
                created_at: crate::model::Timestamp::from_millis(0),
                expires_at: None,
                last_used_at: None,
            }))
        };
        for scope in Scope::ALL {
            assert!(token("admin").may(scope));
            assert!(Caller::Owner.may(scope));
            assert_eq!(Caller::Local.may(scope), scope != Scope::Admin);
            assert!(!Caller::Nobody(Refusal::Wrong).may(scope));
            for other in Scope::ALL.into_iter().filter(|other| *other != Scope::Admin) {
                assert_eq!(token(other.name()).may(scope), other == scope);
            }
        }
    }
}
