//! What is measured: messages as an MMSC sends them and lines as a modem does, made by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mm1gate::codec::mms;
use mm1gate::codec::ppp::FrameFormat;
use mm1gate::codec::smil::{Layout, Media, MediaKind, Slide, Smil};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Octets of the pictures in M-Retrieve.conf.
pub(crate) const SIZES: [usize; 3] = [30_000, 300_000, 3_000_000];
/// Octets of an IP packet in one frame.
pub(crate) const FRAME: usize = 1500;
/// The limit of the deframer, as the link sets it for that packet size.
pub(crate) const LIMIT: usize = 1600;
/// The protocol number of IP.
pub(crate) const IP: u16 = 0x0021;
/// Control characters escaped: none, as every modem agrees with us, and all, as before LCP is open.
pub(crate) const ACCMS: [(&str, u32); 2] = [("accm 0", 0), ("accm ffffffff", 0xFFFF_FFFF)];

/// Random octets, the same in every run.
pub(crate) fn random(length: usize) -> Vec<u8> {
    let mut octets = vec![0; length];
    ChaCha8Rng::seed_from_u64(1).fill_bytes(&mut octets);
    octets
}

/// Different frames, more than the processor can learn by heart.
const FRAMES: usize = 64;

/// The packets of [`FRAMES`] frames.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    random(FRAMES * FRAME).chunks(FRAME).map(<[u8]>::to_vec).collect()
}

/// Each packet as a frame with both flags.
pub(crate) fn lines(accm: u32, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let format = FrameFormat { accm, acfc: false, pfc: false };
    let line = |packet: &Vec<u8>| {
        let mut line = Vec::new();
        format.encode(IP, packet, &mut line);
        line
    };
    packets.iter().map(line).collect()
}

/// A notification with the fields that MMSCs send (OMA-TS-MMS_ENC clause 6.2).
pub(crate) fn notification_ind() -> Bytes {
    let mut octets = b"\x8C\x82\x98mavodi-1-8f-2b1-7-9c-4f-1d2\0\x8D\x92".to_vec();
    octets.extend(b"\x89\x19\x80+447700900123/TYPE=PLMN\0");
    octets.extend(
        b"\x96\x10\xEAPhotos, Friday\0\x8A\x80\x8E\x03\x04\x93\xE0\x88\x05\x81\x03\x03\xF4\x80",
    );
    octets.extend(b"\x83http://mmsc.example:8002/mm1/get?id=mavodi-1-8f-2b1-7-9c-4f-1d2\0");
    checked(octets)
}

/// A message with a presentation, a text and a picture of `size` octets.
pub(crate) fn retrieve_conf(size: usize) -> Bytes {
    let document = presentation(1);
    with_parts(&[
        (
            b"\x1Dapplication/smil\0\x81\xEA\x85smil.xml\0\xC0\"<smil>\0\x8Esmil.xml\0",
            document.as_bytes(),
        ),
        (b"\x0E\x83\x81\xEA\x85text1.txt\0\xC0\"<text1>\0\x8Etext1.txt\0", b"A picture for you"),
        (b"\x0F\x9E\x85picture1.jpg\0\xC0\"<picture1>\0\x8Epicture1.jpg\0", &random(size)),
    ])
}

/// A message whose only part is `size` octets in base64.
pub(crate) fn retrieve_conf_in_base64(size: usize) -> Bytes {
    let body = STANDARD.encode(random(size));
    let lines: Vec<u8> =
        body.as_bytes().chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect();
    with_parts(&[(b"\x01\x9EContent-Transfer-Encoding\0base64\0", &lines)])
}

/// Headers as they begin with the length of Content-Type's value, which is patched, and a body each.
fn with_parts(parts: &[(&[u8], &[u8])]) -> Bytes {
    let mut octets = b"\x8C\x84\x98mavodi-1-8f-2b1-7-9c-4f-1d2\0\x8D\x92".to_vec();
    octets.extend(b"\x8Bmavodi-1-8f-2b1@mmsc.example\0\x85\x04\x67\x1E\x0A\x00");
    octets.extend(b"\x89\x19\x80+447700900123/TYPE=PLMN\0\x97+447700900124/TYPE=PLMN\0");
    octets.extend(b"\x96\x10\xEAPhotos, Friday\0\x8A\x80\x8F\x81\x86\x81\x90\x81");
    octets.extend(b"\x84\x1B\xB3\x89application/smil\0\x8A<smil>\0");
    put_uintvar(&mut octets, parts.len());
    for (headers, body) in parts {
        put_uintvar(&mut octets, headers.len());
        put_uintvar(&mut octets, body.len());
        octets.extend_from_slice(headers);
        octets.extend_from_slice(body);
    }
    checked(octets)
}

/// A PDU in which nothing has to be forgiven: what is measured is the ordinary way.
fn checked(octets: Vec<u8>) -> Bytes {
    let octets = Bytes::from(octets);
    let decoded = mms::decode(&octets).expect("a PDU made by hand");
    assert_eq!(decoded.warnings, []);
    octets
}

fn put_uintvar(out: &mut Vec<u8>, value: usize) {
    let groups: Vec<u8> = (0..5).rev().map(|group| ((value >> (7 * group)) & 0x7F) as u8).collect();
    let first = groups.iter().position(|group| *group != 0).unwrap_or(4);
    for (index, group) in groups.iter().enumerate().skip(first) {
        out.push(if index == 4 { *group } else { group | 0x80 });
    }
}

/// A text of this alphabet, so many characters long.
pub(crate) fn text(first: char, length: usize) -> String {
    let characters = (first..).take(20);
    characters.cycle().take(length).collect()
}

/// A presentation of so many slides.
pub(crate) fn presentation(slides: usize) -> String {
    let slide = |number| Slide {
        duration: None,
        media: vec![
            Media::new(MediaKind::Image, format!("picture{number}.jpg")),
            Media::new(MediaKind::Text, format!("text{number}.txt")),
        ],
    };
    Smil::compose(Layout::TextBelow, (1..=slides).map(slide).collect()).write()
}
