//! The channel against what modems do in the field (3GPP TS 27.005, 27.007).

use std::time::{Duration, Instant};

use super::{Channel, ChannelError, Command, Event, Input, Kind, MAX_LINE, Output, Response};
use crate::codec::at::{CommandLine, FinalResult, Unsolicited};
use crate::model::{Clock, Timestamp};

struct Rig {
    channel: Channel,
    now: Instant,
    sent: Vec<u8>,
    events: Vec<Event>,
}

impl Rig {
    fn new() -> Self {
        let clock = Clock::starting_at(Timestamp::default());
        let now = clock.instant_of(Timestamp::default()).into_std();
        Self { channel: Channel::new(), now, sent: Vec::new(), events: Vec::new() }
    }

    fn busy_with(line: &str, kind: Kind) -> Self {
        let mut rig = Self::new();
        rig.command(line, kind).unwrap();
        rig
    }

    fn command(&mut self, line: &str, kind: Kind) -> Result<(), ChannelError> {
        let line = CommandLine::new(line).unwrap();
        let command = Command { line, kind, timeout: Duration::from_secs(5) };
        let taken = self.channel.handle_input(self.now, Input::Command(command));
        self.drain();
        taken
    }

    fn receive(&mut self, text: &str) -> &mut Self {
        self.receive_octets(text.as_bytes())
    }

    fn receive_octets(&mut self, octets: &[u8]) -> &mut Self {
        self.channel.handle_input(self.now, Input::Octets(octets)).unwrap();
        self.drain();
        self
    }

    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.channel.poll_output() {
                Output::Transmit(octets) => self.sent.extend(octets),
                Output::Event(event) => self.events.push(event),
                Output::Timeout(at) => return Some(at),
                Output::Idle => return None,
            }
        }
    }
}

fn response(lines: &[&str], result: FinalResult) -> Event {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    Event::Response(Response { lines, result })
}

fn stored(storage: &str, index: u16) -> Event {
    Event::Unsolicited(Unsolicited::Stored { storage: storage.into(), index: Some(index) })
}

fn prompt(payload: &[u8]) -> Kind {
    Kind::Prompt { payload: payload.to_vec(), result_within: Duration::from_secs(135) }
}

fn flood(text: &str) -> Event {
    Event::Unsolicited(Unsolicited::Other(text.into()))
}

/// Gives `text` whole, cut at every octet, and octet by octet; the events must be the same.
fn however_cut(command: &str, kind: &Kind, text: &str, expected: &[Event]) {
    for cut in 0..=text.len() {
        let mut rig = Rig::busy_with(command, kind.clone());
        let (head, tail) = text.as_bytes().split_at(cut);
        rig.receive_octets(head).receive_octets(tail);
        assert_eq!(rig.events, expected, "cut at {cut}");
    }
    let mut rig = Rig::busy_with(command, kind.clone());
    for octet in text.as_bytes() {
        rig.receive_octets(&[*octet]);
    }
    assert_eq!(rig.events, expected, "octet by octet");
}

#[test]
fn answer_is_the_same_however_it_is_cut() {
    however_cut(
        "AT+CSQ",
        &Kind::Plain,
        "\r\n+CSQ: 17,99\r\n\r\nOK\r\n",
        &[response(&["+CSQ: 17,99"], FinalResult::Ok)],
    );
}

#[test]
fn line_ends_and_noise_of_every_kind() {
    for text in [
        "AT+CSQ\r\r\n+CSQ: 17,99\r\n\r\nOK\r\n",
        "+CSQ: 17,99\nOK\n",
        "\0\0\r\r\n+CSQ: 17,99\r\r\n\r\n\r\n\r\nOK\r\r\n",
        "AT+CSQ\r\r\nAT+CSQ\r\r\n+CSQ: 17,99\r\n\r\nOK\r\n",
        "\u{fffd}\u{fffd}\r\n\u{7}+CSQ: 17,99\r\nOK\r",
    ] {
        however_cut("AT+CSQ", &Kind::Plain, text, &[response(&["+CSQ: 17,99"], FinalResult::Ok)]);
    }
}

