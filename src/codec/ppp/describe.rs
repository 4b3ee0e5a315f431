//! A frame in one line of text, for people (RFC 1661, 1334, 1994, 1332, 1877).

use std::fmt::Write;

use super::auth::{ChapPacket, PapRequest, auth_message};
use super::control::{ControlPacket, RawOption, code, decode_options, protocol};
use super::frame::split_frame;
use super::ipcp::IpcpOption;
use super::ipv6cp::Ipv6cpOption;
use super::lcp::LcpOption;
use crate::codec::DecodeError;

/// Says what a frame without FCS is. Passwords and challenge responses are not shown.
///
/// # Errors
/// When the frame has no valid protocol, or a control packet's lengths are wrong.
pub fn describe(frame: &[u8]) -> Result<String, DecodeError> {
    let (number, payload) = split_frame(frame)?;
    match number {
        protocol::IP | protocol::IPV6 => {
            let version = if number == protocol::IP { "IPv4" } else { "IPv6" };
            Ok(format!("{version} packet of {} octets", payload.len()))
        }
        protocol::LCP | protocol::IPCP | protocol::IPV6CP | protocol::CCP => {
            negotiation(number, &ControlPacket::decode(payload)?)
        }
        protocol::PAP => pap(&ControlPacket::decode(payload)?),
        protocol::CHAP => chap(&ControlPacket::decode(payload)?),
        _ => Ok(format!("protocol {number:04x}, {} octets", payload.len())),
    }
}

fn negotiation(number: u16, packet: &ControlPacket) -> Result<String, DecodeError> {
    let name = match number {
        protocol::LCP => "LCP",
        protocol::IPCP => "IPCP",
        protocol::IPV6CP => "IPv6CP",
        _ => "CCP",
    };
    let kind = match packet.code {
        code::CONFIGURE_REQUEST => "Configure-Request",
        code::CONFIGURE_ACK => "Configure-Ack",
        code::CONFIGURE_NAK => "Configure-Nak",
        code::CONFIGURE_REJECT => "Configure-Reject",
        code::TERMINATE_REQUEST => "Terminate-Request",
        code::TERMINATE_ACK => "Terminate-Ack",
        code::CODE_REJECT => "Code-Reject",
        code::PROTOCOL_REJECT => "Protocol-Reject",
        code::ECHO_REQUEST => "Echo-Request",
        code::ECHO_REPLY => "Echo-Reply",
        code::DISCARD_REQUEST => "Discard-Request",
        code::IDENTIFICATION => "Identification",
        code::TIME_REMAINING => "Time-Remaining",
        _ => "",
    };
    let mut text = format!("{name} {kind}");
    if kind.is_empty() {
        let _ = write!(text, "code {}", packet.code);
    }
    let _ = write!(text, " id {}", packet.identifier);
    let details: Vec<String> = match packet.code {
        code::CONFIGURE_REQUEST..=code::CONFIGURE_REJECT => decode_options(&packet.data)?
            .into_iter()
            .map(|option| match number {
                protocol::LCP => lcp_option(&option.into()),
                protocol::IPCP => ipcp_option(&option.into()),
                protocol::IPV6CP => ipv6cp_option(&option.into()),
                _ => other(&option),
            })
            .collect(),
        code::PROTOCOL_REJECT => match packet.data.as_slice() {
            [high, low, ..] => vec![format!("protocol {high:02x}{low:02x}")],
            _ => Vec::new(),
        },
        code::IDENTIFICATION | code::TIME_REMAINING => {
            let text = packet.data.get(4..).unwrap_or_default();
            vec![format!("'{}'", printable(text))]
        }
        code::TERMINATE_REQUEST if !packet.data.is_empty() => {
            vec![format!("'{}'", printable(&packet.data))]
        }
        _ => Vec::new(),
    };
    if !details.is_empty() {
        let _ = write!(text, ": {}", details.join(", "));
    }
    Ok(text)
}

