//! Tokens and accounts as resources, for those who have everything: the owner's socket and tokens
//! with the scope `admin`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::auth::Scope;
use super::endpoint::Endpoint;
use super::problem::{FieldProblem, Problem};
use super::view::{Account, AccountList, NewToken, Token, TokenList};
use super::{Context, intake, openapi};
use crate::store::{self, AccountLimits, TokenRecord};

/// Longest name of a token or an account, characters.
const MAX_NAME: usize = 64;
/// Longest life that can be asked for, days.
const MAX_DAYS: u64 = 3650;
/// Fields of a new token.
const TOKEN_FIELDS: &[&str] = &["name", "scopes", "account", "expires_in_days"];
/// Fields of an account.
const ACCOUNT_FIELDS: &[&str] = &["modems", "per_minute", "per_hour", "per_day", "per_month"];

/// Tokens and accounts.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let gone = || json!({ "description": "It holds no longer." });
    vec![
        Endpoint::get("/api/v1/tokens", Scope::Admin, tokens)
            .named("listTokens", "Every token, without what it is proven by")
            .answers(200, "All of them.", "TokenList"),
        Endpoint::post("/api/v1/tokens", Scope::Admin, create)
            .named("createToken", "A new token; it is told this once")
            .json_body("TokenWish")
            .answers(201, "Made.", "NewToken"),
        Endpoint::delete("/api/v1/tokens/{id}", Scope::Admin, revoke)
            .named("revokeToken", "Take a token back")
            .response(204, gone()),
        Endpoint::get("/api/v1/accounts", Scope::Admin, accounts)
            .named("listAccounts", "Every account")
            .answers(200, "All of them.", "AccountList"),
        Endpoint::put("/api/v1/accounts/{name}", Scope::Admin, set_account)
            .named("setAccount", "Make an account, or set the rights of one")
            .json_body("AccountWish")
            .answers(200, "As it is now.", "Account")
            .answers(201, "Made.", "Account"),
        Endpoint::delete("/api/v1/accounts/{name}", Scope::Admin, remove_account)
            .named("removeAccount", "Remove an account with its tokens; its messages stay")
            .response(204, json!({ "description": "Removed." })),
    ]
}

/// The shapes of requests and answers here.
pub(super) fn schemas() -> Value {
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let scopes = json!({ "type": "array", "items": { "enum": scopes }, "minItems": 1 });
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let limit = || json!({ "type": ["integer", "null"], "minimum": 1, "maximum": u32::MAX });
    let modems = || {
        json!({ "type": ["array", "null"], "items": text(), "description":
        "Modems that it may send by; any when empty." })
    };
    let record = json!({
        "id": text(), "name": text(), "account": text(), "scopes": scopes,
        "created_at": time(), "expires_at": time(), "last_used_at": time(),
    });
    let mut made = record.clone();
    made["token"] = json!({ "type": "string", "description": "Told this once." });
    let account = json!({
        "modems": modems(), "per_minute": limit(), "per_hour": limit(), "per_day": limit(),
        "per_month": limit(),
    });
    let mut shown = account.clone();
    shown["name"] = text();
    json!({
        "Token": openapi::object(record),
        "NewToken": openapi::object(made),
        "TokenList": openapi::object(json!({ "tokens": {
            "type": "array", "items": super::endpoint::reference("Token") } })),
        "TokenWish": { "type": "object", "additionalProperties": false,
            "required": ["name", "scopes"], "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": MAX_NAME,
                    "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._-]*$" },
                "scopes": scopes, "account": { "type": ["string", "null"] },
                "expires_in_days": { "type": ["integer", "null"], "minimum": 1,
                    "maximum": MAX_DAYS },
            } },
        "Account": openapi::object(shown),
        "AccountList": openapi::object(json!({ "accounts": {
            "type": "array", "items": super::endpoint::reference("Account") } })),
        "AccountWish": { "type": "object", "additionalProperties": false,
            "properties": account, "description":
                "Recipients that it may write to in 60 seconds, 60 minutes, 24 hours and 30 days." },
    })
}

async fn tokens(State(context): State<Context>) -> Json<TokenList> {
    let tokens = context.gateway.access().tokens();
    Json(TokenList { tokens: tokens.iter().map(Token::from).collect() })
}

async fn create(State(context): State<Context>, request: Request) -> Result<Response, Problem> {
    let mut wish = Wish::read(request, TOKEN_FIELDS).await?;
    let name = wish.text("name");
    if let Some(name) = &name {
        wish.check_name("/name", name);
    } else {
        wish.complain("/name", "missing-field", "the token needs a name, to know it by later");
    }
    let mut scopes = Vec::new();
    for (index, scope) in wish.texts("scopes").into_iter().enumerate() {
        match Scope::parse(&scope) {
            Some(scope) if !scopes.contains(&scope.name().to_owned()) => {
                scopes.push(scope.name().to_owned());
            }
            Some(_) => {}
            None => {
                let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
                let shown: String = scope.chars().take(40).flat_map(char::escape_debug).collect();
                let detail = format!("there is no scope '{shown}'; there are: {}", all.join(", "));
                wish.complain(&format!("/scopes/{index}"), "unknown-scope", &detail);
            }
        }
    }
    if scopes.is_empty() && wish.is_good() {
        wish.complain("/scopes", "missing-field", "the token needs at least one scope");
    }
    let account = wish.text("account");
    let days = wish.number("expires_in_days", MAX_DAYS);
    if let Some(name) = &account
        && context.gateway.access().account(name).is_none()
    {
        let shown: String = name.chars().take(MAX_NAME).flat_map(char::escape_debug).collect();
        let detail = format!("there is no account '{shown}'");
        wish.complain("/account", "unknown-account", &detail);
    }
    wish.finish()?;
    let now = context.gateway.now();
    let (id, text) = context.gateway.new_token();
    let record = TokenRecord {
        id,
        name: name.unwrap_or_default(),
        account,
        scopes,
        created_at: now,
        expires_at: days.map(|days| now.plus(Duration::from_secs(days * 24 * 3600))),
        last_used_at: None,
    };
    context.gateway.access().add(&text, record.clone()).await?;
    tracing::info!(token = %record.id, "a token was made");
    let body = NewToken { token: text, record: Token::from(&record) };
    Ok((StatusCode::CREATED, [("cache-control", "no-store")], Json(body)).into_response())
}

