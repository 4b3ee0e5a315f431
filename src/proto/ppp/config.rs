//! What a PPP link is told, what it tells, and why it ends (RFC 1661).

use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::model::TapDirection;
use crate::model::redact::Secret;

/// A user name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The peer-ID of PAP, the name of CHAP.
    pub user: String,
    /// The password of PAP, the secret of CHAP.
    pub password: Secret,
}

impl Credentials {
    /// Joins both.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: Secret::new(password) }
    }
}

/// How one side proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthProtocol {
    /// RFC 1334.
    Pap,
    /// RFC 1994 with MD5.
    ChapMd5,
}

impl AuthProtocol {
    /// `PAP` or `CHAP`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pap => "PAP",
            Self::ChapMd5 => "CHAP",
        }
    }
}

/// Which end of the link this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The side that dialled.
    Client(ClientConfig),
    /// The side that was dialled: authenticates the other and gives it an address.
    Server(ServerConfig),
}

/// The side that dialled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientConfig {
    /// What to say when asked; empty name and password when absent, as many operators want it.
    pub credentials: Option<Credentials>,
    /// When the peer asks for another one, this is proposed once; a peer that insists gets its
    /// way, since most modems know only one.
    pub prefer: Option<AuthProtocol>,
}

/// The side that was dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// What the other side must pass, if anything.
    pub auth: Option<AuthProtocol>,
    /// Who may come in; empty lets everyone in, whatever is said.
    pub accepted: Vec<Credentials>,
    /// The name told in a CHAP challenge.
    pub name: String,
    /// The text sent with a refusal.
    pub refusal: String,
    /// Our own address.
    pub own_address: Ipv4Addr,
    /// The address for the other side.
    pub client_address: Ipv4Addr,
    /// Our interface identifier (RFC 5072), which must not be zero.
    pub own_interface_id: u64,
    /// The interface identifier for the other side.
    pub client_interface_id: u64,
    /// Name servers to tell, at most two (RFC 1877).
    pub name_servers: Vec<Ipv4Addr>,
    /// Misbehaviour of real equipment.
    pub quirks: ServerQuirks,
}

/// Misbehaviour of real equipment that a server can be told to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerQuirks {
    /// Every IPCP request of the client is answered by a Configure-Nak without an address, as
    /// sticks do whose context never comes up (wrong APN or credentials).
    pub endless_naks: bool,
    /// Our own IPCP request carries the address 0.0.0.0.
    pub no_own_address: bool,
    /// So many Configure-Naks give the placeholder name servers 10.11.12.13 and 10.11.12.14 first.
    pub placeholder_rounds: u8,
    /// Echo-Requests stay without answer.
    pub deaf_to_echo: bool,
    /// Nobody's credentials are right.
    pub refuse_everyone: bool,
    /// So many IPCP requests of the client get a Configure-Nak without options.
    pub empty_naks: u8,
    /// The control characters that the client must escape.
    pub accm: u32,
    /// Neither takes nor asks for compressed protocols, addresses and control fields.
    pub uncompressed: bool,
    /// Offers Van Jacobson compression in IPCP (RFC 1332 clause 3.2).
    pub offers_vj: bool,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, negotiated by IPCP.
    V4,
    /// IPv6, negotiated by IPv6CP.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Versions of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// What a link needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkConfig {
    /// Which end this is.
    pub role: Role,
    /// What is negotiated; at least one. The link is up with the first that is.
    pub families: Families,
    /// Octets of the largest packet that we take and send (Maximum-Receive-Unit), 128 to 1500.
    pub mru: u16,
    /// Wait for the peer's first frame before sending any.
    pub passive: bool,
    /// Pause between two Configure- or Terminate-Requests, or two authentication requests.
    pub restart: Duration,
    /// Unanswered LCP Configure-Requests before the link counts as silent.
    pub max_configure: u32,
    /// Unanswered Terminate-Requests before the link counts as closed.
    pub max_terminate: u32,
    /// IPCP or IPv6CP Configure-Naks and -Rejects in a row before there is no address.
    pub max_ipcp_failure: u32,
    /// The longest that authentication may last.
    pub auth_limit: Duration,
    /// The longest that IPCP and IPv6CP may last.
    pub ipcp_limit: Duration,
    /// Echo-Requests of our own, if any.
    pub echo: Option<EchoConfig>,
    /// Give every frame as [`Output::Frame`].
    pub observe: bool,
}

