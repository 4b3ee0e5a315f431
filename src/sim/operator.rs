//! The operator as a whole: subscribers with their modems, access points, proxy, MMSC, phones and
//! faults, tied together.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::external::ExternalCall;
use super::fault::{ActiveFault, Faults};
use super::ggsn::{Ggsn, GgsnConfig};
use super::mmsc::{Journal, Mmsc, MmscConfig};
use super::modem::{CallTaker, ModemConfig, ModemState, Subscriber, VirtualModem};
use super::phone::{Behaviour, Outgoing, Phone, Received};
use super::smsc::{ReceivedText, SmsError, Smsc, Submitted};
use super::wap_gateway::WapGateway;
use crate::codec::sms::{Deliver, Tpdu, split_smsc};
use crate::model::{Clock, Random};
use crate::proto::ppp::{AuthProtocol, Credentials, Families, ServerQuirks};

/// How the GGSN wants to be told who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// RFC 1334.
    Pap,
    /// RFC 1994 with MD5.
    Chap,
}

/// Makes an [`Operator`].
#[derive(Debug, Clone)]
pub struct OperatorBuilder {
    lines: Vec<(Subscriber, ModemConfig)>,
    phones: Vec<Phone>,
    phone_delay: Duration,
    apn: String,
    auth: Auth,
    user: String,
    password: String,
    quirks: ServerQuirks,
    speaks_first: Option<Duration>,
    proxy: Option<SocketAddrV4>,
    mmsc_url: String,
    smsc_number: String,
    repeat_after: Option<Duration>,
    max_notifications: u32,
    drops_duplicates: bool,
    max_message_size: usize,
    versions: Families,
    refuses_dual_stack: bool,
    ppp_command: Option<Vec<String>>,
    clock: Option<Clock>,
    random: Option<Random>,
}

impl Default for OperatorBuilder {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            phones: Vec::new(),
            phone_delay: Duration::from_millis(200),
            apn: "mms.example".to_owned(),
            auth: Auth::None,
            user: String::new(),
            password: String::new(),
            quirks: ServerQuirks::default(),
            speaks_first: None,
            proxy: Some(SocketAddrV4::new(Ipv4Addr::new(10, 1, 1, 1), 8080)),
            mmsc_url: "http://mmsc.example/mms".to_owned(),
            smsc_number: "+447700900999".to_owned(),
            repeat_after: Some(Duration::from_secs(600)),
            max_notifications: 5,
            drops_duplicates: false,
            max_message_size: 600 * 1024,
            versions: Families { v4: true, v6: false },
            refuses_dual_stack: false,
            ppp_command: None,
            clock: None,
            random: None,
        }
    }
}

impl OperatorBuilder {
    /// Adds a subscriber with a modem; without any there is one with the defaults.
    #[must_use]
    pub fn line(mut self, subscriber: Subscriber, modem: ModemConfig) -> Self {
        self.lines.push((subscriber, modem));
        self
    }

    /// Adds a phone.
    #[must_use]
    pub fn phone(mut self, number: &str, behaviour: Behaviour) -> Self {
        self.phones.push(Phone::new(number, behaviour, self.phone_delay));
        self
    }

    /// How long phones added from now on take before they do anything.
    #[must_use]
    pub fn phone_delay(mut self, delay: Duration) -> Self {
        self.phone_delay = delay;
        self
    }

    /// Name of the access point behind which proxy and MMSC are (`mms.example`).
    #[must_use]
    pub fn apn(mut self, apn: &str) -> Self {
        apn.clone_into(&mut self.apn);
        self
    }

    /// Authentication of data calls and the credentials taken.
    #[must_use]
    pub fn auth(mut self, auth: Auth, user: &str, password: &str) -> Self {
        self.auth = auth;
        user.clone_into(&mut self.user);
        password.clone_into(&mut self.password);
        self
    }

