//! What the MMS client needs to know of an operator.

use std::net::IpAddr;

use crate::model::redact::Secret;

/// How the peer is to be told who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocols' own names")]
pub enum Auth {
    /// Whatever the peer asks for, with the user and password given.
    Any,
    None,
    Pap,
    Chap,
}

/// What the From field of M-Send.req says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromMode {
    /// Insert-address-token; the MMSC fills in the number.
    Insert,
    /// The SIM's own number.
    Number,
}

/// How a retrieved message is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckMode {
    /// M-NotifyResp.ind with the notification's Transaction-Id.
    NotifyResp,
    /// M-Acknowledge.ind with the Transaction-Id of M-Retrieve.conf.
    Acknowledge,
    /// Both, one after the other.
    Both,
}

/// Whom to trust when the MMSC's URL is `https`, besides the authorities that browsers trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates of further authorities, DER.
    pub authorities: Vec<Vec<u8>>,
    /// SHA-256 of the one certificate that is accepted, whoever issued it, whatever its name and
    /// dates say.
    pub fingerprint: Option<[u8; 32]>,
}

/// How requests reach the MMSC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportChoice {
    /// HTTP; behind a proxy with the port of a WAP 1.x gateway HTTP at usual ports of that host
    /// first, then WSP.
    Auto,
    /// HTTP only.
    Http,
    /// WSP through a WAP 1.x gateway only.
    Wap,
}

/// One operator's settings. `Debug` shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Access point name.
    pub apn: String,
    /// `IP`, `IPV6` or `IPV4V6`.
    pub pdp_type: String,
    /// PPP user name; empty when none.
    pub user: String,
    /// PPP password.
    pub password: Secret,
    /// PPP authentication.
    pub auth: Auth,
    /// URL of the MMSC.
    pub mmsc: String,
    /// Host (name or address) and port of the WAP proxy; one at port 9200 or 9201 is a WAP 1.x
    /// gateway.
    pub proxy: Option<(String, u16)>,
    /// User and password that the proxy asks for (RFC 7617).
    pub proxy_login: Option<(String, Secret)>,
    /// Network access identifier that `{NAI}` stands for, in Base64; may hold the other templates.
    pub nai: Option<Secret>,
    /// Whose certificate an `https` MMSC may show.
    pub trust: Trust,
    /// How requests reach the MMSC.
    pub transport: TransportChoice,
    /// Largest whole PDU the operator takes, octets.
    pub max_message_size: usize,
    /// Most recipients in one PDU.
    pub max_recipients: usize,
    /// User-Agent header.
    pub user_agent: String,
    /// URL of a UAProf document; no such header when empty.
    pub uaprof_url: String,
    /// Name of the header that carries it.
    pub uaprof_header: String,
    /// More request headers; values may hold `{LINE1}`, `{LINE1NOCC}`, `{IMSI}` and
    /// `{NAI}`.
    pub extra_headers: Vec<(String, String)>,
    /// Ask for the connection to be closed after each request.
    pub connection_close: bool,
    /// Add `; charset=utf-8` to the Content-Type of requests.
    pub content_type_charset: bool,
    /// From field of M-Send.req.
    pub from_mode: FromMode,
    /// Acknowledgement of retrieved messages.
    pub ack_mode: AckMode,
    /// Send the acknowledgement to the Content-Location's URL instead of the MMSC.
    pub ack_to_location: bool,
    /// The MMSC takes M-Delete.req (MMS 1.3): what was deferred and is not wanted is deleted there.
    pub deletes: bool,
    /// Complete a Content-Location that ends in `=` with the Transaction-Id.
    pub append_transaction_id: bool,
    /// X-Mms-MMS-Version written, major and minor.
    pub mms_version: (u8, u8),
    /// Name servers to use besides those that the peer announces.
    pub name_servers: Vec<IpAddr>,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value:?}: {reason}")]
pub struct SettingsError {
    /// The configuration key.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong with it, and what it should look like.
    pub reason: String,
}

impl Settings {
    /// The same without the headers that need what is not known here: the SIM's number or its
    /// network access identifier. Most operators put in both by themselves; a request that cannot be
    /// made would reach none.
    #[must_use]
    pub fn without_unknown(mut self, number_is_known: bool) -> Self {
        let nai = self.nai.is_some();
        self.extra_headers.retain(|(_, text)| {
            (number_is_known || !text.contains("{LINE1")) && (nai || !text.contains("{NAI}"))
        });
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            apn: String::new(),
            pdp_type: "IP".to_owned(),
            user: String::new(),
            password: Secret::new(""),
            auth: Auth::Any,
            mmsc: String::new(),
            proxy: None,
            proxy_login: None,
            nai: None,
            trust: Trust::default(),
            transport: TransportChoice::Auto,
            max_message_size: 300 * 1024,
            max_recipients: 20,
            user_agent: concat!("mm1gate/", env!("CARGO_PKG_VERSION")).to_owned(),
            uaprof_url: String::new(),
            uaprof_header: "x-wap-profile".to_owned(),
            extra_headers: Vec::new(),
            connection_close: false,
            content_type_charset: false,
            from_mode: FromMode::Insert,
            ack_mode: AckMode::NotifyResp,
            ack_to_location: false,
            deletes: false,
            append_transaction_id: false,
            mms_version: (1, 2),
            name_servers: Vec::new(),
        }
    }
}
