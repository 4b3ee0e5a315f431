//! Scenarios by chance: a modem of some shape, and several faults that all cease.

use super::{Network, Scenario};
use crate::model::Random;
use crate::sim::fault::{
    ActiveFault, BannerForm, Class, DeactivationForm, DialForm, EscapeAnswer, Fault, FullForm,
    GROUPS, LineEndForm, OfferedProtocol, PppAuthForm, ResultForm, UrcPlace,
};
use crate::sim::modem::{ModemConfig, Subscriber, Timing, UsbShape};
use crate::sim::operator::Auth;

/// Seconds in which faults begin.
const BEGIN: u64 = 120;
/// The longest that one lasts, seconds.
const LONGEST: u64 = 120;
/// Groups besides the one that the seed names.
const OTHERS: u64 = 4;

/// Numbers for one scenario.
struct Dice(Random);

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// From `least` to `most`.
    fn between(&self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Once in so many times.
    fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Clone>(&self, from: &[T]) -> Option<T> {
        let index = self.below(u64::try_from(from.len()).unwrap_or(0));
        from.get(usize::try_from(index).unwrap_or(0)).cloned()
    }

    fn slots(&self, from: &[usize]) -> usize {
        self.pick(from).unwrap_or(20)
    }

    fn byte(&self, least: u8, most: u8) -> u8 {
        u8::try_from(self.between(least.into(), most.into())).unwrap_or(least)
    }
}

/// How long a drawn fault stays.
enum Stay {
    /// For a time, whatever happens.
    Lasts,
    /// For so many occasions at most, and a time.
    Times(u32),
    /// It happens once by itself.
    Once,
}