    /// Misbehaviour of the PPP server.
    #[must_use]
    pub fn quirks(mut self, quirks: ServerQuirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// The network sends the first PPP frame so long after CONNECT, as many modems do, instead of
    /// waiting for the caller's.
    #[must_use]
    pub fn speaks_first(mut self, after: Duration) -> Self {
        self.speaks_first = Some(after);
        self
    }

    /// The versions of IP that the network has (IPv4). Where it has IPv6 alone, a NAT64 leads to
    /// proxy and MMSC, and the name server makes the addresses for it.
    #[must_use]
    pub fn ip_versions(mut self, versions: Families) -> Self {
        self.versions = versions;
        self
    }

    /// Contexts of the type IPV4V6 are refused, with a cause of 3GPP TS 24.008 clause 10.5.6.6,
    /// instead of being given what there is.
    #[must_use]
    pub fn refuses_dual_stack(mut self) -> Self {
        self.refuses_dual_stack = true;
        self
    }

    /// Address of the WAP proxy inside the operator's network (`10.1.1.1:8080`); `None`: no proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Option<SocketAddrV4>) -> Self {
        self.proxy = proxy;
        self
    }

    /// URL of the MMSC (`http://mmsc.example/mms`). A host that is an address stays so; a name is
    /// 10.1.1.2 inside the operator's network.
    #[must_use]
    pub fn mmsc_url(mut self, url: &str) -> Self {
        url.trim_end_matches('/').clone_into(&mut self.mmsc_url);
        self
    }

    /// Pause between notifications of a message that nobody acknowledges, and how many in all.
    #[must_use]
    pub fn repeat_notifications(mut self, after: Option<Duration>, at_most: u32) -> Self {
        self.repeat_after = after;
        self.max_notifications = at_most;
        self
    }

    /// The MMSC drops a repeated submission with equal Transaction-Id and body.
    #[must_use]
    pub fn drops_duplicates(mut self, drops: bool) -> Self {
        self.drops_duplicates = drops;
        self
    }

    /// Octets of the largest M-Send.req that is taken.
    #[must_use]
    pub fn max_message_size(mut self, octets: usize) -> Self {
        self.max_message_size = octets;
        self
    }

    /// Hands data calls to a program, in words, instead of the built-in GGSN.
    #[must_use]
    pub fn ppp_command(mut self, words: Vec<String>) -> Self {
        self.ppp_command = Some(words);
        self
    }

    /// The clock; the host's when not given.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The source of randomness; the host's when not given.
    #[must_use]
    pub fn random(mut self, random: Random) -> Self {
        self.random = Some(random);
        self
    }

    /// Powers everything on. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(mut self) -> Operator {
        if self.lines.is_empty() {
            self.lines.push((Subscriber::default(), ModemConfig::default()));
        }
        let clock = self.clock.unwrap_or_else(Clock::system);
        let random = self.random.unwrap_or_else(Random::from_system);
        let faults = Faults::default();
        let stop = CancellationToken::new();
        let smsc = Smsc::new(&self.smsc_number, faults.clone(), random.clone());
        let numbers = self.lines.iter().map(|(subscriber, _)| subscriber.number.clone()).collect();
        let mmsc_config = MmscConfig {
            url: self.mmsc_url.clone(),
            repeat_after: self.repeat_after,
            max_notifications: self.max_notifications,
            drops_duplicates: self.drops_duplicates,
            max_message_size: self.max_message_size,
        };
        let mmsc = Mmsc::new(
            mmsc_config,
            faults.clone(),
            smsc.clone(),
            clock,
            random.clone(),
            stop.clone(),
            numbers,
        );
        for phone in self.phones {
            mmsc.add_phone(phone);
        }
        let mmsc_address = mmsc_address(&self.mmsc_url);
        let wap = WapGateway::new(random.clone());
        let calls: Arc<dyn CallTaker> = match self.ppp_command {
            Some(words) => Arc::new(ExternalCall::new(words)),
            None => {
                let mut apns = vec![(self.apn.clone(), true)];
                for (_, modem) in &self.lines {
                    apns.push((modem.attach_apn.clone(), false));
                }
                let credentials = match self.auth {
                    Auth::None => Vec::new(),
                    Auth::Pap | Auth::Chap => vec![Credentials::new(self.user, self.password)],
                };
                let config = GgsnConfig {
                    apns,
                    auth: match self.auth {
                        Auth::None => None,
                        Auth::Pap => Some(AuthProtocol::Pap),
                        Auth::Chap => Some(AuthProtocol::ChapMd5),
                    },
                    credentials,
                    quirks: self.quirks,
                    speaks_first: self.speaks_first,
                    own: Ipv4Addr::new(10, 64, 0, 1),
                    proxy: self.proxy,
                    mmsc: mmsc_address,
                    wap: wap.clone(),
                    versions: self.versions,
                    refuses_dual_stack: self.refuses_dual_stack,
                    names: names(&self.mmsc_url, mmsc_address, self.proxy),
                };
                let ggsn =
                    Ggsn::new(config, mmsc.clone(), faults.clone(), random.clone(), stop.clone());
                Arc::new(ggsn)
            }
        };
        let modems = self
            .lines
            .into_iter()
            .map(|(subscriber, config)| {
                VirtualModem::new(
                    config,
                    subscriber,
                    faults.clone(),
                    smsc.clone(),
                    Arc::clone(&calls),
                    (clock, random.clone()),
                    stop.child_token(),
                )
            })
            .collect();
        Operator(Arc::new(Inner {
            modems,
            mmsc,
            smsc,
            faults,
            stop,
            wap,
            apn: self.apn,
            proxy: self.proxy,
        }))
    }
}