fn lcp_option(option: &LcpOption) -> String {
    match option {
        LcpOption::Mru(mru) => format!("MRU {mru}"),
        LcpOption::Accm(map) => format!("ACCM {map:08x}"),
        LcpOption::Auth { protocol: protocol::PAP, .. } => "PAP".to_owned(),
        LcpOption::Auth { protocol: protocol::CHAP, data } => match data.as_slice() {
            [5] => "CHAP with MD5".to_owned(),
            data => format!("CHAP with algorithm {}", hex::encode(data)),
        },
        LcpOption::Auth { protocol, .. } => format!("authentication {protocol:04x}"),
        LcpOption::Magic(number) => format!("magic {number:08x}"),
        LcpOption::Pfc => "PFC".to_owned(),
        LcpOption::Acfc => "ACFC".to_owned(),
        LcpOption::Other(option) => other(option),
    }
}

fn ipcp_option(option: &IpcpOption) -> String {
    match option {
        IpcpOption::Compression { protocol: 0x002D, .. } => "VJ compression".to_owned(),
        IpcpOption::Compression { protocol, .. } => format!("compression {protocol:04x}"),
        IpcpOption::Address(address) => format!("address {address}"),
        IpcpOption::PrimaryDns(address) => format!("primary DNS {address}"),
        IpcpOption::SecondaryDns(address) => format!("secondary DNS {address}"),
        IpcpOption::PrimaryNbns(address) => format!("primary NBNS {address}"),
        IpcpOption::SecondaryNbns(address) => format!("secondary NBNS {address}"),
        IpcpOption::Other(option) => other(option),
    }
}

fn ipv6cp_option(option: &Ipv6cpOption) -> String {
    match option {
        Ipv6cpOption::InterfaceId(id) => format!("interface identifier {id:016x}"),
        Ipv6cpOption::Other(option) => other(option),
    }
}

fn other(option: &RawOption) -> String {
    if option.data.is_empty() {
        return format!("option {}", option.kind);
    }
    format!("option {} {}", option.kind, hex::encode(&option.data))
}

fn pap(packet: &ControlPacket) -> Result<String, DecodeError> {
    let id = packet.identifier;
    Ok(match packet.code {
        code::PAP_REQUEST => {
            let request = PapRequest::decode(&packet.data)?;
            format!(
                "PAP Authenticate-Request id {id}: '{}', password of {} octets",
                printable(&request.peer_id),
                request.password.len()
            )
        }
        code::PAP_ACK => format!("PAP Authenticate-Ack id {id}: '{}'", auth_message(&packet.data)),
        code::PAP_NAK => format!("PAP Authenticate-Nak id {id}: '{}'", auth_message(&packet.data)),
        code => format!("PAP code {code} id {id}"),
    })
}

fn chap(packet: &ControlPacket) -> Result<String, DecodeError> {
    let id = packet.identifier;
    Ok(match packet.code {
        code::CHAP_CHALLENGE | code::CHAP_RESPONSE => {
            let kind = if packet.code == code::CHAP_CHALLENGE { "Challenge" } else { "Response" };
            let body = ChapPacket::decode(&packet.data)?;
            let (name, length) = (printable(&body.name), body.value.len());
            format!("CHAP {kind} id {id}: '{name}', value of {length} octets")
        }
        code::CHAP_SUCCESS => format!("CHAP Success id {id}: '{}'", printable(&packet.data)),
        code::CHAP_FAILURE => format!("CHAP Failure id {id}: '{}'", printable(&packet.data)),
        code => format!("CHAP code {code} id {id}"),
    })
}

fn printable(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_frame_is_described_or_refused_in_one_line(
            number in prop_oneof![Just(0xC021_u16), Just(0x8021), Just(0xC023), Just(0xC223), any::<u16>()],
            payload in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let frame = [&[0xFF, 3], &number.to_be_bytes()[..], &payload].concat();
            if let Ok(text) = describe(&frame) {
                prop_assert!(!text.contains('\n'));
            }
        }
    }
}
