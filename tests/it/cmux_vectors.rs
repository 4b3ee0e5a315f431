//! Octets of multiplexed lines made by hand, `tests/vectors/cmux`: frames, text and damage as they
//! are told (3GPP TS 27.010). Each file tells in its comments what is odd in it.

use mm1gate::codec::cmux::{
    Break, ControlMessage, Deframed, Deframer, Frame, FrameType, Message, ModemStatus, Parameters,
    RemotePort, Signals,
};

use crate::vectors::octets;

/// What stands on the line, one entry for each frame, line of text and dropped frame.
fn told(name: &str) -> Vec<String> {
    let line = octets("cmux", name);
    let at_once = read(line.chunks(line.len()));
    let octet_by_octet = read(line.chunks(1));
    assert_eq!(at_once, octet_by_octet, "{name}");
    at_once
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut deframer = Deframer::new(256);
    let mut told = Vec::new();
    let mut tell = |one: Deframed<'_>| {
        told.push(match one {
            Deframed::Frame(frame) => described(frame),
            Deframed::Text(text) => format!("text '{}'", text.escape_ascii()),
            Deframed::Bad(error) => format!("dropped: {error}"),
        });
    };
    for piece in pieces {
        deframer.feed(piece, &mut tell);
    }
    while deframer.is_inside() {
        deframer.give_up(&mut tell);
    }
    told
}

fn described(frame: Frame<'_>) -> String {
    let side = if frame.cr { "1" } else { "0" };
    let text = frame.information.escape_ascii();
    format!("{frame} C/R {side} P/F {} '{text}'", u8::from(frame.poll_final))
}

fn messages(name: &str) -> Vec<ControlMessage> {
    let line = octets("cmux", name);
    let mut found = Vec::new();
    Deframer::new(256).feed(&line, |one| {
        if let Deframed::Frame(frame) = one
            && frame.dlci == 0
            && frame.kind == FrameType::Uih
        {
            found.extend(ControlMessage::decode_all(frame.information).unwrap());
            let mut out = Vec::new();
            found.last().unwrap().encode(&mut out);
            assert_eq!(out, frame.information, "written as it was read");
        }
    });
    found
}

#[test]
fn start_of_a_modem_is_read_frame_by_frame() {
    assert_eq!(
        told("start-and-signals"),
        [
            "SABM of channel 0 C/R 1 P/F 1 ''",
            "UA of channel 0 C/R 1 P/F 1 ''",
            "SABM of channel 1 C/R 1 P/F 1 ''",
            "UA of channel 1 C/R 1 P/F 1 ''",
            r"UIH of channel 0, 4 octets C/R 1 P/F 0 '\xe3\x05\x07\x8d'",
            r"UIH of channel 0, 4 octets C/R 0 P/F 0 '\xe1\x05\x07\x8d'",
            r"UIH of channel 0, 4 octets C/R 0 P/F 0 '\xe3\x05\x07\r'",
            r"UIH of channel 0, 4 octets C/R 0 P/F 0 '\xe3\x05\x07\x8d'",
            r"UIH of channel 1, 3 octets C/R 1 P/F 0 'AT\r'",
            r"UIH of channel 1, 6 octets C/R 0 P/F 0 '\r\nOK\r\n'",
        ]
    );
}

#[test]
fn flags_are_shared_repeated_and_data() {
    assert_eq!(
        told("flags-shared-and-repeated"),
        [
            r"UIH of channel 2, 6 octets C/R 0 P/F 0 '~\xff\x03\xf9\xf9\xf9'",
            "UIH of channel 2, 1 octets C/R 0 P/F 0 '}'",
        ]
    );
}

#[test]
fn length_of_two_octets_is_read() {
    let told = told("two-octet-length");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("UIH of channel 2, 128 octets C/R 1"), "{told:?}");
}

#[test]
fn damage_costs_only_the_damaged_frames() {
    let frames: Vec<String> =
        told("damaged").into_iter().filter(|one| one.contains("UIH")).collect();
    assert_eq!(
        frames,
        [
            "UIH of channel 1, 3 octets C/R 0 P/F 0 'one'",
            "UIH of channel 1, 3 octets C/R 0 P/F 0 'two'",
            "UIH of channel 1, 5 octets C/R 0 P/F 0 'three'",
        ]
    );
}

#[test]
fn ui_is_read_with_either_checksum() {
    assert_eq!(
        told("ui-frames"),
        [
            "UI of channel 1, 5 octets C/R 0 P/F 0 'whole'",
            "UI of channel 1, 6 octets C/R 0 P/F 0 'header'",
        ]
    );
}

#[test]
fn every_control_message_is_read_and_written_back() {
    let command = ControlMessage::command;
    let all = Signals::FC.with(Signals::RTC, true).with(Signals::RTR, true);
    assert_eq!(
        messages("control-messages"),
        [
            command(Message::ParameterNegotiation(Parameters {
                dlci: 2,
                frame_type: 0,
                priority: 7,
                t1: 10,
                n1: 128,
                n2: 3,
                k: 2
            })),
            command(Message::PowerSaving),
            command(Message::CloseDown),
            command(Message::Test("ping".into())),
            command(Message::FlowOn),
            command(Message::FlowOff),
            command(Message::ModemStatus(ModemStatus {
                dlci: 2,
                signals: all,
                break_signal: Some(Break { present: true, steps: 5 })
            })),
            ControlMessage::response(Message::NotSupported(0x43)),
            command(Message::RemotePort(RemotePort { dlci: 1, settings: None })),
            command(Message::RemotePort(RemotePort {
                dlci: 1,
                settings: Some([7, 3, 0, 0x11, 0x13, 0x7F, 0x3F])
            })),
            command(Message::LineStatus { dlci: 1, status: 3 }),
            command(Message::Service { dlci: 1, value: [1].to_vec().into() }),
            command(Message::Other { kind: 0xF0, value: [5].to_vec().into() }),
        ]
    );
}

#[test]
fn text_behind_the_close_down_is_told() {
    let told = told("close-down");
    assert_eq!(told.len(), 7);
    assert_eq!(told.last().map(String::as_str), Some("text 'OK'"));
    assert_eq!(told[3], "DM of channel 3 C/R 1 P/F 1 ''");
}

#[test]
fn banner_of_a_modem_that_restarted_is_told() {
    let told = told("restart-inside");
    assert!(told.iter().any(|one| one == "text 'RDY'"), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("text '+CFUN: 1'"));
}

#[test]
fn advanced_option_is_named() {
    assert_eq!(told("advanced-option"), ["dropped: this is a frame of the advanced option"]);
}