#[test]
fn unsolicited_lines_anywhere_are_sorted_out() {
    however_cut(
        "AT+CMGL=4",
        &Kind::Plain,
        "\r\n^RSSI:17\r\nAT+CMGL=4\r\r\n+CMTI: \"ME\",3\r\n+CMGL: 0,1,,3\r\n\r\n^BOOT:1,0\r\n\
         000405\r\n+CREG: 1\r\n+CMGL: 1,1,,3\r\n000406\r\n\r\nOK\r\n\r\n+CMTI: \"ME\",4\r\n",
        &[
            flood("^RSSI:17"),
            stored("ME", 3),
            flood("^BOOT:1,0"),
            Event::Unsolicited(Unsolicited::parse("+CREG: 1", None)),
            response(&["+CMGL: 0,1,,3", "000405", "+CMGL: 1,1,,3", "000406"], FinalResult::Ok),
            stored("ME", 4),
        ],
    );
}

#[test]
fn direct_message_between_the_lines_keeps_its_pdu() {
    however_cut(
        "AT+CMGR=1",
        &Kind::Plain,
        "+CMGR: 0,,3\r\n+CMT: ,3\r\r\n0004AA\r\n000405\r\nOK\r\n",
        &[
            Event::Unsolicited(Unsolicited::Direct { pdu: "0004AA".into() }),
            response(&["+CMGR: 0,,3", "000405"], FinalResult::Ok),
        ],
    );
}

#[test]
fn direct_message_without_pdu_does_not_swallow_the_next_line() {
    let mut rig = Rig::busy_with("AT", Kind::Plain);
    rig.receive("+CMT: ,24\r\nOK\r\n");
    assert_eq!(rig.events, [flood("+CMT: ,24"), response(&[], FinalResult::Ok)]);
}

#[test]
fn registration_news_is_not_the_answer() {
    let mut rig = Rig::busy_with("AT+CREG?", Kind::Plain);
    rig.receive("+CREG: 2\r\n+CREG: 2,1,\"00C3\",\"0001\"\r\nOK\r\n");
    assert_eq!(
        rig.events,
        [
            Event::Unsolicited(Unsolicited::parse("+CREG: 2", None)),
            response(&["+CREG: 2,1,\"00C3\",\"0001\""], FinalResult::Ok)
        ]
    );
}

#[test]
fn bare_lines_belong_to_the_answer() {
    let mut rig = Rig::busy_with("AT+CIMI", Kind::Plain);
    rig.receive("^HCSQ:\"LTE\",40\r\n262011234567890\r\n\r\nOK\r\n");
    assert_eq!(
        rig.events,
        [flood("^HCSQ:\"LTE\",40"), response(&["262011234567890"], FinalResult::Ok)]
    );
}

#[test]
fn one_command_at_a_time() {
    let mut rig = Rig::busy_with("AT", Kind::Plain);
    assert_eq!(rig.command("AT+CSQ", Kind::Plain), Err(ChannelError::Busy));
    rig.receive("OK\r\n");
    assert_eq!(rig.command("AT+CSQ", Kind::Plain), Ok(()));
    assert_eq!(rig.sent, b"AT\rAT+CSQ\r");
}

#[test]
fn silence_times_out_and_what_comes_late_is_dropped() {
    let mut rig = Rig::busy_with("AT+CPIN?", Kind::Plain);
    rig.receive("+CPIN: READY\r\n");
    let deadline = rig.drain().unwrap();
    assert_eq!(deadline - rig.now, Duration::from_secs(5));
    rig.channel.handle_input(rig.now, Input::Timeout).unwrap();
    assert!(rig.channel.is_busy(), "not before its time");
    rig.now = deadline;
    rig.channel.handle_input(rig.now, Input::Timeout).unwrap();
    assert_eq!(rig.drain(), None);
    let lines = vec!["+CPIN: READY".to_owned()];
    assert_eq!(rig.events, [Event::TimedOut { lines }]);
    rig.events.clear();
    rig.receive("\r\nOK\r\nAT+CPIN?\r\nERROR\r\n");
    assert_eq!(rig.events, []);
}