async fn revoke(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if context.gateway.access().revoke(&id).await? {
        tracing::info!(token = %id, "a token was revoked");
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(not_found("token", "token-not-found", &id, "mm1gate token list"))
}

async fn accounts(State(context): State<Context>) -> Json<AccountList> {
    let accounts = context.gateway.access().accounts();
    Json(AccountList { accounts: accounts.iter().map(Account::from).collect() })
}

async fn set_account(
    State(context): State<Context>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let mut wish = Wish::read(request, ACCOUNT_FIELDS).await?;
    wish.check_name("", &name);
    let modems = wish.texts("modems");
    let known = context.gateway.modems();
    for (index, modem) in modems.iter().enumerate() {
        if !known.iter().any(|known| known.name == *modem) {
            let names: Vec<&str> = known.iter().map(|modem| &*modem.name).collect();
            let shown: String = modem.chars().take(40).flat_map(char::escape_debug).collect();
            let detail = format!("there is no modem '{shown}'; there are: {}", names.join(", "));
            wish.complain(&format!("/modems/{index}"), "unknown-modem", &detail);
        }
    }
    let mut limit = |name: &str| {
        wish.number(name, u64::from(u32::MAX)).and_then(|number| u32::try_from(number).ok())
    };
    let limits = AccountLimits {
        per_minute: limit("per_minute"),
        per_hour: limit("per_hour"),
        per_day: limit("per_day"),
        per_month: limit("per_month"),
    };
    wish.finish()?;
    let account = store::Account { name, modems, limits };
    let now = context.gateway.now();
    let is_new = context.gateway.access().set_account(account.clone(), now).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Account::from(&account))).into_response())
}

async fn remove_account(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if context.gateway.access().remove_account(&name).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(not_found("account", "account-not-found", &name, "mm1gate account list"))
}

fn not_found(what: &str, code: &'static str, name: &str, command: &str) -> Problem {
    let shown: String = name.chars().take(MAX_NAME).flat_map(char::escape_debug).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        code,
        "there is nothing of this name",
        format!("there is no {what} '{shown}'"),
    )
    .hint(format!("`{command}` lists them"))
}

/// A JSON object on its way into a value; collects everything that is wrong with it.
struct Wish {
    fields: Map<String, Value>,
    complaints: Vec<FieldProblem>,
}

impl Wish {
    async fn read(request: Request, known: &[&str]) -> Result<Self, Problem> {
        let (fields, complaints) = intake::fields(request, known).await?;
        Ok(Self { fields, complaints })
    }

    fn complain(&mut self, pointer: &str, code: &'static str, detail: &str) {
        self.complaints.push(FieldProblem::new(pointer, code, detail));
    }

    fn is_good(&self) -> bool {
        self.complaints.is_empty()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.complain(&format!("/{name}"), "invalid-type", &format!("{name} is a text"));
                None
            }
        }
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.fields.get(name).filter(|value| !value.is_null()) else {
            return Vec::new();
        };
        let texts: Option<Vec<String>> = value
            .as_array()
            .filter(|list| list.len() <= MAX_NAME)
            .and_then(|list| list.iter().map(|it| Some(it.as_str()?.to_owned())).collect());
        texts.unwrap_or_else(|| {
            let detail = format!("{name} is a list of at most {MAX_NAME} texts");
            self.complain(&format!("/{name}"), "invalid-type", &detail);
            Vec::new()
        })
    }

    fn number(&mut self, name: &str, most: u64) -> Option<u64> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        // JSON writes 3 and 3.0 alike (RFC 8259 clause 6).
        let whole = value.as_u64().or_else(|| {
            let number =
                value.as_f64().filter(|it| it.fract() == 0.0 && (1.0..1e9).contains(it))?;
            format!("{number:.0}").parse().ok()
        });
        let number = whole.filter(|number| (1..=most).contains(number));
        if number.is_none() {
            let detail = format!("{name} is a number from 1 to {most}");
            self.complain(&format!("/{name}"), "invalid-number", &detail);
        }
        number
    }

    fn check_name(&mut self, pointer: &str, name: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
        let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins || name.len() > MAX_NAME || !name.chars().all(plain) {
            let detail = format!(
                "a name has 1 to {MAX_NAME} letters, digits, blanks, '.', '_' and '-', and begins \
                 with a letter or digit"
            );
            self.complain(pointer, "invalid-name", &detail);
        }
    }

    fn finish(self) -> Result<(), Problem> {
        if self.complaints.is_empty() {
            return Ok(());
        }
        let mut problem = Problem::fields(self.complaints);
        problem.title = "the request cannot be taken as it is".into();
        Err(problem)
    }
}
