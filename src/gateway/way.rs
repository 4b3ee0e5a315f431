//! Which way a message goes now: the configured routes, what stands in the way of each modem and how
//! much it has to do, put to `routing`; and what people see of it.

use super::accept::named;
use super::breaker::SIM_REFUSED;
use super::error::AcceptError;
use super::line::Line;
use super::policy::MmsNotConfigured;
use super::routing::{self, Candidate, SendRoute, Strategy, Wanted};
use super::{Core, Gateway};
use crate::model::{
    Address, Fault, Kind, NewMessage, Timestamp, country_code, international, is_national,
    number_flaw,
};
use crate::store::{StoreError, Way};

/// Finds the way for each recipient of one message.
pub(super) struct Ways<'a> {
    core: &'a Core,
    lines: &'a [Line],
    message: &'a NewMessage,
    routes: &'a [SendRoute],
    /// The modems that may and can carry it, and how much each has to do.
    able: Vec<(&'a Line, usize)>,
    /// The country of the modems, where they have one in common.
    country: Option<String>,
}

/// What was found for a recipient.
pub(super) struct Chosen<'a> {
    pub(super) line: &'a Line,
    pub(super) way: Way,
}

impl<'a> Ways<'a> {
    /// # Errors
    /// When there is no modem for this message at all.
    pub(super) async fn new(
        core: &'a Core,
        lines: &'a [Line],
        message: &'a NewMessage,
        routes: &'a [SendRoute],
    ) -> Result<Self, AcceptError> {
        if message.modem.is_some() && message.route.is_some() {
            return Err(AcceptError::ModemAndRoute);
        }
        let named = message.modem.as_deref().map(|name| named(lines, name)).transpose()?;
        let wanted: Vec<&Line> = named.map_or_else(|| lines.iter().collect(), |line| vec![line]);
        let first = wanted.first().ok_or_else(no_modem)?;
        let may = |line: &&Line| message.origin.may_use(&line.config().name);
        if !wanted.iter().any(&may) {
            return Err(not_allowed(message));
        }
        let able: Vec<&Line> =
            wanted.iter().copied().filter(may).filter(|line| carries(line, message.kind)).collect();
        if able.is_empty() {
            return Err(no_settings(&first.config().name));
        }
        // Who has one modem needs no count.
        let loads = if able.len() > 1 {
            let names = able.iter().map(|line| line.config().name.clone()).collect();
            core.store.backlogs(names).await?
        } else {
            vec![0]
        };
        let country = common_country(able.iter().copied());
        Ok(Self {
            core,
            lines,
            message,
            routes,
            able: able.into_iter().zip(loads).collect(),
            country,
        })
    }

