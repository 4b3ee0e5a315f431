//! The questions, one after the other.

use std::time::Duration;

use super::super::line::Line;
use super::super::{ModemError, ProfileChoice, iccid, pin};
use super::words::{LteFacts, SmsOnLte, registration_words};
use super::{Context, Domain, Network, Offer, Probe, ProfileNote, Sim, Storage, Trouble};
use crate::codec::at::{
    Field, RegistrationDomain, active_contexts, cgdcont_range, contexts, cpin, cpms_state,
    cpms_storages, fields, identity, operator, registration, signal_dbm, value_behind,
};
use crate::proto::at::Response;

/// How often a port is asked `AT` before it is taken for silent.
pub(super) const TRIES: usize = 3;
/// How long `+COPS?` and `+CPMS` may take on a slow modem.
const SLOW: Duration = Duration::from_secs(20);
/// Storages that are looked at.
const MAX_STORAGES: usize = 8;
/// Characters kept of what a modem offers.
const MAX_OFFER: usize = 400;
/// SMS using IMS in `<ext_info>` of `+CIREG` (27.007 clause 8.71).
const IMS_SMS: u32 = 0x4;

/// One line with what did not work on it.
struct Asker<'a> {
    line: &'a mut Line,
    limit: Duration,
    troubles: Vec<Trouble>,
}

impl Asker<'_> {
    /// None when the modem refuses or is silent.
    async fn ask(&mut self, text: &str) -> Result<Option<Vec<String>>, ModemError> {
        let response = self.line.optional(text, self.limit).await?;
        Ok(response.result.is_ok().then_some(response.lines))
    }

    async fn whole(&mut self, text: &str, limit: Duration) -> Result<Response, ModemError> {
        self.line.optional(text, limit).await
    }

    /// The same, noted when it does not work.
    async fn want(
        &mut self,
        text: &str,
        meaning: &'static str,
    ) -> Result<Option<Vec<String>>, ModemError> {
        let response = self.line.optional(text, SLOW).await?;
        if response.result.is_ok() {
            return Ok(Some(response.lines));
        }
        self.trouble(format!("{text} is answered with {}", response.result), meaning);
        Ok(None)
    }

    fn trouble(&mut self, what: impl Into<String>, meaning: impl Into<String>) {
        self.troubles.push(Trouble { what: what.into(), meaning: meaning.into() });
    }

    async fn told(&mut self, question: &str, code: &str) -> Result<String, ModemError> {
        let lines = self.ask(question).await?.unwrap_or_default();
        Ok(bounded(&identity(&lines, code)))
    }
}

pub(super) async fn everything(
    line: &mut Line,
    choice: &mut ProfileChoice,
) -> Result<Probe, ModemError> {
    let port = line.name.clone();
    let limit = choice.profile.timeouts.command;
    let mut asker = Asker { line, limit, troubles: Vec::new() };
    asker.ask("ATE0").await?;
    asker.ask("AT+CMEE=1").await?;
    let manufacturer = asker.told("AT+CGMI", "+CGMI:").await?;
    let model = asker.told("AT+CGMM", "+CGMM:").await?;
    let revision = asker.told("AT+CGMR", "+CGMR:").await?;
    let imei = asker.told("AT+CGSN", "+CGSN:").await?;
    choice.identify(&manufacturer, &model);
    asker.limit = choice.profile.timeouts.command;
    let sim = sim(&mut asker, choice).await?;
    let registration = registrations(&mut asker).await?;
    let network = network(&mut asker).await?;
    let (ims, ims_sms) = ims(&mut asker).await?;
    let sms_service = number(&mut asker, "AT+CGSMS?", "+CGSMS:").await?;
    let signal_dbm = asker.ask("AT+CSQ").await?.and_then(|lines| signal_dbm(&lines));
    let stat_of = |name| registration.iter().find(|it| it.name == name).map(|it| it.stat);
    let sms_on_lte = SmsOnLte::judge(LteFacts {
        access: network.access,
        circuit: stat_of(CIRCUIT),
        eps: stat_of(EPS),
        ims,
        ims_sms,
    });
    let mut offers = Vec::new();
    let (mut storages, mut in_use) = (Vec::new(), Vec::new());
    if sim.ready {
        (storages, in_use) = storage(&mut asker, &mut offers).await?;
        messages(&mut asker, &mut offers).await?;
    }
    let contexts = data(&mut asker, &mut offers).await?;
    let profile = &choice.profile;
    Ok(Probe {
        port,
        was_multiplexed: asker.line.was_multiplexed,
        manufacturer,
        model,
        revision,
        imei,
        profile: ProfileNote {
            name: profile.name.clone(),
            title: profile.title.clone(),
            reason: choice.reason.to_string(),
            verified: profile.is_verified(),
            evidence: if profile.is_verified() {
                profile.evidence.verified.clone()
            } else {
                profile.evidence.sources.clone()
            },
            notes: profile.notes.clone(),
            refused: profile.refuse.clone(),
        },
        sim,
        registration,
        network,
        sms_on_lte,
        sms_service,
        signal_dbm,
        storages,
        storages_in_use: in_use,
        contexts,
        offers,
        troubles: asker.troubles,
    })
}

