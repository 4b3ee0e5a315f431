//! A small resolver for the operator's name servers (RFC 1035 sections 4 and 7): A and AAAA
//! records over UDP, over TCP when an answer is cut off.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Net, NetError};
use crate::model::Random;

/// The port of name servers.
const PORT: u16 = 53;
/// How long one server may think before the next one is asked. A first packet over a sleeping radio
/// takes two seconds and more.
const PATIENCE: Duration = Duration::from_secs(4);
/// Addresses that one answer may give.
const MAX_ADDRESSES: usize = 16;
/// Octets of the longest name (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const HEADER: usize = 12;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// At least one address.
    Addresses(Vec<IpAddr>),
    /// There is no such name, or it has no address.
    NoSuchName,
    /// The answer did not fit in a datagram.
    Truncated,
    /// The server cannot or will not tell.
    Failure,
}

/// Addresses that can be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usable {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

impl Usable {
    /// Whether packets can be sent to it.
    pub(super) const fn reaches(self, address: &IpAddr) -> bool {
        if address.is_ipv4() { self.v4 } else { self.v6 }
    }
}

/// How long the other answer is waited for when one has given addresses: many name servers leave
/// questions for AAAA unanswered.
const OTHER_ANSWER: Duration = Duration::from_millis(500);

/// Asks `servers` in turn, again and again until `limit` has passed: for the addresses that can be
/// used here, IPv4 first; where there is IPv6 alone and the name has none of these, for IPv4
/// addresses, which its NAT64 reaches. Servers that cannot be reached are not asked.
pub(super) async fn resolve(
    net: &dyn Net,
    servers: &[IpAddr],
    random: &Random,
    name: &str,
    limit: Duration,
    usable: Usable,
) -> Result<Vec<IpAddr>, NetError> {
    if let Ok(address) = name.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    let silent = || NetError::NameServerSilent { name: name.to_owned() };
    let unknown = || NetError::NameNotFound { name: name.to_owned() };
    let Some(question) = encode_name(name) else { return Err(unknown()) };
    // An IPv4 server is reached through the NAT64 at need, of which another one must tell first.
    let servers: Vec<IpAddr> =
        servers.iter().filter(|server| usable.reaches(server)).copied().collect();
    if servers.is_empty() {
        return Err(silent());
    }
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        let mut refusals = 0;
        // A public server knows nothing of the operator's own names, the next one may.
        let mut denied = false;
        for server in &servers {
            let round = (Instant::now() + PATIENCE).min(deadline);
            let asked =
                Asked { net, to: SocketAddr::new(*server, PORT), question: &question, random };
            match asked.for_usable(usable, round).await? {
                Some(Answer::Addresses(addresses)) => return Ok(addresses),
                Some(Answer::NoSuchName) => denied = true,
                Some(Answer::Failure | Answer::Truncated) => refusals += 1,
                None => {}
            }
        }
        if denied {
            return Err(unknown());
        }
        if refusals == servers.len() {
            // All answered and none helps: asking faster changes nothing.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    Err(silent())
}

/// One server and what it is asked.
struct Asked<'a> {
    net: &'a dyn Net,
    to: SocketAddr,
    question: &'a [u8],
    random: &'a Random,
}

