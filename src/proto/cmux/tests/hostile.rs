//! What a modem may do that it should not, and what the specification leaves to it (3GPP TS 27.010
//! clauses 5.2.1, 5.4 and 5.6).

use super::*;

/// A frame with every field as the test wants it, FCS right.
fn raw(address: u8, control: u8, information: &[u8]) -> Vec<u8> {
    let header = [address, control, (information.len() as u8) << 1 | 1];
    let fcs = !crate::codec::cmux::fcs8(0xFF, &header);
    [&[0xF9], &header[..], information, &[fcs, 0xF9]].concat()
}

fn fed(mux: &mut Mux, octets: &[u8]) -> Vec<(u8, FrameType, Vec<u8>)> {
    mux.handle_input(start(), Input::Octets(octets)).unwrap();
    sent(mux)
}

#[test]
fn address_beyond_the_channels_is_dropped_and_counted() {
    let mut rig = Rig::up();
    // SABM, DISC and UIH of channels 62 and 63, as the modem would send them.
    for address in [0xFB, 0xFD] {
        for control in [0x3F, 0x53, 0xEF] {
            assert_eq!(fed(&mut rig.te, &raw(address, control, b"")), [], "{address:02x}");
        }
    }
    assert_eq!(rig.te.stats().damaged, 6);
    assert_eq!(fed(&mut rig.ms, &raw(0xFF, 0x3F, b"")), []);
    assert!(!rig.te.has_ended() && !rig.ms.has_ended());
}

#[test]
fn own_disc_and_cld_that_come_back_are_no_agreement() {
    let mut rig = Rig::new();
    rig.ask(Input::CloseDown);
    rig.echo();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: false })));
}

#[test]
fn multiplexer_that_was_begun_and_never_opened_is_closed_down_all_the_same() {
    // A program killed between the OK of AT+CMUX and SABM.
    let mut rig = Rig::new();
    rig.ask(Input::CloseDown);
    rig.settle();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: true })));
    assert_eq!(rig.ms_events.last(), Some(&Event::Ended(End::ByPeer)), "{:?}", rig.ms_events);
}

#[test]
fn the_same_where_the_modem_says_nothing_to_a_cld_that_it_does_not_hear() {
    let mut rig = Rig::new();
    let mut opened = false;
    rig.line = Box::new(move |to_ms, octets| {
        opened |= to_ms && octets.get(1..3) == Some(&[0x03, 0x3F]);
        let is_cld = octets.get(4..6) == Some(&[0xC3, 0x01]);
        if to_ms && is_cld && !opened { Vec::new() } else { octets }
    });
    rig.ask(Input::CloseDown);
    rig.settle();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: true })));
    assert!(rig.ms.has_ended());
}

#[test]
fn message_with_filling_behind_it_is_heard() {
    let mut rig = Rig::up();
    let status = ModemStatus { dlci: 2, signals: Signals::DV, break_signal: None };
    let mut octets = message(ControlMessage::command(Message::ModemStatus(status)));
    octets.extend([0; 5]);
    rig.frame_to_te(0, FrameType::Uih, &octets);
    rig.settle();
    assert_eq!(rig.te.remote_signals(2), Some(Signals::DV));
    assert_eq!(rig.te.stats().damaged, 1);
}

#[test]
fn not_supported_is_never_answered() {
    let mut rig = Rig::up();
    for command in [true, false] {
        let nsc = ControlMessage { command, message: Message::NotSupported(0x43) };
        rig.frame_to_te(0, FrameType::Uih, &message(nsc));
        assert_eq!(sent(&mut rig.te), []);
    }
}

#[test]
fn remote_port_is_told_and_taken_as_wished() {
    use crate::codec::cmux::RemotePort;
    let mut rig = Rig::up();
    let wish = [0x07, 0x03, 0x0C, 0x11, 0x13, 0x7F, 0x3F];
    for (asked, told) in [(None, [0x03, 0x03, 0x00, 0x11, 0x13, 0x7F, 0x3F]), (Some(wish), wish)] {
        let port = |settings| Message::RemotePort(RemotePort { dlci: 1, settings });
        rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(port(asked))));
        let answer = message(ControlMessage::response(port(Some(told))));
        assert_eq!(sent(&mut rig.te), [(0, FrameType::Uih, answer)]);
    }
}

#[test]
fn status_without_answer_is_repeated_n2_times_and_then_left() {
    let mut rig = Rig::up();
    rig.line = Box::new(|to_ms, octets| if to_ms { Vec::new() } else { octets });
    let before = rig.te.stats();
    rig.ask(Input::Signals { dlci: 1, signals: Signals::RTR });
    let began = rig.now;
    while let Some(at) = rig.te.next_timeout() {
        rig.run(at - rig.now);
        assert!(rig.now - began <= 6 * Config::default().t2, "without end");
    }
    assert_eq!(rig.te.stats().repeated - before.repeated, u64::from(Config::default().n2));
    assert!(rig.te.is_open(1), "its channel stays open");
}

#[test]
fn disc_without_answer_is_repeated_n2_times_and_then_taken_for_granted() {
    let mut rig = Rig::up();
    rig.line = Box::new(|_, _| Vec::new());
    let before = rig.te.stats();
    rig.ask(Input::Close(2));
    rig.run(Duration::from_millis(2900));
    assert_eq!(rig.te_events, []);
    rig.settle();
    assert_eq!(rig.te_events, [Event::Closed(2)]);
    assert_eq!(rig.te.stats().repeated - before.repeated, u64::from(Config::default().n2));
}