    /// The way of one submission with these recipients.
    ///
    /// # Errors
    /// When no route leads to them, or none of its modems may or can carry it.
    pub(super) async fn choose(
        &mut self,
        recipients: &[Address],
    ) -> Result<Chosen<'a>, AcceptError> {
        let first = recipients.first().ok_or(AcceptError::NoRecipient)?;
        check_numbers(recipients, self.country.as_deref())?;
        let (route, mut by) = match &self.message.modem {
            Some(_) => (None, String::new()),
            None => self.route(first)?,
        };
        if recipients.iter().skip(1).any(|other| self.leads_elsewhere(other, route)) {
            by.push_str(", as the first recipient: all get one message");
        }
        let group: Vec<usize> = (0..self.able.len())
            .filter(|index| {
                route.is_none_or(|route| route.modems.contains(&self.able[*index].0.config().name))
            })
            .collect();
        if let (Some(route), true) = (route, group.is_empty()) {
            return Err(self.none_of(route));
        }
        let (group, narrowed) = self.with_number(group, route)?;
        self.one_country(recipients, &group)?;
        let candidates: Vec<Candidate<'_>> = group
            .iter()
            .map(|index| {
                let (line, load) = self.able[*index];
                let obstacle = line.obstacle(self.message.kind).map(|fault| fault.summary);
                Candidate { name: &line.config().name, obstacle, load }
            })
            .collect();
        let strategy = route.map_or(Strategy::LeastLoaded, |route| route.strategy);
        let before = match strategy {
            Strategy::StickySender => self.core.store.served_by(first).await?,
            Strategy::LeastLoaded => None,
        };
        let (picked, because) =
            routing::pick(&candidates, strategy, before.as_deref()).ok_or_else(no_modem)?;
        let index = group[picked];
        self.able[index].1 += 1;
        let line = self.able[index].0;
        let name = line.config().name.clone();
        let why = match (route, &self.message.modem) {
            (Some(route), _) => {
                Some(format!("by route {} ({by}) to modem {name}, {because}", route.name))
            }
            (None, Some(_)) if self.lines.len() > 1 => {
                Some(format!("by modem {name}, as asked for"))
            }
            (None, None) if self.able.len() > 1 => Some(format!("by modem {name}, {because}")),
            _ => None,
        };
        let way = Way {
            modem: name,
            sim: line.sim(),
            // Who wants a certain number gets no other.
            route: route.filter(|_| !narrowed).map(|route| route.name.clone()),
            why,
            remember: self.lines.len() > 1,
            own_sim: false,
        };
        Ok(Chosen { line, way })
    }

    /// The route for a recipient, and by what it was found; none while none is configured.
    fn route(&self, to: &Address) -> Result<(Option<&'a SendRoute>, String), AcceptError> {
        let routes = self.routes;
        let account = self.message.origin.account.as_deref();
        if let Some(name) = &self.message.route {
            let route = routes.iter().find(|route| route.name == *name).ok_or_else(|| {
                let known = if routes.is_empty() { "none".to_owned() } else { names(routes) };
                AcceptError::NoSuchRoute { name: name.clone(), known }
            })?;
            if let Some(account) = account
                && !route.accounts.is_empty()
                && !route.accounts.iter().any(|one| one == account)
            {
                let (account, route) = (account.to_owned(), name.clone());
                return Err(AcceptError::RouteNotAllowed { account, route });
            }
            return Ok((Some(route), "as asked for".to_owned()));
        }
        if routes.is_empty() {
            return Ok((None, String::new()));
        }
        let to = self.normal(to);
        let wanted = Wanted { to: &to, from: self.message.from.as_ref(), account };
        match routing::find(routes, wanted) {
            Some(found) => Ok((Some(found.route), found.by)),
            None => Err(AcceptError::NoRoute { to, known: names(routes) }),
        }
    }

    fn leads_elsewhere(&self, to: &Address, route: Option<&SendRoute>) -> bool {
        self.message.route.is_none()
            && route.is_some_and(|route| {
                self.route(to).is_ok_and(|(other, _)| other.is_some_and(|it| it.name != route.name))
            })
    }

    /// As patterns see it: in international form where the country is known.
    fn normal(&self, to: &Address) -> Address {
        match &self.country {
            Some(country) => international(to, country),
            None => to.clone(),
        }
    }

    /// Those with the number that is wanted as sender; whether there were others.
    fn with_number(
        &self,
        group: Vec<usize>,
        route: Option<&SendRoute>,
    ) -> Result<(Vec<usize>, bool), AcceptError> {
        let Some(from) = &self.message.from else { return Ok((group, false)) };
        // A route that names the number knows whose it is.
        if route.is_some_and(|route| route.from.iter().any(|own| own.same_party(from))) {
            return Ok((group, false));
        }
        let has_it = |index: &usize| {
            let own = self.able[*index].0.config().own_number.as_ref();
            own.is_some_and(|own| own.same_party(from))
        };
        let narrowed: Vec<usize> = group.iter().copied().filter(has_it).collect();
        if narrowed.is_empty() {
            return Err(AcceptError::UnknownSender { from: from.clone() });
        }
        Ok((narrowed, true))
    }

    /// A number in national form means somebody else in each country.
    fn one_country(&self, recipients: &[Address], group: &[usize]) -> Result<(), AcceptError> {
        let Some(to) = recipients.iter().find(|to| is_national(to)) else { return Ok(()) };
        let mut codes = group.iter().filter_map(|index| country(self.able[*index].0));
        let Some(first) = codes.next() else { return Ok(()) };
        match codes.find(|code| *code != first) {
            Some(other) => Err(AcceptError::NumberAmbiguous {
                to: to.clone(),
                countries: format!("+{first}, +{other}"),
            }),
            None => Ok(()),
        }
    }

    /// Why none of a route's modems carries it.
    fn none_of(&self, route: &SendRoute) -> AcceptError {
        let mut own = self.lines.iter().filter(|line| route.modems.contains(&line.config().name));
        let may = |line: &&Line| self.message.origin.may_use(&line.config().name);
        match own.find(may) {
            Some(line) => no_settings(&line.config().name),
            None => not_allowed(self.message),
        }
    }
}

/// That each is a number that somebody can have; `country` is that of the modems.
///
/// # Errors
/// The first that is not.
pub(super) fn check_numbers(to: &[Address], country: Option<&str>) -> Result<(), AcceptError> {
    let found = to.iter().find_map(|to| Some((to, number_flaw(to, country)?)));
    found.map_or(Ok(()), |(to, flaw)| Err(AcceptError::NoSuchNumber { to: to.clone(), flaw }))
}

