//! The driver task: owns the ports, serves one request after the other, and listens in between.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::call::{CallStatus, DataCall, EndReason, Returned};
use super::call_over::{self, Dialled};
use super::climb::Imprint;
use super::line::{Line, Shared};
use super::multiplex::Multiplexing;
use super::name_servers::Learned;
use super::profile::Serial;
use super::sms::Storages;
use super::sms_look::Looked;
use super::sms_setup::Reception;
use super::usb::{Binding, Finder};
use super::{
    Means, ModemConfig, ModemError, ModemEvent, ModemInfo, PdpContext, PinMemory, PortError,
    PortOpener, Profile, Profiles, Registration, Rung, SimFiles, StorageUse, StoredSms, Swept,
    hangup, registration,
};
use crate::codec::at::{EndedContext, Unsolicited, active_contexts, ended_context, value_behind};
use crate::codec::sms::from_hex;
use crate::model::{Stage, StageSink};

/// Direct messages kept for a listener that is behind with as many events as it may be.
const MAX_UNDELIVERED: usize = 1024;
/// How long nobody reads or deletes a message until the receiving storage is selected again.
const BURST: Duration = Duration::from_secs(2);

/// Where a request's answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, ModemError>>;

/// What the handle may ask.
pub(super) enum Request {
    Prepare(Answer<ModemInfo>),
    Climb { rung: Rung, answer: Answer<Duration> },
    Check { deep: bool, answer: Answer<()> },
    Probe(Answer<()>),
    Release(Answer<()>),
    Registration(Answer<Registration>),
    Signal(Answer<Option<i16>>),
    NameServers { cid: u8, answer: Answer<Vec<IpAddr>> },
    OwnNumber(Answer<Option<String>>),
    SimFiles(Answer<SimFiles>),
    Sweep(Answer<Swept>),
    Unread(Answer<u16>),
    Read { storage: String, index: u16, answer: Answer<StoredSms> },
    Delete { sms: StoredSms, answer: Answer<()> },
    StorageUse(Answer<Vec<StorageUse>>),
    Send { octets: Bytes, answer: Answer<Option<u8>> },
    Acknowledge(Answer<()>),
    Dial { context: PdpContext, answer: Answer<DataCall> },
}