pub(super) fn draw(seed: u64) -> Scenario {
    let dice = Dice(Random::seeded(seed));
    // Each group has its turn whatever the dice say.
    let mut groups = vec![u8::try_from(seed % u64::from(GROUPS)).unwrap_or(0) + 1];
    let wanted = usize::try_from(dice.between(1, OTHERS)).unwrap_or(1) + 1;
    while groups.len() < wanted {
        let group = dice.byte(1, GROUPS);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let faults: Vec<ActiveFault> =
        groups.iter().flat_map(|group| faults_of(*group, &dice)).collect();
    // Some things show only where a PIN is asked for.
    let needs_pin = faults
        .iter()
        .any(|it| matches!(it.fault, Fault::PinTriesUntold {} | Fault::PinAskedAgain {}));
    Scenario {
        seed: Some(seed),
        modem: modem(&dice, &groups, Dice(Random::seeded(!seed)).one_in(3)),
        subscriber: Subscriber {
            pin: (dice.one_in(4) || needs_pin).then(|| "1234".to_owned()),
            number_on_sim: !dice.one_in(3),
            ..Subscriber::default()
        },
        network: network(&dice),
        faults,
    }
}

/// `multiplexes`: a modem with one port shares it by the multiplexer, whatever goes wrong.
fn modem(dice: &Dice, groups: &[u8], multiplexes: bool) -> ModemConfig {
    let mut config = ModemConfig {
        // Whoever has one port has no second one to lose.
        control_port: groups.contains(&22) || !(groups.contains(&23) || dice.one_in(3)),
        sm_capacity: dice.slots(&[10, 20, 30]),
        me_capacity: dice.slots(&[0, 23, 255]),
        offers_mt: dice.one_in(2),
        hides_empty_me: dice.one_in(2),
        first_index: usize::from(dice.one_in(2)),
        connect_text: dice
            .pick(&["", "115200", "150000000", "HSPA 21.6"])
            .unwrap_or_default()
            .to_owned(),
        attach_apn: if dice.one_in(3) { String::new() } else { "internet.example".to_owned() },
        max_cid: dice.byte(2, 16),
        usb: UsbShape {
            first_tty: u32::from(dice.byte(0, 9)),
            restart_seconds: dice.between(0, 1) * 8,
            ..UsbShape::default()
        },
        timing: Timing::usb_stick(),
        ..ModemConfig::default()
    };
    if groups.contains(&23) || (!config.control_port && multiplexes) {
        // A part on a serial line, which is what multiplexing is for.
        "SIMCOM_Ltd".clone_into(&mut config.manufacturer);
        "SIMCOM_SIM800".clone_into(&mut config.model);
    }
    config
}

fn network(dice: &Dice) -> Network {
    let auth = dice.pick(&[Auth::None, Auth::None, Auth::Pap, Auth::Chap]).unwrap_or_default();
    let named = auth != Auth::None;
    Network {
        auth,
        user: if named { "mms".to_owned() } else { String::new() },
        password: if named { "secret".to_owned() } else { String::new() },
        repeat_after: None,
        ..Network::default()
    }
}

fn timed(fault: Fault, stay: &Stay, dice: &Dice) -> ActiveFault {
    // Half of all faults are there when the modem is first spoken to.
    let at = if dice.one_in(2) { 0 } else { dice.between(1, BEGIN) };
    let lasts = dice.between(5, LONGEST);
    let mut active = ActiveFault::from(fault);
    active.at = Some(f64::from(u32::try_from(at).unwrap_or(0)));
    active.lasts = Some(f64::from(u32::try_from(lasts).unwrap_or(0)));
    match stay {
        Stay::Lasts => {}
        Stay::Times(most) => {
            active.times = Some(u32::try_from(dice.between(1, (*most).into())).unwrap_or(1));
            // It waits for its occasion, and there may be none for a while.
            active.lasts = Some(f64::from(u32::try_from(LONGEST).unwrap_or(0)));
        }
        Stay::Once => active.times = Some(1),
    }
    active
}

/// One behaviour of a group, with what has to come together for it to show.
fn faults_of(group: u8, dice: &Dice) -> Vec<ActiveFault> {
    use Stay::{Lasts, Once, Times};
    let drawn: Vec<(Fault, Stay)> = match group {
        1 => vec![match dice.below(4) {
            0 => (Fault::ModemEchoesAlways {}, Lasts),
            1 => (Fault::ModemEchoesTwice {}, Lasts),
            2 => (Fault::ModemEchoesLate { millis: dice.between(5, 400) }, Lasts),
            _ => (Fault::EchoForgotten {}, Once),
        }],
        2 => vec![if dice.one_in(2) {
            (Fault::RepliesSplit { millis: dice.below(3) }, Lasts)
        } else {
            (Fault::RepliesJoined { millis: dice.between(1, 700) }, Lasts)
        }],
        3 => vec![delay(dice)],
        4 => {
            let places = [
                UrcPlace::BeforeEcho,
                UrcPlace::BeforeReply,
                UrcPlace::InsideList,
                UrcPlace::AfterResult,
            ];
            let sure = dice.pick(&places);
            places
                .into_iter()
                .filter(|place| Some(*place) == sure || !dice.one_in(3))
                .map(|place| (Fault::UrcMisplaced { place }, Times(200)))
                .collect()
        }
        5 => vec![flood(dice)],
        6 => {
            let forms = [LineEndForm::Lf, LineEndForm::CrCrLf, LineEndForm::BlankLines];
            let form = dice.pick(&forms).unwrap_or(LineEndForm::Lf);
            vec![(Fault::LineEnds { form }, Lasts)]
        }
        7 => vec![odd_result(dice)],
        8 => vec![(Fault::ModemRefusesJoined {}, Lasts)],
        9 => vec![match dice.below(5) {
            0 => (Fault::ModemBarePrompt {}, Lasts),
            1 => (Fault::PromptLate { millis: dice.between(100, 20_000) }, Times(2)),
            2 => (Fault::PromptMissing {}, Times(1)),
            3 => (Fault::PromptIgnoresEscape {}, Times(1)),
            _ => (Fault::PromptWrongLength {}, Times(1)),
        }]
        .into_iter()
        // ESC matters only where the prompt did not come.
        .flat_map(|drawn| {
            let alone = drawn.0 == Fault::PromptIgnoresEscape {};
            [Some(drawn), alone.then_some((Fault::PromptMissing {}, Times(1)))]
        })
        .flatten()
        .collect(),
        10 => vec![match dice.below(5) {
            0 => (Fault::SimBusy {}, Times(12)),
            1 => (Fault::SimMissing {}, Lasts),
            2 => {
                let cme = dice.pick(&[10, 13, 14, 515]).unwrap_or(14);
                (Fault::SimTrouble { cme }, Lasts)
            }
            3 => (Fault::CpinWithoutOk {}, Lasts),
            _ => (Fault::PinTriesUntold {}, Lasts),
        }],
        11 => vec![match dice.below(5) {
            0 => (Fault::RegistrationDenied {}, Lasts),
            1 => (Fault::NoCoverage {}, Lasts),
            2 => (Fault::RegistrationStatus { stat: dice.byte(0, 10) }, Lasts),
            3 => (Fault::PacketStatus { stat: dice.pick(&[0, 2, 3, 4]).unwrap_or(0) }, Lasts),
            _ => (Fault::CeregOnly {}, Lasts),
        }],
        12 => vec![match dice.below(6) {
            0 => (Fault::StorageFull {}, Lasts),
            1 => {
                let forms = [FullForm::Huawei, FullForm::Cinterion, FullForm::Indicator];
                let form = dice.pick(&forms).unwrap_or(FullForm::Huawei);
                (Fault::StorageFullTold { form }, Lasts)
            }
            2 => (Fault::DeleteRefused {}, Times(3)),
            3 => (Fault::StorageChoiceRefused {}, Times(3)),
            4 => (Fault::StorageAliases {}, Lasts),
            _ => (Fault::DeletePretended {}, Times(3)),
        }],
        13 => vec![match dice.below(6) {
            0 => (Fault::CmtiWithMmsPush {}, Lasts),
            1 => (Fault::CmtiWithoutPlace {}, Times(3)),
            2 => (Fault::CmtiIndexGone {}, Times(2)),
            3 => (Fault::CmtiTwice {}, Times(3)),
            4 => (Fault::CmtiTogether {}, Times(2)),
            _ => (Fault::CmtiWithMmsPush {}, Times(2)),
        }],
        14 => vec![match dice.below(4) {
            0 => (Fault::ListRefused {}, Times(3)),
            1 => (Fault::ListHangs {}, Times(1)),
            2 => (Fault::ListInTextMode {}, Lasts),
            _ => (Fault::ListEmpty {}, Lasts),
        }]
        .into_iter()
        // An empty list shows only where a message lies unread.
        .flat_map(|drawn| {
            let empty = drawn.0 == Fault::ListEmpty {};
            [Some(drawn), empty.then_some((Fault::CmtiMissing {}, Times(1)))]
        })
        .flatten()
        .collect(),
        15 => vec![if dice.one_in(2) {
            (Fault::DirectDelivery {}, Lasts)
        } else {
            let class = Class::new(dice.byte(0, 3));
            class.map_or((Fault::DirectDelivery {}, Lasts), |class| {
                (Fault::MessageClassIs { class }, Lasts)
            })
        }],
        16 => vec![parts(dice)],
        17 => vec![match dice.below(3) {
            0 => (Fault::ContextRefused {}, Times(2)),
            1 => (Fault::ContextRange { cids: dice.byte(2, 5) }, Lasts),
            _ => {
                let codes = [30, 100, 103, 107, 132, 133, 134, 148, 149];
                let cme = dice.pick(&codes).unwrap_or(30);
                (Fault::ActivationRefused { cme }, Times(2))
            }
        }],
        18 => vec![match dice.below(8) {
            0 => (Fault::DialNoCarrier {}, Times(2)),
            1 => (Fault::DialError {}, Times(2)),
            2 => (Fault::DialSilent {}, Times(1)),
            3 => {
                let forms = [DialForm::WithContext, DialForm::Plain, DialForm::Cgdata];
                let form = dice.pick(&forms).unwrap_or(DialForm::WithContext);
                (Fault::DialOnly { form }, Lasts)
            }
            4 => (Fault::ConnectPlain {}, Lasts),
            5 => (Fault::ConnectText { text: "HSDPA 7200000".to_owned() }, Lasts),
            6 => (Fault::ConnectWithoutCr {}, Lasts),
            _ => (Fault::ConnectMissing {}, Times(1)),
        }],
        19 => vec![ppp(dice)],
        20 => leaving(dice),
        21 if dice.one_in(6) => vec![
            (Fault::CarrierLost { after: dice.between(50, 9_000) }, Times(2)),
            (Fault::DirectBehindCarrier {}, Lasts),
        ],
        21 => vec![match dice.below(5) {
            0 => (Fault::CarrierLost { after: dice.between(50, 9_000) }, Times(2)),
            1 => (Fault::CarrierLostInFrame { after: dice.between(50, 9_000) }, Times(2)),
            2 => (Fault::LineStall { after: dice.between(50, 9_000) }, Times(1)),
            3 => {
                let forms = [
                    DeactivationForm::NwDeact,
                    DeactivationForm::Huawei,
                    DeactivationForm::PdnDeact,
                    DeactivationForm::Silent,
                ];
                let form = dice.pick(&forms).unwrap_or(DeactivationForm::Silent);
                (Fault::NetworkDeactivates { form, after: dice.between(50, 9_000) }, Times(2))
            }
            _ => (Fault::CoverageLost {}, Lasts),
        }],
        22 => vec![if dice.one_in(3) {
            (Fault::ControlPortAbsent {}, Times(2))
        } else {
            (Fault::ControlPortBlocked {}, Lasts)
        }],
        23 => vec![match dice.below(6) {
            0 => (Fault::CmuxRefused {}, Times(1)),
            1 => (Fault::CmuxWrongFcs {}, Times(5)),
            2 => (Fault::CmuxChannelRefused {}, Times(1)),
            3 => (Fault::CmuxWithoutStatus {}, Lasts),
            4 => (Fault::CmuxSlowUa { millis: dice.between(50, 3_000) }, Times(3)),
            _ => (Fault::CmuxClosedByModem {}, Times(1)),
        }],
        24 => vec![match dice.below(5) {
            0 => (Fault::FlowOverrun { beyond: 3_000 }, Lasts),
            1 => (Fault::LinePaced { rate: 11_520 }, Lasts),
            2 => (Fault::NetworkSlow { rtt_millis: dice.between(800, 2_500) }, Lasts),
            3 => (Fault::NetworkRate { bits: 40_000 }, Lasts),
            _ => (Fault::PacketLoss { per_mille: 30 }, Lasts),
        }],
        25 => restart(dice),
        26 => vec![if dice.one_in(2) {
            let year = dice.pick(&[1980, 2004, 2080]).unwrap_or(1980);
            (Fault::OddClock { year }, Lasts)
        } else {
            let hours = dice.pick(&[-30_000, -72, 5, 30_000]).unwrap_or(5);
            (Fault::OddMessageTime { hours }, Lasts)
        }],
        _ => vec![proxy(dice)],
    };
    drawn.into_iter().map(|(fault, stay)| timed(fault, &stay, dice)).collect()
}

fn delay(dice: &Dice) -> (Fault, Stay) {
    let slow =
        |command: &str, millis| Fault::ReplyDelayed { command: Some(command.to_owned()), millis };
    match dice.below(8) {
        0 => (slow("+CMGS", 135_000), Stay::Times(1)),
        1 => (slow("+COPS", 60_000), Stay::Times(1)),
        2 => (slow("+CGACT", 45_000), Stay::Times(1)),
        3 => (slow("D", 90_000), Stay::Times(1)),
        4 => {
            let commands = ["+CMGR", "+CMGL", "+CPMS", "+CREG", "+CGDCONT", "E", "+CPIN"];
            let command = dice.pick(&commands).unwrap_or("+CMGR");
            (slow(command, dice.between(1_000, 150_000)), Stay::Times(2))
        }
        5 => (Fault::SubmitUnanswered {}, Stay::Times(1)),
        6 => (Fault::SubmitReferenceUntold {}, Stay::Times(1)),
        _ => {
            let millis = dice.between(10, 2_500);
            (Fault::ReplyDelayed { command: None, millis }, Stay::Times(60))
        }
    }
}

fn flood(dice: &Dice) -> (Fault, Stay) {
    let forms = [
        BannerForm::Rdy,
        BannerForm::Sysstart,
        BannerForm::Garbage,
        BannerForm::Nul,
        BannerForm::WrongBaud,
    ];
    match dice.below(4) {
        0 => (Fault::ModemUrcFlood {}, Stay::Lasts),
        1 => (Fault::HuaweiFlood {}, Stay::Lasts),
        2 => (Fault::ZteFlood {}, Stay::Lasts),
        _ => {
            let form = dice.pick(&forms).unwrap_or(BannerForm::Rdy);
            (Fault::Banner { form }, Stay::Times(3))
        }
    }
}

fn odd_result(dice: &Dice) -> (Fault, Stay) {
    if dice.one_in(6) {
        // What may pass (TS 24.011 table 8.4, TS 27.005 clause 3.2.5): congestion and the like.
        let cms = dice.pick(&[38, 41, 42, 47, 314, 331, 332, 500, 512]).unwrap_or(500);
        return (Fault::SubmitRefused { cms }, Stay::Times(1));
    }
    let forms = [
        ResultForm::Error,
        ResultForm::CmeText,
        ResultForm::CmeEmpty,
        ResultForm::CmeWithoutBlank,
        ResultForm::CmsText,
        ResultForm::CmsEmpty,
        ResultForm::CommandNotSupport,
        ResultForm::Na,
        ResultForm::ModemError,
        ResultForm::ExtError,
        ResultForm::NoDialtone,
        ResultForm::NoAnswer,
        ResultForm::Busy,
    ];
    let commands = [
        "+CMEE", "+CMGR", "+CMGL", "+CMGD", "+CPMS", "+CNMI", "+CREG", "+CSQ", "+CGDCONT", "+COPS",
        "+CGATT", "+CPIN", "+CGMM",
    ];
    let form = dice.pick(&forms).unwrap_or(ResultForm::Error);
    let command = dice.pick(&commands).map(str::to_owned);
    (Fault::OddResult { form, command }, Stay::Times(2))
}

fn parts(dice: &Dice) -> (Fault, Stay) {
    match dice.below(9) {
        0 => (Fault::DuplicateNotification {}, Stay::Times(3)),
        1 => (Fault::SmsPartsReversed {}, Stay::Lasts),
        2 => (Fault::SmsPartsShuffled {}, Stay::Lasts),
        3 => (Fault::SmsPartTwice {}, Stay::Lasts),
        4 => (Fault::SmsPartMissing {}, Stay::Lasts),
        5 => (Fault::SmsReferenceWide {}, Stay::Lasts),
        6 => (Fault::SmsReferenceShared {}, Stay::Times(2)),
        7 => (Fault::SmsSenderAlphanumeric {}, Stay::Lasts),
        _ => (Fault::StrayStatusReport { leading_comma: dice.one_in(2) }, Stay::Times(2)),
    }
}

fn ppp(dice: &Dice) -> (Fault, Stay) {
    let auth = [PppAuthForm::None, PppAuthForm::Pap, PppAuthForm::Chap];
    let offers = [OfferedProtocol::Ccp, OfferedProtocol::Ipv6cp, OfferedProtocol::VanJacobson];
    match dice.below(13) {
        0 => (Fault::AuthRefused {}, Stay::Times(1)),
        1 => {
            let form = dice.pick(&auth).unwrap_or(PppAuthForm::None);
            (Fault::PppAuth { form }, Stay::Lasts)
        }
        2 => (Fault::PppAccm { escape_all: dice.one_in(2) }, Stay::Lasts),
        3 => (Fault::PppUncompressed {}, Stay::Lasts),
        4 => (Fault::PppEmptyNaks { rounds: dice.byte(1, 12) }, Stay::Lasts),
        5 => (Fault::PppEndlessNaks {}, Stay::Times(1)),
        6 => (Fault::PppNoPeerAddress {}, Stay::Lasts),
        7 => (Fault::PppPlaceholderDns { rounds: dice.byte(1, 5) }, Stay::Lasts),
        8 => {
            let protocol = dice.pick(&offers).unwrap_or(OfferedProtocol::Ccp);
            (Fault::PppOffers { protocol }, Stay::Lasts)
        }
        9 => (Fault::PppDiscards {}, Stay::Lasts),
        10 => (Fault::PppDeafToEcho {}, Stay::Lasts),
        11 => (Fault::PppRejectsProtocol {}, Stay::Lasts),
        _ => (Fault::PppTerminates { after: dice.between(100, 5_000) }, Stay::Times(1)),
    }
}

/// Ways out of data mode are tried only when the link cannot be ended by PPP.
fn leaving(dice: &Dice) -> Vec<(Fault, Stay)> {
    let mut faults = vec![
        (Fault::LineStall { after: dice.between(50, 4_000) }, Stay::Times(1)),
        (Fault::DtrIgnored {}, Stay::Lasts),
    ];
    let answers = [EscapeAnswer::Ok, EscapeAnswer::NoCarrier, EscapeAnswer::Silent];
    match dice.below(5) {
        0 => faults.push((Fault::EscapeIgnored {}, Stay::Lasts)),
        1 => faults.push((Fault::EscapeWithTilde {}, Stay::Lasts)),
        2 => {
            faults.push((Fault::HangUpIgnored {}, Stay::Lasts));
            // What is left then is to end the context; and then to start the modem again.
            if dice.one_in(2) {
                faults.push((Fault::DeactivationIgnored {}, Stay::Lasts));
            }
        }
        3 => faults.push((Fault::ContextKept {}, Stay::Lasts)),
        _ => {
            let answer = dice.pick(&answers).unwrap_or(EscapeAnswer::Ok);
            faults.push((Fault::EscapeAnswers { answer }, Stay::Times(2)));
        }
    }
    faults
}

fn restart(dice: &Dice) -> Vec<(Fault, Stay)> {
    match dice.below(4) {
        0 => vec![(Fault::ModemSilent {}, Stay::Lasts)],
        1 => vec![(Fault::ModemHangs {}, Stay::Once)],
        2 => vec![(Fault::SettingsLost {}, Stay::Once)],
        _ => {
            let vanishes = Fault::UsbVanishes {
                seconds: dice.between(8, 60),
                renumbered: dice.one_in(2),
                as_storage: dice.one_in(3),
            };
            let mut faults = vec![(vanishes, Stay::Once)];
            if dice.one_in(2) {
                faults.push((Fault::PinAskedAgain {}, Stay::Lasts));
            }
            faults
        }
    }
}

/// Refusals for good are left out: whoever is told so has lost nothing. An MMSC that asks twice for
/// patience gets it for minutes, which is no matter of the modem's recovery.
fn proxy(dice: &Dice) -> (Fault, Stay) {
    match dice.below(19) {
        0 => {
            let status = dice.pick(&[408, 429, 502, 503, 504]).unwrap_or(503);
            (Fault::ProxyStatus { status }, Stay::Times(1))
        }
        1 => (Fault::ProxyRefuses {}, Stay::Times(1)),
        2 => (Fault::ProxySlow { millis: dice.between(500, 40_000) }, Stay::Times(1)),
        3 => {
            let after = usize::try_from(dice.between(1, 6_000)).unwrap_or(1);
            (Fault::ProxyClosesMidRequest { after }, Stay::Times(2))
        }
        4 => {
            let octets = usize::try_from(dice.between(1, 900)).unwrap_or(1);
            (Fault::ProxyChunks { octets }, Stay::Lasts)
        }
        5 => {
            let status = dice.pick(&[301, 302, 307, 308]).unwrap_or(307);
            (Fault::ProxyRedirects { status }, Stay::Times(1))
        }
        6 => (Fault::MmscHtml {}, Stay::Times(1)),
        7 => (Fault::MmscHttpStatus { status: 503 }, Stay::Times(1)),
        8 => {
            let text = Some("try again later".to_owned());
            (Fault::MmscResponseStatus { status: 0xc0, text }, Stay::Times(1))
        }
        9 => (Fault::MmscSendConfLost {}, Stay::Times(1)),
        10 => (Fault::MmscClosesBeforeLast {}, Stay::Times(1)),
        11 => (Fault::MmscCutsBody {}, Stay::Times(1)),
        12 => (Fault::MmscSlow { millis: dice.between(500, 25_000) }, Stay::Times(3)),
        13 => (Fault::MmscOmitsTransactionId {}, Stay::Times(2)),
        14 => (Fault::MmscOmitsMessageId {}, Stay::Times(2)),
        15 => (Fault::MmscNotFound {}, Stay::Times(1)),
        16 => {
            let text = Some("the store is busy".to_owned());
            (Fault::MmscRetrieveStatus { status: 0xc0, text }, Stay::Times(1))
        }
        17 => (Fault::MmscWrongContentType {}, Stay::Times(2)),
        _ => (Fault::MmscRefusesAcknowledgement { status: 503 }, Stay::Times(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_draws_the_same_scenario_and_its_own_group() {
        for seed in 0..300 {
            let (one, two) = (Scenario::random(seed), Scenario::random(seed));
            assert_eq!(one.faults, two.faults, "seed {seed}");
            let group = u8::try_from(seed % 27).unwrap() + 1;
            assert!(one.faults.iter().any(|fault| fault.fault.group() == group), "seed {seed}");
            let ceases = one.ceases().expect("every drawn fault ceases");
            assert!(ceases.as_secs() <= BEGIN + LONGEST, "seed {seed}: {ceases:?}");
        }
    }

    /// What no scenario draws, and why.
    const NOT_DRAWN: [&str; 4] = [
        // It strikes at +CMGW, by which mm1gate writes nothing; foreign hosts may.
        "storage-write-refused",
        // The proxies of scenarios have addresses: nobody would ask for a name.
        "ppp-no-name-servers",
        // The hostile operator (tests/hostile) draws these: storms are about the modem.
        "connection-reset",
        "mmsc-expires",
    ];

    #[test]
    fn every_fault_is_drawn_but_what_says_why_not() {
        let drawn: std::collections::BTreeSet<String> = (0..4_000)
            .flat_map(|seed| Scenario::random(seed).faults)
            .map(|fault| fault.fault.name())
            .collect();
        // The list of all names is in the complaint about a wrong one.
        let error = serde_json::from_str::<Fault>(r#"{"fault":"rain"}"#).unwrap_err().to_string();
        let all: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(all.len() > 100, "{error}");
        let never: Vec<&str> = all.into_iter().filter(|name| !drawn.contains(*name)).collect();
        assert_eq!(never, NOT_DRAWN);
    }

    #[test]
    fn every_second_modem_with_one_port_multiplexes() {
        let with_one = || (0..600).map(Scenario::random).filter(|it| !it.modem.control_port);
        let all = with_one().count();
        let named = with_one().filter(|it| it.modem.model.contains("SIM800")).count();
        let by_itself = with_one().filter(|it| {
            it.modem.model.contains("SIM800") && it.faults.iter().all(|it| it.fault.group() != 23)
        });
        assert!(all > 180, "{all}");
        assert!(named * 10 > all * 4 && named * 10 < all * 7, "{named} of {all}");
        assert!(by_itself.count() * 10 > all, "the multiplexer besides other trouble");
    }

    #[test]
    fn every_scenario_has_several_groups() {
        for seed in 0..500 {
            let mut groups: Vec<u8> =
                Scenario::random(seed).faults.iter().map(|fault| fault.fault.group()).collect();
            groups.sort_unstable();
            groups.dedup();
            assert!(groups.len() >= 2, "seed {seed}: {groups:?}");
        }
    }

    #[test]
    fn every_group_is_drawn_with_every_seed_range() {
        let mut seen: Vec<u8> = (0..27)
            .flat_map(|seed| Scenario::random(seed).faults)
            .map(|fault| fault.fault.group())
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (1..=GROUPS).collect::<Vec<u8>>());
    }
}
