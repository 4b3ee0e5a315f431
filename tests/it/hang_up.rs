//! Hanging up a virtual modem that does not want to: whatever it ignores, the call is over by the
//! simulator's own books, soon, and with the least that helps. Also modems that a killed program has
//! left in a call.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use mm1gate::model::redact::Secret;
use mm1gate::model::{
    Clock, Explain, StageSink, Tap, TapChannel, TapDirection, TapEvent, Timestamp,
};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{
    Cause, DataCall, Means, Modem, ModemConfig, ModemError, ModemEvent, OpenPort, PdpAuth,
    PdpContext, Port, PortError, PortOpener, Profile, ProfileChoice, Rung, VolatilePins,
};
use mm1gate::sim::{self, EscapeAnswer, Fault, Operator, PortRole, VirtualModem};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Longer than hanging up a modem takes that ignores what it can, without a restart.
const SOON: Duration = Duration::from_secs(45);

/// Lines beside those for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wires {
    None,
    Dtr,
    DtrAndCarrier,
}

#[derive(Clone)]
struct Ports {
    modem: VirtualModem,
    wires: Wires,
}

impl PortOpener for Ports {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let role = if name == "control" { PortRole::Control } else { PortRole::Data };
            let stream = self.modem.open(role).map_err(|error| PortError::Io {
                port: name.to_owned(),
                text: error.to_string(),
            })?;
            Ok(Box::new(Wired { stream, role, ports: self.clone() }) as Box<dyn Port>)
        })
    }
}

struct Wired {
    stream: DuplexStream,
    role: PortRole,
    ports: Ports,
}

impl Port for Wired {
    fn set_dtr(&mut self, on: bool) -> bool {
        if self.ports.wires == Wires::None {
            return false;
        }
        self.ports.modem.set_dtr(self.role, on);
        true
    }

    fn carrier(&mut self) -> Option<bool> {
        (self.ports.wires == Wires::DtrAndCarrier).then(|| self.ports.modem.carrier(self.role))
    }
}

impl AsyncRead for Wired {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wired {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What was said to the modem.
#[derive(Default)]
struct Said(Mutex<Vec<u8>>);

impl Tap for Said {
    fn observe(&self, event: TapEvent<'_>) {
        if event.channel == TapChannel::At && event.direction == TapDirection::Sent {
            self.0.lock().unwrap().extend_from_slice(event.octets);
        }
    }
}

struct Rig {
    operator: Operator,
    ports: Ports,
    two: bool,
    said: Arc<Said>,
}

impl Rig {
    fn new(two: bool, wires: Wires) -> Self {
        Self::attached_to(two, wires, "internet.example")
    }

    /// The modem's first context is active from the start, with this APN.
    fn attached_to(two: bool, wires: Wires, attach_apn: &str) -> Self {
        let modem = sim::ModemConfig {
            control_port: two,
            attach_apn: attach_apn.to_owned(),
            timing: sim::Timing::usb_stick(),
            ..sim::ModemConfig::default()
        };
        let operator = Operator::builder().line(sim::Subscriber::default(), modem).start();
        let ports = Ports { modem: operator.modem().clone(), wires };
        Self { operator, ports, two, said: Arc::default() }
    }

    fn modem(&self) -> (Modem, mpsc::Receiver<ModemEvent>) {
        let config = ModemConfig {
            name: "desk".to_owned(),
            port: "data".to_owned(),
            control_port: self.two.then(|| "control".to_owned()),
            profile: ProfileChoice::fixed(Profile::generic()),
            pin: None,
            roaming: false,
            registration_limit: Duration::from_secs(30),
        };
        let means = Means {
            ports: Arc::new(self.ports.clone()),
            usb: Arc::new(NoUsb),
            pins: Arc::new(VolatilePins::default()),
            tap: Arc::<Said>::clone(&self.said),
            clock: Clock::starting_at(Timestamp::from_secs(1_790_000_000)),
            stages: StageSink::none(),
        };
        Modem::start(config, means)
    }

