//! Octets of PPP lines made by hand, `tests/vectors/ppp`: frames, text and damage as they are told
//! (RFC 1662, 1661, 1334, 1994, 1332, 1877). Each file tells in its comments what is odd in it.

use std::fs;
use std::path::PathBuf;

use mm1gate::codec::ppp::{Deframed, Deframer, describe};

/// What stands on the line, one entry for each frame, line of text and dropped frame.
fn told(name: &str) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ppp");
    let text = fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap();
    let digits: String = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::split_whitespace)
        .collect();
    let line = hex::decode(digits).unwrap();
    let at_once = read(line.chunks(line.len()));
    let octet_by_octet = read(line.chunks(1));
    assert_eq!(at_once, octet_by_octet, "{name}");
    at_once
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut deframer = Deframer::new(1600);
    let mut told = Vec::new();
    for piece in pieces {
        deframer.feed(piece, |one| {
            told.push(match one {
                Deframed::Frame(frame) => describe(frame).unwrap(),
                Deframed::Text(text) => format!("text '{}'", String::from_utf8_lossy(text)),
                Deframed::Bad(error) => format!("dropped: {error}"),
            });
        });
    }
    told
}

#[test]
fn negotiation_with_pap_is_read() {
    assert_eq!(
        told("negotiation-with-pap"),
        [
            "LCP Configure-Request id 1: MRU 1500, ACCM 00000000, PAP, magic 12345678",
            "LCP Configure-Ack id 1: ACCM 00000000, magic aabbccdd",
            "PAP Authenticate-Request id 5: 'u1', password of 6 octets",
            "PAP Authenticate-Ack id 5: ''",
            "IPCP Configure-Nak id 1: address 10.0.0.7, primary DNS 10.0.0.53, \
             secondary DNS 10.0.0.54",
        ]
    );
}

#[test]
fn text_around_frames_is_told_in_its_place() {
    assert_eq!(
        told("banner-and-result-code"),
        [
            "text 'CONNECT 460800'",
            "LCP Terminate-Request id 1: 'idle'",
            "text 'NO CARRIER'",
            "LCP Terminate-Ack id 1",
        ]
    );
}

#[test]
fn offers_of_vj_and_ccp_are_read() {
    assert_eq!(
        told("vj-and-ccp-offered"),
        [
            "IPCP Configure-Request id 1: VJ compression, address 0.0.0.0",
            "CCP Configure-Request id 1: option 21 00",
        ]
    );
}

#[test]
fn nak_without_options_and_placeholders_are_read() {
    assert_eq!(
        told("nak-without-options"),
        [
            "IPCP Configure-Nak id 1",
            "IPCP Configure-Nak id 2: primary DNS 10.11.12.13, secondary DNS 10.11.12.14",
        ]
    );
}

#[test]
fn compressed_frames_with_raw_control_octets_are_read() {
    assert_eq!(
        told("compressed-and-raw"),
        ["IPv4 packet of 20 octets", "IPv4 packet of 20 octets"]
    );
}

#[test]
fn damage_costs_only_the_damaged_frames() {
    assert_eq!(
        told("damaged-and-aborted"),
        [
            "dropped: the checksum does not match",
            "dropped: the sender aborted the frame",
            "dropped: the frame is too short",
            "LCP Echo-Request id 1",
        ]
    );
}

#[test]
fn chap_is_read_with_the_words_of_a_refusal() {
    assert_eq!(
        told("chap-with-message"),
        [
            "CHAP Challenge id 42: 'ggsn', value of 8 octets",
            "CHAP Response id 42: 'u1', value of 16 octets",
            "CHAP Failure id 42: 'unknown user'",
        ]
    );
}