#[test]
fn answers_and_commands_go_before_data_that_waits() {
    let mut rig = Rig::up();
    assert_eq!(rig.te.write(2, &[b'd'; 4096]), 4096);
    rig.frame_to_te(
        0,
        FrameType::Uih,
        &message(ControlMessage::command(Message::Test("x".into()))),
    );
    rig.ask(Input::Close(1));
    let order: Vec<(u8, FrameType)> =
        sent(&mut rig.te).iter().map(|(dlci, kind, _)| (*dlci, *kind)).collect();
    assert_eq!(order[..2], [(0, FrameType::Uih), (1, FrameType::Disc)]);
    assert_eq!(order.len(), 2 + 4096 / 64);
}

#[test]
fn signals_stand_before_the_first_octet_of_a_channel() {
    let mut rig = Rig::up();
    rig.ask(Input::Open(3));
    let frames = sent(&mut rig.te);
    assert_eq!(frames, [(3, FrameType::Sabm, vec![])]);
    rig.frame_to_te(3, FrameType::Ua, b"");
    rig.te.write(3, b"AT\r");
    let frames = sent(&mut rig.te);
    assert_eq!((frames[0].0, frames[0].2[0]), (0, 0xE3), "MSC: {frames:?}");
    assert_eq!(frames[1], (3, FrameType::Uih, b"AT\r".to_vec()));
}

#[test]
fn pause_of_one_channel_holds_that_one_alone_until_it_is_taken_back() {
    let mut rig = Rig::up();
    let tell = |rig: &mut Rig, signals| {
        let status = ModemStatus { dlci: 2, signals, break_signal: None };
        let octets = message(ControlMessage::command(Message::ModemStatus(status)));
        rig.frame_to_te(0, FrameType::Uih, &octets);
    };
    tell(&mut rig, Signals::FC.with(Signals::RTC, true));
    rig.te.write(1, b"one");
    rig.te.write(2, b"two");
    let data = |frames: Vec<(u8, FrameType, Vec<u8>)>| -> Vec<u8> {
        frames.iter().map(|(dlci, ..)| *dlci).filter(|dlci| *dlci > 0).collect()
    };
    assert_eq!(data(sent(&mut rig.te)), [1]);
    tell(&mut rig, Signals::RTC);
    assert_eq!(data(sent(&mut rig.te)), [2]);
}

#[test]
fn empty_frames_and_repeated_answers_are_no_news() {
    let mut rig = Rig::up();
    rig.frame_to_te(1, FrameType::Uih, b"");
    rig.frame_to_te(1, FrameType::Ua, b"");
    rig.frame_to_te(9, FrameType::Dm, b"");
    rig.frame_to_te(9, FrameType::Ua, b"");
    rig.settle();
    assert_eq!(rig.te_events, []);
    assert!(rig.te.is_open(1));
}

#[test]
fn information_fills_frames_of_the_agreed_size_and_no_more() {
    for n1 in [1, 31, 64, 127, 128, 1509, 32_767] {
        let mut rig = Rig::with(Config { n1, ..Config::default() }, Config::responder(4));
        for dlci in 0..2 {
            rig.ask(Input::Open(dlci));
            rig.settle();
        }
        rig.te.write(1, &[0xF9; 4000]);
        let frames = sent(&mut rig.te);
        assert_eq!(frames.len(), 4000_usize.div_ceil(n1), "N1 {n1}");
        assert!(frames.iter().all(|(_, _, information)| information.len() <= n1), "N1 {n1}");
    }
}

#[test]
fn frame_beyond_what_is_taken_costs_itself_alone() {
    let mut rig = Rig::up();
    let limit = Config::default().max_received;
    for length in [limit, limit + 1, 0x7FFF] {
        rig.frame_to_te(1, FrameType::Uih, &vec![b'x'; length]);
        rig.frame_to_te(1, FrameType::Uih, b"next");
        rig.settle();
        let expected = if length > limit { 4 } else { length + 4 };
        assert_eq!(rig.te.read(rig.now, 1, usize::MAX).len(), expected, "{length}");
    }
    assert!(!rig.te.has_ended());
}

#[test]
fn one_flag_between_frames_and_many_flags_are_the_same() {
    let frames = [raw(0x05, 0xEF, b"one"), raw(0x05, 0xEF, b"two"), raw(0x05, 0xEF, b"three")];
    let shared = [&frames[0][..], &frames[1][1..], &frames[2][1..]].concat();
    let padded = frames.join(&[0xF9; 30][..]);
    for line in [shared, padded] {
        for cut in [1, 2, 5, line.len()] {
            let mut rig = Rig::up();
            for piece in line.chunks(cut) {
                rig.ask(Input::Octets(piece));
            }
            assert_eq!(rig.te.read(rig.now, 1, 100), b"onetwothree", "by {cut}");
            assert_eq!(rig.te.stats().damaged, 0);
        }
    }
}

#[test]
fn line_errors_and_breaks_are_taken_note_of_and_end_nothing() {
    let mut rig = Rig::up();
    for status in 0..16 {
        let told = Message::LineStatus { dlci: 1, status };
        rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(told.clone())));
        let answer = message(ControlMessage::response(told));
        assert_eq!(sent(&mut rig.te), [(0, FrameType::Uih, answer)]);
    }
    assert!(rig.te.is_open(1));
}
