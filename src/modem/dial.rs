//! The PDP context and the call (3GPP TS 27.007 clauses 10.1.1, 10.1.10 and 10.2).

use std::time::Duration;

use super::call_over::Dialled;
use super::driver::{Driver, pump_one};
use super::line::{Reply, command};
use super::profile::{Dial, StepPort};
use super::{ModemError, PdpAuth, PdpContext, Registration};
use crate::codec::at::{
    ArgumentError, Context, FinalResult, Unsolicited, active_contexts, cgdcont_range, checked,
    contexts, dynamic_contexts, value_behind,
};
use crate::model::Stage;
use crate::proto::at::Kind;

/// How long registration may take when a call is wanted.
const REGISTRATION_LIMIT: Duration = Duration::from_secs(30);
/// How long CONNECT is waited for the first time: more often the answer has got lost than the network
/// is that slow. LTE gives up within 40 s (3GPP TS 24.301 clause 10.3: T3482, 8 s five times), GPRS
/// may take 150 s (TS 24.008 clause 11.2.2: T3380, 30 s five times); that is for the next time.
const FIRST_CONNECT: Duration = Duration::from_secs(60);
/// Context identifiers tried when the modem does not tell its range.
const USUAL_CIDS: [u8; 3] = [1, 2, 3];

impl Dial {
    /// The template that defines the context.
    fn definition(&self, wanted: &PdpContext) -> &str {
        let named = matches!(wanted.auth, PdpAuth::Pap | PdpAuth::Chap);
        self.define_auth.as_deref().filter(|_| named).unwrap_or(&self.define)
    }
}

impl Driver {
    /// Answers on what it has dialled and the octets that came behind CONNECT. Where modem or network
    /// refuses a context for both versions of IP, it is dialled for one, and from then on at once.
    pub(super) async fn dial(
        &mut self,
        wanted: &PdpContext,
    ) -> Result<(Dialled, Vec<u8>), ModemError> {
        check(wanted)?;
        if !wanted.pdp_type.eq_ignore_ascii_case("IPV4V6") {
            return self.dial_one(wanted).await;
        }
        let of = |kind: &str| PdpContext { pdp_type: kind.to_owned(), ..wanted.clone() };
        if let Some((apn, kind)) = &self.narrowed
            && *apn == wanted.apn
        {
            return self.dial_one(&of(kind)).await;
        }
        self.narrowed = None;
        let refused = match self.dial_one(wanted).await {
            Err(error @ (ModemError::ContextRefused { .. } | ModemError::CallFailed { .. })) => {
                error
            }
            other => return other,
        };
        let Some(kind) = narrower(&refused) else { return Err(refused) };
        tracing::info!(kind, "a context for IPv4 and IPv6 is refused: {refused}");
        self.narrowed = Some((wanted.apn.clone(), kind));
        let dialled = self.dial_one(&of(kind)).await;
        if dialled.is_err() {
            // It was not that.
            self.narrowed = None;
        }
        dialled
    }

