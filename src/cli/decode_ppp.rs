//! PPP frames (RFC 1662) as `decode` tells them: from a tty, bare, or in a capture of our own; with
//! the IP and TCP inside named.

use std::ops::Range;

use bytes::Bytes;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket};

use super::decode_http;
use super::decode_report::{Failure, Report, View};
use crate::codec::ppp::{self, ControlPacket, Deframed, Deframer, FLAG, protocol, split_frame};
use crate::codec::push::{PORT, Push, SECURE_PORT};
use crate::codec::{Node, Warning};

/// Longest PPP frame, octets: above the largest MRU in use.
const MAX_FRAME: usize = 4096;

/// Most broken frames for each whole one on a line that is still taken for PPP.
const MAX_BAD: usize = 16;
/// Characters of a payload that are told.
const MAX_GIST: usize = 100;

/// Whether the octets are one frame without flags, judged by lengths and checksums inside.
pub(super) fn is_bare_frame(octets: &[u8]) -> bool {
    let Ok((number, payload)) = split_frame(octets) else { return false };
    match number {
        protocol::IP => Ipv4Packet::new_checked(payload).is_ok_and(|packet| {
            packet.version() == 4 && packet.verify_checksum() && packet.total_len() > 20
        }),
        protocol::IPV6 => Ipv6Packet::new_checked(payload)
            .is_ok_and(|packet| packet.version() == 6 && packet.total_len() == payload.len()),
        protocol::LCP | protocol::IPCP | protocol::IPV6CP | protocol::PAP | protocol::CHAP => {
            ControlPacket::decode(payload).is_ok_and(|packet| {
                (1..=15).contains(&packet.code) && packet.data.len() + 4 == payload.len()
            }) && ppp::describe(octets).is_ok()
        }
        _ => false,
    }
}

/// Whether there are frames whose checksums are right, and not by chance: of noise one frame in
/// 65536 has such.
pub(super) fn has_frame(octets: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    if octets.contains(&FLAG) {
        Deframer::new(MAX_FRAME).feed(octets, |it| match it {
            Deframed::Frame(frame) if ppp::describe(frame).is_ok() => good += 1,
            Deframed::Frame(_) | Deframed::Bad(_) => bad += 1,
            Deframed::Text(_) => {}
        });
    }
    good > 0 && bad <= good.saturating_mul(MAX_BAD)
}

/// Frames between flags with the text between them, or one frame without flags.
pub(super) fn report(octets: &Bytes) -> Report {
    let mut frames = Frames::new(octets.clone());
    if !octets.contains(&FLAG) {
        frames.frame(octets, 0..octets.len(), "");
        return frames.report("frame");
    }
    let mut deframer = Deframer::new(MAX_FRAME);
    let mut start = 0;
    for (offset, octet) in octets.iter().enumerate() {
        deframer.feed(std::slice::from_ref(octet), |deframed| {
            let range = start..offset + 1;
            match deframed {
                Deframed::Frame(frame) => frames.frame(frame, range, ""),
                Deframed::Text(text) => frames.text(text, range),
                Deframed::Bad(error) => frames.bad(range, &error.to_string()),
            }
            start = offset;
        });
        if *octet == FLAG {
            start = offset;
        }
    }
    let rest = octets.get(start..).unwrap_or_default();
    if rest.iter().any(|octet| *octet != FLAG) {
        let text = "the input ends within a frame";
        let warning = Warning::not_understood("frame", start, text);
        frames.nodes.push(Node::new("frame", start..octets.len(), text));
        frames.warnings.push(warning);
    }
    frames.report("frames")
}

/// What was seen on the line, in order.
pub(super) struct Frames {
    octets: Bytes,
    nodes: Vec<Node>,
    items: Vec<Report>,
    warnings: Vec<Warning>,
    good: usize,
}

impl Frames {
    pub(super) const fn new(octets: Bytes) -> Self {
        Self { octets, nodes: Vec::new(), items: Vec::new(), warnings: Vec::new(), good: 0 }
    }

    /// A frame without FCS; `range` is where it stands. `lead` goes before its description.
    pub(super) fn frame(&mut self, frame: &[u8], range: Range<usize>, lead: &str) {
        match ppp::describe(frame) {
            Ok(text) => {
                let inside = split_frame(frame).ok().and_then(|(number, payload)| match number {
                    protocol::IP => ipv4(payload),
                    protocol::IPV6 => ipv6(payload),
                    _ => None,
                });
                let text = format!("{lead}{}", inside.unwrap_or(text));
                self.good += 1;
                self.item("frame", "frame", &text, range);
            }
            Err(error) => {
                let error = Failure::from(error);
                // Offsets inside a frame are lost with its escapes: the frame's place is told.
                let text = format!("{}: {}", error.field, error.text);
                self.bad(range, &text);
            }
        }
    }

