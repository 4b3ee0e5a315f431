//! Everything that can go wrong on purpose, and the behaviour group that each belongs to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::forms::{
    BannerForm, Class, DeactivationForm, DialForm, EscapeAnswer, FullForm, LineEndForm,
    OfferedProtocol, PppAuthForm, ResultForm, UrcPlace,
};

/// How long a stick is a storage before it becomes a modem, seconds.
pub(in crate::sim) const STORAGE_SECONDS: u64 = 10;

/// One thing that goes wrong on purpose. In JSON and TOML the tag `fault` holds the kebab-case
/// name and the fields stand beside it: `{"fault":"mmsc-http-status","status":503}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    // Group 1: echo.
    /// The modem echoes in spite of `ATE0`.
    ModemEchoesAlways {},
    /// The modem echoes each command line twice.
    ModemEchoesTwice {},
    /// The echo of a line comes as a whole, so late.
    ModemEchoesLate {
        /// Milliseconds after the line's end.
        millis: u64,
    },
    /// `ATE0` is forgotten once for each occasion, as by a restart that nobody noticed.
    EchoForgotten {},

    // Group 2: how replies are cut.
    /// Each octet of a reply leaves by itself.
    RepliesSplit {
        /// Milliseconds between two.
        #[serde(default)]
        millis: u64,
    },
    /// What the modem says waits, so that it leaves together with what it says next.
    RepliesJoined {
        /// Milliseconds that it waits at most.
        millis: u64,
    },

    // Group 3: delays.
    /// Answers come late.
    ReplyDelayed {
        /// For example `+CMGS`, `+COPS`, `D`; every command when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
        /// Milliseconds.
        millis: u64,
    },

    /// The network takes a short message, but the modem never says so.
    SubmitUnanswered {},
    /// The network takes a short message, and the modem tells no TP-Message-Reference.
    SubmitReferenceUntold {},

    // Group 4: where unsolicited codes stand.
    /// An unsolicited code stands in a place that parsers do not expect.
    UrcMisplaced {
        /// Where.
        place: UrcPlace,
    },

    // Group 5: floods and banners.
    /// Every final result is preceded by unsolicited codes, as sticks do that report the signal.
    ModemUrcFlood {},
    /// `^RSSI`, `^DSFLOWRPT`, `^HCSQ` and others every 2 s, as Huawei sticks do.
    HuaweiFlood {},
    /// `+ZUSIMR:2` every 2 s until `AT+CPMS?` is asked; a modem that is not asked for a minute
    /// restarts, as ZTE sticks do.
    ZteFlood {},
    /// What a port says when it is opened.
    Banner {
        /// Of what kind.
        form: BannerForm,
    },

    // Group 6: line ends.
    /// Lines end in another way than CR LF.
    LineEnds {
        /// In which.
        form: LineEndForm,
    },

    // Group 7: final results.
    /// A command is not carried out and its final result has an unusual form.
    OddResult {
        /// Which.
        form: ResultForm,
        /// The command that fails; without it only what fails anyhow is worded so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
    },

    /// A short message is refused behind the prompt.
    SubmitRefused {
        /// `+CMS ERROR`
        cms: u16,
    },

    // Group 8: joined commands.
    /// Several commands on one line give ERROR.
    ModemRefusesJoined {},

    // Group 9: the prompt.
    /// The SMS prompt has no blank: CR LF `>` CR LF.
    ModemBarePrompt {},
    /// The SMS prompt comes late.
    PromptLate {
        /// Milliseconds.
        millis: u64,
    },
    /// There is no SMS prompt; the modem waits for the PDU all the same.
    PromptMissing {},
    /// ESC does not leave the SMS prompt, only ctrl-Z does.
    PromptIgnoresEscape {},
    /// The PDU is refused as if its length were wrong: `+CMS ERROR: 304`.
    PromptWrongLength {},

    // Group 10: the SIM.
    /// Commands that need the SIM give `+CME ERROR: 14` (SIM busy).
    SimBusy {},
    /// There is no SIM: `+CME ERROR: 10`.
    SimMissing {},
    /// `AT+CPIN?` and whatever needs the SIM fail with this code: 10 not inserted, 11 PIN, 12 PUK,
    /// 13 failure, 14 busy, 515 please wait.
    SimTrouble {
        /// Behind `+CME ERROR:`.
        cme: u16,
    },
    /// `AT+CPIN?` has no OK behind its answer.
    CpinWithoutOk {},
    /// The modem does not tell how many attempts the PIN has left.
    PinTriesUntold {},

    // Group 11: registration.
    /// The network lets nobody in: registration status 3.
    RegistrationDenied {},
    /// No network is heard: registration status 2, signal 99.
    NoCoverage {},
    /// The registration status is this, 0 to 10 (TS 27.007 clause 7.2).
    RegistrationStatus {
        /// `<stat>`.
        stat: u8,
    },
    /// `+CREG` and `+CGREG` say 0 and only `+CEREG` tells the truth.
    CeregOnly {},
    /// Registered for calls and SMS, while `+CGREG` and `+CEREG` say this: no data.
    PacketStatus {
        /// `<stat>`, none of those that carry data.
        stat: u8,
    },

    // Group 12: storages.
    /// Every storage counts as full; the network keeps what arrives.
    StorageFull {},
    /// The same, and the modem says so by itself.
    StorageFullTold {
        /// In the words of which vendor.
        form: FullForm,
    },
    /// A write into a storage gives `+CMS ERROR: 322`.
    StorageWriteRefused {},
    /// The choice of a storage is refused with `+CMS ERROR: 500`, as while the SIM starts.
    StorageChoiceRefused {},
    /// `AT+CPMS=?` offers the storages under other names as well: `SM_P`, `ME_P` and `MT`.
    StorageAliases {},
    /// `AT+CMGD` answers `+CMS ERROR: 500` and deletes nothing.
    DeleteRefused {},
    /// `AT+CMGD` answers OK and deletes nothing.
    DeletePretended {},

    // Group 13: indications.
    /// `+CMTI` of a port-addressed message carries `"MMS PUSH"` and counts behind the index.
    CmtiWithMmsPush {},
    /// `+CMTI: ,-1`: neither storage nor index are told.
    CmtiWithoutPlace {},
    /// `+CMTI` names an index at which nothing is; a listing finds the message.
    CmtiIndexGone {},
    /// Each `+CMTI` comes twice.
    CmtiTwice {},
    /// A `+CMTI` waits for the next one, 5 s at most; both come at once.
    CmtiTogether {},
    /// No `+CMTI` comes.
    CmtiMissing {},

    // Group 14: lists.
    /// `AT+CMGL` answers ERROR.
    ListRefused {},
    /// `AT+CMGL` is never answered, and the port takes nothing more until the modem starts anew, or
    /// for 20 minutes.
    ListHangs {},
    /// `AT+CMGL` answers in text mode whatever `+CMGF` says.
    ListInTextMode {},
    /// `AT+CMGL` lists nothing although `+CPMS?` counts messages.
    ListEmpty {},

    // Group 15: direct delivery and classes.
    /// Messages are routed to the host by `+CMT` whatever `+CNMI` says; without `+CNMA` in time
    /// nothing is delivered any more until `+CNMI` is set again.
    DirectDelivery {},
    /// Messages have this class (TS 23.038 clause 4); class 0 is never stored.
    MessageClassIs {
        /// 0 to 3.
        class: Class,
    },

    // Group 16: parts and reports.
    /// Each notification is sent twice.
    DuplicateNotification {},
    /// The parts of a split SMS arrive last part first.
    SmsPartsReversed {},
    /// The parts of a split SMS arrive in any order.
    SmsPartsShuffled {},
    /// One part of a split SMS arrives twice.
    SmsPartTwice {},
    /// One part of a split SMS does not arrive while this is on.
    SmsPartMissing {},
    /// Parts carry a reference of 16 bits (TS 23.040 clause 9.2.3.24.8).
    SmsReferenceWide {},
    /// Parts of a message from another sender with the same reference arrive in between.
    SmsReferenceShared {},
    /// Pushes come from an alphanumeric address.
    SmsSenderAlphanumeric {},
    /// A status report about a message that nobody sent comes with each notification.
    StrayStatusReport {
        /// `+CDS: ,n` with the leading comma of ZTE, when it is routed to the host.
        #[serde(default)]
        leading_comma: bool,
    },

    // Group 17: contexts.
    /// `AT+CGDCONT=` answers ERROR.
    ContextRefused {},
    /// Contexts beyond this identifier are refused, and `+CGDCONT=?` says so.
    ContextRange {
        /// The highest CID.
        cids: u8,
    },
    /// Activating a context, by `+CGACT` or by dialling, fails with this code: 30, 100, 103, 107,
    /// 132, 133, 134, 148, 149.
    ActivationRefused {
        /// Behind `+CME ERROR:`.
        cme: u16,
    },

    // Group 18: dialling.
    /// Dialling ends with NO CARRIER.
    DialNoCarrier {},
    /// Dialling ends with ERROR.
    DialError {},
    /// Dialling is never answered.
    DialSilent {},
    /// Only this way to dial is known, every other gives ERROR.
    DialOnly {
        /// Which.
        form: DialForm,
    },
    /// CONNECT has no text behind it.
    ConnectPlain {},
    /// CONNECT has this text behind it.
    ConnectText {
        /// For example `150000000`.
        text: String,
    },
    /// The line of CONNECT begins with LF alone.
    ConnectWithoutCr {},
    /// CONNECT does not come although the call is up.
    ConnectMissing {},

    // Group 19: the PPP server.
    /// PAP or CHAP is refused whatever the credentials.
    AuthRefused {},
    /// The server asks for this, and lets everyone in.
    PppAuth {
        /// Protocol.
        form: PppAuthForm,
    },
    /// The server asks that every control character be escaped, or sends them raw.
    PppAccm {
        /// Asks for the map ffffffff; else for 0.
        escape_all: bool,
    },
    /// The server refuses compression of protocol, address and control fields.
    PppUncompressed {},
    /// So many IPCP requests get a Configure-Nak without options.
    PppEmptyNaks {
        /// How many.
        rounds: u8,
    },
    /// Every IPCP request gets a Configure-Nak without an address.
    PppEndlessNaks {},
    /// The server's own address is 0.0.0.0.
    PppNoPeerAddress {},
    /// So many Configure-Naks give the placeholder name servers 10.11.12.13 and 10.11.12.14 first.
    PppPlaceholderDns {
        /// How many.
        rounds: u8,
    },
    /// The network tells no name server over PPP: it rejects the options of IPCP, and neither its
    /// router advertisement nor DHCPv6 has one. `AT+CGCONTRDP` tells them.
    PppNoNameServers {},
    /// The server offers a protocol that nobody needs.
    PppOffers {
        /// Which.
        protocol: OfferedProtocol,
    },
    /// The server sends Discard-Requests.
    PppDiscards {},
    /// Echo-Requests stay without answer.
    PppDeafToEcho {},
    /// The server rejects a protocol that was never sent.
    PppRejectsProtocol {},
    /// The server ends the link by a Terminate-Request.
    PppTerminates {
        /// After so many octets from the host.
        after: u64,
    },

    // Group 20: leaving data mode.
    /// Dropping DTR does not end the call.
    DtrIgnored {},
    /// `+++` is data, whatever the guard time.
    EscapeIgnored {},
    /// Only `~+++` leaves data mode.
    EscapeWithTilde {},
    /// What the modem says to `+++`.
    EscapeAnswers {
        /// The answer.
        answer: EscapeAnswer,
    },
    /// `ATH` answers OK and the call stays.
    HangUpIgnored {},
    /// `AT+CGACT=0` and `AT+CGATT=0` answer OK, and contexts and call stay.
    DeactivationIgnored {},
    /// The context of a call stays active when the call is over.
    ContextKept {},

    // Group 21: calls that end or stall.
    /// The call ends with NO CARRIER after so many octets from the host.
    CarrierLost {
        /// Octets of the data call, host to network.
        after: u64,
    },
    /// The same in the middle of a frame.
    CarrierLostInFrame {
        /// Octets of the data call, host to network.
        after: u64,
    },
    /// Where messages are announced on the port that dials, those that came during the call follow
    /// `NO CARRIER` as `+CMT` in the same write, and lie in no storage.
    DirectBehindCarrier {},
    /// From so many octets on nothing passes any more in either direction; the call stays.
    LineStall {
        /// Octets of the data call, host to network.
        after: u64,
    },
    /// The network takes the context back.
    NetworkDeactivates {
        /// How the modem tells it.
        form: DeactivationForm,
        /// Octets of the data call, host to network.
        #[serde(default)]
        after: u64,
    },
    /// No network is heard and octets of a call are lost; it goes on when the network is back.
    CoverageLost {},

    // Group 22: the second port.
    /// The control port takes octets and answers nothing while a call is up.
    ControlPortBlocked {},
    /// The control port cannot be opened.
    ControlPortAbsent {},

    // Group 23: multiplexing (3GPP TS 27.010).
    /// `AT+CMUX` answers ERROR.
    CmuxRefused {},
    /// A frame of the modem has a wrong frame check sequence.
    CmuxWrongFcs {},
    /// SABM on a channel above 0 is answered by DM.
    CmuxChannelRefused {},
    /// The modem closes the multiplexer by itself.
    CmuxClosedByModem {},
    /// The modem neither tells its V.24 signals nor answers those of the host.
    CmuxWithoutStatus {},
    /// The modem answers SABM and DISC late.
    CmuxSlowUa {
        /// Milliseconds.
        millis: u64,
    },

    // Group 24: the line and the radio.
    /// Without flow control: of a burst only so many octets arrive.
    FlowOverrun {
        /// Octets within 100 ms.
        beyond: usize,
    },
    /// The port moves so many octets a second in each direction (11 520: 115 200 baud).
    LinePaced {
        /// Octets per second.
        rate: u64,
    },
    /// Octets of a call need this long to the network and back.
    NetworkSlow {
        /// Milliseconds both ways.
        rtt_millis: u64,
    },
    /// The network moves so many bits a second in each direction.
    NetworkRate {
        /// Bits per second.
        bits: u64,
    },
    /// The network loses packets.
    PacketLoss {
        /// Of a thousand.
        per_mille: u16,
    },

    // Group 25: restarts.
    /// The modem takes octets and answers nothing.
    ModemSilent {},
    /// The modem is dead until its power or its USB port is reset, or for an hour.
    ModemHangs {},
    /// The modem falls off the USB and comes back.
    UsbVanishes {
        /// Seconds until it is back.
        seconds: u64,
        /// Its ports have other names afterwards.
        #[serde(default)]
        renumbered: bool,
        /// It is a storage first, for 10 s.
        #[serde(default)]
        as_storage: bool,
    },
    /// Settings are lost without a word: echo, `+CMGF`, `+CNMI`, `+CPMS`, contexts.
    SettingsLost {},
    /// After a restart the SIM asks for its PIN even if it had been told not to.
    PinAskedAgain {},

    // Group 26: clocks.
    /// The modem's clock tells this year, and the network's time comes as unsolicited codes.
    OddClock {
        /// For example 1980 or 2080.
        year: u16,
    },
    /// Time stamps of the message centre are wrong by so many hours.
    OddMessageTime {
        /// Hours, negative for the past.
        hours: i32,
    },

    // Group 27: proxy and MMSC.
    /// The proxy answers this status itself, with a page of HTML.
    ProxyStatus {
        /// HTTP status.
        status: u16,
    },
    /// The proxy's port is closed: connections are reset.
    ProxyRefuses {},
    /// The proxy waits before it passes a request on.
    ProxySlow {
        /// Milliseconds.
        millis: u64,
    },
    /// The proxy closes the connection when it has read so many octets of the request body.
    ProxyClosesMidRequest {
        /// Octets of the body.
        after: usize,
    },
    /// The proxy sends bodies in chunks, without their length.
    ProxyChunks {
        /// Octets of a chunk.
        octets: usize,
    },
    /// The proxy redirects to another path of the same host.
    ProxyRedirects {
        /// HTTP status: 301, 302, 307 or 308.
        status: u16,
    },
    /// A connection to proxy or MMSC breaks when so many octets have passed, those of both directions
    /// together.
    ConnectionReset {
        /// Octets of HTTP.
        after: usize,
    },
    /// The MMSC answers 200 with a page of HTML.
    MmscHtml {},
    /// The MMSC answers this HTTP status without an MMS body, before it looks at the request.
    MmscHttpStatus {
        /// HTTP status.
        status: u16,
    },
    /// The MMSC refuses an M-Send.req with this Response-Status and text.
    MmscResponseStatus {
        /// X-Mms-Response-Status, for example 225 (0xE1).
        status: u8,
        /// X-Mms-Response-Text.
        #[serde(default)]
        text: Option<String>,
    },
    /// The MMSC takes and delivers the message, and closes without its M-Send.conf.
    MmscSendConfLost {},
    /// The MMSC reads the request up to the last octet and closes without having taken it.
    MmscClosesBeforeLast {},
    /// Every body of the MMSC ends one octet early and the connection closes.
    MmscCutsBody {},
    /// The MMSC thinks before it answers.
    MmscSlow {
        /// Milliseconds.
        millis: u64,
    },
    /// M-Send.conf and M-Retrieve.conf carry no Transaction-Id.
    MmscOmitsTransactionId {},
    /// M-Send.conf carries no Message-ID.
    MmscOmitsMessageId {},
    /// GET answers 404.
    MmscNotFound {},
    /// A message is announced to expire this soon, and GET answers 404 from then on.
    MmscExpires {
        /// Seconds.
        seconds: u64,
    },
    /// M-Retrieve.conf carries this Retrieve-Status and one part of plain text.
    MmscRetrieveStatus {
        /// X-Mms-Retrieve-Status.
        status: u8,
        /// X-Mms-Retrieve-Text.
        #[serde(default)]
        text: Option<String>,
    },
    /// Bodies are right, but their Content-Type is text/plain.
    MmscWrongContentType {},
    /// Acknowledgements are answered with this HTTP status and not counted.
    MmscRefusesAcknowledgement {
        /// HTTP status.
        status: u16,
    },
}