impl Asked<'_> {
    /// The answer to the questions that make sense here; nothing when there is none by `round`.
    async fn for_usable(&self, usable: Usable, round: Instant) -> Result<Option<Answer>, NetError> {
        if !usable.v6 {
            return self.once(TYPE_A, round).await;
        }
        if !usable.v4 {
            return match self.once(TYPE_AAAA, round).await? {
                Some(Answer::NoSuchName) => self.once(TYPE_A, round).await,
                answer => Ok(answer),
            };
        }
        let mut v4 = pin!(self.once(TYPE_A, round));
        let mut v6 = pin!(self.once(TYPE_AAAA, round));
        let helps =
            |answer: &Result<Option<Answer>, _>| matches!(answer, Ok(Some(Answer::Addresses(_))));
        let (v4, v6) = tokio::select! {
            biased;
            first = &mut v4 => {
                let wait = if helps(&first) { OTHER_ANSWER } else { PATIENCE * 2 };
                (first, timeout(wait, v6).await.unwrap_or(Ok(None)))
            }
            first = &mut v6 => {
                let wait = if helps(&first) { OTHER_ANSWER } else { PATIENCE * 2 };
                (timeout(wait, v4).await.unwrap_or(Ok(None)), first)
            }
        };
        Ok(match (v4?, v6?) {
            (Some(Answer::Addresses(mut v4)), Some(Answer::Addresses(v6))) => {
                v4.extend(v6);
                Some(Answer::Addresses(v4))
            }
            (Some(Answer::Addresses(some)), _) | (_, Some(Answer::Addresses(some))) => {
                Some(Answer::Addresses(some))
            }
            // Only both together say that there is nothing.
            (Some(Answer::NoSuchName), other) | (other, Some(Answer::NoSuchName)) => other,
            (v4, v6) => v4.or(v6),
        })
    }

    /// One question, over TCP when the answer does not fit. Only a link that is gone is an error.
    async fn once(&self, wanted: u16, round: Instant) -> Result<Option<Answer>, NetError> {
        let id = u16::from_be_bytes(self.random.array());
        let query = query(id, self.question, wanted);
        let mut answer =
            timeout_at(round, ask(self.net, self.to, &query, self.question, wanted)).await;
        if let Ok(Ok(Answer::Truncated)) = answer {
            let tcp = ask_over_tcp(self.net, self.to, &query, self.question, wanted);
            answer = Ok(timeout(PATIENCE, tcp).await.unwrap_or(Ok(Answer::Failure)));
        }
        match answer {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(error @ (NetError::LinkDown { .. } | NetError::Interface { .. }))) => Err(error),
            Ok(Err(_)) => Ok(Some(Answer::Failure)),
            Err(_) => Ok(None),
        }
    }
}

async fn ask(
    net: &dyn Net,
    to: SocketAddr,
    query: &[u8],
    question: &[u8],
    wanted: u16,
) -> Result<Answer, NetError> {
    let socket = net.udp()?;
    socket.send(to, query).await?;
    loop {
        let (octets, from) = socket.receive().await?;
        if from != to {
            continue;
        }
        if let Some(answer) = decode(&octets, query, question, wanted) {
            return Ok(answer);
        }
    }
}

async fn ask_over_tcp(
    net: &dyn Net,
    to: SocketAddr,
    query: &[u8],
    question: &[u8],
    wanted: u16,
) -> Result<Answer, NetError> {
    let io = |error: std::io::Error| NetError::Io(error.to_string());
    let mut stream = net.connect(to, PATIENCE).await?;
    let mut framed = u16::try_from(query.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    framed.extend_from_slice(query);
    stream.write_all(&framed).await.map_err(io)?;
    let length = stream.read_u16().await.map_err(io)?;
    let mut octets = vec![0; usize::from(length)];
    stream.read_exact(&mut octets).await.map_err(io)?;
    Ok(decode(&octets, query, question, wanted).unwrap_or(Answer::Failure))
}

/// The name in labels, or nothing when it cannot be a name.
fn encode_name(name: &str) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let mut octets = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        octets.push(length);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    Some(octets)
}

