//! A modem with one port that multiplexes: our driver on the virtual modem, over a cable that stays.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::cmux::{Deframed, Deframer};
use mm1gate::codec::ppp::{FrameFormat, protocol};
use mm1gate::model::{Clock, Explain, NoTap, StageSink, Timestamp};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{
    CmuxBegin, Means, Modem, ModemConfig, ModemError, ModemEvent, PdpAuth, PdpContext, PortSharing,
    Profile, ProfileChoice, VolatilePins,
};
use mm1gate::sim::{self, Fault, Operator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::support::cable::{Cable, Record};

const OWN: &str = "+447700900001";

/// SMS-DELIVER from 12345, 7 bit, "hi".
const DELIVER: &str = "0405812143F500006211120000000002E834";

/// The flag, and CLD as the host says it.
const CLD: &[u8] = &[0xF9, 0x03, 0xEF, 0x05, 0xC3, 0x01, 0xF2, 0xF9];

struct Rig {
    operator: Operator,
    cable: Cable,
}

impl Rig {
    fn new() -> Self {
        Self::with(sim::Timing::default())
    }

    fn with(timing: sim::Timing) -> Self {
        let modem = sim::ModemConfig { control_port: false, timing, ..sim::ModemConfig::default() };
        let operator = Operator::builder()
            .line(sim::Subscriber { number: OWN.to_owned(), ..sim::Subscriber::default() }, modem)
            .clock(Clock::starting_at(Timestamp::from_secs(1_790_000_000)))
            .start();
        let cable = Cable::of(operator.modem());
        Self { operator, cable }
    }

    fn modem(&self) -> (Modem, mpsc::Receiver<ModemEvent>) {
        let mut profile = Profile::generic();
        profile.cmux.allowed = true;
        self.modem_as(ProfileChoice::fixed(profile))
    }

    fn modem_as(&self, profile: ProfileChoice) -> (Modem, mpsc::Receiver<ModemEvent>) {
        let config = ModemConfig {
            name: "desk".to_owned(),
            port: "cable".to_owned(),
            control_port: None,
            profile,
            pin: None,
            roaming: false,
            registration_limit: Duration::from_secs(30),
        };
        Modem::start(
            config,
            Means {
                ports: Arc::new(self.cable.clone()),
                usb: Arc::new(NoUsb),
                pins: Arc::new(VolatilePins::default()),
                tap: Arc::new(NoTap),
                clock: Clock::starting_at(Timestamp::from_secs(1_790_000_000)),
                stages: StageSink::none(),
            },
        )
    }

    fn deliver(&self) {
        self.operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    }

    /// What the modem says to a terminal that is plugged in, line ends as blanks.
    async fn said_to_terminal(&self, command: &str) -> String {
        let mut host = self.cable.plug();
        host.write_all(command.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 256];
        while let Ok(Ok(count @ 1..)) =
            timeout(Duration::from_secs(2), host.read(&mut buffer)).await
        {
            heard.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&heard).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn tpdu() -> Bytes {
    Bytes::from(hex::decode(DELIVER).unwrap())
}

fn context() -> PdpContext {
    PdpContext {
        apn: "mms.example".to_owned(),
        pdp_type: "IP".to_owned(),
        user: String::new(),
        password: mm1gate::model::redact::Secret::new(""),
        auth: PdpAuth::Any,
    }
}

async fn stored(events: &mut mpsc::Receiver<ModemEvent>) -> (String, u16) {
    let wait = async {
        loop {
            if let Some(ModemEvent::SmsStored { storage, index: Some(index) }) = events.recv().await
            {
                return (storage, index);
            }
        }
    };
    timeout(Duration::from_secs(60), wait).await.expect("a message is announced")
}

async fn gone(events: &mut mpsc::Receiver<ModemEvent>) -> ModemError {
    let wait = async {
        loop {
            if let Some(ModemEvent::Gone { error, .. }) = events.recv().await {
                return error;
            }
        }
    };
    timeout(Duration::from_secs(60), wait).await.expect("the loss is told")
}

#[tokio::test(start_paused = true)]
async fn messages_are_read_and_deleted_while_a_call_is_up_on_the_same_port() {
    let rig = Rig::new();
    let (modem, mut events) = rig.modem();
    let info = modem.prepare().await.unwrap();
    assert_eq!(info.sharing, PortSharing::Multiplexed);
    let mut call = modem.dial(&context()).await.unwrap();
    rig.deliver();
    let (storage, index) = stored(&mut events).await;
    let sms = modem.read_sms(&storage, index).await.unwrap();
    assert!(sms.octets.ends_with(&tpdu()));
    modem.delete_sms(&sms).await.unwrap();
    assert_eq!(modem.sweep().await.unwrap().found, []);
    // The call's octets go their own way meanwhile: LCP is answered.
    let mut request = Vec::new();
    FrameFormat::default().encode(protocol::LCP, &[1, 1, 0, 4], &mut request);
    call.write_all(&request).await.unwrap();
    let mut heard = [0; 64];
    let count = timeout(Duration::from_secs(5), call.read(&mut heard)).await.unwrap().unwrap();
    assert!(heard[..count].contains(&0x7E));
    call.hang_up().await.unwrap();
    assert!(rig.operator.modem().state().call.is_none());
    // And once more.
    let call = modem.dial(&context()).await.unwrap();
    assert_eq!(rig.operator.modem().state().calls, 2);
    call.hang_up().await.unwrap();
    assert!(modem.signal().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn modem_that_refuses_is_used_as_one_with_one_port() {
    let rig = Rig::new();
    rig.operator.faults().set(Fault::CmuxRefused {});
    let (modem, _events) = rig.modem();
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::One);
    let call = modem.dial(&context()).await.unwrap();
    assert_eq!(modem.sweep().await.unwrap_err(), ModemError::InCall);
    call.hang_up().await.unwrap();
    assert_eq!(modem.sweep().await.unwrap().found, []);
}

#[tokio::test(start_paused = true)]
async fn modem_that_refuses_the_channels_is_brought_back_to_one_port() {
    let rig = Rig::new();
    rig.operator.faults().set(Fault::CmuxChannelRefused {});
    let (modem, _events) = rig.modem();
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::One);
    assert!(rig.cable.saw(true, CLD));
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn modem_without_signals_or_with_slow_answers_multiplexes_all_the_same() {
    for fault in [Fault::CmuxWithoutStatus {}, Fault::CmuxSlowUa { millis: 1800 }] {
        let rig = Rig::new();
        rig.operator.faults().set(fault.clone());
        let (modem, mut events) = rig.modem();
        let info = modem.prepare().await.unwrap();
        assert_eq!(info.sharing, PortSharing::Multiplexed, "{fault:?}");
        let call = modem.dial(&context()).await.unwrap();
        rig.deliver();
        let (storage, index) = stored(&mut events).await;
        modem.read_sms(&storage, index).await.unwrap();
        call.hang_up().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn answer_lost_to_a_wrong_checksum_costs_a_time_out_and_no_more() {
    let rig = Rig::new();
    let (modem, _events) = rig.modem();
    modem.prepare().await.unwrap();
    rig.operator.faults().set_times(Fault::CmuxWrongFcs {}, 1);
    // Whatever was asked, it is asked again or fails; the next answer is in step.
    let _ = modem.signal().await;
    assert!(modem.signal().await.unwrap().is_some());
    let info = modem.prepare().await.unwrap();
    assert_eq!(info.sharing, PortSharing::Multiplexed);
}

#[tokio::test(start_paused = true)]
async fn modem_that_closes_the_multiplexer_is_prepared_again() {
    let rig = Rig::new();
    let (modem, mut events) = rig.modem();
    modem.prepare().await.unwrap();
    rig.operator.faults().set_times(Fault::CmuxClosedByModem {}, 1);
    let _ = modem.signal().await;
    let error = gone(&mut events).await;
    assert_eq!(
        error,
        ModemError::Multiplexer {
            port: "cable".to_owned(),
            reason: "the modem has closed it down".to_owned()
        }
    );
    assert_eq!(error.to_fault().code, "multiplexer-ended");
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed);
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn multiplexer_that_fails_again_and_again_is_left_alone() {
    let rig = Rig::new();
    let (modem, mut events) = rig.modem();
    for _ in 0..3 {
        assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed);
        rig.operator.faults().set_times(Fault::CmuxClosedByModem {}, 1);
        let _ = modem.signal().await;
        gone(&mut events).await;
    }
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::One);
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn modem_that_restarts_in_the_multiplexer_is_noticed_and_prepared_again() {
    let rig = Rig::new();
    let (modem, mut events) = rig.modem();
    modem.prepare().await.unwrap();
    let call = modem.dial(&context()).await.unwrap();
    let since = Instant::now();
    rig.operator.modem().power_cycle();
    let error = gone(&mut events).await;
    assert!(matches!(error, ModemError::Multiplexer { .. }), "{error}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    drop(call);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed);
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

/// A program that is killed in a call on the multiplexer.
async fn killed_in_a_call(rig: &Rig) {
    let (modem, _events) = rig.modem();
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed);
    let call = modem.dial(&context()).await.unwrap();
    // Nothing of it runs on.
    rig.cable.damage(|from_host, octets| {
        if from_host {
            octets.clear();
        }
    });
    drop((modem, call));
    sleep(Duration::from_secs(60)).await;
    rig.cable.damage(|_, _| {});
    assert_eq!(rig.said_to_terminal("AT\r").await, "", "it still talks in frames");
    assert!(rig.operator.modem().state().multiplexed);
}

#[tokio::test(start_paused = true)]
async fn modem_that_a_killed_program_left_in_the_multiplexer_takes_commands_again() {
    let rig = Rig::new();
    killed_in_a_call(&rig).await;
    let since = Instant::now();
    let (modem, _events) = rig.modem();
    let info = modem.prepare().await.unwrap();
    assert_eq!(info.sharing, PortSharing::Multiplexed);
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn modem_left_in_the_multiplexer_is_got_back_whatever_its_profile_says() {
    let rig = Rig::new();
    killed_in_a_call(&rig).await;
    let since = Instant::now();
    let (modem, _events) = rig.modem_as(ProfileChoice::fixed(Profile::generic()));
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::One);
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    let state = rig.operator.modem().state();
    assert!(!state.multiplexed && state.call.is_none(), "{state:?}");
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn modem_whose_multiplexer_was_begun_and_never_opened_takes_commands_again() {
    let rig = Rig::new();
    assert!(rig.said_to_terminal("AT+CMUX=0\r").await.ends_with("OK"));
    assert_eq!(rig.said_to_terminal("AT\r").await, "");
    let since = Instant::now();
    let (modem, _events) = rig.modem();
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

/// The generic profile with this command for the multiplexer.
fn beginning(send: &str, frame_size: u16) -> ProfileChoice {
    let mut profile = Profile::generic();
    profile.cmux.allowed = true;
    profile.cmux.begin = vec![CmuxBegin { send: send.to_owned(), frame_size }];
    ProfileChoice::fixed(profile)
}

#[tokio::test(start_paused = true)]
async fn frames_of_any_agreed_size_carry_calls_and_messages() {
    for n1 in [31, 64, 127, 128, 1509] {
        let rig = Rig::new();
        let begin = beginning(&format!("AT+CMUX=0,0,5,{n1}"), n1);
        let (modem, mut events) = rig.modem_as(begin);
        assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed, "N1 {n1}");
        let mut call = modem.dial(&context()).await.unwrap();
        let mut request = Vec::new();
        // LCP Echo-Request with a body that needs several of the smaller frames.
        let body = [&[9, 1, 0x05, 0x7C, 0, 0, 0, 0], &[b'x'; 1396][..]].concat();
        FrameFormat::default().encode(protocol::LCP, &body, &mut request);
        call.write_all(&request).await.unwrap();
        rig.deliver();
        let (storage, index) = stored(&mut events).await;
        modem.read_sms(&storage, index).await.unwrap();
        call.hang_up().await.unwrap();
        let longest = longest_frames(&rig.cable.record());
        assert!(longest.iter().all(|length| *length <= usize::from(n1)), "N1 {n1}: {longest:?}");
        assert!(longest[0] >= usize::from(n1).min(500), "N1 {n1}: {longest:?}");
    }
}

/// Most octets of information in a frame of the host and of the modem.
fn longest_frames(record: &Record) -> [usize; 2] {
    [true, false].map(|from_host| {
        let mut deframer = Deframer::new(4096);
        let mut longest = 0;
        for (_, octets) in record.iter().filter(|(host, _)| *host == from_host) {
            deframer.feed(octets, |one| {
                if let Deframed::Frame(frame) = one {
                    longest = longest.max(frame.information.len());
                }
            });
        }
        longest
    })
}

#[tokio::test(start_paused = true)]
async fn ok_to_the_multiplexer_that_comes_late_costs_time_and_no_more() {
    for millis in [2_000, 9_500, 10_100, 12_000, 30_000] {
        let rig = Rig::new();
        let late = Fault::ReplyDelayed { command: Some("+CMUX".to_owned()), millis };
        rig.operator.faults().set_times(late, 1);
        let (modem, _events) = rig.modem();
        let mut sharing = None;
        // A modem that is that slow may be given up for the moment.
        for _ in 0..3 {
            sharing = modem.prepare().await.ok().map(|info| info.sharing);
            if sharing.is_some() {
                break;
            }
            sleep(Duration::from_secs(10)).await;
        }
        assert!(sharing.is_some(), "{millis} ms");
        modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
        if millis < 10_000 {
            assert_eq!(sharing, Some(PortSharing::Multiplexed), "{millis} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn program_that_ends_in_order_leaves_a_modem_in_command_mode() {
    let rig = Rig::new();
    let (modem, events) = rig.modem();
    modem.prepare().await.unwrap();
    drop((modem, events));
    sleep(Duration::from_secs(5)).await;
    assert!(rig.cable.saw(true, CLD));
    assert!(rig.said_to_terminal("AT\r").await.ends_with("OK"));
}

#[tokio::test(start_paused = true)]
async fn call_is_hung_up_whatever_the_channel_understands() {
    for faults in
        [vec![], vec![Fault::DtrIgnored {}], vec![Fault::DtrIgnored {}, Fault::EscapeIgnored {}]]
    {
        let rig = Rig::new();
        let (modem, _events) = rig.modem();
        modem.prepare().await.unwrap();
        for fault in &faults {
            rig.operator.faults().set(fault.clone());
        }
        let call = modem.dial(&context()).await.unwrap();
        call.hang_up().await.unwrap_or_else(|error| panic!("{faults:?}: {error}"));
        assert!(rig.operator.modem().state().call.is_none(), "{faults:?}");
        modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn network_that_ends_the_call_is_noticed_in_its_channel() {
    let rig = Rig::new();
    let (modem, _events) = rig.modem();
    modem.prepare().await.unwrap();
    let mut call = modem.dial(&context()).await.unwrap();
    rig.operator.modem().drop_call();
    let mut all = Vec::new();
    timeout(Duration::from_secs(10), call.read_to_end(&mut all)).await.unwrap().unwrap();
    assert!(call.end_reason().is_some());
    call.hang_up().await.unwrap();
    modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn cable_that_is_pulled_is_told_as_such() {
    let rig = Rig::new();
    let (modem, mut events) = rig.modem();
    modem.prepare().await.unwrap();
    // Another program takes the port.
    let _other = rig.cable.plug();
    let error = gone(&mut events).await;
    assert_eq!(error.to_string(), "port cable has vanished");
}