    async fn dial_one(&mut self, wanted: &PdpContext) -> Result<(Dialled, Vec<u8>), ModemError> {
        self.at()?;
        self.dialling = None;
        let attached = match self.attach().await {
            Ok(attached) => attached,
            // The reason why, where the registration tells it.
            Err(error @ ModemError::NotAttached { .. }) => {
                let sms_only = self.ask_registration().await? == Registration::SmsOnly;
                return Err(if sms_only { ModemError::SmsOnly } else { error });
            }
            Err(error) => return Err(error),
        };
        self.wait_for_data(REGISTRATION_LIMIT, attached).await?;
        if self.registered.data_roams() && !self.config.roaming {
            return Err(ModemError::Roaming);
        }
        let profile = self.profile();
        self.routed(&profile.dial.before, StepPort::Control).await?;
        let (mut cid, was_active) = self.define(wanted).await?;
        self.stages.tell(Stage::ContextSet { cid, apn: wanted.apn.clone() });
        if wanted.auth != PdpAuth::Any {
            let limit = self.command_timeout();
            let none = wanted.auth == PdpAuth::None;
            for auth in if none { &profile.dial.auth_none } else { &profile.dial.auth } {
                let text = filled(auth, cid, wanted);
                // PPP asks again; a modem that does not know the command needs no telling.
                if self.at()?.optional(&text, limit).await?.result.is_ok() {
                    break;
                }
            }
        }
        self.routed(&profile.dial.prepare, StepPort::Data).await?;
        // A restart before this has nothing to do with dialling.
        self.tell_news();
        if !self.ready {
            return Err(self.lost_by());
        }
        self.next_call();
        // Some keep it high for ever.
        let carrier_tells =
            self.dialer()?.port.as_mut().and_then(|port| port.carrier()) == Some(false);
        let mut call = Dialled { cid, was_active, carrier_tells };
        self.learn_name_servers(call).await?;
        let mut connected = self.connect(call, wanted).await?;
        // Some modems define many contexts and dial only the first.
        if let Err(answer) = &connected
            && answer.is_unsupported()
            && cid != 1
            && self.take_first(wanted).await?
        {
            cid = 1;
            call = Dialled { cid, was_active: false, ..call };
            self.learn_name_servers(call).await?;
            self.stages.tell(Stage::ContextSet { cid, apn: wanted.apn.clone() });
            connected = self.connect(call, wanted).await?;
        }
        if let Err(answer) = &connected {
            let cause = self.cause().await?;
            if has_connection_already(answer, &cause)
                && let Some(other) = self.context_in_use(wanted).await?
                && other != cid
            {
                cid = other;
                call = Dialled { cid, was_active: true, ..call };
                self.learn_name_servers(call).await?;
                self.stages.tell(Stage::ContextSet { cid, apn: wanted.apn.clone() });
                connected = self.connect(call, wanted).await?;
            }
        }
        match connected {
            Ok((text, leftover)) => {
                self.stages.tell(Stage::Connected { text });
                Ok((call, leftover))
            }
            Err(answer) => {
                let cause = self.cause().await?;
                Err(failure(&answer, &cause, &wanted.apn))
            }
        }
    }

    /// The context over which the network gives this APN already: it allows no second one.
    async fn context_in_use(&mut self, wanted: &PdpContext) -> Result<Option<u8>, ModemError> {
        let limit = self.command_timeout();
        let given = dynamic_contexts(&self.at()?.optional("AT+CGCONTRDP", limit).await?.lines);
        if let Some(context) = given.iter().find(|it| same_apn(it, wanted)) {
            return Ok(Some(context.cid));
        }
        // A modem that does not tell what the network gave: the only one that is active is it.
        let active = active_contexts(&self.at()?.optional("AT+CGACT?", limit).await?.lines);
        Ok(if let [only] = &*active { Some(*only) } else { None })
    }

    /// Defines the first context, unless it is the attach bearer or in use.
    async fn take_first(&mut self, wanted: &PdpContext) -> Result<bool, ModemError> {
        let limit = self.command_timeout();
        let defined = contexts(&self.at()?.optional("AT+CGDCONT?", limit).await?.lines);
        let active = active_contexts(&self.at()?.optional("AT+CGACT?", limit).await?.lines);
        let attached = self.first_context_attaches();
        let reserved = &self.profile().dial.reserved;
        if !candidates(&[1], &defined, &active, attached, reserved).contains(&1) {
            return Ok(false);
        }
        let text = filled(self.profile().dial.definition(wanted), 1, wanted);
        Ok(self.at()?.response(&text, limit).await?.result.is_ok())
    }

    fn first_context_attaches(&self) -> bool {
        self.registered.on_lte || self.profile().quirks.first_context_attaches
    }