fn query(id: u16, question: &[u8], wanted: u16) -> Vec<u8> {
    let mut octets = id.to_be_bytes().to_vec();
    // Recursion desired, one question.
    octets.extend_from_slice(&[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    octets.extend_from_slice(question);
    octets.extend_from_slice(&wanted.to_be_bytes());
    octets.extend_from_slice(&CLASS_IN.to_be_bytes());
    octets
}

/// Reads an answer; nothing when it does not belong to `query` or cannot be read.
fn decode(octets: &[u8], query: &[u8], question: &[u8], wanted: u16) -> Option<Answer> {
    let word = |at: usize| {
        octets.get(at..at + 2).and_then(|two| <[u8; 2]>::try_from(two).ok()).map(u16::from_be_bytes)
    };
    let flags = word(2)?;
    if octets.get(..2) != query.get(..2) || flags & 0x8000 == 0 || word(4)? != 1 {
        return None;
    }
    let asked = octets.get(HEADER..HEADER + question.len())?;
    let at = HEADER + question.len();
    if !asked.eq_ignore_ascii_case(question) || (word(at)?, word(at + 2)?) != (wanted, CLASS_IN) {
        return None;
    }
    match flags & 0x000F {
        0 => {}
        3 => return Some(Answer::NoSuchName),
        _ => return Some(Answer::Failure),
    }
    let mut at = HEADER + question.len() + 4;
    let mut addresses = Vec::new();
    for _ in 0..word(6)? {
        at = skip_name(octets, at)?;
        let (kind, class, length) = (word(at)?, word(at + 2)?, usize::from(word(at + 8)?));
        let data = octets.get(at + 10..at + 10 + length);
        let Some(data) = data else { break };
        at += 10 + length;
        if kind != wanted || class != CLASS_IN || addresses.len() == MAX_ADDRESSES {
            // An alias; its own records follow in the same answer.
            continue;
        }
        let address = if wanted == TYPE_A {
            <[u8; 4]>::try_from(data).ok().map(|four| IpAddr::V4(Ipv4Addr::from(four)))
        } else {
            <[u8; 16]>::try_from(data).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
        };
        addresses.extend(address);
    }
    Some(match (addresses.is_empty(), flags & 0x0200 != 0) {
        (false, _) => Answer::Addresses(addresses),
        (true, true) => Answer::Truncated,
        (true, false) => Answer::NoSuchName,
    })
}

/// The offset behind a name, which ends with a zero or a pointer.
fn skip_name(octets: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            0xC0.. => return Some(at + 2),
            length @ 1..=63 => at += usize::from(length) + 1,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &[u8] = b"\x04mmsc\x07example\0";

    fn answer(records: &[&[u8]], flags: u16) -> Vec<u8> {
        let mut octets = vec![0x12, 0x34];
        octets.extend_from_slice(&flags.to_be_bytes());
        octets.extend_from_slice(&[0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
        octets.extend_from_slice(NAME);
        octets.extend_from_slice(&[0, 1, 0, 1]);
        octets.extend(records.concat());
        octets
    }

    fn read(octets: &[u8]) -> Option<Answer> {
        decode(octets, &query(0x1234, NAME, TYPE_A), NAME, TYPE_A)
    }

    #[test]
    fn query_is_as_rfc_1035_says() {
        assert_eq!(encode_name("mmsc.example."), Some(NAME.to_vec()));
        let expected =
            [b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0".as_slice(), NAME, &[0, 1, 0, 1]].concat();
        assert_eq!(query(0x1234, NAME, TYPE_A), expected);
    }

    #[test]
    fn names_that_cannot_be_are_not_asked_for() {
        let long = "x".repeat(64);
        for name in ["", ".", "a..b", &long, &"a.".repeat(130)] {
            assert_eq!(encode_name(name), None, "{name}");
        }
    }

    #[test]
    fn alias_and_its_address_are_followed() {
        let alias: &[u8] = b"\xC0\x0C\0\x05\0\x01\0\0\0\x3C\0\x04\x01a\xC0\x0C";
        let address: &[u8] = b"\x01a\xC0\x0C\0\x01\0\x01\0\0\0\x3C\0\x04\x0A\0\0\x09";
        assert_eq!(
            read(&answer(&[alias, address], 0x8180)),
            Some(Answer::Addresses(vec![IpAddr::from([10, 0, 0, 9])]))
        );
    }

    #[test]
    fn refusals_are_told_apart() {
        assert_eq!(read(&answer(&[], 0x8183)), Some(Answer::NoSuchName));
        assert_eq!(read(&answer(&[], 0x8182)), Some(Answer::Failure));
        assert_eq!(read(&answer(&[], 0x8380)), Some(Answer::Truncated));
        assert_eq!(read(&answer(&[], 0x8180)), Some(Answer::NoSuchName));
    }

    #[test]
    fn answer_to_another_question_is_ignored() {
        let right = answer(&[], 0x8183);
        let mut other_id = right.clone();
        other_id[0] ^= 1;
        let mut other_name = right.clone();
        other_name[13] = b'x';
        let mut a_query = right.clone();
        a_query[2] = 0x01;
        let mut other_type = right.clone();
        other_type[27] = 28;
        let mut other_class = right;
        other_class[29] = 3;
        for wrong in [other_id, other_name, a_query, other_type, other_class] {
            assert_eq!(read(&wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_octets_decode_or_not(tail in proptest::collection::vec(any::<u8>(), 0..80), count in any::<u8>()) {
            let mut octets = answer(&[&tail], 0x8180);
            octets[7] = count;
            let _ = read(&octets);
            let _ = read(&tail);
        }
    }
}
