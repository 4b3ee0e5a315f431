//! The operator table inside the program, and how its text is read.
//!
//! The text is made by `tools/operators/make_table.py`, lies in the program as it is and is read
//! where somebody asks: nothing is built at the start. One line a thing, fields parted by tabs:
//!
//! ```text
//! =26201  de  Telekom                          a network: PLMN, country, name ("-": none)
//! !       size=307200  recipients=20           what it wants of messages and requests
//! ?       balance=*100#  name=Telekom          a code that asks it something; gid1= of whose SIMs
//! +       APN  MMSC  PROXY  key=value ...      a set-up for MMS, in the order to try; "-": no proxy
//! ```
//!
//! Of a set-up: `spn=`, `gid1=`, `imsi=` or `iccid=` say which SIMs it is for (none: all), `user=`,
//! `password=`, `auth=` and `pdp=` are those of [`Settings`], `shared` marks an APN that carries
//! ordinary traffic too, `plan=` names the tariff, `by=` the lists that have it.

use std::fmt;

use super::{Auth, Settings, SettingsError, parse};
use crate::model::redact::Secret;

/// What the program brings along.
const EMBEDDED: &str = include_str!("table.txt");

/// Most recipients where an operator's limit is "unlimited": what the configuration takes.
const UNLIMITED: usize = 200;

/// A table as text.
#[derive(Clone, Copy)]
pub struct Table<'t>(&'t str);

impl fmt::Debug for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} octets)", self.0.len())
    }
}

/// One network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network<'t> {
    /// MCC and MNC, five or six digits.
    pub plmn: &'t str,
    /// ISO 3166-1 code in small letters.
    pub country: &'t str,
    /// Its name; empty when the lists know none.
    pub name: &'t str,
    /// What it wants of messages and requests.
    pub traits: Traits<'t>,
    /// Codes that ask it something.
    pub codes: Vec<Code<'t>>,
    /// Its set-ups for MMS in the order to try.
    pub setups: Vec<Setup<'t>>,
}

/// What an operator wants of messages and requests, as far as the lists know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits<'t> {
    /// Largest whole message, octets.
    pub max_message_size: Option<usize>,
    /// Largest picture, pixels.
    pub max_image: Option<(u32, u32)>,
    /// Most recipients of one message.
    pub max_recipients: Option<usize>,
    /// Longest subject, characters.
    pub max_subject: Option<usize>,
    /// How long its MMSC may take to answer, seconds.
    pub timeout_seconds: Option<u64>,
    /// Name of the header with the UAProf document.
    pub uaprof_header: Option<&'t str>,
    /// What stands behind the user in the network access identifier.
    pub nai_suffix: Option<&'t str>,
    /// More request headers with templates as [`Settings::extra_headers`] has them.
    pub headers: Vec<(&'t str, &'t str)>,
    /// See [`Settings::append_transaction_id`].
    pub append_transaction_id: bool,
    /// See [`Settings::ack_to_location`].
    pub ack_to_location: bool,
    /// What its phones leave out: `group`, `mms`, `audio`, `delivery-reports`, `read-reports`,
    /// `content-disposition`.
    pub without: Vec<&'t str>,
}

/// A code to be dialled that asks the network something (3GPP TS 22.090).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code<'t> {
    /// What for.
    pub kind: CodeKind,
    /// The code, such as `*100#`.
    pub text: &'t str,
    /// The SIMs that it is for; none: all.
    pub gid1: Option<&'t str>,
    /// Whose code it is.
    pub name: &'t str,
}

/// What a code asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// The balance.
    Balance,
    /// The SIM's own number.
    Number,
}

/// One way to the MMSC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup<'t> {
    /// Access point name.
    pub apn: &'t str,
    /// URL of the MMSC.
    pub mmsc: &'t str,
    /// `host:port` of the proxy.
    pub proxy: Option<&'t str>,
    /// Which SIMs it is for; none: all of the network.
    pub condition: Option<Condition<'t>>,
    /// User of the access point; empty when none.
    pub user: &'t str,
    /// Its password, a published one.
    pub password: &'t str,
    /// How the peer is told who we are.
    pub auth: Auth,
    /// `IP`, `IPV6` or `IPV4V6`.
    pub pdp_type: &'t str,
    /// Ordinary traffic goes by the same access point, at the tariff's prices for data.
    pub shared: bool,
    /// `prepaid` or `postpaid` where it is for one of both.
    pub plan: Option<&'t str>,
    /// Largest whole message, octets.
    pub max_message_size: Option<usize>,
    /// What the lists call it.
    pub name: &'t str,
    /// The lists that have it: `l` LineageOS, `m` mobile-broadband-provider-info.
    pub sources: &'t str,
}

