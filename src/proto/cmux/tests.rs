//! Two machines on one line in virtual time: what each case of the state table does (3GPP TS 27.010
//! clause 5.4), and what lines that lose, damage, delay and echo do to it.

mod hostile;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::codec::cmux::{
    ControlMessage, Deframed, Deframer, Frame, FrameType, Message, ModemStatus, Parameters, Signals,
};
use crate::model::{Clock, Timestamp};

fn start() -> Instant {
    Clock::starting_at(Timestamp::default()).instant_of(Timestamp::default()).into_std()
}

/// A line with a machine at each end.
struct Rig {
    now: Instant,
    te: Mux,
    ms: Mux,
    /// What the line does to each transmission: direction (true to the modem) and octets.
    line: Box<dyn FnMut(bool, Vec<u8>) -> Vec<u8>>,
    te_events: Vec<Event>,
    ms_events: Vec<Event>,
}

impl Rig {
    fn new() -> Self {
        Self::with(Config { n1: 64, ..Config::default() }, Config::responder(4))
    }

    fn with(te: Config, ms: Config) -> Self {
        Self {
            now: start(),
            te: Mux::new(te),
            ms: Mux::new(ms),
            line: Box::new(|_, octets| octets),
            te_events: Vec::new(),
            ms_events: Vec::new(),
        }
    }

    /// Moves octets until nothing moves any more, then time by time-outs up to `limit`.
    fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        let mut to_ms = VecDeque::new();
        let mut to_te = VecDeque::new();
        loop {
            let te = drain(&mut self.te, &mut self.te_events, &mut to_ms);
            let ms = drain(&mut self.ms, &mut self.ms_events, &mut to_te);
            if to_ms.is_empty() && to_te.is_empty() {
                let Some(next) = te.into_iter().chain(ms).min().filter(|at| *at <= end) else {
                    self.now = end;
                    return;
                };
                self.now = self.now.max(next);
                self.te.handle_input(self.now, Input::Timeout).unwrap();
                self.ms.handle_input(self.now, Input::Timeout).unwrap();
                continue;
            }
            for octets in to_ms.drain(..) {
                let octets = (self.line)(true, octets);
                self.ms.handle_input(self.now, Input::Octets(&octets)).unwrap();
            }
            for octets in to_te.drain(..) {
                let octets = (self.line)(false, octets);
                self.te.handle_input(self.now, Input::Octets(&octets)).unwrap();
            }
        }
    }

    fn settle(&mut self) {
        self.run(Duration::from_secs(20));
    }

    fn ask(&mut self, input: Input<'_>) {
        self.te.handle_input(self.now, input).unwrap();
    }

    /// A far end that sends everything back, until nothing moves or 40 rounds are over.
    fn echo(&mut self) {
        for _ in 0..40 {
            let mut octets = VecDeque::new();
            let next = drain(&mut self.te, &mut self.te_events, &mut octets);
            if octets.is_empty() {
                let Some(next) = next else { break };
                self.now = next;
                self.ask(Input::Timeout);
            }
            for one in octets {
                self.ask(Input::Octets(&one));
            }
        }
    }

    /// Channels 0, 1 and 2 open.
    fn up() -> Self {
        let mut rig = Self::new();
        for dlci in 0..3 {
            rig.ask(Input::Open(dlci));
            rig.settle();
            assert!(rig.te.is_open(dlci) && rig.ms.is_open(dlci), "channel {dlci}");
        }
        rig.te_events.clear();
        rig.ms_events.clear();
        rig
    }

    fn frame_to_te(&mut self, dlci: u8, kind: FrameType, information: &[u8]) {
        let mut octets = Vec::new();
        Frame { dlci, cr: false, kind, poll_final: true, information }.encode(&mut octets);
        self.te.handle_input(self.now, Input::Octets(&octets)).unwrap();
    }
}

fn drain(mux: &mut Mux, events: &mut Vec<Event>, sent: &mut VecDeque<Vec<u8>>) -> Option<Instant> {
    loop {
        match mux.poll_output() {
            Output::Event(event) => events.push(event),
            Output::Transmit(octets) => sent.push_back(octets),
            Output::Timeout(at) => return Some(at),
            Output::Idle => return None,
        }
    }
}