impl Fault {
    /// The behaviour group, 1 to [`GROUPS`](super::GROUPS); [`group_name`](super::group_name)
    /// says what each is about.
    #[must_use]
    pub const fn group(&self) -> u8 {
        match self {
            Self::ModemEchoesAlways {}
            | Self::ModemEchoesTwice {}
            | Self::ModemEchoesLate { .. }
            | Self::EchoForgotten {} => 1,
            Self::RepliesSplit { .. } | Self::RepliesJoined { .. } => 2,
            Self::ReplyDelayed { .. }
            | Self::SubmitUnanswered {}
            | Self::SubmitReferenceUntold {} => 3,
            Self::UrcMisplaced { .. } => 4,
            Self::ModemUrcFlood {}
            | Self::HuaweiFlood {}
            | Self::ZteFlood {}
            | Self::Banner { .. } => 5,
            Self::LineEnds { .. } => 6,
            Self::OddResult { .. } | Self::SubmitRefused { .. } => 7,
            Self::ModemRefusesJoined {} => 8,
            Self::ModemBarePrompt {}
            | Self::PromptLate { .. }
            | Self::PromptMissing {}
            | Self::PromptIgnoresEscape {}
            | Self::PromptWrongLength {} => 9,
            Self::SimBusy {}
            | Self::SimMissing {}
            | Self::SimTrouble { .. }
            | Self::CpinWithoutOk {}
            | Self::PinTriesUntold {} => 10,
            Self::RegistrationDenied {}
            | Self::NoCoverage {}
            | Self::RegistrationStatus { .. }
            | Self::CeregOnly {}
            | Self::PacketStatus { .. } => 11,
            Self::StorageFull {}
            | Self::StorageFullTold { .. }
            | Self::StorageWriteRefused {}
            | Self::StorageChoiceRefused {}
            | Self::StorageAliases {}
            | Self::DeleteRefused {}
            | Self::DeletePretended {} => 12,
            Self::CmtiWithMmsPush {}
            | Self::CmtiWithoutPlace {}
            | Self::CmtiIndexGone {}
            | Self::CmtiTwice {}
            | Self::CmtiTogether {}
            | Self::CmtiMissing {} => 13,
            Self::ListRefused {}
            | Self::ListHangs {}
            | Self::ListInTextMode {}
            | Self::ListEmpty {} => 14,
            Self::DirectDelivery {} | Self::MessageClassIs { .. } => 15,
            Self::DuplicateNotification {}
            | Self::SmsPartsReversed {}
            | Self::SmsPartsShuffled {}
            | Self::SmsPartTwice {}
            | Self::SmsPartMissing {}
            | Self::SmsReferenceWide {}
            | Self::SmsReferenceShared {}
            | Self::SmsSenderAlphanumeric {}
            | Self::StrayStatusReport { .. } => 16,
            Self::ContextRefused {}
            | Self::ContextRange { .. }
            | Self::ActivationRefused { .. } => 17,
            Self::DialNoCarrier {}
            | Self::DialError {}
            | Self::DialSilent {}
            | Self::DialOnly { .. }
            | Self::ConnectPlain {}
            | Self::ConnectText { .. }
            | Self::ConnectWithoutCr {}
            | Self::ConnectMissing {} => 18,
            Self::AuthRefused {}
            | Self::PppAuth { .. }
            | Self::PppAccm { .. }
            | Self::PppUncompressed {}
            | Self::PppEmptyNaks { .. }
            | Self::PppEndlessNaks {}
            | Self::PppNoPeerAddress {}
            | Self::PppPlaceholderDns { .. }
            | Self::PppNoNameServers {}
            | Self::PppOffers { .. }
            | Self::PppDiscards {}
            | Self::PppDeafToEcho {}
            | Self::PppRejectsProtocol {}
            | Self::PppTerminates { .. } => 19,
            Self::DtrIgnored {}
            | Self::EscapeIgnored {}
            | Self::EscapeWithTilde {}
            | Self::EscapeAnswers { .. }
            | Self::HangUpIgnored {}
            | Self::DeactivationIgnored {}
            | Self::ContextKept {} => 20,
            Self::CarrierLost { .. }
            | Self::CarrierLostInFrame { .. }
            | Self::DirectBehindCarrier {}
            | Self::LineStall { .. }
            | Self::NetworkDeactivates { .. }
            | Self::CoverageLost {} => 21,
            Self::ControlPortBlocked {} | Self::ControlPortAbsent {} => 22,
            Self::CmuxRefused {}
            | Self::CmuxWrongFcs {}
            | Self::CmuxChannelRefused {}
            | Self::CmuxClosedByModem {}
            | Self::CmuxWithoutStatus {}
            | Self::CmuxSlowUa { .. } => 23,
            Self::FlowOverrun { .. }
            | Self::LinePaced { .. }
            | Self::NetworkSlow { .. }
            | Self::NetworkRate { .. }
            | Self::PacketLoss { .. } => 24,
            Self::ModemSilent {}
            | Self::ModemHangs {}
            | Self::UsbVanishes { .. }
            | Self::SettingsLost {}
            | Self::PinAskedAgain {} => 25,
            Self::OddClock { .. } | Self::OddMessageTime { .. } => 26,
            Self::ProxyStatus { .. }
            | Self::ProxyRefuses {}
            | Self::ProxySlow { .. }
            | Self::ProxyClosesMidRequest { .. }
            | Self::ProxyChunks { .. }
            | Self::ProxyRedirects { .. }
            | Self::ConnectionReset { .. }
            | Self::MmscHtml {}
            | Self::MmscHttpStatus { .. }
            | Self::MmscResponseStatus { .. }
            | Self::MmscSendConfLost {}
            | Self::MmscClosesBeforeLast {}
            | Self::MmscCutsBody {}
            | Self::MmscSlow { .. }
            | Self::MmscOmitsTransactionId {}
            | Self::MmscOmitsMessageId {}
            | Self::MmscNotFound {}
            | Self::MmscExpires { .. }
            | Self::MmscRetrieveStatus { .. }
            | Self::MmscWrongContentType {}
            | Self::MmscRefusesAcknowledgement { .. } => 27,
        }
    }

    /// Its kebab-case name.
    #[must_use]
    pub fn name(&self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.get("fault")?.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// How long what it has begun lasts although nothing is done about it: a device that fell off
    /// the USB comes back by itself.
    pub(in crate::sim) const fn lingers(&self) -> Duration {
        match self {
            Self::UsbVanishes { seconds, as_storage, .. } => {
                let storage = if *as_storage { STORAGE_SECONDS } else { 0 };
                Duration::from_secs(*seconds + storage)
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether it happens by itself at its time; every other waits for its occasion.
    pub(in crate::sim) const fn is_event(&self) -> bool {
        matches!(
            self,
            Self::UsbVanishes { .. }
                | Self::SettingsLost {}
                | Self::EchoForgotten {}
                | Self::ModemHangs {}
        )
    }
}
