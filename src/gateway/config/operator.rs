//! The table `[modem.operator]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::beside;
use crate::model::redact::Secret;
use crate::operators::{Settings, SettingsError, TransportChoice, parse};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOperator {
    apn: Option<String>,
    pdp_type: Option<String>,
    user: Option<String>,
    password: Option<String>,
    auth: Option<String>,
    mmsc: Option<String>,
    proxy: Option<String>,
    transport: Option<String>,
    proxy_user: Option<String>,
    proxy_password: Option<String>,
    nai: Option<String>,
    nai_suffix: Option<String>,
    mmsc_ca_file: Option<String>,
    mmsc_fingerprint: Option<String>,
    max_message_size: Option<i64>,
    max_recipients: Option<i64>,
    user_agent: Option<String>,
    uaprof_url: Option<String>,
    uaprof_header: Option<String>,
    extra_headers: Option<BTreeMap<String, String>>,
    connection_close: Option<bool>,
    content_type_charset: Option<bool>,
    from: Option<String>,
    ack: Option<String>,
    ack_to_location: Option<bool>,
    delete: Option<bool>,
    append_transaction_id: Option<bool>,
    mms_version: Option<String>,
    name_servers: Option<Vec<String>>,
}

/// Reads the table; relative paths count from the folder of `file`.
///
/// # Errors
/// The key that cannot be used, and why.
pub(super) fn check(file: &str, raw: RawOperator) -> Result<Settings, SettingsError> {
    let wrong = |key, value: &str, reason: &str| SettingsError {
        key,
        value: value.to_owned(),
        reason: reason.to_owned(),
    };
    let mut settings = Settings {
        apn: parse::apn(&raw.apn.unwrap_or_default())?,
        mmsc: parse::mmsc(&raw.mmsc.unwrap_or_default())?,
        ..Settings::default()
    };
    if let Some(text) = raw.pdp_type {
        settings.pdp_type = parse::pdp_type(&text)?;
    }
    if let Some(text) = raw.user {
        settings.user = parse::credential("user", &text, false)?;
    }
    if let Some(text) = raw.password {
        settings.password = Secret::new(parse::credential("password", &text, true)?);
    }
    if let Some(text) = raw.auth {
        settings.auth = parse::auth(&text)?;
    }
    if let Some(text) = raw.proxy {
        settings.proxy = parse::proxy(&text)?;
    }
    if let Some(text) = raw.transport {
        settings.transport = parse::transport(&text)?;
        if settings.transport == TransportChoice::Wap && settings.proxy.is_none() {
            let reason = "it needs the WAP gateway's address as proxy, for example proxy = \
                          \"10.0.0.1:9201\"";
            return Err(wrong("transport", &text, reason));
        }
    }
    if let Some(octets) = raw.max_message_size {
        settings.max_message_size = parse::max_message_size(octets)?;
    }
    if let Some(count) = raw.max_recipients {
        settings.max_recipients = parse::max_recipients(count)?;
    }
    if let Some(text) = raw.user_agent {
        settings.user_agent = parse::header_value("user_agent", &text)?;
    }
    if let Some(text) = raw.uaprof_url {
        settings.uaprof_url = parse::header_value("uaprof_url", &text)?;
    }
    if let Some(text) = raw.uaprof_header {
        settings.uaprof_header = parse::header_name("uaprof_header", &text)?;
    }
    for (name, text) in raw.extra_headers.unwrap_or_default() {
        let name = parse::extra_header_name("extra_headers", &name)?;
        settings.extra_headers.push((name, parse::header_template("extra_headers", &text)?));
    }
    if let Some(text) = raw.from {
        settings.from_mode = parse::from_mode(&text)?;
    }
    if let Some(text) = raw.ack {
        settings.ack_mode = parse::ack_mode(&text)?;
    }
    if let Some(text) = raw.mms_version {
        settings.mms_version = parse::mms_version(&text)?;
    }
    if let Some(user) = raw.proxy_user {
        if settings.proxy.is_none() {
            return Err(wrong("proxy_user", &user, "there is no proxy that could ask for it"));
        }
        let password = raw.proxy_password.unwrap_or_default();
        let password = Secret::new(parse::credential("proxy_password", &password, true)?);
        settings.proxy_login = Some((parse::proxy_user(&user)?, password));
        let by_hand = |name: &str| name.eq_ignore_ascii_case("proxy-authorization");
        if settings.extra_headers.iter().any(|(name, _)| by_hand(name)) {
            let reason = "extra_headers tells the proxy who this is already: keep one of them";
            return Err(wrong("proxy_user", &user, reason));
        }
    } else if raw.proxy_password.is_some() {
        return Err(wrong("proxy_password", "***", "it needs proxy_user as well"));
    }
    if let Some(text) = raw.nai {
        let suffix = raw.nai_suffix.unwrap_or_default();
        let text = parse::header_template("nai", &format!("{text}{suffix}"))
            .map_err(|error| SettingsError { value: "***".to_owned(), ..error })?;
        if text.contains("{NAI}") {
            return Err(wrong("nai", "***", "the identifier itself, which {NAI} stands for"));
        }
        settings.nai = Some(Secret::new(text));
    } else if settings.extra_headers.iter().any(|(_, text)| text.contains("{NAI}")) {
        return Err(wrong(
            "nai",
            "",
            "a header of the operator holds {NAI}: name what it stands for",
        ));
    }
    if let Some(name) = raw.mmsc_ca_file {
        let path = beside(file, PathBuf::from(&name));
        let pem = std::fs::read(&path)
            .map_err(|error| wrong("mmsc_ca_file", &name, &error.to_string()))?;
        settings.trust.authorities = parse::authorities("mmsc_ca_file", &name, &pem)?;
    }
    if let Some(text) = raw.mmsc_fingerprint {
        settings.trust.fingerprint = Some(parse::fingerprint(&text)?);
    }
    for text in raw.name_servers.unwrap_or_default() {
        settings.name_servers.push(parse::name_server(&text)?);
    }
    let flags = [
        (raw.connection_close, &mut settings.connection_close),
        (raw.content_type_charset, &mut settings.content_type_charset),
        (raw.ack_to_location, &mut settings.ack_to_location),
        (raw.delete, &mut settings.deletes),
        (raw.append_transaction_id, &mut settings.append_transaction_id),
    ];
    for (given, flag) in flags {
        *flag = given.unwrap_or(*flag);
    }
    Ok(settings)
}
