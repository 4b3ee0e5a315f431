//! What the options of LCP mean to us (RFC 1661 section 6, RFC 1662 section 7).

use super::config::{AuthProtocol, ServerQuirks};
use super::negotiate::{Policy, Verdict};
use super::numbers::Numbers;
use crate::codec::ppp::{FrameFormat, LcpOption, RawOption, protocol};

/// The smallest MRU that we live with: room for every control packet.
const MIN_MRU: u16 = 128;
/// What every PPP peer takes.
const DEFAULT_MRU: u16 = 1500;
/// Naks for an authentication that we do not know before we give up.
const MAX_AUTH_NAKS: u32 = 5;
/// The algorithm octet of CHAP with MD5.
const CHAP_MD5: u8 = 5;

/// Our wishes and what the peer told.
#[derive(Debug)]
pub(super) struct Lcp {
    mru: Option<u16>,
    accm: Option<u32>,
    magic: Option<u32>,
    pfc: bool,
    acfc: bool,
    /// Refuses both compressions to the peer.
    uncompressed: bool,
    /// What the peer must pass, on the side that was dialled.
    demand: Option<AuthProtocol>,
    prefer: Option<AuthProtocol>,
    peer: Peer,
    numbers: Numbers,
    /// Times that we heard our own magic number.
    pub(super) echoes_of_us: u32,
    auth_naks: u32,
    preferred_once: bool,
    /// Neither side can go on: the peer insists on an authentication that we do not know, or
    /// refuses ours.
    pub(super) auth_unsupported: bool,
}

/// What the peer asked for and we acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Peer {
    mru: u16,
    accm: u32,
    pfc: bool,
    acfc: bool,
    auth: Option<AuthProtocol>,
}

impl Default for Peer {
    fn default() -> Self {
        Self { mru: DEFAULT_MRU, accm: u32::MAX, pfc: false, acfc: false, auth: None }
    }
}

impl Lcp {
    pub(super) fn new(
        mru: u16,
        demand: Option<AuthProtocol>,
        prefer: Option<AuthProtocol>,
        seed: u64,
    ) -> Self {
        let mut lcp = Self {
            mru: (mru != DEFAULT_MRU).then_some(mru.clamp(MIN_MRU, DEFAULT_MRU)),
            accm: Some(0),
            magic: None,
            pfc: true,
            acfc: true,
            uncompressed: false,
            demand,
            prefer,
            peer: Peer::default(),
            numbers: Numbers::new(seed),
            echoes_of_us: 0,
            auth_naks: 0,
            preferred_once: false,
            auth_unsupported: false,
        };
        lcp.magic = Some(lcp.numbers.magic());
        lcp
    }

    /// Misbehaves as told.
    pub(super) fn behave(&mut self, quirks: &ServerQuirks) {
        self.accm = Some(quirks.accm);
        self.uncompressed = quirks.uncompressed;
        self.pfc &= !quirks.uncompressed;
        self.acfc &= !quirks.uncompressed;
    }

    /// How to write frames other than LCP's own once LCP is open.
    pub(super) const fn format(&self) -> FrameFormat {
        FrameFormat { accm: self.peer.accm, acfc: self.peer.acfc, pfc: self.peer.pfc }
    }

    /// The peer's largest packet.
    pub(super) fn peer_mru(&self) -> usize {
        usize::from(self.peer.mru)
    }

    /// What we must pass.
    pub(super) const fn asked_of_us(&self) -> Option<AuthProtocol> {
        self.peer.auth
    }

    /// What the peer must pass.
    pub(super) const fn asked_of_peer(&self) -> Option<AuthProtocol> {
        self.demand
    }

    /// Our magic number; 0 when it was rejected.
    pub(super) fn magic(&self) -> u32 {
        self.magic.unwrap_or(0)
    }

    /// Whether to acknowledge the authentication that the peer asks for, or what to propose.
    fn judge_auth(&mut self, asked: Option<AuthProtocol>) -> Result<AuthProtocol, AuthProtocol> {
        match (asked, self.prefer) {
            (Some(asked), Some(prefer)) if asked != prefer && !self.preferred_once => {
                self.preferred_once = true;
                Err(prefer)
            }
            (Some(asked), _) => Ok(asked),
            (None, prefer) => {
                self.auth_naks += 1;
                self.auth_unsupported |= self.auth_naks > MAX_AUTH_NAKS;
                Err(prefer.unwrap_or(AuthProtocol::ChapMd5))
            }
        }
    }
}