pub(super) struct Driver {
    pub(super) config: ModemConfig,
    pub(super) opener: Arc<dyn PortOpener>,
    pub(super) finder: Arc<Finder>,
    pub(super) pins: Arc<dyn PinMemory>,
    pub(super) shared: Arc<Shared>,
    pub(super) stages: StageSink,
    /// For commands; the only one on a modem with one port.
    pub(super) control: Option<Line>,
    /// For calls, on a modem with two ports.
    pub(super) data: Option<Line>,
    /// What makes both lines out of one port.
    pub(super) multiplexing: Multiplexing,
    pub(super) storages: Storages,
    pub(super) looked: Looked,
    pub(super) reception: Reception,
    pub(super) registered: registration::Known,
    events: mpsc::Sender<ModemEvent>,
    /// Direct messages for which the listener has no room yet.
    undelivered: VecDeque<ModemEvent>,
    returns: (mpsc::UnboundedSender<Returned>, mpsc::UnboundedReceiver<Returned>),
    /// The call under way: on what it was dialled and how it is ended from here.
    pub(super) call: Option<(Dialled, CallStatus)>,
    /// What is being dialled.
    pub(super) dialling: Option<Dialled>,
    /// A call that could not be ended.
    pub(super) lingering: Option<Dialled>,
    /// The call may have ended: the modem said something that may be about it.
    call_in_doubt: bool,
    /// It has just started, or got its PIN, and has not said that its SMS part is ready.
    pub(super) starting: bool,
    /// Speed and flow control with which the modem answered, where they are not its profile's.
    pub(super) serial: Option<Serial>,
    /// The names of the ports, as they were opened last.
    pub(super) ports: Vec<String>,
    /// Dial and control port that answer, where the usual ones do not.
    pub(super) detour: Option<(String, Option<String>)>,
    /// The IMEI as the modem told it last.
    pub(super) imei: String,
    /// Which way of asking for the ICCID works.
    pub(super) iccid_question: Option<usize>,
    pub(super) imprint: Imprint,
    /// Since when the radio draws what a call needs.
    pub(super) radio_since: Option<Instant>,
    /// A port may be in data mode without this program knowing of the call.
    pub(super) maybe_in_data: bool,
    /// The last time that it was woken no port answered.
    pub(super) deaf: bool,
    /// The last dial string got no answer.
    pub(super) silent_dial: bool,
    /// The APN for which a context of both versions of IP was refused, and the type taken instead.
    pub(super) narrowed: Option<(String, &'static str)>,
    pub(super) learned: Learned,
    pub(super) in_call: bool,
    pub(super) ready: bool,
    /// When the receiving storage is to be selected again.
    restore_at: Option<Instant>,
    /// Counts the preparations: what is told of one is nothing to the next.
    pub(super) session: u64,
    /// Why it is out of service.
    lost: Option<ModemError>,
}

impl Driver {
    pub(super) fn new(
        config: ModemConfig,
        means: Means,
        shared: Arc<Shared>,
        events: mpsc::Sender<ModemEvent>,
    ) -> Self {
        let bind = |name: &str| name.parse().unwrap_or_else(|_| Binding::Port(name.to_owned()));
        let control = config.control_port.as_deref().map(bind);
        let profiles = config.profile.among.clone().unwrap_or_else(Profiles::embedded);
        let finder = Arc::new(Finder::new(means.usb, profiles, bind(&config.port), control));
        Self {
            config,
            opener: means.ports,
            finder,
            pins: means.pins,
            shared,
            stages: means.stages,
            control: None,
            data: None,
            multiplexing: Multiplexing::default(),
            storages: Storages::default(),
            looked: Looked::default(),
            reception: Reception::default(),
            registered: registration::Known::default(),
            events,
            undelivered: VecDeque::new(),
            returns: mpsc::unbounded_channel(),
            serial: None,
            ports: Vec::new(),
            detour: None,
            imei: String::new(),
            iccid_question: None,
            imprint: Imprint::default(),
            radio_since: None,
            maybe_in_data: true,
            deaf: false,
            silent_dial: false,
            narrowed: None,
            learned: Learned::default(),
            in_call: false,
            call: None,
            dialling: None,
            lingering: None,
            call_in_doubt: false,
            ready: false,
            restore_at: None,
            session: 0,
            starting: false,
            lost: None,
        }
    }

    /// Runs until every handle and call is gone.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut handles = true;
        while handles || self.in_call {
            tokio::select! {
                biased;
                Some(returned) = self.returns.1.recv() => self.returned(returned).await,
                request = requests.recv(), if handles => match request {
                    Some(request) => {
                        self.serve(request).await;
                        let displaced = self.ready && self.storages.is_displaced();
                        self.restore_at = displaced.then(|| Instant::now() + BURST);
                    }
                    None => handles = false,
                },
                () = room_in(&self.events), if !self.undelivered.is_empty() => {
                    if let Some(event) = self.undelivered.pop_front() {
                        // Nobody else has taken the room.
                        let _ = self.events.try_send(event);
                    }
                }
                // A flood of news must not put it off.
                () = until(self.restore_at) => {
                    self.restore_at = None;
                    if self.ready && self.at().is_ok() {
                        self.select_receiving().await;
                    }
                }
                () = self.multiplexing.damage() => self.event(ModemEvent::LineDamaged),
                pumped = pump(&mut self.control, &mut self.data) => {
                    if let Err(error) = pumped {
                        self.lose(error.into(), true);
                    }
                }
            }
            self.tell_news();
            self.look_after_call().await;
        }
        // Whoever opens the port next finds a modem that takes commands.
        self.leave_multiplexer().await;
    }

    pub(super) fn profile(&self) -> Arc<Profile> {
        Arc::clone(&self.config.profile.profile)
    }

    pub(super) fn command_timeout(&self) -> Duration {
        self.config.profile.profile.timeouts.command
    }