/// What one machine transmits now, as frames.
fn sent(mux: &mut Mux) -> Vec<(u8, FrameType, Vec<u8>)> {
    let mut octets = VecDeque::new();
    drain(mux, &mut Vec::new(), &mut octets);
    let mut frames = Vec::new();
    for one in octets {
        Deframer::new(4096).feed(&one, |it| {
            let Deframed::Frame(frame) = it else { panic!("{it:?}") };
            frames.push((frame.dlci, frame.kind, frame.information.to_vec()));
        });
    }
    frames
}

fn message(message: ControlMessage) -> Vec<u8> {
    let mut octets = Vec::new();
    message.encode(&mut octets);
    octets
}

#[test]
fn channels_open_in_order_and_carry_octets_both_ways() {
    let mut rig = Rig::up();
    assert_eq!(rig.te.write(1, b"AT\r"), 3);
    assert_eq!(rig.ms.write(2, &[0xF9; 500]), 500);
    rig.settle();
    assert_eq!(rig.ms.read(rig.now, 1, 100), b"AT\r");
    assert_eq!(rig.te.read(rig.now, 2, 1000), [0xF9; 500]);
    assert!(rig.ms_events.contains(&Event::Readable(1)));
    assert_eq!(rig.te.stats().damaged + rig.ms.stats().damaged, 0);
    let signals = rig.te.remote_signals(1).expect("MSC came");
    assert!(signals.has(Signals::RTC) && !signals.has(Signals::DV));
}

#[test]
fn refused_channel_is_told_and_others_go_on() {
    let mut rig = Rig::up();
    rig.ask(Input::Open(9));
    rig.settle();
    let error = MuxError::Refused { dlci: 9 };
    assert_eq!(rig.te_events, [Event::NotOpened { dlci: 9, error }]);
    rig.te.write(1, b"x");
    rig.settle();
    assert_eq!(rig.ms.readable(1), 1);
}

#[test]
fn sabm_is_repeated_n2_times_and_then_given_up() {
    let mut rig = Rig::new();
    rig.line = Box::new(|_, _| Vec::new());
    rig.ask(Input::Open(0));
    rig.settle();
    assert_eq!(rig.te.stats().repeated, 5);
    assert_eq!(rig.te.stats().sent, 6);
    let error = MuxError::NoAnswer { dlci: 0 };
    assert_eq!(rig.te_events, [Event::NotOpened { dlci: 0, error }]);
}

#[test]
fn slow_ua_that_comes_behind_a_second_sabm_opens_once() {
    let mut rig = Rig::new();
    let mut lost = 0;
    rig.line = Box::new(move |to_ms, octets| {
        lost += usize::from(!to_ms);
        if !to_ms && lost == 1 { Vec::new() } else { octets }
    });
    rig.ask(Input::Open(0));
    rig.settle();
    assert_eq!(rig.te_events, [Event::Opened(0)]);
    assert_eq!(rig.ms_events, [Event::Opened(0)]);
}

#[test]
fn modem_that_echoes_frames_is_not_taken_for_one_that_answers() {
    let mut rig = Rig::new();
    rig.ask(Input::Open(0));
    rig.echo();
    assert_eq!(rig.te_events, [Event::NotOpened { dlci: 0, error: MuxError::Echo }]);
}

#[test]
fn modem_that_restarts_in_the_multiplexer_is_noticed_by_its_banner() {
    let mut rig = Rig::up();
    rig.line = Box::new(|_, _| Vec::new());
    rig.ask(Input::Octets(b"\r\nRDY\r\n\r\n+CFUN: 1\r\n"));
    rig.settle();
    assert!(rig.te_events.contains(&Event::Text(b"RDY".to_vec())));
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::Lost)));
    assert_eq!(rig.te.write(1, b"x"), 0);
}

#[test]
fn modem_that_restarted_and_echoes_is_noticed_at_once() {
    let mut rig = Rig::up();
    rig.ask(Input::Octets(b"\r\nRDY\r\n"));
    let mut octets = VecDeque::new();
    drain(&mut rig.te, &mut rig.te_events, &mut octets);
    for one in octets {
        rig.ask(Input::Octets(&one));
    }
    drain(&mut rig.te, &mut rig.te_events, &mut VecDeque::new());
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::Lost)));
}

