//! The configuration that holds, as it would stand in a file with every key: for `config show`.

use std::time::Duration;

use toml::{Table, Value};

use super::{Config, ModemConfig, SmtpTls};
use crate::gateway::limits::Limits;
use crate::gateway::routing::SendRoute;
use crate::model::redact;
use crate::operators::{AckMode, Auth, FromMode, Settings, TransportChoice};
use crate::store::Retrieve;

/// What stands for a secret.
const MASK: &str = "***";

impl Config {
    /// Every key with what holds, the defaults included. Secrets are masked, numbers shortened, and of
    /// files with certificates the number is told.
    #[must_use]
    pub fn shown(&self) -> Table {
        let mut all = Table::new();
        put(&mut all, "data_dir", self.data_dir.display().to_string());
        put_some(
            &mut all,
            "profile_dir",
            self.profile_dir.as_ref().map(|it| it.display().to_string()),
        );
        put(&mut all, "api", self.api_table());
        put(&mut all, "sending", self.sending_table());
        put(&mut all, "limits", limits(self.sending.limits));
        put(&mut all, "receiving", self.receiving_table());
        put(&mut all, "data", self.data_table());
        self.put_world(&mut all);
        let routes: Vec<Value> = self.sending.routes.iter().map(route).map(Value::Table).collect();
        put(&mut all, "route", routes);
        let modems: Vec<Value> =
            self.modems.iter().map(|modem| Value::Table(self.modem_table(modem))).collect();
        put(&mut all, "modem", modems);
        all
    }

    fn api_table(&self) -> Table {
        let mut table = Table::new();
        put(&mut table, "listen", self.listen.to_string());
        put(&mut table, "require_token", self.api.require_token);
        if let Some(tls) = &self.api.tls {
            put(&mut table, "tls_certificate", tls.certificate.display().to_string());
            put(&mut table, "tls_key", tls.key.display().to_string());
        }
        put(&mut table, "trusted_proxies", texts(&self.api.trusted_proxies));
        put(&mut table, "plain_http_beyond_this_machine", self.api.plain_http);
        put(&mut table, "part_urls_allow", texts(&self.api.part_urls_allow));
        table
    }

    fn sending_table(&self) -> Table {
        let mut table = Table::new();
        put(&mut table, "give_up_after_hours", whole(self.timing.give_up_after, 3_600));
        put(&mut table, "resend_unknown", self.resend_unknown);
        let languages = self.sms_languages.iter().map(|it| it.name().to_lowercase());
        put(&mut table, "sms_languages", texts(languages));
        put(&mut table, "pause_after_refusals", i64::from(self.sending.breaker.after));
        put(&mut table, "probe_after_minutes", whole(self.sending.breaker.probe_after, 60));
        let quiet = self.sending.quiet.map(|quiet| quiet.to_string());
        put(&mut table, "quiet_hours", quiet.unwrap_or_default());
        put(&mut table, "stop_words", texts(&self.sending.words.stop));
        put(&mut table, "start_words", texts(&self.sending.words.start));
        table
    }

    fn receiving_table(&self) -> Table {
        let (mut table, policy) = (Table::new(), &self.receiving);
        put(&mut table, "texts_may_wait_seconds", whole(self.timing.longest_call, 1));
        put(&mut table, "retrieve", retrieve(policy.usual));
        put_some(&mut table, "defer_above_kb", policy.defer_above.map(|it| number(it / 1_024)));
        put(&mut table, "delivery_reports", policy.delivery_reports);
        put(&mut table, "missed_mms_texts", texts(&policy.missed.more));
        let rules = policy.rules.iter().map(|rule| {
            let mut table = Table::new();
            put_some(&mut table, "from", rule.from.clone());
            put_some(&mut table, "modem", rule.modem.clone());
            put_some(&mut table, "above_kb", rule.above.map(|it| number(it / 1_024)));
            put(&mut table, "retrieve", retrieve(rule.retrieve));
            Value::Table(table)
        });
        put(&mut table, "rule", rules.collect::<Vec<_>>());
        table
    }

    fn data_table(&self) -> Table {
        let mut table = Table::new();
        // Each modem's own cap is what holds.
        let cap = self.modems.iter().filter_map(|modem| modem.monthly_cap).max().unwrap_or(0);
        put(&mut table, "monthly_cap_mb", number(cap / 1_000_000));
        put(&mut table, "time_zone", self.data.calendar.zone().to_string());
        put(&mut table, "linger_seconds", whole(self.timing.linger, 1));
        put(&mut table, "user_timeout_seconds", whole(self.data.user_timeout, 1));
        put(&mut table, "mtu", i64::from(self.data.mtu));
        put(
            &mut table,
            "mss",
            i64::from(self.data.mss.unwrap_or_else(|| self.data.mtu.saturating_sub(40))),
        );
        table
    }