    fn set(&self, faults: &[Fault]) {
        faults.iter().for_each(|fault| self.operator.faults().set(fault.clone()));
    }

    fn call(&self) -> Option<String> {
        self.operator.modem().state().call
    }

    /// How often a command has been sent.
    fn said(&self, command: &str) -> usize {
        let said = self.said.0.lock().unwrap();
        // The escape sequence has no line end.
        let lines = String::from_utf8_lossy(&said).replace("+++", "");
        lines.split('\r').filter(|it| *it == command).count()
    }

    fn forget_what_was_said(&self) {
        self.said.0.lock().unwrap().clear();
    }
}

async fn dial(modem: &Modem) -> DataCall {
    let context = PdpContext {
        apn: "mms.example".to_owned(),
        pdp_type: "IP".to_owned(),
        user: String::new(),
        password: Secret::new(""),
        auth: PdpAuth::Any,
    };
    let mut call = modem.dial(&context).await.unwrap();
    // Long enough for its lines to be looked at.
    call.write_all(b"~\xff}#\xc0!}!}!~").await.unwrap();
    sleep(Duration::from_secs(3)).await;
    call
}

#[tokio::test(start_paused = true)]
async fn call_is_over_whatever_the_modem_ignores() {
    let silent = Fault::EscapeAnswers { answer: EscapeAnswer::Silent };
    let faults: [&[Fault]; 7] = [
        &[],
        &[Fault::HangUpIgnored {}],
        &[Fault::DtrIgnored {}],
        &[Fault::DtrIgnored {}, Fault::HangUpIgnored {}],
        &[Fault::DtrIgnored {}, Fault::HangUpIgnored {}, silent],
        &[Fault::DtrIgnored {}, Fault::ContextKept {}],
        &[Fault::DtrIgnored {}, Fault::HangUpIgnored {}, Fault::ContextKept {}],
    ];
    for two in [false, true] {
        for wires in [Wires::None, Wires::Dtr, Wires::DtrAndCarrier] {
            for faults in faults {
                let what = format!("{two} {wires:?} {faults:?}");
                let rig = Rig::new(two, wires);
                let (modem, _events) = rig.modem();
                modem.prepare().await.unwrap();
                rig.set(faults);
                for _ in 0..2 {
                    let call = dial(&modem).await;
                    assert!(rig.call().is_some());
                    let since = Instant::now();
                    call.hang_up().await.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(rig.call(), None, "{what}");
                    assert!(since.elapsed() < SOON, "{what}: {:?}", since.elapsed());
                    modem.sweep().await.unwrap();
                }
                assert_eq!(rig.said("AT+CGATT=0"), 0, "{what}: more than the call was ended");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_hangs_up_at_once_is_asked_once_and_no_context_is_forced() {
    for wires in [Wires::None, Wires::DtrAndCarrier] {
        let rig = Rig::new(true, wires);
        let (modem, _events) = rig.modem();
        modem.prepare().await.unwrap();
        let call = dial(&modem).await;
        rig.forget_what_was_said();
        call.hang_up().await.unwrap();
        assert_eq!(rig.said("ATH"), 1);
        assert_eq!(rig.said("AT+CGACT?"), usize::from(wires == Wires::None), "{wires:?}");
        assert_eq!([rig.said("AT+CGACT=0,2"), rig.said("ATO")], [0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn context_that_the_modem_keeps_is_ended_and_no_sign_of_a_call() {
    let rig = Rig::new(false, Wires::None);
    let (modem, _events) = rig.modem();
    modem.prepare().await.unwrap();
    rig.set(&[Fault::ContextKept {}, Fault::DeactivationIgnored {}]);
    for _ in 0..2 {
        dial(&modem).await.hang_up().await.unwrap();
        assert_eq!(rig.call(), None);
    }
    assert_eq!([rig.said("AT+CGATT=0"), rig.said("AT+CGACT=0,1")], [0, 0]);
    assert!(rig.said("AT+CGACT=0,2") > 0 && rig.said("ATO") > 0);
}

#[tokio::test(start_paused = true)]
async fn default_bearer_is_never_ended_and_the_call_over_it_is() {
    for (wires, ignored) in [(Wires::None, 0), (Wires::None, 1), (Wires::DtrAndCarrier, 1)] {
        let rig = Rig::attached_to(true, wires, "mms.example");
        let (modem, _events) = rig.modem();
        modem.prepare().await.unwrap();
        rig.set(&[Fault::DtrIgnored {}]);
        rig.operator.faults().set_times(Fault::HangUpIgnored {}, ignored);
        let call = dial(&modem).await;
        assert_eq!(call.cid(), 1);
        let since = Instant::now();
        call.hang_up().await.unwrap();
        assert_eq!(rig.call(), None, "{wires:?} {ignored}");
        assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
        assert_eq!([rig.said("AT+CGACT=0,1"), rig.said("AT+CGATT=0")], [0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn call_over_the_default_bearer_that_no_hanging_up_ends_is_detached() {
    let rig = Rig::attached_to(false, Wires::None, "mms.example");
    let (modem, _events) = rig.modem();
    modem.prepare().await.unwrap();
    rig.set(&[Fault::DtrIgnored {}, Fault::HangUpIgnored {}]);
    let call = dial(&modem).await;
    let since = Instant::now();
    call.hang_up().await.unwrap();
    assert_eq!(rig.call(), None);
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!([rig.said("AT+CGATT=0"), rig.said("AT+CGATT=1")], [1, 1]);
    dial(&modem).await.hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn call_that_nothing_ends_is_told_and_ended_by_a_restart_only() {
    for two in [false, true] {
        let rig = Rig::new(two, Wires::Dtr);
        let (modem, mut events) = rig.modem();
        modem.prepare().await.unwrap();
        rig.set(&[Fault::DtrIgnored {}, Fault::HangUpIgnored {}, Fault::DeactivationIgnored {}]);
        let call = dial(&modem).await;
        let since = Instant::now();
        let error = call.hang_up().await.unwrap_err();
        assert!(since.elapsed() < 2 * SOON, "{:?}", since.elapsed());
        assert_eq!(error, ModemError::CallStaysUp { port: "data".into(), cid: 2 });
        assert_eq!(
            (error.to_fault().code.as_str(), Cause::of(&error)),
            ("call-stays-up", Cause::StuckCall)
        );
        assert!(matches!(events.recv().await, Some(ModemEvent::Gone { .. })));
        // A closed port, or another one, does not make a call that costs money a call that is over.
        for rung in [Rung::Reopen, Rung::OtherPort] {
            if modem.climb(rung).await.is_ok() {
                let error = modem.prepare().await.unwrap_err();
                assert_eq!(Cause::of(&error), Cause::StuckCall, "{rung}: {error}");
                assert!(rig.call().is_some());
            }
        }
        modem.climb(Rung::Restart).await.unwrap();
        sleep(Duration::from_secs(20)).await;
        modem.prepare().await.unwrap();
        assert_eq!(rig.call(), None);
        rig.operator.faults().clear_all();
        dial(&modem).await.hang_up().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_a_killed_program_left_in_a_call_is_out_of_it_when_the_next_one_is_ready() {
    for two in [false, true] {
        for wires in [Wires::None, Wires::DtrAndCarrier] {
            let rig = Rig::new(two, wires);
            rig.set(&[Fault::DtrIgnored {}]);
            {
                let (modem, _events) = rig.modem();
                modem.prepare().await.unwrap();
                // Nothing of a program that is killed runs on; its ports close.
                std::mem::forget(dial(&modem).await);
                rig.operator.modem().open(PortRole::Data).map(drop).unwrap();
            }
            sleep(Duration::from_secs(60)).await;
            assert!(rig.call().is_some(), "{two} {wires:?}");
            let since = Instant::now();
            let (modem, _events) = rig.modem();
            modem.prepare().await.unwrap();
            assert_eq!(rig.call(), None, "{two} {wires:?}");
            assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
            modem.sweep().await.unwrap();
            dial(&modem).await.hang_up().await.unwrap();
        }
    }
}
