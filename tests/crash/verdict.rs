//! What has to be true whatever happened to the process: by the operator's and the shop's own books
//! first, then by the gateway's timelines and its database.

use std::collections::BTreeMap;

use mm1gate::codec::sms::{Tpdu, UserData};
use mm1gate::gateway::Gateway;
use mm1gate::model::{Direction, Kind, OutboundState, State};
use mm1gate::store::{Filter, MessageView};
use rusqlite::{Connection, OpenFlags, Row};

use crate::explained::unexplained;
use crate::scene::{Coming, Order, REFUSES, Scene};
use crate::shop::{Told, URLS};

/// X-Mms-Status "retrieved".
const RETRIEVED: u8 = 0x81;
/// What one end of the process can leave in doubt: an M-Send.req and an SMS-SUBMIT.
const IN_DOUBT_EACH: u64 = 2;

/// What stands between this moment and everything being where it belongs.
#[derive(Default)]
pub(crate) struct Verdict {
    /// May still come right.
    pub(crate) open: Vec<String>,
    /// Never will.
    pub(crate) wrong: Vec<String>,
    /// Recipients whose message ended as unknown.
    pub(crate) unknown: usize,
}

/// `deaths`: how often the process ended.
pub(crate) async fn judge(scene: &Scene, gateway: &Gateway, deaths: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let filter = Filter { limit: 1_000, ..Filter::default() };
    let mut all = Vec::new();
    for summary in gateway.messages(filter).await.unwrap() {
        all.extend(gateway.message(&summary.id).await.unwrap());
    }
    let database = open(scene);
    for order in &scene.orders {
        outgoing(&mut verdict, scene, &database, &all, order);
    }
    for coming in &scene.coming {
        incoming(&mut verdict, scene, &all, coming);
    }
    if all.len() > scene.orders.len() + scene.coming.len() {
        verdict.wrong.push(format!("ghost: {} messages are in the store", all.len()));
    }
    strangers(&mut verdict, scene, &database);
    if verdict.unknown as u64 > deaths.saturating_mul(IN_DOUBT_EACH) {
        verdict.wrong.push(format!("lost: {} unknown of {deaths} ends", verdict.unknown));
    }
    for view in &all {
        verdict.wrong.extend(unexplained(view));
    }
    told(&mut verdict, scene, &database, &all);
    let modem = scene.operator.modem().state();
    if modem.stored_sms != [0, 0] || modem.waiting_sms > 0 {
        verdict.open.push(format!(
            "stuck: SMS lie in the storages {:?} and in the network {}",
            modem.stored_sms, modem.waiting_sms
        ));
    }
    verdict
}

/// What may not be there any more at the very end.
pub(crate) async fn leftovers(scene: &Scene, gateway: &Gateway) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(apn) = scene.operator.modem().state().call {
        wrong.push(format!("stuck: a data call to {apn} is still up"));
    }
    for view in gateway.modems().iter().filter(|view| view.condition != "ready") {
        wrong.push(format!("stuck: the modem is '{}'", view.condition));
    }
    for complaint in scene.operator.mmsc().journal().complaints {
        wrong.push(format!("the MMSC complains: {}", complaint.text));
    }
    let database = open(scene);
    for (what, sql) in NOTHING {
        for row in rows(&database, sql, |row| row.get::<_, String>(0)) {
            wrong.push(format!("{what}: {row}"));
        }
    }
    let used: Vec<i64> =
        rows(&database, "SELECT coalesce(sum(octets_out + octets_in), 0) FROM data_month", |row| {
            row.get(0)
        });
    wrong.extend(scene.meter.complaint(used[0].unsigned_abs()));
    let sound: Vec<String> = rows(&database, "PRAGMA integrity_check", |row| row.get(0));
    if sound != ["ok"] {
        wrong.push(format!("the database is damaged: {sound:?}"));
    }
    const KNOWN: [&str; 8] = [
        crate::scene::MARKS,
        "mm1gate.db",
        "mm1gate.db-wal",
        "mm1gate.db-shm",
        mm1gate::store::LOCK_FILE,
        mm1gate::store::PIN_KEY_FILE,
        mm1gate::store::RESERVE_FILE,
        "mm1gate.sock",
    ];
    for entry in std::fs::read_dir(scene.folder()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if !KNOWN.contains(&name.as_str()) {
            wrong.push(format!("a file is left behind: {name}"));
        }
    }
    wrong
}