    /// Whether the modem says that it is attached to the packet service.
    async fn attach(&mut self) -> Result<bool, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.optional("AT+CGATT?", limit).await?;
        let state = response.lines.iter().find_map(|line| value_behind(line, "+CGATT:"));
        if state != Some("0") {
            // Attached, or a modem that does not tell.
            return Ok(state == Some("1"));
        }
        let limit = self.profile().timeouts.attach;
        let response = self.at()?.response("AT+CGATT=1", limit).await?;
        if response.result.is_ok() {
            // It has agreed to try: only the registration tells.
            return Ok(false);
        }
        Err(ModemError::NotAttached { answer: response.result.to_string() })
    }

    /// Finds the context of this APN, or defines it where none is in use; whether it is active.
    async fn define(&mut self, wanted: &PdpContext) -> Result<(u8, bool), ModemError> {
        let limit = self.command_timeout();
        let defined = contexts(&self.at()?.optional("AT+CGDCONT?", limit).await?.lines);
        // On LTE the network refuses a second connection to the same APN: one that carries more
        // than what is wanted serves as well.
        let exact = |it: &&Context| it.pdp_type.eq_ignore_ascii_case(&wanted.pdp_type);
        let wider = |it: &&Context| it.pdp_type.eq_ignore_ascii_case("IPV4V6");
        let same = || defined.iter().filter(|it| same_apn(it, wanted));
        let active = active_contexts(&self.at()?.optional("AT+CGACT?", limit).await?.lines);
        // Unless just that was refused.
        let wider = || same().find(wider).filter(|_| self.narrowed.is_none());
        if let Some(context) = same().find(exact).or_else(wider) {
            return Ok((context.cid, active.contains(&context.cid)));
        }
        let range = self.at()?.optional("AT+CGDCONT=?", limit).await?;
        let range = cgdcont_range(&range.lines, &wanted.pdp_type);
        let cids = if range.cids().is_empty() { &USUAL_CIDS[..] } else { range.cids() };
        let profile = self.profile();
        let attached = self.first_context_attaches();
        let candidates = candidates(cids, &defined, &active, attached, &profile.dial.reserved);
        let mut refused = None;
        for cid in candidates {
            let text = filled(profile.dial.definition(wanted), cid, wanted);
            let response = self.at()?.response(&text, limit).await?;
            if response.result.is_ok() {
                return Ok((cid, false));
            }
            refused = Some(response.result);
        }
        Err(match refused {
            Some(result) => {
                ModemError::ContextRefused { apn: wanted.apn.clone(), answer: result.to_string() }
            }
            None => ModemError::NoFreeContext { apn: wanted.apn.clone() },
        })
    }

    /// The text behind CONNECT and the octets behind it, or the last refusal.
    async fn connect(
        &mut self,
        call: Dialled,
        wanted: &PdpContext,
    ) -> Result<Result<(String, Vec<u8>), FinalResult>, ModemError> {
        let profile = self.profile();
        let longest = profile.dial.connect_timeout;
        let limit = if self.silent_dial { longest } else { longest.min(FIRST_CONNECT) };
        let cid = call.cid;
        let mut strings: Vec<String> =
            profile.dial.dial.iter().map(|it| filled(it, cid, wanted)).collect();
        // It dials context 1, or the last one: certain only when both are the same.
        strings.extend(profile.dial.dial_default.clone().filter(|_| cid == 1));
        let mut answer = FinalResult::Error;
        for text in strings {
            self.dialling = Some(call);
            let reply = self.dial_with(&text, limit).await?;
            self.silent_dial = matches!(reply, Reply::TimedOut { .. });
            match reply {
                Reply::Connected { text, leftover } => {
                    self.dialling = None;
                    return Ok(Ok((text, leftover)));
                }
                Reply::Response(response) => {
                    self.dialling = None;
                    answer = response.result;
                    if !answer.is_unsupported() {
                        break;
                    }
                }
                Reply::TimedOut { .. } => {
                    // The modem may still be dialling; it must take commands again.
                    self.end_dialling().await?;
                    let apn = wanted.apn.clone();
                    return Err(ModemError::NoConnect { apn, seconds: limit.as_secs() });
                }
            }
        }
        Ok(Err(answer))
    }

    /// Dials, and listens on the control port meanwhile.
    async fn dial_with(&mut self, text: &str, limit: Duration) -> Result<Reply, ModemError> {
        let line = command(text)?;
        let Some(data) = self.data.as_mut() else {
            return self.at()?.run(line, Kind::Dial, limit).await;
        };
        let mut dialled = std::pin::pin!(data.run(line, Kind::Dial, limit));
        loop {
            tokio::select! {
                biased;
                reply = &mut dialled => return reply,
                pumped = pump_one(&mut self.control) => {
                    pumped?;
                    let mut news = self.control.iter().flat_map(|line| &line.news);
                    if news.any(|it| matches!(it, Unsolicited::Started)) {
                        return Err(ModemError::Restarted);
                    }
                }
            }
        }
    }

    /// The network's own reason, where the modem knows it.
    async fn cause(&mut self) -> Result<String, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.optional("AT+CEER", limit).await?;
        let told = response.lines.iter().find_map(|line| value_behind(line, "+CEER:"));
        Ok(told.unwrap_or_default().trim_matches('"').to_owned())
    }
}