/// Echo-Requests of our own (RFC 1661 clause 5.8). The first leaves as soon as the link is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EchoConfig {
    /// The pause between two.
    pub interval: Duration,
    /// What unanswered ones mean.
    pub give_up: GiveUp,
}

/// What it means that no frame of any kind came since an Echo-Request, and since the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// Nothing.
    Never,
    /// So many end the link.
    After(u32),
    /// So many end a link on which one was answered: many modems never answer, so that only their
    /// falling silent tells anything.
    OnceAnsweredAfter(u32),
}

impl LinkConfig {
    /// A client with the defaults.
    #[must_use]
    pub fn client(config: ClientConfig) -> Self {
        Self::with_role(Role::Client(config))
    }

    /// A server with the defaults: it waits for the client's first frame.
    #[must_use]
    pub fn server(config: ServerConfig) -> Self {
        Self { passive: true, ..Self::with_role(Role::Server(config)) }
    }

    fn with_role(role: Role) -> Self {
        Self {
            role,
            families: Families { v4: true, v6: false },
            mru: 1500,
            passive: false,
            restart: Duration::from_secs(3),
            max_configure: 10,
            max_terminate: 2,
            // Some modules answer with Naks for up to 90 s until the context is up.
            max_ipcp_failure: 30,
            auth_limit: Duration::from_secs(40),
            ipcp_limit: Duration::from_secs(95),
            echo: None,
            observe: false,
        }
    }
}

impl ServerConfig {
    /// A server without authentication.
    #[must_use]
    pub fn new(own_address: Ipv4Addr, client_address: Ipv4Addr) -> Self {
        Self {
            auth: None,
            accepted: Vec::new(),
            name: "ggsn".to_owned(),
            refusal: "authentication failure".to_owned(),
            own_address,
            client_address,
            own_interface_id: 1,
            client_interface_id: 2,
            name_servers: Vec::new(),
            quirks: ServerQuirks::default(),
        }
    }
}

/// What a link is given.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The line is there: begin.
    Open,
    /// Octets from the line, in any pieces.
    Octets(&'a [u8]),
    /// An IP packet to send; dropped while IP of its version is not up.
    Packet(&'a [u8]),
    /// The time of [`Output::Timeout`] has come.
    Timeout,
    /// End the link in order (Terminate-Request).
    Close,
    /// The line is gone.
    LineLost,
}

/// What a link wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these octets to the line.
    Transmit(Vec<u8>),
    /// An IP packet arrived, of whichever version.
    Packet(Vec<u8>),
    /// Something happened.
    Event(LinkEvent),
    /// A frame went by, beginning with `FF 03` and the protocol in two octets; only with
    /// [`LinkConfig::observe`].
    Frame(TapDirection, Vec<u8>),
    /// Nothing to do until then: call with [`Input::Timeout`].
    Timeout(Instant),
    /// Nothing to do until there is input.
    Idle,
}