/// The virtual operator; clones are the same.
#[derive(Clone)]
pub struct Operator(Arc<Inner>);

struct Inner {
    modems: Vec<VirtualModem>,
    mmsc: Mmsc,
    smsc: Smsc,
    faults: Faults,
    stop: CancellationToken,
    wap: WapGateway,
    apn: String,
    proxy: Option<SocketAddrV4>,
}

/// Everything about the operator at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct OperatorState {
    /// Every modem.
    pub modems: Vec<ModemState>,
    /// Number and messages of every phone.
    pub phones: Vec<PhoneState>,
    /// What the MMSC saw.
    pub mmsc: Journal,
    /// SMS that modems submitted.
    pub submitted_sms: Vec<Submitted>,
    /// Faults that are on.
    pub faults: Vec<ActiveFault>,
}

/// A phone at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct PhoneState {
    /// Its number.
    pub number: String,
    /// What it got.
    pub received: Vec<Received>,
}

impl Operator {
    /// A builder with one subscriber, the APN `mms.example`, a proxy and no phones.
    #[must_use]
    pub fn builder() -> OperatorBuilder {
        OperatorBuilder::default()
    }

    /// The first modem.
    ///
    /// # Panics
    /// Never: there is always one.
    #[must_use]
    pub fn modem(&self) -> &VirtualModem {
        self.0.modems.first().unwrap_or_else(|| unreachable!("start() adds one"))
    }

    /// Every modem, in the order of its lines.
    #[must_use]
    pub fn modems(&self) -> &[VirtualModem] {
        &self.0.modems
    }

    /// The WAP 1.x gateway, at the ports 9200 and 9201 of the proxy's address.
    #[must_use]
    pub fn wap(&self) -> &WapGateway {
        &self.0.wap
    }

    /// The MMSC.
    #[must_use]
    pub fn mmsc(&self) -> &Mmsc {
        &self.0.mmsc
    }

    /// The fault switches.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The phone with this number.
    #[must_use]
    pub fn phone(&self, number: &str) -> Option<Phone> {
        self.0.mmsc.phones().into_iter().find(|phone| phone.number() == number)
    }

    /// Name of the access point for MMS.
    #[must_use]
    pub fn apn(&self) -> &str {
        &self.0.apn
    }

    /// URL of the MMSC.
    #[must_use]
    pub fn mmsc_url(&self) -> &str {
        self.0.mmsc.url()
    }