async fn sim(asker: &mut Asker<'_>, choice: &ProfileChoice) -> Result<Sim, ModemError> {
    let response = asker.whole("AT+CPIN?", SLOW).await?;
    let told = cpin(&response.lines);
    let state = match (&told, response.result.cme()) {
        (Some(state), _) => bounded(state),
        (None, Some(11)) => "SIM PIN".to_owned(),
        (None, Some(12)) => "SIM PUK".to_owned(),
        (None, _) => response.result.to_string(),
    };
    let in_words = ["INSERTED", "REMOVED", "NO SIM", "FAILURE"];
    let absent = matches!(response.result.cme(), Some(10 | 13 | 15))
        || in_words.iter().any(|it| state.contains(it));
    let iccid = ask_iccid(asker).await?;
    let imsi = asker.told("AT+CIMI", "+CIMI:").await?;
    let digits = imsi.len() >= 6 && imsi.bytes().all(|it| it.is_ascii_digit());
    let imsi = if digits { imsi } else { String::new() };
    let mut pin_attempts = None;
    for question in choice.profile.pin.attempts.iter().filter(|_| !absent) {
        let lines = asker.ask(question).await?.unwrap_or_default();
        pin_attempts = lines.iter().find_map(|line| pin::attempts_in(line));
        if pin_attempts.is_some() {
            break;
        }
    }
    Ok(Sim {
        // Some modems do not know the question: a SIM that tells its IMSI is open.
        ready: matches!(state.as_str(), "READY" | "SIM PIN2" | "SIM PUK2")
            || (told.is_none() && !imsi.is_empty()),
        present: !absent,
        state,
        pin_attempts,
        iccid,
        imsi,
    })
}

/// The number printed on the SIM, by whichever question the modem knows.
async fn ask_iccid(asker: &mut Asker<'_>) -> Result<String, ModemError> {
    for (question, code) in iccid::QUESTIONS {
        let lines = asker.ask(question).await?.unwrap_or_default();
        if let Some(digits) = lines.iter().find_map(|line| iccid::digits_in(line, code)) {
            return Ok(digits);
        }
    }
    Ok(String::new())
}

const CIRCUIT: &str = "circuit-switched";
const PACKET: &str = "packet";
const EPS: &str = "LTE";
const FIVE_G: &str = "5G";