fn names(routes: &[SendRoute]) -> String {
    routes.iter().map(|route| route.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether a modem carries messages of this kind at all.
pub(super) fn carries(line: &Line, kind: Kind) -> bool {
    kind == Kind::Sms || line.carries_mms()
}

/// The country code of the number of its SIM.
pub(super) fn country(line: &Line) -> Option<&str> {
    country_code(line.config().own_number.as_ref()?)
}

fn common_country<'a>(lines: impl Iterator<Item = &'a Line>) -> Option<String> {
    let mut codes = lines.filter_map(country);
    let first = codes.next()?;
    codes.all(|code| code == first).then(|| first.to_owned())
}

fn not_allowed(message: &NewMessage) -> AcceptError {
    AcceptError::ModemNotAllowed {
        account: message.origin.account.clone().unwrap_or_default(),
        allowed: message.origin.modems.join(", "),
    }
}

pub(super) fn no_settings(modem: &str) -> AcceptError {
    AcceptError::NotConfigured(MmsNotConfigured { modem: modem.to_owned() }.to_string())
}

fn no_modem() -> AcceptError {
    AcceptError::NotConfigured(
        "no modem is configured: add a [[modem]] with its port to the configuration".to_owned(),
    )
}

impl Line {
    /// What keeps this modem from sending a message of this kind now.
    pub(super) fn obstacle(&self, kind: Kind) -> Option<Fault> {
        let now = self.core().now();
        let shown = self.shown();
        // A refused SIM may try again from some time on, which `held` knows.
        let rests = shown.hold_fault.as_ref().filter(|fault| fault.code != SIM_REFUSED);
        let fault = shown.line_fault.as_ref().or(rests).cloned();
        let held = match kind {
            Kind::Mms => &shown.held.0,
            Kind::Sms => &shown.held.1,
        };
        let held = held.as_ref().filter(|(until, _)| now < *until).map(|(_, fault)| fault.clone());
        drop(shown);
        let cap = || self.cap_reached().filter(|_| kind == Kind::Mms).map(|(_, fault)| fault);
        fault.or(held).or_else(cap)
    }
}

/// A route, and how its modems are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// As it is configured.
    pub route: SendRoute,
    /// Its modems in their order.
    pub modems: Vec<RouteModem>,
}

/// A modem of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteModem {
    /// Its name.
    pub name: String,
    /// Whether it carries MMS.
    pub mms: bool,
    /// Whether it is in service with a SIM.
    pub ready: bool,
    /// Messages that wait for it or are under way.
    pub waiting: usize,
    /// What keeps it from sending MMS or SMS now.
    pub fault: Option<Fault>,
}

/// The way that a message to somebody would go now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteAnswer {
    /// The recipient as the patterns see it.
    pub to: Address,
    /// The route; none where none is configured or a modem is named.
    pub route: Option<String>,
    /// The modem.
    pub modem: String,
    /// Why, in words.
    pub why: String,
    /// What keeps it from sending now.
    pub fault: Option<Fault>,
    /// When another modem of the route takes it over; none: never.
    pub failover: Option<std::time::Duration>,
}

impl Gateway {
    /// The configured routes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn routes(&self) -> Result<Vec<RouteView>, StoreError> {
        let (core, lines) = (&self.inner.core, &self.inner.lines);
        let names: Vec<String> = lines.iter().map(|line| line.config().name.clone()).collect();
        let waiting = core.store.backlogs(names).await?;
        let modem = |name: &String| {
            let (line, waiting) =
                lines.iter().zip(&waiting).find(|(line, _)| line.config().name == *name)?;
            Some(RouteModem {
                name: name.clone(),
                mms: line.carries_mms(),
                ready: line.sim().is_some(),
                waiting: *waiting,
                fault: line.obstacle(Kind::Mms).or_else(|| line.obstacle(Kind::Sms)),
            })
        };
        let sending = core.sending.get();
        let routes = sending.routes.iter().cloned();
        Ok(routes
            .map(|route| RouteView {
                modems: route.modems.iter().filter_map(modem).collect(),
                route,
            })
            .collect())
    }

    /// Which way a message to its first recipient would go; nothing is sent.
    ///
    /// # Errors
    /// [`AcceptError`] as the message would be refused.
    pub async fn way_of(&self, message: &NewMessage) -> Result<RouteAnswer, AcceptError> {
        let (core, lines) = (&self.inner.core, &self.inner.lines);
        let sending = core.sending.get();
        let mut ways = Ways::new(core, lines, message, &sending.routes).await?;
        let to = message.to.first().ok_or(AcceptError::NoRecipient)?;
        let route = match &message.modem {
            Some(_) => None,
            None => ways.route(to)?.0,
        };
        let to = ways.normal(to);
        let chosen = ways.choose(&message.to).await?;
        let name = chosen.way.modem;
        Ok(RouteAnswer {
            to,
            route: route.map(|route| route.name.clone()),
            why: chosen.way.why.unwrap_or_else(|| format!("by modem {name}, the only one")),
            fault: chosen.line.obstacle(message.kind),
            failover: chosen.way.route.and_then(|_| route.and_then(|route| route.failover)),
            modem: name,
        })
    }
}

/// What the gate has said about the next message of a line, by kind of message: MMS, SMS.
pub(super) type Held = (Option<(Timestamp, Fault)>, Option<(Timestamp, Fault)>);