/// What a SIM must have in common with a set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition<'t> {
    /// Its service provider's name (`EF_SPN`), whatever the case of its letters.
    Spn(&'t str),
    /// The begin of its group identifier (`EF_GID1`) in hexadecimal digits.
    Gid1(&'t str),
    /// The begin of its IMSI; `x` is any digit.
    Imsi(&'t str),
    /// The begin of its ICCID.
    Iccid(&'t str),
}

/// A line of a table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operator table, {line:?}: {reason}")]
pub struct TableError {
    /// The line.
    pub line: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Table<'static> {
    /// The table inside the program.
    #[must_use]
    pub const fn embedded() -> Self {
        Self(EMBEDDED)
    }
}

impl<'t> Table<'t> {
    /// A table of one's own, in the same form.
    #[must_use]
    pub const fn new(text: &'t str) -> Self {
        Self(text)
    }

    /// Its networks in the order of their PLMNs; one with a line that cannot be read as the error.
    pub fn networks(self) -> impl Iterator<Item = Result<Network<'t>, TableError>> {
        blocks(self.0).map(read_network)
    }

    /// The network with this PLMN, written with as many digits as its MNCs have.
    #[must_use]
    pub fn network(self, plmn: &str) -> Option<Network<'t>> {
        let block = blocks(self.0).find(|block| {
            let rest = block.strip_prefix('=').and_then(|rest| rest.strip_prefix(plmn));
            rest.is_some_and(|rest| rest.starts_with('\t'))
        });
        block.and_then(|block| read_network(block).ok())
    }

    /// Octets of the text.
    #[must_use]
    pub const fn size(self) -> usize {
        self.0.len()
    }
}

/// The texts from one line that begins with `=` to the next.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = match text.strip_prefix('=') {
        Some(_) => text,
        None => text.find("\n=").and_then(|at| text.get(at + 1..)).unwrap_or_default(),
    };
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (block, after) = match rest.find("\n=") {
            Some(at) => rest.split_at(at + 1),
            None => (rest, ""),
        };
        rest = after;
        Some(block)
    })
}

fn read_network(block: &str) -> Result<Network<'_>, TableError> {
    let mut lines = block.lines();
    let head = lines.next().unwrap_or_default();
    let mut fields = head.trim_start_matches('=').split('\t');
    let (Some(plmn), Some(country), Some(name), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(wrong(head, "a network has a PLMN, a country and a name"));
    };
    if !matches!(plmn.len(), 5 | 6) || !plmn.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(wrong(head, "a PLMN has five or six digits"));
    }
    let mut network = Network {
        plmn,
        country,
        name: if name == "-" { "" } else { name },
        traits: Traits::default(),
        codes: Vec::new(),
        setups: Vec::new(),
    };
    for line in lines {
        match line.split_once('\t') {
            Some(("!", fields)) => network.traits = read_traits(line, fields)?,
            Some(("?", fields)) => network.codes.push(read_code(line, fields)?),
            Some(("+", fields)) => network.setups.push(read_setup(line, fields)?),
            _ => return Err(wrong(line, "a line begins with =, !, ? or + and a tab")),
        }
    }
    Ok(network)
}

fn read_traits<'t>(line: &str, fields: &'t str) -> Result<Traits<'t>, TableError> {
    let mut traits = Traits::default();
    for field in fields.split('\t') {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        match key {
            "size" => traits.max_message_size = Some(number(line, value)?),
            "recipients" if value == "unlimited" => traits.max_recipients = Some(UNLIMITED),
            "recipients" => traits.max_recipients = Some(number(line, value)?),
            "subject" => traits.max_subject = Some(number(line, value)?),
            "timeout" => traits.timeout_seconds = Some(number(line, value)?),
            "image" => {
                let (width, height) =
                    value.split_once('x').ok_or_else(|| wrong(line, "image=WIDTHxHEIGHT"))?;
                traits.max_image = Some((number(line, width)?, number(line, height)?));
            }
            "uaprof-header" => traits.uaprof_header = Some(value),
            "nai-suffix" => traits.nai_suffix = Some(value),
            "append-transaction-id" => traits.append_transaction_id = true,
            "ack-to-location" => traits.ack_to_location = true,
            _ => match (key.strip_prefix("header:"), key.strip_prefix("no-")) {
                (Some(name), _) => traits.headers.push((name, value)),
                (None, Some(what)) => traits.without.push(what),
                (None, None) => return Err(wrong(line, "no such key")),
            },
        }
    }
    Ok(traits)
}

