//! Which messages a caller sees: whoever asks in the name of an account sees and handles what that
//! account has handed in, and nothing that came in; everybody else sees everything.

use std::collections::HashMap;

use axum::extract::{RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{Caller, Scope};
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::model::MessageId;
use crate::store::StoreError;

/// Most messages that are remembered as somebody's own or not.
const MAX_KNOWN: usize = 1_000;

/// Whether what a path names is a message.
pub(super) fn is_about_a_message(path: &str) -> bool {
    ["/messages/{id}", "/inbox/{id}", "/outbox/{id}"].iter().any(|part| path.contains(part))
}

/// Lets a request about a message pass that its caller sees; others hear that there is none.
pub(super) async fn own(
    State((gateway, scope)): State<(Gateway, Option<Scope>)>,
    path: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>();
    let account = caller
        // Whoever may not at all hears that first.
        .filter(|caller| scope.is_some_and(|scope| caller.may(scope)))
        .and_then(Caller::account)
        .map(str::to_owned);
    if let Some(account) = account {
        let id = path.iter().find(|(name, _)| *name == "id").map_or("", |(_, value)| value);
        match is_own(&gateway, &account, id).await {
            Ok(true) => {}
            Ok(false) => return Problem::no_message(id).into_response(),
            Err(error) => return Problem::from(error).into_response(),
        }
    }
    next.run(request).await
}

async fn is_own(gateway: &Gateway, account: &str, id: &str) -> Result<bool, StoreError> {
    let Ok(id) = id.parse::<MessageId>() else { return Ok(false) };
    gateway.is_of_account(&id, account).await
}

/// What one listener sees, for as long as it listens.
pub(super) struct Sight {
    account: Option<String>,
    known: HashMap<String, bool>,
}

impl Sight {
    /// What this caller sees.
    pub(super) fn of(caller: &Caller) -> Self {
        Self { account: caller.account().map(str::to_owned), known: HashMap::new() }
    }

    /// Whether that is everything.
    pub(super) fn is_whole(&self) -> bool {
        self.account.is_none()
    }

    /// Whether this message is among it. What the store does not tell is not shown.
    pub(super) async fn sees(&mut self, gateway: &Gateway, id: &str) -> bool {
        let Some(account) = &self.account else { return true };
        if let Some(known) = self.known.get(id) {
            return *known;
        }
        let own = is_own(gateway, account, id).await.unwrap_or(false);
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(id.to_owned(), own);
        own
    }
}