#[test]
fn text_inside_a_damaged_frame_ends_nothing() {
    let mut rig = Rig::up();
    rig.ms.write(1, b"\r\n+CMTI: \"SM\",3\r\n");
    let mut first = true;
    rig.line = Box::new(move |to_ms, mut octets| {
        if !to_ms && std::mem::take(&mut first) {
            octets[3] ^= 0x04;
        }
        octets
    });
    rig.settle();
    assert!(rig.te.stats().damaged > 0);
    assert!(rig.te_events.iter().any(|event| matches!(event, Event::Text(_))));
    assert!(rig.te.is_open(1) && !rig.te.has_ended());
}

#[test]
fn reader_that_does_not_read_pauses_its_channel_and_no_other() {
    let mut rig = Rig::up();
    for _ in 0..30 {
        rig.ms.write(2, &[b'x'; 1024]);
        rig.run(Duration::from_millis(1));
    }
    let held = rig.te.readable(2);
    assert!((8 * 1024..12 * 1024).contains(&held), "{held}");
    assert!(rig.ms.remote_signals(2).unwrap().has(Signals::FC));
    rig.ms.write(1, b"OK");
    rig.settle();
    assert_eq!(rig.te.read(rig.now, 1, 10), b"OK");
    let mut total = 0;
    while rig.te.readable(2) > 0 {
        total += rig.te.read(rig.now, 2, 4096).len();
        rig.settle();
    }
    assert!(total > 10 * 1024 && !rig.ms.remote_signals(2).unwrap().has(Signals::FC), "{total}");
    assert_eq!(rig.te.stats().dropped, 0);
}

#[test]
fn sender_that_ignores_the_pause_loses_what_is_beyond_the_limit() {
    let mut rig = Rig::up();
    for _ in 0..70 {
        rig.frame_to_te(2, FrameType::Uih, &[b'x'; 1024]);
    }
    assert_eq!(rig.te.readable(2), MAX_RECEIVED);
    assert_eq!(rig.te.stats().dropped, 70 * 1024 - MAX_RECEIVED as u64);
}

#[test]
fn aggregate_flow_control_stops_every_channel_but_the_control_channel() {
    let mut rig = Rig::up();
    rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(Message::FlowOff)));
    rig.te.write(1, b"AT\r");
    assert_eq!(sent(&mut rig.te), [(0, FrameType::Uih, vec![0x61, 0x01])]);
    rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(Message::FlowOn)));
    let frames = sent(&mut rig.te);
    assert_eq!(frames.last(), Some(&(1, FrameType::Uih, b"AT\r".to_vec())));
}

#[test]
fn channels_take_turns() {
    let mut rig = Rig::up();
    rig.te.write(2, &[b'd'; 64 * 6]);
    rig.te.write(1, &[b'c'; 64 * 2]);
    let order: Vec<u8> = sent(&mut rig.te).iter().map(|(dlci, ..)| *dlci).collect();
    assert_eq!(order.iter().filter(|dlci| **dlci == 1).count(), 2);
    assert!(order[..4].windows(2).all(|pair| pair[0] != pair[1]), "{order:?}");
}

#[test]
fn ui_instead_of_uih_is_taken_whichever_way_it_is_checked() {
    let mut rig = Rig::up();
    rig.frame_to_te(1, FrameType::Ui, b"all checked");
    // A UI whose FCS covers the header only.
    let header = [0x05, 0x03, 0x07];
    let fcs = !crate::codec::cmux::fcs8(0xFF, &header);
    let octets = [&[0xF9], &header[..], b"abc", &[fcs, 0xF9]].concat();
    rig.ask(Input::Octets(&octets));
    assert_eq!(rig.te.read(rig.now, 1, 100), b"all checkedabc");
}

#[test]
fn commands_of_the_control_channel_are_answered() {
    let mut rig = Rig::up();
    let wanted = Parameters { dlci: 2, frame_type: 1, priority: 7, t1: 10, n1: 9000, n2: 3, k: 2 };
    let given = Parameters { frame_type: 0, n1: 2048, ..wanted };
    for (asked, answer) in [
        (Message::Test("ping".into()), Message::Test("ping".into())),
        (Message::ParameterNegotiation(wanted), Message::ParameterNegotiation(given)),
        (Message::PowerSaving, Message::NotSupported(0x43)),
        (Message::Service { dlci: 1, value: "x".into() }, Message::NotSupported(0xD3)),
        (Message::Other { kind: 0xF0, value: "x".into() }, Message::NotSupported(0xF3)),
        (Message::LineStatus { dlci: 1, status: 3 }, Message::LineStatus { dlci: 1, status: 3 }),
    ] {
        rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(asked)));
        let frames = sent(&mut rig.te);
        assert_eq!(frames.len(), 1);
        assert_eq!(
            ControlMessage::decode_all(&frames[0].2),
            Ok(vec![ControlMessage::response(answer)])
        );
    }
    // What was negotiated holds from now on.
    rig.te.write(2, &[b'x'; 3000]);
    assert_eq!(sent(&mut rig.te)[0].2.len(), 2048);
}