    fn put_world(&self, all: &mut Table) {
        let world = &self.world;
        let mut table = Table::new();
        put(&mut table, "allow", texts(&world.allow));
        put(&mut table, "allow_http", world.allow_http);
        put_some(&mut table, "ca_file", certificates(world.authorities.len()));
        put(all, "webhooks", table);
        let hooks = world.hooks.iter().map(|hook| {
            let mut table = Table::new();
            put(&mut table, "name", hook.name.clone());
            put(&mut table, "command", texts(&hook.command));
            put(&mut table, "events", texts(&hook.events));
            put(&mut table, "timeout_seconds", whole(hook.timeout, 1));
            put(&mut table, "concurrency", size(hook.concurrency));
            Value::Table(table)
        });
        put(all, "hook", hooks.collect::<Vec<_>>());
        let folders = world.folders.iter().map(|folder| {
            let mut table = Table::new();
            put(&mut table, "name", folder.name.clone());
            put(&mut table, "path", folder.path.display().to_string());
            put_some(&mut table, "modem", folder.modem.clone());
            put_some(&mut table, "route", folder.route.clone());
            put(&mut table, "events", texts(&folder.events));
            put(&mut table, "settle_seconds", whole(folder.settle, 1));
            put(&mut table, "group_access", folder.group_access);
            put(&mut table, "keep_days", days(folder.keep));
            Value::Table(table)
        });
        put(all, "folder", folders.collect::<Vec<_>>());
        if let Some(smtp) = &world.smtp {
            let mut table = Table::new();
            let tls = match smtp.tls {
                SmtpTls::Implicit => "tls",
                SmtpTls::StartTls => "starttls",
                SmtpTls::None => "none",
            };
            put(&mut table, "server", smtp.server.clone());
            put(&mut table, "tls", tls);
            put(&mut table, "port", i64::from(smtp.port));
            if smtp.login.is_some() {
                put(&mut table, "user", MASK);
                put(&mut table, "password", MASK);
            }
            put(&mut table, "from", smtp.from.clone());
            put_some(&mut table, "ca_file", certificates(smtp.authorities.len()));
            put(all, "smtp", table);
        }
        let mails = world.mails.iter().map(|mail| {
            let mut table = Table::new();
            put(&mut table, "name", mail.name.clone());
            put(&mut table, "to", texts(&mail.to));
            put(&mut table, "events", texts(&mail.events));
            put(&mut table, "max_size_kb", size(mail.max_size / 1_024));
            Value::Table(table)
        });
        put(all, "mail", mails.collect::<Vec<_>>());
        let mut table = Table::new();
        put(&mut table, "messages_days", days(world.retention.messages));
        put(&mut table, "events_days", days(world.retention.events));
        put(&mut table, "media_days", days(world.retention.media));
        put(&mut table, "raw_days", days(world.retention.raw));
        put(&mut table, "max_size_mb", number(world.retention.max_size.unwrap_or(0) / 1_000_000));
        put(all, "retention", table);
    }

    fn modem_table(&self, modem: &ModemConfig) -> Table {
        let mut table = Table::new();
        put(&mut table, "name", modem.name.clone());
        put(&mut table, "port", modem.port.clone());
        put_some(&mut table, "control_port", modem.control_port.clone());
        put(&mut table, "profile", modem.profile.clone());
        put_some(&mut table, "pin", modem.pin.as_ref().map(|_| MASK.to_owned()));
        put(&mut table, "roaming", modem.roaming);
        put(&mut table, "monthly_cap_mb", number(modem.monthly_cap.unwrap_or(0) / 1_000_000));
        put_some(&mut table, "interface", modem.interface.clone());
        let own = modem.own_number.as_ref().map(|own| redact::number(&own.to_string()));
        put_some(&mut table, "own_number", own);
        put(&mut table, "mms", modem.mms);
        let own = self.sending.limits_of.get(&modem.name).copied();
        put(&mut table, "limits", limits(own.unwrap_or(self.sending.limits)));
        if let Some(operator) = &modem.operator {
            put(&mut table, "operator", operator_table(operator));
        }
        table
    }
}