fn read_code<'t>(line: &str, fields: &'t str) -> Result<Code<'t>, TableError> {
    let mut code = None;
    let (mut gid1, mut name) = (None, "");
    for field in fields.split('\t') {
        match field.split_once('=') {
            Some(("balance", text)) => code = Some((CodeKind::Balance, text)),
            Some(("number", text)) => code = Some((CodeKind::Number, text)),
            Some(("gid1", text)) => gid1 = Some(text),
            Some(("name", text)) => name = text,
            _ => return Err(wrong(line, "no such key")),
        }
    }
    match code {
        Some((kind, text)) if parse::ussd(text).is_ok() => Ok(Code { kind, text, gid1, name }),
        _ => Err(wrong(line, "a code has digits, * and #")),
    }
}

fn read_setup<'t>(line: &str, fields: &'t str) -> Result<Setup<'t>, TableError> {
    let mut fields = fields.split('\t');
    let (Some(apn), Some(mmsc), Some(proxy)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(wrong(line, "a set-up has an APN, an MMSC and a proxy"));
    };
    let mut setup = Setup {
        apn,
        mmsc,
        proxy: (proxy != "-").then_some(proxy),
        condition: None,
        user: "",
        password: "",
        auth: Auth::Any,
        pdp_type: "IP",
        shared: false,
        plan: None,
        max_message_size: None,
        name: "",
        sources: "",
    };
    for field in fields {
        match field.split_once('=').unwrap_or((field, "")) {
            ("spn", text) => setup.condition = Some(Condition::Spn(text)),
            ("gid1", text) => setup.condition = Some(Condition::Gid1(text)),
            ("imsi", text) => setup.condition = Some(Condition::Imsi(text)),
            ("iccid", text) => setup.condition = Some(Condition::Iccid(text)),
            ("user", text) => setup.user = text,
            ("password", text) => setup.password = text,
            ("auth", text) => {
                setup.auth = parse::auth(text).map_err(|error| wrong(line, &error.to_string()))?;
            }
            ("pdp", text) => setup.pdp_type = text,
            ("shared", _) => setup.shared = true,
            ("plan", text) => setup.plan = Some(text),
            ("size", text) => setup.max_message_size = Some(number(line, text)?),
            ("name", text) => setup.name = text,
            ("by", text) => setup.sources = text,
            _ => return Err(wrong(line, "no such key")),
        }
    }
    Ok(setup)
}

fn number<T: std::str::FromStr>(line: &str, text: &str) -> Result<T, TableError> {
    text.parse().map_err(|_| wrong(line, "no number"))
}

fn wrong(line: &str, reason: &str) -> TableError {
    TableError { line: line.to_owned(), reason: reason.to_owned() }
}

impl Network<'_> {
    /// The settings by which messages go this way. Headers that need what is not known are not
    /// filled in here: see [`Settings::without_unknown`].
    ///
    /// # Errors
    /// The key that cannot be used; the embedded table has none.
    pub fn settings(&self, setup: &Setup<'_>) -> Result<Settings, SettingsError> {
        let traits = &self.traits;
        let mut settings = Settings {
            apn: parse::apn(setup.apn)?,
            pdp_type: parse::pdp_type(setup.pdp_type)?,
            user: parse::credential("user", setup.user, false)?,
            password: Secret::new(parse::credential("password", setup.password, true)?),
            auth: setup.auth,
            mmsc: parse::mmsc(setup.mmsc)?,
            proxy: parse::proxy(setup.proxy.unwrap_or_default())?,
            append_transaction_id: traits.append_transaction_id,
            ack_to_location: traits.ack_to_location,
            ..Settings::default()
        };
        if let Some(size) = traits.max_message_size.or(setup.max_message_size) {
            let size = i64::try_from(size).unwrap_or(i64::MAX);
            settings.max_message_size = parse::max_message_size(size)?;
        }
        if let Some(count) = traits.max_recipients {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            settings.max_recipients = parse::max_recipients(count)?;
        }
        if let Some(name) = traits.uaprof_header {
            settings.uaprof_header = parse::header_name("uaprof_header", name)?;
        }
        for (name, text) in &traits.headers {
            let name = parse::extra_header_name("extra_headers", name)?;
            settings.extra_headers.push((name, parse::header_template("extra_headers", text)?));
        }
        Ok(settings)
    }
}