#[test]
fn modem_without_msc_is_used_all_the_same() {
    let mut rig = Rig::new();
    // Drops whatever the modem says on the control channel.
    rig.line = Box::new(|to_ms, octets| {
        if !to_ms && octets.get(1..3) == Some(&[0x01, 0xEF]) { Vec::new() } else { octets }
    });
    for dlci in 0..2 {
        rig.ask(Input::Open(dlci));
        rig.settle();
    }
    assert_eq!(rig.te.remote_signals(1), None);
    rig.te.write(1, b"AT\r");
    rig.settle();
    assert_eq!(rig.ms.readable(1), 3);
    assert!(!rig.te.has_ended());
}

#[test]
fn signals_and_break_are_told() {
    let mut rig = Rig::up();
    rig.ask(Input::Signals { dlci: 2, signals: Signals::RTR });
    rig.settle();
    assert!(
        rig.ms_events.contains(&Event::Signals { dlci: 2, signals: Signals::RTR }),
        "{:?}",
        rig.ms_events
    );
    let break_signal = Some(crate::codec::cmux::Break { present: true, steps: 1 });
    let status = ModemStatus { dlci: 2, signals: Signals::DV, break_signal };
    rig.frame_to_te(
        0,
        FrameType::Uih,
        &message(ControlMessage::command(Message::ModemStatus(status))),
    );
    rig.settle();
    assert_eq!(rig.te_events, [Event::Signals { dlci: 2, signals: Signals::DV }, Event::Break(2)]);
}

#[test]
fn channel_can_be_closed_and_opened_again() {
    let mut rig = Rig::up();
    rig.ms.write(2, b"left over");
    rig.settle();
    rig.ask(Input::Close(2));
    rig.settle();
    assert_eq!(rig.ms_events, [Event::Closed(2)]);
    assert_eq!(rig.te_events.last(), Some(&Event::Closed(2)));
    rig.ask(Input::Open(2));
    rig.settle();
    assert!(rig.te.is_open(2) && rig.ms.is_open(2));
    assert_eq!(rig.te.readable(2), 0, "what belonged to the old connection is gone");
}

#[test]
fn close_down_is_agreed_on() {
    let mut rig = Rig::up();
    rig.ask(Input::CloseDown);
    rig.settle();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: true })));
    assert_eq!(rig.ms_events.last(), Some(&Event::Ended(End::ByPeer)));
    assert_eq!(rig.te.handle_input(rig.now, Input::Open(1)), Err(MuxError::Ended));
}

#[test]
fn close_down_of_what_another_program_has_left_open_works_without_sabm() {
    let mut rig = Rig::up();
    rig.te = Mux::new(Config::default());
    rig.ask(Input::CloseDown);
    rig.settle();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: true })));
    assert!(rig.ms.has_ended());
}

#[test]
fn modem_that_knows_only_disc_is_closed_down_too() {
    let mut rig = Rig::up();
    rig.line = Box::new(|to_ms, octets| {
        let cld = to_ms && octets.get(4..6) == Some(&[0xC3, 0x01]);
        if cld { Vec::new() } else { octets }
    });
    rig.ask(Input::CloseDown);
    rig.settle();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: true })));
}

#[test]
fn close_down_without_any_answer_ends() {
    let mut rig = Rig::up();
    rig.line = Box::new(|_, _| Vec::new());
    rig.ask(Input::CloseDown);
    rig.settle();
    assert_eq!(rig.te_events.last(), Some(&Event::Ended(End::ClosedDown { answered: false })));
}

#[test]
fn peer_that_closes_down_is_answered_before_the_end() {
    let mut rig = Rig::up();
    rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(Message::CloseDown)));
    assert_eq!(sent(&mut rig.te), [(0, FrameType::Uih, vec![0xC1, 0x01])]);
    let mut rig = Rig::up();
    rig.frame_to_te(0, FrameType::Disc, &[]);
    assert_eq!(sent(&mut rig.te), [(0, FrameType::Ua, vec![])]);
    assert!(rig.te.has_ended());
}