/// Free context identifiers in the order in which they are worth trying. The first context is the
/// attach bearer on LTE and must not be touched there; what is active is never redefined.
fn candidates(
    cids: &[u8],
    defined: &[Context],
    active: &[u8],
    on_lte: bool,
    reserved: &[u8],
) -> Vec<u8> {
    let cids: Vec<u8> = cids.iter().copied().filter(|cid| !reserved.contains(cid)).collect();
    let cids = &cids[..];
    let free = |cid: &&u8| !active.contains(cid);
    let known = |cid: u8| defined.iter().find(|context| context.cid == cid);
    let mut order: Vec<u8> = Vec::new();
    // A modem without any definition is one that expects the first.
    if defined.is_empty() && active.is_empty() && !on_lte && cids.contains(&1) {
        order.push(1);
    }
    let rest = || cids.iter().filter(free).filter(|cid| **cid != 1);
    order.extend(rest().filter(|cid| known(**cid).is_none()));
    order.extend(rest().filter(|cid| known(**cid).is_some_and(|it| it.apn.is_empty())));
    // Overwriting somebody's definition is better than no call, except for the operator's own.
    let own = |apn: &str| {
        ["ims", "sos", "xcap", "vzwims", "vzwadmin", "emergency"]
            .iter()
            .any(|name| apn.eq_ignore_ascii_case(name))
    };
    order.extend(
        rest().filter(|cid| known(**cid).is_some_and(|it| !it.apn.is_empty() && !own(&it.apn))),
    );
    // On LTE only where it is nobody's: the attach bearer is always defined.
    let nobodys = !on_lte || known(1).is_none();
    if nobodys && cids.contains(&1) && !active.contains(&1) && !order.contains(&1) {
        order.push(1);
    }
    order
}

fn same_apn(context: &Context, wanted: &PdpContext) -> bool {
    // The network may have put its own suffix behind the name.
    let apn = context.apn.to_ascii_lowercase();
    // u-blox keeps the way of authentication in front of it.
    let apn = ["chap:", "pap:"].iter().find_map(|it| apn.strip_prefix(it)).unwrap_or(&apn);
    let name = wanted.apn.to_ascii_lowercase();
    apn == name
        || apn
            .strip_prefix(&name)
            .is_some_and(|rest| rest.starts_with(".mnc") && rest.ends_with(".gprs"))
}