/// Queries that find nothing, with what they would find.
const NOTHING: [(&str, &str); 9] = [
    (
        "a row points to nothing",
        "SELECT \"table\" || ' ' || rowid || ' -> ' || parent FROM pragma_foreign_key_check",
    ),
    (
        "a part without its message",
        "SELECT message_id || '/' || position FROM part
         WHERE message_id NOT IN (SELECT id FROM message)",
    ),
    (
        "a message without its recipients or its origin",
        "SELECT id FROM message
         WHERE (direction = 'out' AND id NOT IN (SELECT message_id FROM recipient))
            OR (direction = 'in' AND kind = 'mms'
                AND id NOT IN (SELECT message_id FROM inbound))",
    ),
    ("an SMS that was not filed", "SELECT id || ' ' || state FROM tpdu WHERE state <> 'done'"),
    (
        "a report that fits nothing",
        "SELECT mmsc_message_id || ' ' || status FROM report WHERE recipient_id IS NULL",
    ),
    ("an acknowledgement that waits", "SELECT message_id FROM ack WHERE state = 'pending'"),
    ("an event that nobody was told", "SELECT seq || ' ' || type FROM event WHERE id IS NULL"),
    (
        "an event that is still told",
        "SELECT event || ' ' || endpoint || ' ' || state FROM event_delivery
         WHERE state <> 'delivered'",
    ),
    ("a call without its end", "SELECT id || '' FROM data_call WHERE ended_at IS NULL"),
];

fn outgoing(
    verdict: &mut Verdict,
    scene: &Scene,
    database: &Connection,
    all: &[MessageView],
    order: &Order,
) {
    let mark = order.mark;
    let found: Vec<&MessageView> = all
        .iter()
        .filter(|view| view.summary.client_ref.as_deref() == Some(mark))
        .filter(|view| view.summary.direction == Direction::Outbound)
        .collect();
    let view = match (found.as_slice(), &order.id) {
        ([], None) => return verdict.open.push(format!("'{mark}' was not handed in")),
        ([], Some(_)) => {
            return verdict.wrong.push(format!("lost: '{mark}' was accepted and is not there"));
        }
        ([view], _) => *view,
        (several, _) => {
            let count = several.len();
            return verdict.wrong.push(format!("twice: '{mark}' is there {count} times"));
        }
    };
    if order.id.as_ref().is_some_and(|id| *id != view.summary.id) {
        verdict.wrong.push(format!("twice: '{mark}' was accepted under another id"));
    }
    let submissions = rows(
        database,
        &format!(
            "SELECT transaction_id, submission.state, last_released_at IS NOT NULL, address
             FROM submission JOIN recipient ON submission_id = submission.id
             WHERE submission.message_id = '{}'",
            view.summary.id.as_str()
        ),
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?)),
    );
    for (transaction, state, released, address) in submissions {
        let address: String = address;
        let recipient = view.summary.recipients.iter().find(|it| it.address.to_wire() == address);
        let Some(recipient) = recipient else {
            verdict.wrong.push(format!("lost: '{mark}' has no recipient {address}"));
            continue;
        };
        let arrived = match order.kind {
            Kind::Mms => scene.operator.mmsc().journal().submissions(&transaction),
            Kind::Sms => scene
                .operator
                .texts_of(recipient.address.text())
                .iter()
                .filter(|it| it.text == order.text())
                .count(),
        };
        let what = format!("'{mark}' to {}", recipient.address);
        if arrived > 1 {
            verdict.wrong.push(format!("twice: {what} was taken {arrived} times"));
        }
        let wanted = match (order.kind, recipient.address.text()) {
            (Kind::Mms, REFUSES) => OutboundState::Undelivered,
            _ => OutboundState::Delivered,
        };
        match (recipient.state, arrived) {
            (state, 1) if state == wanted => {}
            (OutboundState::Unknown, 0) => {
                verdict.unknown += 1;
                let released: bool = released;
                if !released && order.kind == Kind::Mms {
                    verdict.wrong.push(format!("lost: {what} is unknown and was never released"));
                }
            }
            // A report that was handed to a port whose reader was gone has left no trace anywhere.
            (OutboundState::Unknown | OutboundState::Sent, 1)
                if order.kind == Kind::Sms && a_report_never_came(database) =>
            {
                verdict.unknown += 1;
            }
            (
                found @ (OutboundState::Failed | OutboundState::Expired | OutboundState::Canceled),
                _,
            ) => {
                verdict.wrong.push(format!("lost: {what} is {found}, taken {arrived} times"));
            }
            (found, _) => verdict.open.push(format!(
                "stuck: {what} is {found} ({state}), taken {arrived} times, and was to be {wanted}"
            )),
        }
    }
}

/// Whether fewer status reports are here than parts of the one text that goes out.
fn a_report_never_came(database: &Connection) -> bool {
    let count = |table: &str| -> i64 {
        rows(database, &format!("SELECT count(*) FROM {table}"), |row| row.get(0))[0]
    };
    count("sms_report") < count("segment")
}