impl Policy for Lcp {
    fn request(&self) -> Vec<RawOption> {
        [
            self.mru.map(LcpOption::Mru),
            self.accm.map(LcpOption::Accm),
            self.demand.map(auth_option),
            self.magic.map(LcpOption::Magic),
            self.pfc.then_some(LcpOption::Pfc),
            self.acfc.then_some(LcpOption::Acfc),
        ]
        .iter()
        .flatten()
        .map(RawOption::from)
        .collect()
    }

    fn judge(&mut self, options: &[RawOption]) -> Verdict {
        let (mut naks, mut rejects) = (Vec::new(), Vec::new());
        let mut peer = Peer::default();
        for raw in options {
            match LcpOption::from(raw.clone()) {
                LcpOption::Mru(mru) if mru >= MIN_MRU => peer.mru = mru.min(DEFAULT_MRU),
                LcpOption::Mru(_) => naks.push(LcpOption::Mru(DEFAULT_MRU)),
                LcpOption::Accm(map) => peer.accm = map,
                // Who was dialled proves nothing to the one who dialled.
                LcpOption::Auth { .. } if self.demand.is_some() => rejects.push(raw.clone()),
                LcpOption::Auth { protocol, data } => {
                    match self.judge_auth(known_auth(protocol, &data)) {
                        Ok(auth) => peer.auth = Some(auth),
                        Err(better) => naks.push(auth_option(better)),
                    }
                }
                LcpOption::Magic(number) if number != 0 && Some(number) == self.magic => {
                    self.echoes_of_us += 1;
                    naks.push(LcpOption::Magic(self.numbers.magic()));
                }
                LcpOption::Magic(0) => naks.push(LcpOption::Magic(self.numbers.magic())),
                LcpOption::Magic(_) => self.echoes_of_us = 0,
                LcpOption::Pfc | LcpOption::Acfc if self.uncompressed => rejects.push(raw.clone()),
                LcpOption::Pfc => peer.pfc = true,
                LcpOption::Acfc => peer.acfc = true,
                LcpOption::Other(_) => rejects.push(raw.clone()),
            }
        }
        if !rejects.is_empty() {
            return Verdict::Reject(rejects);
        }
        if !naks.is_empty() {
            return Verdict::Nak(naks.iter().map(RawOption::from).collect());
        }
        self.peer = peer;
        Verdict::Ack
    }

    fn acknowledged(&mut self) -> bool {
        true
    }

    fn naked(&mut self, options: &[RawOption]) {
        for raw in options {
            match LcpOption::from(raw.clone()) {
                LcpOption::Mru(mru) if self.mru.is_some() => {
                    self.mru = (MIN_MRU..=DEFAULT_MRU).contains(&mru).then_some(mru);
                }
                LcpOption::Accm(map) => self.accm = self.accm.map(|ours| ours | map),
                LcpOption::Magic(_) if self.magic.is_some() => {
                    self.magic = Some(self.numbers.magic());
                }
                _ => {}
            }
        }
    }

    fn rejected(&mut self, options: &[RawOption]) {
        for raw in options {
            match LcpOption::from(raw.clone()) {
                LcpOption::Mru(_) => self.mru = None,
                LcpOption::Accm(_) => self.accm = None,
                LcpOption::Magic(_) => self.magic = None,
                LcpOption::Pfc => self.pfc = false,
                LcpOption::Acfc => self.acfc = false,
                LcpOption::Auth { .. } => self.auth_unsupported |= self.demand.is_some(),
                LcpOption::Other(_) => {}
            }
        }
    }
}

fn known_auth(number: u16, data: &[u8]) -> Option<AuthProtocol> {
    match (number, data) {
        (protocol::PAP, _) => Some(AuthProtocol::Pap),
        (protocol::CHAP, [CHAP_MD5]) => Some(AuthProtocol::ChapMd5),
        _ => None,
    }
}

fn auth_option(auth: AuthProtocol) -> LcpOption {
    match auth {
        AuthProtocol::Pap => LcpOption::Auth { protocol: protocol::PAP, data: Vec::new() },
        AuthProtocol::ChapMd5 => LcpOption::Auth { protocol: protocol::CHAP, data: vec![CHAP_MD5] },
    }
}