/// What happens on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// LCP is open.
    LcpOpen,
    /// Authentication is over.
    Authenticated {
        /// `None`: nobody asked.
        by: Option<AuthProtocol>,
    },
    /// IPCP is open.
    IpUp {
        /// Our address.
        address: Ipv4Addr,
        /// The other side's address, or the one that we made up for it.
        peer: Ipv4Addr,
        /// Name servers that the other side told, without placeholders.
        name_servers: Vec<Ipv4Addr>,
    },
    /// IPv6CP is open: link-local addresses are known, others come by router advertisement.
    Ipv6Up {
        /// The lower half of our link-local address.
        interface_id: u64,
        /// The other side's, if it told one.
        peer: Option<u64>,
    },
    /// One version of IP will not come up; the other one may.
    Refused {
        /// Which.
        family: Family,
        /// Why.
        reason: LinkError,
    },
    /// What the peer calls itself (LCP Identification, RFC 1570 section 2.1).
    Identification(String),
    /// When the peer means to end the link (LCP Time-Remaining, RFC 1570 section 2.2).
    TimeRemaining {
        /// Seconds.
        seconds: u32,
        /// Its words, perhaps empty.
        message: String,
    },
    /// Text outside frames: a banner, or the modem's result code.
    Text(String),
    /// The link is over; nothing follows.
    Down(LinkError),
}

/// The phase of a link (RFC 1661 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// LCP negotiates.
    Establish,
    /// PAP or CHAP.
    Authenticate,
    /// IPCP, IPv6CP or both negotiate.
    Network,
    /// IP is up, in one version at least.
    Open,
    /// Terminate-Request is out.
    Terminate,
    /// Nothing runs.
    Dead,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Establish => "LCP",
            Self::Authenticate => "authentication",
            Self::Network => "IPCP",
            Self::Open => "IP",
            Self::Terminate => "termination",
            Self::Dead => "idle",
        })
    }
}

/// Counters of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkStats {
    /// Intact frames that came.
    pub frames_received: u64,
    /// Frames written.
    pub frames_sent: u64,
    /// Frames dropped: wrong checksum, too long, too short or aborted.
    pub bad_frames: u64,
    /// Intact frames dropped: no protocol in them, or a control packet of impossible length.
    pub malformed: u64,
    /// Frames of a protocol that nobody here speaks.
    pub unknown_protocols: u64,
    /// Packets dropped because they came, or wanted to leave, before or after their time.
    pub untimely: u64,
}

/// Why a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// No answer within the limits.
    #[error("the peer did not answer during {phase}")]
    Timeout {
        /// Where it fell silent.
        phase: Phase,
    },
    /// The two sides do not agree on options.
    #[error("no agreement with the peer during {phase}")]
    NoAgreement {
        /// Where.
        phase: Phase,
    },
    /// Credentials were refused, by us or by the peer.
    #[error("the peer rejected the credentials{}", said(message))]
    AuthRejected {
        /// The refusing side's words, perhaps empty.
        message: String,
    },
    /// The peer insists on an authentication that we do not know, or refuses ours.
    #[error("the peer accepts neither PAP nor CHAP-MD5")]
    AuthUnsupported,
    /// IPCP never gave an address.
    #[error("the network gave no IP address after {naks} refusals")]
    NoIpAddress {
        /// Configure-Naks and -Rejects received in a row.
        naks: u32,
    },
    /// The peer does not speak this version of IP, or does not want to any more.
    #[error("the peer rejected {family}")]
    IpRejected {
        /// Which.
        family: Family,
    },
    /// The peer sent Terminate-Request.
    #[error("the peer ended the link during {phase}{}", said(message))]
    PeerTerminated {
        /// When.
        phase: Phase,
        /// Its words, perhaps empty.
        message: String,
    },
    /// We hear ourselves: the modem is in command mode and echoes, or the line is looped.
    #[error("the line is looped back: the modem echoes instead of being in a data call")]
    LoopDetected,
    /// Echo-Requests went unanswered, see [`GiveUp`].
    #[error("the peer stopped answering echo requests")]
    EchoLost,
    /// The modem wrote its result code on the line.
    #[error("the modem ended the call ({text})")]
    NoCarrier {
        /// Its words.
        text: String,
    },
    /// The line under the link is gone.
    #[error("the line is gone")]
    LineLost,
    /// [`Input::Close`].
    #[error("closed on request")]
    Closed,
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ('{message}')") }
}