fn incoming(verdict: &mut Verdict, scene: &Scene, all: &[MessageView], coming: &Coming) {
    let mark = coming.mark;
    let found: Vec<&MessageView> = all
        .iter()
        .filter(|view| {
            let summary = &view.summary;
            summary.direction == Direction::Inbound
                && summary.kind == coming.kind
                && match coming.kind {
                    Kind::Mms => summary.subject.as_deref() == Some(mark),
                    Kind::Sms => summary.text.as_ref() == Some(&coming.text),
                }
        })
        .collect();
    let view = match found.as_slice() {
        [] => return verdict.open.push(format!("lost: '{mark}' has not come in")),
        [view] => *view,
        several => {
            let count = several.len();
            return verdict.wrong.push(format!("twice: '{mark}' has come in {count} times"));
        }
    };
    let summary = &view.summary;
    if !summary.kind.is_settled(summary.state) {
        let state = summary.state.as_str();
        return verdict.open.push(format!("stuck: '{mark}' is {state}"));
    }
    if summary.kind == Kind::Sms {
        return;
    }
    if summary.state.as_str() != "acknowledged" || summary.text.as_ref() != Some(&coming.text) {
        verdict.wrong.push(format!(
            "lost: '{mark}' is {} and says {:?}",
            summary.state.as_str(),
            summary.text
        ));
    }
    if let Some(picture) = &coming.picture {
        let times = summary.parts.iter().filter(|part| part.sha256 == *picture).count();
        if times != 1 {
            verdict.wrong.push(format!("lost: '{mark}' has its picture {times} times"));
        }
    }
    let journal = scene.operator.mmsc().journal();
    let told = view.notification.as_ref().and_then(|(transaction, _)| {
        journal.stored.iter().find(|it| it.transaction_id == *transaction)?.acknowledged
    });
    if told != Some(RETRIEVED) {
        verdict.open.push(format!("stuck: the MMSC has {told:?} of '{mark}'"));
    }
}

/// What the network got that no message of the store stands for, and parts of texts that it got twice.
fn strangers(verdict: &mut Verdict, scene: &Scene, database: &Connection) {
    let known: Vec<String> =
        rows(database, "SELECT transaction_id FROM submission", |row| row.get(0));
    let journal = scene.operator.mmsc().journal();
    for id in journal.submitted_ids() {
        if !known.iter().any(|one| one == id) {
            verdict.wrong.push(format!("ghost: the MMSC took {id}, which nobody knows"));
        }
    }
    let mut seen: Vec<(String, UserData)> = Vec::new();
    for submitted in scene.operator.state().submitted_sms {
        let octets = hex::decode(&submitted.tpdu).unwrap();
        let Tpdu::Submit(submit) = Tpdu::from_mobile(&octets).unwrap().value else { continue };
        let one = (submit.destination.to_string(), submit.user_data);
        if seen.contains(&one) {
            verdict.wrong.push("twice: part of a text was submitted again".to_owned());
        }
        seen.push(one);
    }
}

/// The shop was told of each end, of each event at least once, always in the same words, and at one of
/// its URLs in their order.
fn told(verdict: &mut Verdict, scene: &Scene, database: &Connection, all: &[MessageView]) {
    let events = rows(
        database,
        "SELECT coalesce(id, ''), coalesce(body, ''), type, coalesce(message_id, ''),
                coalesce(recipient, '')
         FROM event ORDER BY seq",
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                [row.get::<_, String>(2)?, row.get(3)?, row.get(4)?],
            ))
        },
    );
    for view in all {
        let id = view.summary.id.as_str();
        let mut wanted = Vec::new();
        match (view.summary.state, view.summary.kind) {
            (State::Out(_), _) => {
                wanted.extend(
                    view.summary.recipients.iter().filter(|it| it.state.is_settled()).map(|it| {
                        [format!("message.{}", it.state), id.to_owned(), it.address.to_wire()]
                    }),
                );
            }
            (State::In(_), Kind::Sms) => {
                wanted.push(["sms.received".to_owned(), id.to_owned(), String::new()]);
            }
            (State::In(_), Kind::Mms) => {
                let kinds = ["message.announced", "message.received"];
                wanted.extend(kinds.map(|kind| [kind.to_owned(), id.to_owned(), String::new()]));
            }
        }
        for one in wanted {
            let times = events.iter().filter(|(.., event)| *event == one).count();
            if times != 1 && view.summary.kind.is_settled(view.summary.state) {
                verdict.wrong.push(format!("untold: there are {times} events {one:?}"));
            }
        }
    }
    let heard = scene.shop.told();
    for url in URLS {
        let here: Vec<&Told> = heard.iter().filter(|one| one.url == url).collect();
        let mut first_taken = BTreeMap::new();
        for (position, one) in here.iter().enumerate() {
            match events.iter().find(|(id, ..)| *id == one.id) {
                None => verdict.wrong.push(format!("untold: nobody knows the event {}", one.id)),
                Some((_, body, _)) if *body != one.body => {
                    verdict.wrong.push(format!("untold: {} was told in other words", one.id));
                }
                Some(_) if one.taken => {
                    first_taken.entry(one.id.as_str()).or_insert(position);
                }
                Some(_) => {}
            }
        }
        let mut before = None;
        for (id, _, event) in &events {
            match first_taken.get(id.as_str()) {
                None => verdict.open.push(format!("untold: {url} has not heard of {event:?}")),
                at if url == URLS[0] && at < before => {
                    verdict.wrong.push(format!("untold: {event:?} came out of its order"));
                }
                at => before = at,
            }
        }
    }
}

fn open(scene: &Scene) -> Connection {
    let file = scene.folder().join(mm1gate::store::DB_FILE);
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn rows<T>(
    database: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut select = database.prepare(sql).unwrap();
    select.query_map([], |row| read(row)).unwrap().map(Result::unwrap).collect()
}