    /// Text outside frames.
    pub(super) fn text(&mut self, text: &[u8], range: Range<usize>) {
        let text = String::from_utf8_lossy(text).into_owned();
        self.item("text", "text", &text, range);
    }

    fn bad(&mut self, range: Range<usize>, text: &str) {
        self.warnings.push(Warning::not_understood("frame", range.start, text));
        self.nodes.push(Node::new("frame", range, "cannot be read"));
    }

    pub(super) fn item(&mut self, key: &'static str, name: &str, text: &str, range: Range<usize>) {
        let mut item = Report::new("ppp", key);
        item.extra("offset", range.start);
        item.extra(key, text);
        self.items.push(item);
        self.nodes.push(Node::new(name, range, text));
    }

    /// All of it; an error where there is not one frame.
    pub(super) fn report(self, pdu: &str) -> Report {
        let mut report = Report::new("ppp", pdu);
        if self.good == 0 {
            report.pdu = None;
            let first = self.warnings.first();
            let (offset, text) = first
                .map_or((0, "there is no frame here"), |first| (first.offset, first.text.as_str()));
            report.error = Some(Failure::new("frame", offset, text));
        }
        report.list = Some(("items", self.items));
        report.warnings = self.warnings;
        report.view = Some(View { octets: self.octets, nodes: self.nodes, ..View::default() });
        report
    }
}

fn ipv4(payload: &[u8]) -> Option<String> {
    let packet = Ipv4Packet::new_checked(payload).ok()?;
    let (from, to) = (packet.src_addr().to_string(), packet.dst_addr().to_string());
    let wrong = if packet.verify_checksum() { "" } else { ", header checksum wrong" };
    if packet.frag_offset() > 0 {
        return Some(format!("IPv4 {from} to {to}: fragment at {}{wrong}", packet.frag_offset()));
    }
    let inside = transport(packet.next_header(), packet.payload(), &from, &to);
    Some(format!("IPv4 {inside}{wrong}"))
}

fn ipv6(payload: &[u8]) -> Option<String> {
    let packet = Ipv6Packet::new_checked(payload).ok()?;
    let (from, to) = (packet.src_addr().to_string(), packet.dst_addr().to_string());
    Some(format!("IPv6 {}", transport(packet.next_header(), packet.payload(), &from, &to)))
}

fn transport(next: IpProtocol, payload: &[u8], from: &str, to: &str) -> String {
    match next {
        IpProtocol::Tcp => match TcpPacket::new_checked(payload) {
            Ok(tcp) => {
                let flags: Vec<&str> = [
                    (tcp.syn(), "SYN"),
                    (tcp.fin(), "FIN"),
                    (tcp.rst(), "RST"),
                    (tcp.psh(), "PSH"),
                    (tcp.ack(), "ACK"),
                ]
                .into_iter()
                .filter_map(|(set, name)| set.then_some(name))
                .collect();
                let (source, target) = (tcp.src_port(), tcp.dst_port());
                let mut text = format!(
                    "TCP {from}:{source} to {to}:{target} {}, {} octets",
                    flags.join(" "),
                    tcp.payload().len()
                );
                if decode_http::begins(tcp.payload()) {
                    let line = tcp.payload().trim_ascii_start();
                    let line = line.split(|octet| *octet == b'\n').next().unwrap_or_default();
                    let line = String::from_utf8_lossy(line);
                    let gist: String = line.trim_end().chars().take(MAX_GIST).collect();
                    text.push_str(&format!(": HTTP '{gist}'"));
                }
                text
            }
            Err(_) => format!("TCP {from} to {to}, cut"),
        },
        IpProtocol::Udp => match UdpPacket::new_checked(payload) {
            Ok(udp) => {
                let (source, target) = (udp.src_port(), udp.dst_port());
                let mut text =
                    format!("UDP {from}:{source} to {to}:{target}, {} octets", udp.payload().len());
                if source == 53 || target == 53 {
                    text.push_str(": DNS");
                } else if [PORT, SECURE_PORT].contains(&target)
                    && let Ok(push) = Push::decode(&Bytes::copy_from_slice(udp.payload()))
                {
                    text.push_str(&format!(": WAP Push, {}", push.value.application().as_str()));
                } else if (9200..=9203).contains(&source) || (9200..=9203).contains(&target) {
                    text.push_str(": WAP");
                }
                text
            }
            Err(_) => format!("UDP {from} to {to}, cut"),
        },
        IpProtocol::Icmp | IpProtocol::Icmpv6 => {
            format!("ICMP {from} to {to}, {} octets", payload.len())
        }
        other => format!("{from} to {to}, {other}, {} octets", payload.len()),
    }
}