fn operator_table(settings: &Settings) -> Table {
    let mut table = Table::new();
    put(&mut table, "apn", settings.apn.clone());
    put(&mut table, "mmsc", settings.mmsc.clone());
    put_some(&mut table, "mmsc_ca_file", certificates(settings.trust.authorities.len()));
    put_some(&mut table, "mmsc_fingerprint", settings.trust.fingerprint.map(hex::encode_upper));
    let proxy = settings.proxy.as_ref().map(|(host, port)| match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    });
    put(&mut table, "proxy", proxy.unwrap_or_default());
    let transport = match settings.transport {
        TransportChoice::Auto => "auto",
        TransportChoice::Http => "http",
        TransportChoice::Wap => "wap",
    };
    put(&mut table, "transport", transport);
    if settings.proxy_login.is_some() {
        put(&mut table, "proxy_user", MASK);
        put(&mut table, "proxy_password", MASK);
    }
    let mask = |is_empty: bool| if is_empty { "" } else { MASK };
    put(&mut table, "user", mask(settings.user.is_empty()));
    put(&mut table, "password", mask(settings.password.expose().is_empty()));
    match settings.auth {
        // Whatever the network asks for has no word of its own.
        Auth::Any => {}
        Auth::None => put(&mut table, "auth", "none"),
        Auth::Pap => put(&mut table, "auth", "pap"),
        Auth::Chap => put(&mut table, "auth", "chap"),
    }
    put(&mut table, "pdp_type", settings.pdp_type.clone());
    put(&mut table, "max_message_size", size(settings.max_message_size));
    put(&mut table, "max_recipients", size(settings.max_recipients));
    put(&mut table, "user_agent", settings.user_agent.clone());
    put(&mut table, "uaprof_url", settings.uaprof_url.clone());
    put(&mut table, "uaprof_header", settings.uaprof_header.clone());
    let mut headers = Table::new();
    for (name, _) in &settings.extra_headers {
        put(&mut headers, name, MASK);
    }
    put(&mut table, "extra_headers", headers);
    if settings.nai.is_some() {
        put(&mut table, "nai", MASK);
        put(&mut table, "nai_suffix", MASK);
    }
    put(&mut table, "connection_close", settings.connection_close);
    put(&mut table, "content_type_charset", settings.content_type_charset);
    let from = match settings.from_mode {
        FromMode::Insert => "insert",
        FromMode::Number => "number",
    };
    put(&mut table, "from", from);
    let ack = match settings.ack_mode {
        AckMode::NotifyResp => "notify-resp",
        AckMode::Acknowledge => "acknowledge",
        AckMode::Both => "both",
    };
    put(&mut table, "ack", ack);
    put(&mut table, "ack_to_location", settings.ack_to_location);
    put(&mut table, "delete", settings.deletes);
    put(&mut table, "append_transaction_id", settings.append_transaction_id);
    let (major, minor) = settings.mms_version;
    put(&mut table, "mms_version", format!("{major}.{minor}"));
    put(&mut table, "name_servers", texts(&settings.name_servers));
    table
}

fn limits(limits: Limits) -> Table {
    let mut table = Table::new();
    for (name, _, _, most) in limits.all() {
        put(&mut table, name, number(most.unwrap_or(0)));
    }
    table
}

fn retrieve(word: Retrieve) -> &'static str {
    match word {
        Retrieve::Now => "immediate",
        Retrieve::Later => "deferred",
        Retrieve::Never => "rejected",
    }
}

fn put(table: &mut Table, key: &str, value: impl Into<Value>) {
    table.insert(key.to_owned(), value.into());
}

fn put_some(table: &mut Table, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(table, key, value);
    }
}

fn route(route: &SendRoute) -> Table {
    let whom = |number: String| {
        if number.contains(['*', '?', '@']) { number } else { redact::number(&number) }
    };
    let mut table = Table::new();
    put(&mut table, "name", route.name.clone());
    put(&mut table, "modems", texts(&route.modems));
    put(&mut table, "to", texts(route.to.iter().map(|to| whom(to.to_string()))));
    put(&mut table, "from", texts(route.from.iter().map(|from| whom(from.to_string()))));
    put(&mut table, "accounts", texts(&route.accounts));
    put(&mut table, "strategy", route.strategy.as_str());
    let minutes = route.failover.map_or(0, |after| whole(after, 60));
    put(&mut table, "failover_after_minutes", minutes);
    put(&mut table, "default", route.default);
    table
}

fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<Value> {
    all.into_iter().map(|one| Value::String(one.to_string())).collect()
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn whole(duration: Duration, unit: u64) -> i64 {
    number(duration.as_secs() / unit)
}

/// 0 for ever.
fn days(life: Option<Duration>) -> i64 {
    life.map_or(0, |life| whole(life, 86_400))
}

fn certificates(count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} certificates"))
}