async fn registrations(asker: &mut Asker<'_>) -> Result<Vec<Domain>, ModemError> {
    let mut told = Vec::new();
    for (name, domain, question) in [
        (CIRCUIT, RegistrationDomain::Circuit, "AT+CREG?"),
        (PACKET, RegistrationDomain::Packet, "AT+CGREG?"),
        (EPS, RegistrationDomain::Eps, "AT+CEREG?"),
        (FIVE_G, RegistrationDomain::FiveG, "AT+C5GREG?"),
    ] {
        let lines = asker.ask(question).await?.unwrap_or_default();
        let found = lines.iter().filter_map(|line| registration(line));
        if let Some(line) = found.into_iter().find(|it| it.domain == domain) {
            told.push(Domain { name, stat: line.stat, words: registration_words(line.stat) });
        }
    }
    if told.is_empty() {
        asker.trouble(
            "none of +CREG?, +CGREG?, +CEREG?, +C5GREG? is answered",
            "whether a network lets the modem in shows only when it dials",
        );
    }
    Ok(told)
}

async fn network(asker: &mut Asker<'_>) -> Result<Network, ModemError> {
    let mut network = Network::default();
    // Digits first: the name is what other programs expect to find set.
    for (format, numeric) in [("AT+COPS=3,2", true), ("AT+COPS=3,0", false)] {
        asker.whole(format, SLOW).await?;
        let response = asker.whole("AT+COPS?", SLOW).await?;
        let Some(name) = operator(&response.lines) else { continue };
        let list = response.lines.iter().find_map(|line| value_behind(line, "+COPS:"));
        let access = list.and_then(|list| fields(list).get(3).and_then(Field::number));
        network.access = access.or(network.access);
        let digits = name.bytes().all(|it| it.is_ascii_digit()) && (5..=6).contains(&name.len());
        match (numeric, digits) {
            (true, true) => network.mcc_mnc = name,
            (_, false) => network.name = bounded(&name),
            (false, true) => network.mcc_mnc = name,
        }
    }
    Ok(network)
}

/// Whether IMS has registered the SIM, and for SMS.
async fn ims(asker: &mut Asker<'_>) -> Result<(Option<bool>, Option<bool>), ModemError> {
    let Some(lines) = asker.ask("AT+CIREG?").await? else { return Ok((None, None)) };
    let read = |lines: &[String]| {
        let list = lines.iter().find_map(|line| value_behind(line, "+CIREG:"))?;
        let list = fields(list);
        let mode: u8 = list.first()?.number()?;
        let registered = list.get(1)?.number::<u8>()? == 1;
        let services = list.get(2).and_then(|it| u32::from_str_radix(it.text.trim(), 16).ok());
        Some((mode, registered, services.map(|it| it & IMS_SMS != 0)))
    };
    let Some((mode, registered, mut sms)) = read(&lines) else { return Ok((None, None)) };
    // What it is registered for is told in the longest form only.
    if registered && sms.is_none() && asker.ask("AT+CIREG=2").await?.is_some() {
        let lines = asker.ask("AT+CIREG?").await?.unwrap_or_default();
        sms = read(&lines).and_then(|(_, _, sms)| sms);
        asker.ask(&format!("AT+CIREG={mode}")).await?;
    }
    Ok((Some(registered), sms))
}

