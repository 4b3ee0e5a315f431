//! `mm1gate token` and `mm1gate account`: who may use the API, and how much.

use serde_json::json;

use super::client::in_path;
use super::error::CliError;
use super::session::{ConfigArg, Session};
use super::{block_on, term};
use crate::api::Scope;
use crate::api::view::{Account, AccountList, NewToken, TokenList};

/// What a shop or a script needs, and no more.
const USUAL_SCOPES: [Scope; 3] = [Scope::MessagesSend, Scope::MessagesRead, Scope::ModemsRead];

/// What to do with tokens.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a token and print it, this once
    #[command(after_help = "Example:\n  \
        mm1gate token create webshop\n  \
        curl -H 'Authorization: Bearer mm1_...' -F to=+447700900123 -F text=Hello \\\n       \
        http://127.0.0.1:8411/api/v1/messages\n\n\
        Scopes: messages:send, messages:read, modems:read, modems:manage, settings:read,\n\
        settings:manage, metrics:read, admin. From the first token on, each request over TCP needs\n\
        one; a browser asks for it as password, with any name. The gateway must run.")]
    Create(Create),
    /// List the tokens that hold
    List(Show),
    /// Take a token back; it holds no longer at once
    Revoke(Named),
}

#[derive(clap::Args)]
struct Create {
    /// What it is for, to know it by later
    name: String,
    /// What it allows; may be repeated [default: messages:send, messages:read, modems:read]
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    scope: Vec<Scope>,
    /// The account in whose name it speaks
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// How many days it holds; for ever unless given
    #[arg(long, value_name = "DAYS")]
    days: Option<u64>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(clap::Args)]
struct Show {
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(clap::Args)]
struct Named {
    /// Its id, as `list` prints it
    id: String,
    #[command(flatten)]
    config: ConfigArg,
}

/// What to do with accounts.
#[derive(clap::Args)]
pub(super) struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(clap::Subcommand)]
enum AccountCommand {
    /// Make an account, or set what one may; what is not given is not limited
    #[command(after_help = "Example:\n  \
        mm1gate account set webshop --modem front-desk --per-hour 60 --per-day 300\n  \
        mm1gate token create webshop --account webshop")]
    Set(SetAccount),
    /// List the accounts
    List(Show),
    /// Remove an account and its tokens; its messages stay
    Remove(Named),
}

#[derive(clap::Args)]
struct SetAccount {
    /// Its name
    name: String,
    /// A modem that it may send by; may be repeated [default: any]
    #[arg(long, value_name = "NAME")]
    modem: Vec<String>,
    /// Most recipients in 60 seconds
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// Most recipients in 60 minutes
    #[arg(long, value_name = "N")]
    per_hour: Option<u32>,
    /// Most recipients in 24 hours
    #[arg(long, value_name = "N")]
    per_day: Option<u32>,
    /// Most recipients in 30 days
    #[arg(long, value_name = "N")]
    per_month: Option<u32>,
    #[command(flatten)]
    config: ConfigArg,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
        format!("there are: {}", all.join(", "))
    })
}

/// Does what is asked about tokens.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        match &args.command {
            Command::Create(args) => create(args).await,
            Command::List(args) => list(args).await,
            Command::Revoke(args) => {
                let session = Session::open_running(&args.config).await?;
                session.client().delete(&format!("/api/v1/tokens/{}", in_path(&args.id))).await?;
                term::print(&format!("{} holds no longer.\n", term::plain(&args.id, false)))
            }
        }
    })
}

/// Does what is asked about accounts.
pub(super) fn run_account(args: &AccountArgs) -> Result<(), CliError> {
    block_on(async {
        match &args.command {
            AccountCommand::Set(args) => set_account(args).await,
            AccountCommand::List(args) => list_accounts(args).await,
            AccountCommand::Remove(args) => {
                let session = Session::open_running(&args.config).await?;
                session.client().delete(&format!("/api/v1/accounts/{}", in_path(&args.id))).await?;
                term::print(&format!("{} is removed.\n", term::plain(&args.id, false)))
            }
        }
    })
}

async fn create(args: &Create) -> Result<(), CliError> {
    let session = Session::open_running(&args.config).await?;
    let wanted = if args.scope.is_empty() { &USUAL_SCOPES[..] } else { &args.scope[..] };
    let scopes: Vec<&str> = wanted.iter().map(|scope| scope.name()).collect();
    let wish = json!({
        "name": args.name, "scopes": scopes, "account": args.account,
        "expires_in_days": args.days,
    });
    let made: NewToken = session.client().post("/api/v1/tokens", &wish).await?;
    if args.json {
        return term::json(&made);
    }
    term::print(&format!("{}\n", made.token))?;
    term::note(&format!(
        "This is token {} ({}). It is not shown again: put it where only '{}' can read it.",
        made.record.id,
        made.record.scopes.join(", "),
        made.record.name,
    ));
    Ok(())
}

async fn list(args: &Show) -> Result<(), CliError> {
    let session = Session::open_running(&args.config).await?;
    let found: TokenList = session.client().get("/api/v1/tokens").await?;
    if args.json {
        return term::json(&found);
    }
    let mut out = String::new();
    for token in &found.tokens {
        let of = token.account.as_ref().map_or_else(String::new, |it| format!("  of {it}"));
        let until =
            token.expires_at.as_ref().map_or_else(String::new, |it| format!("  until {it}"));
        let used = token.last_used_at.as_deref().unwrap_or("never");
        out.push_str(&term::plain(
            &format!(
                "{}  {}  {}{of}{until}  last used {used}",
                token.id,
                token.name,
                token.scopes.join(","),
            ),
            false,
        ));
        out.push('\n');
    }
    if found.tokens.is_empty() {
        out.push_str("There is no token: everybody on this machine may use the gateway.\n");
    }
    term::print(&out)
}

async fn set_account(args: &SetAccount) -> Result<(), CliError> {
    let session = Session::open_running(&args.config).await?;
    let wish = json!({
        "modems": args.modem, "per_minute": args.per_minute, "per_hour": args.per_hour,
        "per_day": args.per_day, "per_month": args.per_month,
    });
    let path = format!("/api/v1/accounts/{}", in_path(&args.name));
    let account: Account = session.client().put(&path, &wish).await?;
    term::print(&describe(&account))
}

async fn list_accounts(args: &Show) -> Result<(), CliError> {
    let session = Session::open_running(&args.config).await?;
    let found: AccountList = session.client().get("/api/v1/accounts").await?;
    if args.json {
        return term::json(&found);
    }
    if found.accounts.is_empty() {
        return term::print("There is no account: tokens speak for the owner.\n");
    }
    term::print(&found.accounts.iter().map(describe).collect::<String>())
}

fn describe(account: &Account) -> String {
    let modems =
        if account.modems.is_empty() { "any modem".to_owned() } else { account.modems.join(", ") };
    let limits: Vec<String> = [
        (account.per_minute, "minute"),
        (account.per_hour, "hour"),
        (account.per_day, "day"),
        (account.per_month, "month"),
    ]
    .into_iter()
    .filter_map(|(limit, window)| Some(format!("{} a {window}", limit?)))
    .collect();
    let limits = if limits.is_empty() { "no limit".to_owned() } else { limits.join(", ") };
    let line = format!("{}  by {modems}  {limits}", account.name);
    format!("{}\n", term::plain(&line, false))
}