/// Fills a template of the profile with arguments that [`check`] has passed.
fn filled(template: &str, cid: u8, wanted: &PdpContext) -> String {
    let (auth, auth_name) = match wanted.auth {
        PdpAuth::Any | PdpAuth::None => ("0", ""),
        PdpAuth::Pap => ("1", "PAP"),
        PdpAuth::Chap => ("2", "CHAP"),
    };
    let pdp_number = match wanted.pdp_type.as_str() {
        "IPV6" => "2",
        "IPV4V6" => "3",
        _ => "1",
    };
    let values = [
        ("{cid}", cid.to_string()),
        ("{pdp_type}", wanted.pdp_type.clone()),
        ("{apn}", wanted.apn.clone()),
        ("{user}", wanted.user.clone()),
        ("{password}", wanted.password.expose().to_owned()),
        ("{auth}", auth.to_owned()),
        ("{auth_name}", auth_name.to_owned()),
        ("{pdp_number}", pdp_number.to_owned()),
    ];
    let mut out = String::new();
    let mut rest = template;
    // In one pass, so that a value that looks like a placeholder stays what it is.
    while let Some(at) = rest.find('{') {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        match values.iter().find(|(name, _)| behind.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(value);
                rest = behind.get(name.len()..).unwrap_or_default();
            }
            None => {
                out.push('{');
                rest = behind.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn check(wanted: &PdpContext) -> Result<(), ModemError> {
    let arguments: [(&'static str, &str); 4] = [
        ("the APN", &wanted.apn),
        ("the PDP type", &wanted.pdp_type),
        ("the user name", &wanted.user),
        ("the password", wanted.password.expose()),
    ];
    for (what, text) in arguments {
        let refuse = |reason: ArgumentError| ModemError::Argument { what, reason };
        checked(text).map_err(refuse)?;
    }
    Ok(())
}

/// The type of context to try when one for both versions of IP was refused, unless the reason is
/// another one (3GPP TS 24.008 clause 10.5.6.6: causes 28, 32, 33, 50, 51 and 52).
fn narrower(refused: &ModemError) -> Option<&'static str> {
    let (ModemError::ContextRefused { answer, .. } | ModemError::CallFailed { answer, .. }) =
        refused
    else {
        return None;
    };
    let text = answer.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["ipv6 only"]) {
        return Some("IPV6");
    }
    let about_type = ["ipv4 only", "single address", "pdp type", "pdn type", "service option"];
    if says(&about_type) {
        return Some("IP");
    }
    let other = ["missing or unknown", "access point", "authentic", "barr"];
    (matches!(refused, ModemError::ContextRefused { .. }) && !says(&other)).then_some("IP")
}

/// Whether the network refuses a second connection to the same access point (3GPP TS 24.301 cause
/// 55, 27.007 code 177).
fn has_connection_already(answer: &FinalResult, cause: &str) -> bool {
    let told = format!("{answer} {cause}").to_ascii_lowercase();
    answer.cme() == Some(177)
        || told.contains("multiple pdn")
        || told.contains("pdn connection already")
        || told.contains("already exists")
}

fn failure(answer: &FinalResult, cause: &str, apn: &str) -> ModemError {
    let apn = apn.to_owned();
    let lower = cause.to_ascii_lowercase();
    let about_context = ["apn", "access point", "authentic", "subscribed", "pdp", "pdn", "option"]
        .iter()
        .any(|word| lower.contains(word));
    let by_code = matches!(answer.cme(), Some(103..=114 | 127..=134 | 148 | 149 | 177));
    let answer = if cause.is_empty() { answer.to_string() } else { format!("{answer} ({cause})") };
    if about_context || by_code {
        ModemError::ContextRefused { apn, answer }
    } else {
        ModemError::CallFailed { apn, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::redact::Secret;

    fn context(cid: u8, apn: &str) -> Context {
        Context { cid, pdp_type: "IP".into(), apn: apn.into() }
    }

    fn wanted(apn: &str) -> PdpContext {
        PdpContext {
            apn: apn.into(),
            pdp_type: "IP".into(),
            user: "{cid}".into(),
            password: Secret::new("p"),
            auth: PdpAuth::Chap,
        }
    }

    #[test]
    fn attach_bearer_is_never_a_candidate() {
        let defined = [context(1, "internet")];
        assert_eq!(candidates(&[1, 2, 3], &defined, &[1], true, &[]), [2, 3]);
        assert_eq!(candidates(&[1], &defined, &[], true, &[]), Vec::<u8>::new());
        assert_eq!(candidates(&[1, 2], &[], &[], true, &[]), [2, 1]);
        assert_eq!(candidates(&[1, 2], &defined, &[1], false, &[]), [2]);
        assert_eq!(candidates(&[1, 2, 100], &defined, &[1], true, &[100]), [2]);
    }

    #[test]
    fn free_contexts_come_before_those_of_others() {
        let defined = [context(1, "a"), context(2, "b"), context(3, ""), context(4, "ims")];
        assert_eq!(candidates(&[1, 2, 3, 4, 5], &defined, &[], false, &[]), [5, 3, 2, 1]);
        assert_eq!(candidates(&[1, 2, 3], &[], &[], false, &[]), [1, 2, 3]);
    }

    #[test]
    fn apn_with_the_networks_suffix_is_the_same() {
        assert!(same_apn(&context(2, "MMS.example"), &wanted("mms.example")));
        assert!(same_apn(&context(2, "mms.example.mnc001.mcc262.gprs"), &wanted("mms.example")));
        assert!(!same_apn(&context(2, "mms.example2"), &wanted("mms.example")));
    }

    #[test]
    fn templates_are_filled_once() {
        let text = filled("AT+CGAUTH={cid},{auth},\"{user}\",\"{x}\"", 4, &wanted("a"));
        assert_eq!(text, "AT+CGAUTH=4,2,\"{cid}\",\"{x}\"");
    }

    #[test]
    fn injection_through_the_configuration_is_refused() {
        let error = check(&wanted("mms\",\"x")).unwrap_err();
        assert_eq!(error, ModemError::Argument { what: "the APN", reason: ArgumentError::Quote });
        let mut context = wanted("mms");
        context.user = "a\rAT+CFUN=0".into();
        assert!(check(&context).is_err());
    }

    #[test]
    fn context_for_both_versions_is_narrowed_by_the_reason_of_its_refusal() {
        let refused =
            |answer: &str| ModemError::ContextRefused { apn: "mms".into(), answer: answer.into() };
        for (answer, kind) in [
            ("NO CARRIER (PDP type IPv4 only allowed)", Some("IP")),
            ("NO CARRIER (PDP type IPv6 only allowed)", Some("IPV6")),
            ("+CME ERROR: 129 (Unknown PDP address or PDP type)", Some("IP")),
            ("NO CARRIER (requested service option not subscribed)", Some("IP")),
            ("ERROR", Some("IP")),
            ("NO CARRIER (Missing or unknown APN)", None),
            ("NO CARRIER (user authentication failed)", None),
        ] {
            assert_eq!(narrower(&refused(answer)), kind, "{answer}");
        }
        let lost = ModemError::CallFailed { apn: "mms".into(), answer: "NO CARRIER".into() };
        assert_eq!(narrower(&lost), None);
    }

    #[test]
    fn refusal_of_the_context_is_told_from_a_lost_call() {
        let cme = FinalResult::parse("+CME ERROR: 133").unwrap();
        assert!(matches!(failure(&cme, "", "a"), ModemError::ContextRefused { .. }));
        let cause = failure(&FinalResult::NoCarrier, "Missing or unknown APN", "a");
        assert!(cause.to_string().contains("NO CARRIER (Missing or unknown APN)"), "{cause}");
        let lost = failure(&FinalResult::NoCarrier, "", "a");
        assert!(matches!(lost, ModemError::CallFailed { .. }));
    }
}
