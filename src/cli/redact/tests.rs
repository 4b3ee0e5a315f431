//! Whole captures: no secret of them is in the copy in any of its forms, and the copy is as sound.

use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

use super::*;

const NUMBER: &str = "447700900123";

/// A frame with a TCP segment from port to port.
fn segment(ports: (u16, u16), seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let from_client = ports.1 == 8080;
    let (us, them) = (IpAddress::v4(10, 0, 0, 2), IpAddress::v4(10, 0, 0, 1));
    let (from, to) = if from_client { (us, them) } else { (them, us) };
    let mut tcp = Vec::new();
    tcp.extend(ports.0.to_be_bytes());
    tcp.extend(ports.1.to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend([0, 0, 0, 0, 0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    tcp.extend(payload);
    TcpPacket::new_unchecked(&mut tcp).fill_checksum(&from, &to);
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0];
    let address = |last: u8| [10, 0, 0, last];
    packet.extend(if from_client { address(2) } else { address(1) });
    packet.extend(if from_client { address(1) } else { address(2) });
    packet.extend(&tcp);
    let length = u16::try_from(packet.len()).unwrap();
    let mut ip = Ipv4Packet::new_unchecked(&mut packet);
    ip.set_total_len(length);
    ip.fill_checksum();
    [&[0xFF, 0x03, 0x00, 0x21][..], &packet].concat()
}

fn capture(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = [pcapng::section(""), pcapng::interfaces("shop")].concat();
    for (at, (interface, octets)) in (0..).zip(frames) {
        let packet = pcapng::Packet {
            interface: *interface,
            nanoseconds: at,
            octets,
            original: octets.len(),
            direction: Some(TapDirection::Sent),
            comment: "shop call 1",
            dropped: 0,
        };
        file.extend(packet.encode());
    }
    file
}

/// The packets of a file.
fn packets(file: &[u8]) -> Vec<Vec<u8>> {
    Blocks::new(file)
        .filter_map(|block| match block.unwrap().1 {
            Block::Packet(found) => Some(file[found.octets].to_vec()),
            _ => None,
        })
        .collect()
}

fn redacted(frames: &[(u32, Vec<u8>)]) -> Vec<Vec<u8>> {
    let copy = redact(&capture(frames));
    assert_eq!((copy.broken, copy.packets), (None, frames.len()));
    let hidden = packets(&copy.file);
    for ((_, before), after) in frames.iter().zip(&hidden) {
        assert_eq!(before.len(), after.len());
    }
    hidden
}

fn is_sound(frame: &[u8]) -> bool {
    let ip = Ipv4Packet::new_checked(&frame[4..]).unwrap();
    let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
    let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
    ip.verify_checksum() && tcp.verify_checksum(&from, &to)
}

fn text_of(frames: &[Vec<u8>]) -> String {
    frames.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect()
}

#[test]
fn number_that_is_split_over_segments_sent_twice_and_out_of_order_is_hidden() {
    let request = format!("GET /mms HTTP/1.1\r\nx-msisdn: {NUMBER}\r\nHost: mmsc\r\n\r\n");
    let octets = request.as_bytes();
    let cut = request.find(NUMBER).unwrap() + 5;
    let begin = u32::MAX - 10;
    let at = |offset: usize| begin.wrapping_add(1).wrapping_add(u32::try_from(offset).unwrap());
    let ports = (50_000, 8080);
    let frames: Vec<(u32, Vec<u8>)> = vec![
        (0, segment(ports, begin, 0x02, b"")),
        (0, segment(ports, at(cut), 0x18, &octets[cut..])),
        (0, segment(ports, at(0), 0x18, &octets[..cut])),
        (0, segment(ports, at(cut - 3), 0x18, &octets[cut - 3..])),
        // Keeps the connection alive: an octet before the begin.
        (0, segment(ports, begin, 0x10, b"7")),
        // Behind a gap.
        (0, segment(ports, at(octets.len() + 9), 0x18, b"447700")),
    ];
    let hidden = redacted(&frames);
    assert!(hidden.iter().all(|frame| is_sound(frame)));
    let told = text_of(&hidden);
    assert!(!told.contains("4477") && !told.contains("00900123"), "{told}");
    assert!(!told.contains("77009") && !told.contains('7'), "{told}");
    let told =
        String::from_utf8_lossy(&hidden[2][44..]).into_owned() + &text_of(&hidden[1..2])[44..];
    assert!(told.contains("x-msisdn: 00000"), "{told}");
    assert!(told.contains("Host: mmsc"), "{told}");
}

#[test]
fn connection_without_its_begin_and_one_that_contradicts_itself_are_hidden_wholly() {
    let ports = (50_001, 8080);
    let half = vec![(0, segment(ports, 7, 0x18, b"GET /mms HTTP/1.1\r\n\r\n"))];
    assert!(redacted(&half)[0].ends_with(b"xxxxxxxx"));
    let twice = vec![
        (0, segment(ports, 6, 0x02, b"")),
        (0, segment(ports, 7, 0x18, b"GET /mms HTTP/1.1\r\n\r\n")),
        (0, segment(ports, 7, 0x18, b"GET /4477 HTTP/1.1\r\n\r\n")),
    ];
    let hidden = redacted(&twice);
    assert!(hidden[1].ends_with(b"xxxx") && hidden[2].ends_with(b"xxxx"));
    assert!(hidden.iter().all(|frame| is_sound(frame)));
}

#[test]
fn names_and_passwords_of_ppp_are_hidden_and_options_stay() {
    let hidden = redacted(&[
        (0, b"\xFF\x03\xC0\x23\x01\x07\x00\x10\x04shop\x06secret".to_vec()),
        (0, b"\xFF\x03\xC0\x23\x02\x07\x00\x0A\x05hello".to_vec()),
        (0, b"\xFF\x03\xC2\x23\x02\x01\x00\x0D\x04ABCDshop".to_vec()),
        (0, b"\xFF\x03\xC0\x21\x01\x01\x00\x0E\x05\x06\x01\x02\x03\x04\x13\x04ab".to_vec()),
        (0, b"\xFF\x03\xC0\x21\x05\x02\x00\x0AFor Bo".to_vec()),
        (0, b"\xFF\x03\x80\x21\x03\x01\x00\x0A\x03\x06\x0A\x00\x00\x02".to_vec()),
        (0, b"\xFF\x03\x00\x2Dsecret".to_vec()),
        (0, b"secret".to_vec()),
    ]);
    let expected: [&[u8]; 8] = [
        b"\xFF\x03\xC0\x23\x01\x07\x00\x10\x04xxxx\x06xxxxxx",
        b"\xFF\x03\xC0\x23\x02\x07\x00\x0A\x05xxxxx",
        b"\xFF\x03\xC2\x23\x02\x01\x00\x0D\x04xxxxxxxx",
        b"\xFF\x03\xC0\x21\x01\x01\x00\x0E\x05\x06\x01\x02\x03\x04\x13\x04xx",
        b"\xFF\x03\xC0\x21\x05\x02\x00\x0Axxxxxx",
        b"\xFF\x03\x80\x21\x03\x01\x00\x0A\x03\x06\x0A\x00\x00\x02",
        b"\xFF\x03\x00\x2Dxxxxxx",
        b"xxxxxx",
    ];
    for (told, expected) in hidden.iter().zip(expected) {
        assert_eq!(told, expected, "{}", String::from_utf8_lossy(told));
    }
}

#[test]
fn what_a_multiplexer_carries_is_hidden_and_its_frames_stay_sound() {
    let mut frame = vec![0, 1];
    let information = b"\r\n+CNUM: 447700900123\r\n";
    let kind = cmux::FrameType::Uih;
    cmux::Frame { dlci: 1, cr: true, kind, poll_final: false, information }.encode(&mut frame);
    let hidden = redacted(&[(2, frame), (2, b"\0\x01447700".to_vec())]);
    let mut seen = 0;
    Deframer::new(MAX_INFORMATION).feed(&hidden[0][2..], |one| {
        if let Deframed::Frame(frame) = one {
            assert_eq!(frame.information, vec![b'x'; information.len()]);
            seen += 1;
        }
    });
    assert_eq!(seen, 1);
    assert_eq!(hidden[1], b"\0\x01xxxxxx");
}

#[test]
fn names_of_modems_and_comments_that_are_numbers_are_hidden() {
    let mut file = [pcapng::section(NUMBER), pcapng::interfaces(NUMBER)].concat();
    let packet = pcapng::Packet {
        interface: 1,
        nanoseconds: 1,
        octets: b"AT\r",
        original: 3,
        direction: None,
        comment: "447700900123 call 1",
        dropped: 4,
    };
    file.extend(packet.encode());
    file.extend(pcapng::statistics(1, 2, 3));
    // A block that says anything, as Wireshark's name resolution does.
    file.extend([4, 0, 0, 0, 24, 0, 0, 0]);
    file.extend(NUMBER.as_bytes());
    file.extend([24, 0, 0, 0]);
    let copy = redact(&file);
    assert_eq!((copy.packets, copy.left_out, copy.broken), (1, 1, None));
    assert!(!String::from_utf8_lossy(&copy.file).contains("4477"));
    // A file that was cut, as `kill -9` leaves one.
    let cut = redact(&file[..file.len() - 30]);
    assert_eq!(cut.packets, 1);
    assert!(cut.broken.is_some());
}

mod anything {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn of_any_packet_the_length_stays(
            octets in proptest::collection::vec(any::<u8>(), 0..120),
            interface in 0..3_u32,
            start in prop_oneof![
                Just(&b""[..]), Just(&b"\xFF\x03\x00\x21"[..]), Just(&b"\xFF\x03\x00\x57"[..]),
                Just(&b"\xFF\x03\x00\x21\x45\x00\x00\x40\x00\x00\x00\x00\x40\x11"[..]),
                Just(&b"\xFF\x03\x00\x21\x45\x00\x00\x40\x00\x00\x00\x00\x40\x06"[..]),
                Just(&b"\xFF\x03\xC0\x21\x01"[..]), Just(&b"\xFF\x03\xC0\x23\x01"[..]),
                Just(&b"\xFF\x03\xC2\x23\x01"[..]),
            ],
        ) {
            redacted(&[(interface, [start, &octets].concat())]);
        }
    }
}