#[test]
fn connect_hands_over_what_follows() {
    let frame = "\u{7e}!}#";
    for connect in ["\r\nCONNECT\r\n", "\nCONNECT\r\n", "\r\nCONNECT 150000000\r\n"] {
        let text = format!("ATD*99***1#\r{connect}{frame}");
        let mut rig = Rig::busy_with("ATD*99***1#", Kind::Dial);
        rig.receive(&text);
        let [Event::Connected { text, leftover }] = &*rig.events else { panic!("{connect:?}") };
        assert!(text.is_empty() || text == "150000000");
        assert_eq!(leftover, frame.as_bytes());
        assert_eq!(rig.command("AT", Kind::Plain), Err(ChannelError::Data));
        rig.channel.reset();
        assert_eq!(rig.command("AT", Kind::Plain), Ok(()));
    }
}

#[test]
fn frame_without_connect_begins_the_call() {
    let mut rig = Rig::busy_with("ATD*99***1#", Kind::Dial);
    rig.receive_octets(b"ATD*99***1#\r\x7e").receive_octets(b"\xff\x7d\x23\xc0");
    assert_eq!(
        rig.events,
        [Event::Connected { text: String::new(), leftover: b"\x7e\xff\x7d\x23\xc0".to_vec() }]
    );
}

#[test]
fn results_of_calls_end_calls_only() {
    let mut rig = Rig::busy_with("ATD*99***1#", Kind::Dial);
    rig.receive("\nNO CARRIER\r\n");
    assert_eq!(rig.events, [response(&[], FinalResult::NoCarrier)]);
    let mut rig = Rig::busy_with("AT+CSQ", Kind::Plain);
    rig.receive("NO CARRIER\r\n+CSQ: 1,99\r\nOK\r\n");
    assert_eq!(
        rig.events,
        [Event::Unsolicited(Unsolicited::NoCarrier), response(&["+CSQ: 1,99"], FinalResult::Ok)]
    );
    let mut rig = Rig::busy_with("ATH", Kind::HangUp);
    rig.receive("NO CARRIER\r\nOK\r\n");
    assert_eq!(rig.events, [response(&[], FinalResult::NoCarrier)]);
}

#[test]
fn escape_is_sent_without_carriage_return() {
    let mut rig = Rig::busy_with("+++", Kind::Escape);
    rig.receive("+++\r\nOK\r\n");
    assert_eq!(rig.sent, b"+++");
    assert_eq!(rig.events, [response(&[], FinalResult::Ok)]);
}

#[test]
fn prompt_in_every_form_gets_the_payload_once() {
    for sign in ["\r\n> ", "\r\n>\r\n", ">", "\r\n^RSSI:3\r\n> \r\n"] {
        let mut rig = Rig::busy_with("AT+CMGS=3", prompt(b"000405"));
        rig.receive("AT+CMGS=3\r");
        assert_eq!(rig.sent, b"AT+CMGS=3\r");
        rig.receive(sign);
        assert_eq!(rig.sent, b"AT+CMGS=3\r000405\x1a", "{sign:?}");
        rig.receive("000405\x1a\r\n\r\n+CMGS: 7\r\n\r\nOK\r\n");
        assert_eq!(rig.events.last(), Some(&response(&["+CMGS: 7"], FinalResult::Ok)));
    }
}

#[test]
fn prompt_begins_the_time_for_the_result() {
    let mut rig = Rig::busy_with("AT+CMGS=3", prompt(b"000405"));
    assert_eq!(rig.drain(), Some(rig.now + Duration::from_secs(5)));
    assert!(!rig.channel.was_prompted());
    rig.now += Duration::from_secs(4);
    rig.receive("\r\n> ");
    assert_eq!(rig.drain(), Some(rig.now + Duration::from_secs(135)));
    assert!(rig.channel.was_prompted());
    rig.receive("+CMS ERROR: 304\r\n");
    rig.command("AT", Kind::Plain).unwrap();
    assert!(!rig.channel.was_prompted());
}

#[test]
fn missing_prompt_is_escaped() {
    let mut rig = Rig::busy_with("AT+CMGS=3", prompt(b"000405"));
    rig.now += Duration::from_secs(6);
    rig.channel.handle_input(rig.now, Input::Timeout).unwrap();
    rig.drain();
    assert_eq!(rig.sent, b"AT+CMGS=3\r\x1b");
}