    /// The line for commands.
    pub(super) fn at(&mut self) -> Result<&mut Line, ModemError> {
        if self.in_call && self.config.profile.profile.quirks.control_blocks {
            // Whatever is asked now would be answered at the end of the call, if at all.
            return Err(ModemError::InCall);
        }
        match &mut self.control {
            Some(line) if line.port.is_some() => Ok(line),
            Some(_) => Err(ModemError::InCall),
            None => Err(self.lost.clone().unwrap_or(ModemError::NotReady)),
        }
    }

    /// The line that dials.
    pub(super) fn dialer(&mut self) -> Result<&mut Line, ModemError> {
        if self.data.is_some() {
            return self.data.as_mut().ok_or(ModemError::NotReady);
        }
        self.at()
    }

    pub(super) fn event(&mut self, event: ModemEvent) {
        // Stored messages are found again by the next sweep, direct ones nowhere.
        if let Err(TrySendError::Full(event @ ModemEvent::SmsDirect { .. })) =
            self.events.try_send(event)
            && self.undelivered.len() < MAX_UNDELIVERED
        {
            self.undelivered.push_back(event);
        }
    }

    /// Tells the driver's listener what the modem said by itself.
    pub(super) fn tell_news(&mut self) {
        let profile = self.profile();
        let mut news = VecDeque::new();
        let mut resyncs = 0;
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            news.append(&mut line.news);
            resyncs += std::mem::take(&mut line.resyncs);
        }
        for _ in 0..resyncs {
            self.event(ModemEvent::Resynced);
        }
        for item in news {
            match item {
                Unsolicited::Stored { storage, index } => {
                    self.event(ModemEvent::SmsStored { storage, index });
                }
                Unsolicited::Direct { pdu } => {
                    if self.reception.acknowledged {
                        self.reception.owed = self.reception.owed.saturating_add(1);
                    }
                    self.event(ModemEvent::SmsDirect {
                        octets: from_hex(&pdu).unwrap_or_default().into(),
                        raw: pdu,
                    });
                }
                Unsolicited::StorageFull => self.event(ModemEvent::SmsStorageFull),
                Unsolicited::Registration(line) => {
                    if let Some(best) = self.registered.update(line) {
                        self.event(ModemEvent::Registration(best));
                    }
                }
                Unsolicited::Started => {
                    self.starting = true;
                    self.storages.forget();
                    if let Some((_, status)) = &self.call {
                        status.end(EndReason::Restarted);
                    }
                    if std::mem::replace(&mut self.ready, false) {
                        let (session, error) =
                            (self.session, self.blame_power(ModemError::Restarted));
                        self.lost = Some(error.clone());
                        self.event(ModemEvent::Gone { session, error });
                    }
                }
                Unsolicited::ContextEnded(line) => self.context_ended(&line),
                // Without a word of which call: a modem with two ports may mean ours.
                Unsolicited::NoCarrier => self.call_in_doubt = true,
                Unsolicited::Other(line) if self.starting => {
                    let begins = |sign: &String| {
                        line.get(..sign.len()).is_some_and(|it| it.eq_ignore_ascii_case(sign))
                    };
                    self.starting = !profile.ready.signs.iter().any(begins);
                }
                _ => {}
            }
        }
    }

    async fn serve(&mut self, request: Request) {
        match request {
            Request::Prepare(mut answer) => {
                let result = tokio::select! {
                    biased;
                    // Whoever went away shall not keep the ports open for a minute.
                    () = answer.closed() => return,
                    result = self.prepare_anew() => result,
                };
                self.reply(answer, result);
            }
            Request::Climb { rung, answer } => {
                let result = self.climb(rung).await;
                let result = result.map(|()| self.profile().reset.back_within);
                let _ = answer.send(result);
            }
            Request::Check { deep, answer } => {
                let result = match self.in_service() {
                    Ok(()) => self.check(deep).await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Probe(answer) => {
                let _ = answer.send(self.probe().await);
            }
            Request::Release(answer) => {
                let result = if self.in_call {
                    Err(ModemError::InCall)
                } else {
                    self.give_up_ports().await;
                    Ok(())
                };
                let _ = answer.send(result);
            }
            Request::Registration(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.ask_registration().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Signal(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.ask_signal().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::NameServers { cid, answer } => {
                let result = match self.in_service() {
                    Ok(()) => self.ask_name_servers(cid).await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::OwnNumber(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.ask_own_number().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::SimFiles(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.ask_sim_files().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Sweep(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.sweep().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Unread(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.count_unread().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Read { storage, index, answer } => {
                let result = match self.in_service() {
                    Ok(()) => self.read_sms(&storage, index).await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Delete { sms, answer } => {
                let result = match self.in_service() {
                    Ok(()) => self.delete_sms(&sms).await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::StorageUse(answer) => {
                let result = match self.in_service() {
                    Ok(()) => self.storage_use().await,
                    Err(error) => Err(error),
                };
                self.reply(answer, result);
            }
            Request::Send { octets, answer } => {
                // Nothing leaves over another SIM than the one it was given for, or in a mode that
                // the modem fell back to.
                let result = if self.ready {
                    self.send_sms(&octets).await
                } else {
                    Err(ModemError::NotReady)
                };
                self.reply(answer, result);
            }
            Request::Acknowledge(answer) => {
                let result = self.acknowledge().await;
                self.reply(answer, result);
            }
            Request::Dial { context, mut answer } => {
                let result = tokio::select! {
                    biased;
                    () = answer.closed() => None,
                    result = self.start_call(&context) => Some(result),
                };
                match result {
                    Some(result) => self.reply(answer, result),
                    None => self.abandon_dialling().await,
                }
            }
        }
    }

    /// Only a modem that was prepared and is not lost since is asked anything.
    fn in_service(&self) -> Result<(), ModemError> {
        if self.ready { Ok(()) } else { Err(self.lost_by()) }
    }

    /// Why it is out of service.
    pub(super) fn lost_by(&self) -> ModemError {
        self.lost.clone().unwrap_or(ModemError::NotReady)
    }

    /// Answers, and takes the modem out of service when the answer is that it is lost.
    fn reply<T>(&mut self, answer: Answer<T>, result: Result<T, ModemError>) {
        let result = match result {
            // Some modems are deaf on the second port while the first one is in a call.
            Err(ModemError::NoAnswer { .. } | ModemError::Noise { .. }) if self.in_call => {
                Err(ModemError::InCall)
            }
            Err(error) => {
                let error = self.explained(error);
                Err(self.blame_power(error))
            }
            result => result,
        };
        let lost = |error: &&ModemError| {
            matches!(
                error,
                ModemError::Port(PortError::Gone { .. })
                    | ModemError::BrownOut { .. }
                    | ModemError::NoAnswer { .. }
                    | ModemError::Noise { .. }
                    | ModemError::SettingsLost
                    | ModemError::SimChanged
                    | ModemError::Multiplexer { .. }
                    | ModemError::StuckInDataMode { .. }
                    | ModemError::CallStaysUp { .. }
            )
        };
        if let Some(error) = result.as_ref().err().filter(lost) {
            // Whoever prepares a modem that is not in service hears it by the answer.
            self.lose(error.clone(), self.ready);
        }
        // Whoever asked may have gone away; a call that nobody took comes back when it is dropped.
        let _ = answer.send(result);
    }

    async fn prepare_anew(&mut self) -> Result<ModemInfo, ModemError> {
        if self.in_call {
            return Err(ModemError::InCall);
        }
        self.ready = false;
        // Another SIM may be in it, and other messages in a memory that a restart has emptied.
        self.storages.forget();
        self.registered.no_five_g = false;
        self.session = self.session.wrapping_add(1);
        let prepared = self.prepare().await;
        self.ready = prepared.is_ok();
        if let Err(error) = &prepared {
            self.lost = Some(error.clone());
        }
        prepared
    }

    async fn start_call(&mut self, context: &PdpContext) -> Result<DataCall, ModemError> {
        if self.in_call {
            return Err(ModemError::InCall);
        }
        if !self.ready {
            return Err(self.lost_by());
        }
        let (dialled, leftover) = match self.dial(context).await {
            Ok(dialled) => dialled,
            // The port that stands in for a stuck one does not dial: nothing is won by it.
            Err(ModemError::NoConnect { .. } | ModemError::CallFailed { .. })
                if self.detour.take().is_some() =>
            {
                return Err(ModemError::StuckInDataMode { port: self.config.port.clone() });
            }
            // It was not that slow: it began anew, and knows nothing of what it was to dial.
            Err(error @ ModemError::NoConnect { seconds, .. }) => {
                let after = Duration::from_secs(seconds);
                return Err(self.restarted_in_silence(after).await.unwrap_or(error));
            }
            Err(error) => return Err(error),
        };
        self.radio_since = Some(Instant::now());
        let shared = Arc::clone(&self.shared);
        let returns = self.returns.0.clone();
        let port = self.dialer()?.port.take().ok_or(ModemError::InCall)?;
        self.in_call = true;
        self.call_in_doubt = false;
        let mut call = DataCall::new(port, leftover, dialled.cid, shared, returns);
        call.roams = self.registered.data_roams();
        call.name_servers = std::mem::take(&mut self.learned.servers);
        self.call = Some((dialled, call.status()));
        Ok(call)
    }

    /// The modem may be dialling for somebody who went away.
    async fn abandon_dialling(&mut self) {
        if self.in_call {
            return;
        }
        if let Err(error) = self.end_dialling().await {
            self.lose(error, true);
        }
    }

    /// Hangs up what may or may not have been dialled.
    pub(super) async fn end_dialling(&mut self) -> Result<(), ModemError> {
        let profile = self.profile();
        let call = self.dialling.take();
        let Ok(line) = self.dialer() else { return Ok(()) };
        let hung_up = hangup::hang_up(line, &profile, call, false).await;
        self.note_lingering(call, &hung_up);
        hung_up
    }

    fn note_lingering(&mut self, call: Option<Dialled>, hung_up: &Result<(), ModemError>) {
        if let Err(ModemError::StuckInDataMode { .. } | ModemError::CallStaysUp { .. }) = hung_up {
            self.lingering = call;
        }
    }

    /// Makes sure that a call is over which could not be ended in its time.
    pub(super) async fn end_lingering(&mut self) -> Result<(), ModemError> {
        let Some(call) = self.lingering else { return Ok(()) };
        let profile = self.profile();
        let by_another_port = self.detour.is_some();
        let line = self.dialer()?;
        if by_another_port {
            // A port that stands in for another cannot go on with its call, nor hang it up.
            call_over::end_from_elsewhere(line, &profile, call).await?;
            if call.was_active || call_over::is_active(line, &profile, call).await? {
                let port = self.config.port.clone();
                return Err(ModemError::CallStaysUp { port, cid: call.cid });
            }
        } else {
            call_over::see_it_over(line, &profile, call).await?;
        }
        self.lingering = None;
        Ok(())
    }

    async fn returned(&mut self, returned: Returned) {
        let Returned { port, end, tail, in_frame, had_carrier, heard, reply } = returned;
        self.in_call = false;
        let call = self
            .call
            .take()
            .map(|(call, _)| Dialled { carrier_tells: call.carrier_tells && had_carrier, ..call });
        let line = if self.data.is_some() { &mut self.data } else { &mut self.control };
        if let Some(line) = line {
            line.take_over(&tail, in_frame);
        }
        // A restart that it tells of is one of the call's time.
        self.tell_news();
        self.starting |= end == Some(EndReason::Restarted);
        let silent_after = self.fell_silent(heard).filter(|_| end.is_none());
        let result = self.end_call(port, end, call).await;
        self.note_lingering(call, &result);
        let result = match (result, silent_after) {
            (Ok(()), Some(after)) => self.restarted_in_silence(after).await.map_or(Ok(()), Err),
            (result, _) => result,
        };
        let result = result.map_err(|error| self.blame_power(error));
        match &result {
            Ok(()) => self.maybe_in_data = false,
            // Nothing works on a port that is stuck or gone; preparing opens it again.
            Err(error) => self.lose(error.clone(), true),
        }
        self.radio_since = None;
        self.stages.tell(Stage::HungUp);
        if let Some(reply) = reply {
            let _ = reply.send(result);
        }
    }

    async fn end_call(
        &mut self,
        port: Box<dyn super::Port>,
        end: Option<EndReason>,
        call: Option<Dialled>,
    ) -> Result<(), ModemError> {
        let profile = self.profile();
        let line = if self.data.is_some() { &mut self.data } else { &mut self.control };
        // The control port vanished during the call: so has the modem.
        let Some(line) = line.as_mut() else {
            return Err(self.lost_by());
        };
        line.port = Some(port);
        match end {
            Some(EndReason::PortGone) => {
                return Err(PortError::Gone { port: line.name.clone() }.into());
            }
            Some(EndReason::Restarted) => return Err(ModemError::Restarted),
            _ => {}
        }
        // An end that was told on another port may leave this one in data mode.
        let said_so = end.is_some_and(|it| it != EndReason::ContextEnded);
        let hung_up = hangup::hang_up(line, &profile, call, said_so).await;
        match (hung_up, call) {
            (Err(ModemError::StuckInDataMode { .. }), Some(call)) if self.data.is_some() => {
                // Whatever holds the port lets go when its context ends.
                call_over::end_from_elsewhere(self.at()?, &profile, call).await?;
                hangup::hang_up(self.dialer()?, &profile, Some(call), false).await
            }
            (hung_up, _) => hung_up,
        }
    }

    /// The modem said that a context ended.
    fn context_ended(&mut self, line: &str) {
        let Some((call, status)) = &self.call else { return };
        match ended_context(line) {
            EndedContext::Cid(other) if other != call.cid => {}
            EndedContext::Cid(_) | EndedContext::All => status.end(EndReason::ContextEnded),
            EndedContext::Unknown => self.call_in_doubt = true,
        }
    }

    /// Asks whether the context of the call is still active, when there is reason to.
    async fn look_after_call(&mut self) {
        if !std::mem::replace(&mut self.call_in_doubt, false) || self.data.is_none() {
            return;
        }
        let Some((call, status)) = self.call.clone() else { return };
        let limit = self.command_timeout();
        let Ok(line) = self.at() else { return };
        let Ok(answer) = line.optional("AT+CGACT?", limit).await else { return };
        let told = answer.lines.iter().any(|it| value_behind(it, "+CGACT:").is_some());
        if told && !active_contexts(&answer.lines).contains(&call.cid) {
            status.end(EndReason::ContextEnded);
        }
    }

    pub(super) fn lose(&mut self, error: ModemError, tell: bool) {
        let error = self.explained(error);
        self.tell_news();
        let error = self.blame_power(error);
        if !matches!(error, ModemError::SettingsLost | ModemError::SimChanged) {
            // At once: a device takes another name while its old port is held.
            self.control = None;
            self.data = None;
        }
        self.ready = false;
        if self.lost.replace(error.clone()).is_none() && tell {
            self.event(ModemEvent::Gone { session: self.session, error });
        }
    }

    pub(super) fn found(&mut self) {
        self.lost = None;
    }

    pub(super) fn next_call(&mut self) {
        self.shared.call.fetch_add(1, Ordering::Relaxed);
        self.radio_since = Some(Instant::now());
        self.maybe_in_data = true;
    }
}

/// Waits until there is room for one more; ends at once when nobody listens any more.
async fn room_in(events: &mpsc::Sender<ModemEvent>) {
    drop(events.reserve().await);
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Reads whatever port has something; never ends while there is none.
async fn pump(control: &mut Option<Line>, data: &mut Option<Line>) -> Result<(), PortError> {
    tokio::select! {
        biased;
        pumped = pump_one(control) => pumped,
        pumped = pump_one(data) => pumped,
    }
}

pub(super) async fn pump_one(line: &mut Option<Line>) -> Result<(), PortError> {
    match line {
        Some(line) if line.port.is_some() => line.pump().await,
        _ => std::future::pending().await,
    }
}