    /// Address of the WAP proxy, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<SocketAddrV4> {
        self.0.proxy
    }

    /// A phone sends a message to a subscriber of ours; gives the token of its Content-Location.
    ///
    /// # Errors
    /// When no modem has that number.
    pub fn send_from_phone(
        &self,
        from: &str,
        to: &str,
        message: &Outgoing,
    ) -> Result<String, SmsError> {
        self.0.mmsc.send(from, to, message)
    }

    /// Delivers SMS-DELIVER or SMS-STATUS-REPORT TPDUs to a modem's subscriber. A leading SMSC
    /// address, as `AT+CMGL` shows it, is taken off where only that reading makes sense.
    ///
    /// # Errors
    /// Names the TPDU that does not decode; then none is delivered.
    pub fn deliver_sms(&self, number: &str, tpdus: &[Bytes]) -> Result<(), SmsError> {
        let bare: Result<Vec<Bytes>, SmsError> =
            tpdus.iter().map(|octets| bare_tpdu(octets)).collect();
        self.0.smsc.deliver(number, bare?)
    }

    /// Texts that the phone with this number got, oldest first.
    #[must_use]
    pub fn texts_of(&self, number: &str) -> Vec<ReceivedText> {
        self.0.smsc.texts_of(number)
    }

    /// The TP-Status that is reported of texts to this number from now on (3GPP TS 23.040 clause
    /// 9.2.3.15); none: no report comes.
    pub fn report_texts(&self, number: &str, status: Option<u8>) {
        self.0.smsc.report_texts(number, status);
    }

    /// Everything at this moment.
    #[must_use]
    pub fn state(&self) -> OperatorState {
        OperatorState {
            modems: self.0.modems.iter().map(VirtualModem::state).collect(),
            phones: self
                .0
                .mmsc
                .phones()
                .iter()
                .map(|phone| PhoneState {
                    number: phone.number().to_owned(),
                    received: phone.received(),
                })
                .collect(),
            mmsc: self.0.mmsc.journal(),
            submitted_sms: self.0.smsc.submitted(),
            faults: self.0.faults.active(),
        }
    }

    /// Ends calls, sessions and services.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("apn", &self.0.apn).finish_non_exhaustive()
    }
}

/// The TPDU without SMSC address: as given when it decodes, else without the address in front.
fn bare_tpdu(octets: &[u8]) -> Result<Bytes, SmsError> {
    let whole = match Tpdu::from_network(octets) {
        Ok(decoded) => {
            let sound = match &decoded.value {
                Tpdu::Deliver(deliver) => is_plausible(deliver) && octets.first() != Some(&0x07),
                // Nothing that is delivered: an address of one, five or nine octets in front.
                Tpdu::SubmitReport(_) => false,
                _ => true,
            };
            if sound {
                return Ok(Bytes::copy_from_slice(octets));
            }
            None
        }
        Err(error) => Some(error),
    };
    let rest = split_smsc(octets).ok().map(|(_, rest)| rest);
    match rest.map(Tpdu::from_network) {
        Some(Ok(_)) => Ok(Bytes::copy_from_slice(rest.unwrap_or_default())),
        _ if whole.is_none() => Ok(Bytes::copy_from_slice(octets)),
        _ => Err(SmsError::NotATpdu {
            expected: "SMS-DELIVER",
            reason: whole.map_or_else(String::new, |error| error.to_string()),
        }),
    }
}

/// A service centre time stamp that is a date speaks for a TPDU that begins where it should.
fn is_plausible(deliver: &Deliver) -> bool {
    deliver.scts.timestamp().is_some()
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let uri: hyper::Uri = url.parse().ok()?;
    Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(80)))
}

fn mmsc_address(url: &str) -> SocketAddrV4 {
    let (host, port) = host_and_port(url).unwrap_or_default();
    SocketAddrV4::new(host.parse().unwrap_or(Ipv4Addr::new(10, 1, 1, 2)), port)
}

fn names(url: &str, mmsc: SocketAddrV4, proxy: Option<SocketAddrV4>) -> Vec<(String, Ipv4Addr)> {
    let mut names = Vec::new();
    if let Some((host, _)) = host_and_port(url)
        && host.parse::<Ipv4Addr>().is_err()
    {
        names.push((host, *mmsc.ip()));
    }
    if let Some(proxy) = proxy {
        names.push(("proxy.example".to_owned(), *proxy.ip()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smsc_address_in_front_is_taken_off_only_where_it_is_one() {
        // SMS-DELIVER from 12345, 7 bit, "hi", 2026-11-21; and the same behind +447700900999.
        let bare = hex::decode("0405812143f500006211120000000002e834").unwrap();
        let with = [hex::decode("0791447700099099").unwrap(), bare.clone()].concat();
        let without_number = [vec![0], bare.clone()].concat();
        assert_eq!(bare_tpdu(&bare).unwrap(), bare);
        assert_eq!(bare_tpdu(&with).unwrap(), bare);
        assert_eq!(bare_tpdu(&without_number).unwrap(), bare);
        assert!(bare_tpdu(&[0xff, 0xff]).is_err());
    }
}