async fn storage(
    asker: &mut Asker<'_>,
    offers: &mut Vec<Offer>,
) -> Result<(Vec<Storage>, Vec<String>), ModemError> {
    let meaning = "messages are looked for in the storage that the modem has chosen";
    let offered = match asker.want("AT+CPMS=?", meaning).await? {
        Some(lines) => {
            offer(offers, "+CPMS", &lines);
            cpms_storages(&lines)
        }
        None => Vec::new(),
    };
    let meaning = "how full the storages are cannot be told";
    let Some(lines) = asker.want("AT+CPMS?", meaning).await? else {
        return Ok((Vec::new(), Vec::new()));
    };
    let state = cpms_state(&lines);
    let in_use: Vec<String> = state.iter().map(|it| bounded(&it.storage)).collect();
    let known = |name: &str| state.iter().find(|it| it.storage == name);
    let mut found: Vec<Storage> = Vec::new();
    let mut moved = false;
    let names = offered.into_iter().next().unwrap_or_else(|| in_use.clone());
    for name in names.into_iter().filter(|it| is_name(it)).take(MAX_STORAGES) {
        if found.iter().any(|it| it.name == name) {
            continue;
        }
        if let Some(state) = known(&name) {
            found.push(Storage { name, used: state.used, total: state.total });
            continue;
        }
        let response = asker.whole(&format!("AT+CPMS=\"{name}\""), SLOW).await?;
        moved |= response.result.is_ok();
        if let Some(first) = cpms_state(&response.lines).first() {
            found.push(Storage { name, used: first.used, total: first.total });
        }
    }
    if moved && in_use.iter().all(|it| is_name(it)) {
        let names: Vec<String> = in_use.iter().map(|it| format!("\"{it}\"")).collect();
        asker.whole(&format!("AT+CPMS={}", names.join(",")), SLOW).await?;
    }
    for storage in &found {
        if storage.total > 0 && storage.used >= storage.total {
            asker.troubles.push(Trouble {
                what: format!(
                    "storage {} is full ({} of {})",
                    storage.name, storage.used, storage.total
                ),
                meaning: "no more messages arrive there until some are deleted".to_owned(),
            });
        }
    }
    Ok((found, in_use))
}

async fn messages(asker: &mut Asker<'_>, offers: &mut Vec<Offer>) -> Result<(), ModemError> {
    let meaning = "it cannot be used: MMS notifications need the PDU mode";
    if let Some(lines) = asker.want("AT+CMGF=?", meaning).await? {
        offer(offers, "+CMGF", &lines);
        let list = lines.iter().find_map(|line| value_behind(line, "+CMGF:")).map(fields);
        if list.is_some_and(|list| list.first().is_some_and(|it| !it.offers(0))) {
            asker.trouble("+CMGF=? does not offer the PDU mode (0)", meaning);
        }
    }
    let meaning =
        "new messages are not announced; they are found when the storage is looked through";
    if let Some(lines) = asker.want("AT+CNMI=?", meaning).await? {
        offer(offers, "+CNMI", &lines);
    }
    if let Some(lines) = asker.ask("AT+CSMS=?").await? {
        offer(offers, "+CSMS", &lines);
    }
    Ok(())
}

async fn data(asker: &mut Asker<'_>, offers: &mut Vec<Offer>) -> Result<Vec<Context>, ModemError> {
    let meaning = "data calls need a defined context: sending and fetching MMS will hardly work";
    if let Some(lines) = asker.want("AT+CGDCONT=?", meaning).await? {
        offer(offers, "+CGDCONT", &lines);
        if cgdcont_range(&lines, "IP").cids().is_empty() {
            asker.trouble("+CGDCONT=? offers no context for IP", meaning);
        }
    }
    let defined = asker.ask("AT+CGDCONT?").await?.unwrap_or_default();
    let active = asker.ask("AT+CGACT?").await?.unwrap_or_default();
    let active = active_contexts(&active);
    let contexts = contexts(&defined).into_iter().map(|it| Context {
        active: active.contains(&it.cid),
        cid: it.cid,
        pdp_type: bounded(&it.pdp_type),
        apn: bounded(&it.apn),
    });
    Ok(contexts.collect())
}

async fn number(
    asker: &mut Asker<'_>,
    question: &str,
    code: &str,
) -> Result<Option<u8>, ModemError> {
    let lines = asker.ask(question).await?.unwrap_or_default();
    let list = lines.iter().find_map(|line| value_behind(line, code)).map(fields);
    Ok(list.and_then(|list| list.first()?.number()))
}

fn offer(offers: &mut Vec<Offer>, command: &'static str, lines: &[String]) {
    let code = format!("{command}:");
    let told: Vec<&str> =
        lines.iter().filter_map(|line| value_behind(line, &code)).map(str::trim).collect();
    let answer: String = told.join("; ").chars().take(MAX_OFFER).collect();
    offers.push(Offer { command, answer });
}

/// Received text that goes into a command again.
fn is_name(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric())
}

fn bounded(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).take(100).collect()
}