#[test]
fn advanced_option_is_a_typed_error() {
    let mut rig = Rig::new();
    rig.ask(Input::Open(0));
    let fcs = !crate::codec::cmux::fcs8(0xFF, &[0x03, 0x73]);
    rig.ask(Input::Octets(&[0x7E, 0x03, 0x73, fcs, 0x7E]));
    drain(&mut rig.te, &mut rig.te_events, &mut VecDeque::new());
    assert_eq!(
        rig.te_events,
        [Event::NotOpened { dlci: 0, error: MuxError::Advanced }, Event::Ended(End::Advanced)]
    );
}

#[test]
fn answers_to_a_flood_of_questions_are_bounded() {
    let mut rig = Rig::up();
    for _ in 0..10_000 {
        rig.frame_to_te(0, FrameType::Uih, &message(ControlMessage::command(Message::FlowOn)));
        rig.frame_to_te(40, FrameType::Uih, b"nobody listens");
    }
    assert!(sent(&mut rig.te).len() <= 128);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever the line damages: what arrives is a part of what was sent, in order, the machines
    /// never wedge, and once the line is good again everything goes through.
    #[test]
    fn damaged_line_costs_frames_and_nothing_else(seed in any::<u64>(), one_in in 2..30_u64) {
        let mut rig = Rig::up();
        let mut state = seed | 1;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let good = std::rc::Rc::new(std::cell::Cell::new(false));
        let is_good = std::rc::Rc::clone(&good);
        rig.line = Box::new(move |_, mut octets| {
            if is_good.get() || random() % one_in != 0 {
                return octets;
            }
            let at = random() as usize % octets.len();
            match random() % 4 {
                0 => octets[at] ^= 1 << (random() % 8),
                1 => drop(octets.remove(at)),
                2 => octets.insert(at, random() as u8),
                _ => octets.truncate(at),
            }
            octets
        });
        for number in 0..200_u32 {
            rig.te.write(1, format!("<{number}>").as_bytes());
            rig.ms.write(2, format!("<{number}>").as_bytes());
            rig.run(Duration::from_millis(20));
        }
        prop_assert!(!rig.te.has_ended() && !rig.ms.has_ended(), "{:?} {:?}", rig.te_events.last(), rig.ms_events.last());
        good.set(true);
        rig.run(Duration::from_secs(10));
        let _ = rig.ms.read(rig.now, 1, usize::MAX);
        let _ = rig.te.read(rig.now, 2, usize::MAX);
        for dlci in 1..3 {
            if !(rig.te.is_open(dlci) && rig.ms.is_open(dlci)) {
                rig.ask(Input::Open(dlci));
                rig.settle();
            }
        }
        rig.te.write(1, b"through");
        rig.ms.write(2, b"back");
        rig.settle();
        prop_assert_eq!(rig.ms.read(rig.now, 1, 100), b"through");
        prop_assert_eq!(rig.te.read(rig.now, 2, 100), b"back");
    }

    /// Any octets: no panic, bounded memory, and time-outs that come to an end.
    #[test]
    fn any_octets_leave_a_machine_that_comes_to_rest(octets in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 2 => Just(0xF9), 1 => Just(0x03), 1 => Just(0xEF), 1 => Just(0xE3)], 0..2000), cut in 1..100_usize, responder in any::<bool>()) {
        let config = if responder { Config::responder(4) } else { Config::default() };
        let mut mux = Mux::new(config);
        let mut now = start();
        if !responder {
            mux.handle_input(now, Input::Open(0)).unwrap();
        }
        let mut events = Vec::new();
        let mut frames = VecDeque::new();
        for piece in octets.chunks(cut) {
            mux.handle_input(now, Input::Octets(piece)).unwrap();
            drain(&mut mux, &mut events, &mut frames);
        }
        for _ in 0..500 {
            match drain(&mut mux, &mut events, &mut frames) {
                Some(at) => now = now.max(at),
                None => break,
            }
            mux.handle_input(now, Input::Timeout).unwrap();
        }
        prop_assert_eq!(drain(&mut mux, &mut events, &mut frames), None);
    }
}