#[test]
fn endless_line_is_cut_and_the_channel_goes_on() {
    let mut rig = Rig::busy_with("AT", Kind::Plain);
    rig.receive(&"x".repeat(3 * MAX_LINE)).receive("\r\nOK\r\n");
    assert_eq!(rig.events, [Event::Overflow, response(&[], FinalResult::Ok)]);
}

#[test]
fn endless_answer_is_cut_and_the_channel_goes_on() {
    let mut rig = Rig::busy_with("AT+CGMI", Kind::Plain);
    rig.receive(&"x\r\n".repeat(3000)).receive("OK\r\n");
    assert_eq!(rig.events.first(), Some(&Event::Overflow));
    let [_, Event::Response(response)] = &*rig.events else { panic!() };
    assert_eq!(response.lines.len(), super::MAX_RESPONSE_LINES);
}

#[test]
fn random_octets_never_panic() {
    let random = crate::model::Random::seeded(3);
    for round in 0..200 {
        let kind = [Kind::Plain, Kind::Dial, Kind::HangUp, prompt(&[1])];
        let kind = kind[usize::try_from(random.below(4)).unwrap()].clone();
        let mut rig = Rig::busy_with("AT+CMGR=1", kind);
        for _ in 0..20 {
            let mut octets = random.array::<40>();
            for octet in &mut octets {
                if random.below(3) == 0 {
                    *octet = b"\r\n+CMT:>~OK"[usize::try_from(random.below(11)).unwrap()];
                }
            }
            rig.receive_octets(&octets);
        }
        assert!(rig.events.len() < 2000, "round {round}");
    }
}

#[test]
fn listing_waits_for_each_line_and_never_beyond_its_end() {
    let seconds = Duration::from_secs;
    let mut rig = Rig::busy_with("AT+CMGL=4", Kind::Listing { pause: seconds(2) });
    let start = rig.now;
    assert_eq!(rig.drain(), Some(start + seconds(2)));
    rig.now += seconds(1);
    // News of the modem show nothing.
    rig.receive("\r\n^RSSI:17\r\n");
    assert_eq!(rig.drain(), Some(start + seconds(2)));
    rig.receive("\r\n+CMGL: 1,1,,17\r\n");
    assert_eq!(rig.drain(), Some(start + seconds(3)));
    rig.now += seconds(1);
    rig.receive("07915892000000F0\r\n");
    rig.now += seconds(2);
    rig.receive("+CMGL: 2,1,,17\r\n");
    assert_eq!(rig.drain(), Some(start + seconds(5)), "the command's own limit");
    rig.now = start + seconds(5);
    rig.channel.handle_input(rig.now, Input::Timeout).unwrap();
    rig.drain();
    assert!(matches!(rig.events.last(), Some(Event::TimedOut { lines }) if lines.len() == 3));
}

#[test]
fn vendors_signs_are_no_part_of_a_name() {
    for news in ["#QSS: 3", "#PSNT: 0", "!GSTATUS: 1", "_OSIGQ: 17,0", "$QCRMCALL: 1"] {
        for command in ["AT+CGMM", "AT+CGMR", "AT+CGSN"] {
            let mut rig = Rig::busy_with(command, Kind::Plain);
            rig.receive(&format!("\r\n{news}\r\n\r\nLE910\r\n\r\nOK\r\n"));
            let told = Event::Unsolicited(Unsolicited::Other(news.into()));
            assert_eq!(rig.events, [told, response(&["LE910"], FinalResult::Ok)], "{command}");
        }
    }
    let mut rig = Rig::busy_with("AT#QSS?", Kind::Plain);
    rig.receive("\r\n#QSS: 2,1\r\n\r\nOK\r\n");
    assert_eq!(rig.events, [response(&["#QSS: 2,1"], FinalResult::Ok)]);
}

#[test]
fn message_whose_pdu_is_on_its_way_survives_a_reset() {
    let mut rig = Rig::new();
    rig.receive("\r\n+CMT: ,24\r\n07");
    rig.channel.reset();
    rig.receive("91\r\n");
    let pdu = "0791".to_owned();
    assert_eq!(rig.events, [Event::Unsolicited(Unsolicited::Direct { pdu })]);
}
