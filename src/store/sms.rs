//! Short messages and pushes, raw first: what the modem holds is stored before it is deleted
//! there, and what cannot be read is kept with its octets.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::inbound::{self, Noted, Notification};
use super::reports::{self, Report};
use super::rows::{self, Entry};
use super::texts::text_part;
use super::withdrawal::{self, Withdrawal};
use super::{Change, Store, StoreError, Wish, opt_out};
use crate::model::{Address, Fault, InboundState, MessageId, Part, Timestamp};

/// How much later a short message must be shown again for that to be written down, milliseconds.
const SEEN_STEP: i64 = 3_600_000;

/// A short message as the modem gave it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewTpdu {
    /// IMSI of the SIM that received it.
    pub sim: String,
    /// The modem's name.
    pub modem: String,
    /// Where the modem holds it, for people.
    pub slot: String,
    /// The octets.
    pub octets: Bytes,
    /// What it is known again by: its octets, but for what another delivery of it may change.
    pub identity: Bytes,
    /// It was found by the first look through the SIM.
    pub first_sweep: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptTpdu {
    /// Names it towards the store.
    pub key: i64,
    /// The same octets came from this SIM before; they were only deleted too late.
    pub duplicate: bool,
}

/// A short message that waits for its siblings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTpdu {
    /// Names it towards the store.
    pub key: i64,
    /// The octets.
    pub octets: Bytes,
    /// When it came.
    pub received_at: Timestamp,
    /// It was found by the first look through the SIM.
    pub first_sweep: bool,
    /// It is no news, whatever its time stamp.
    pub historic: bool,
    /// What it is shown in already, though siblings are missing.
    pub shown: Option<ShownSms>,
}

/// A short message that is shown though parts of it are missing: names it towards the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownSms(i64);

/// What a run of short messages turned out to be.
#[derive(Clone)]
pub struct NewPush {
    /// IMSI of the SIM that received it.
    pub sim: String,
    /// The modem's name.
    pub modem: String,
    /// The short messages it came in.
    pub tpdus: Vec<i64>,
    /// Our id, should it become a message.
    pub id: MessageId,
    /// The push as it came, WSP headers included.
    pub octets: Bytes,
    /// Its content type, when it could be read.
    pub content_type: Option<String>,
    /// What it is.
    pub what: PushKind,
    /// It was on the SIM before the gateway first saw that SIM.
    pub historic: bool,
}

/// What a push is.
#[derive(Debug, Clone)]
pub enum PushKind {
    /// M-Notification.ind.
    Notification(Notification),
    /// M-Delivery.ind or M-Read-Orig.ind, one for each address in it.
    Reports(Vec<Report>),
    /// M-Cancel.req.
    Withdrawal(Withdrawal),
    /// Content that is none of ours, for people to see.
    Other {
        /// The content.
        body: Bytes,
    },
    /// Meant for us, but it cannot be read.
    Undecodable {
        /// What is wrong with it.
        fault: Fault,
    },
}

/// What filing a push changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filed {
    /// Messages that changed.
    pub changes: Vec<Change>,
    /// The message it made or repeated, if any.
    pub message: Option<MessageId>,
    /// It is known already.
    pub repeated: bool,
}

/// A plain short message, its segments joined.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSms {
    /// IMSI of the SIM that received it.
    pub sim: String,
    /// The modem's name.
    pub modem: String,
    /// The short messages it came in.
    pub tpdus: Vec<i64>,
    /// Our id, unless it is shown already.
    pub id: MessageId,
    /// Where it is shown already, without some of its parts.
    pub shown: Option<ShownSms>,
    /// Sender, when it could be read: a number or a name.
    pub from: Option<Address>,
    /// When the service centre got it, by its clock.
    pub sent_at: Option<Timestamp>,
    /// Message class, 0 to 3.
    pub class: Option<u8>,
    /// Text, when it is one.
    pub text: Option<String>,
    /// User data as it came.
    pub octets: Bytes,
    /// The port that data is for.
    pub port: Option<u16>,
    /// Segments in all.
    pub segments: u8,
    /// Those that did not come in time; the others wait for them.
    pub missing: Vec<u8>,
    /// Why it is shown without them.
    pub fault: Option<Fault>,
    /// It was on the SIM before the gateway first saw that SIM.
    pub historic: bool,
    /// Its sender wants nothing more from us, or wants it again.
    pub wish: Option<Wish>,
}

impl Store {
    /// Makes short messages durable; afterwards the modem may forget them. Answers in the order
    /// given.
    ///
    /// # Errors
    /// When the store fails; the modem must keep them then.
    pub async fn keep_tpdus(
        &self,
        tpdus: Vec<NewTpdu>,
        at: Timestamp,
    ) -> Result<Vec<KeptTpdu>, StoreError> {
        self.write(move |db| tpdus.iter().map(|tpdu| keep(db, tpdu, at)).collect()).await
    }

    /// The short messages of a SIM that wait for their siblings, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_tpdus(&self, sim: &str) -> Result<Vec<PendingTpdu>, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT id, octets, received_at, first_sweep, historic, sms_id FROM tpdu
                 WHERE state = 'pending' AND sim = ?1 ORDER BY id",
            )?;
            let rows = select
                .query_map([sim], |row| {
                    Ok(PendingTpdu {
                        key: row.get(0)?,
                        octets: Bytes::from(row.get::<_, Vec<u8>>(1)?),
                        received_at: Timestamp::from_millis(row.get(2)?),
                        first_sweep: row.get(3)?,
                        historic: row.get(4)?,
                        shown: row.get::<_, Option<i64>>(5)?.map(ShownSms),
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    /// Marks short messages that no further step can read (`undecodable`), or whose siblings
    /// never came (`incomplete`). Their octets stay.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_tpdus_aside(
        &self,
        keys: Vec<i64>,
        state: TpduFate,
        note: &str,
    ) -> Result<(), StoreError> {
        let note = note.to_owned();
        self.write(move |db| {
            for key in &keys {
                db.prepare_cached("UPDATE tpdu SET state = ?2, note = ?3 WHERE id = ?1")?
                    .execute(params![key, state.as_str(), note])?;
            }
            Ok(())
        })
        .await
    }

    /// Files a push and what it means, in one commit.
    ///
    /// # Errors
    /// When the store fails; the short messages stay pending then.
    pub async fn file_push(&self, push: NewPush, at: Timestamp) -> Result<Filed, StoreError> {
        self.write(move |db| file_push(db, &push, at)).await
    }

    /// Files a plain short message; one of which parts are missing may be filed again.
    ///
    /// # Errors
    /// When the store fails; its segments stay pending then.
    pub async fn file_sms(&self, sms: NewSms, at: Timestamp) -> Result<Change, StoreError> {
        self.write(move |db| file_sms(db, &sms, at)).await
    }

    /// The SIMs that have short messages which wait for their siblings.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sims_with_pending(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT sim, min(modem) FROM tpdu WHERE state = 'pending' GROUP BY sim",
            )?;
            let rows = select
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }
}

/// Why a short message is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TpduFate {
    /// It cannot be read.
    Undecodable,
    /// Its siblings never came.
    Incomplete,
    /// It carries nothing that is filed (a status report for somebody else's message).
    Done,
}

impl TpduFate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Incomplete => "incomplete",
            Self::Done => "done",
        }
    }
}

fn keep(db: &Connection, tpdu: &NewTpdu, at: Timestamp) -> Result<KeptTpdu, Failure> {
    let hash = rows::sha256_hex(&tpdu.identity);
    let known: Option<i64> = db
        .prepare_cached("SELECT id FROM tpdu WHERE sim = ?1 AND hash = ?2")?
        .query_row(params![tpdu.sim, hash], |row| row.get(0))
        .optional()?;
    if let Some(key) = known {
        // Not at every sweep: what cannot be deleted is shown for months.
        db.prepare_cached("UPDATE tpdu SET seen_at = ?2 WHERE id = ?1 AND seen_at < ?2 - ?3")?
            .execute(params![key, at.as_millis(), SEEN_STEP])?;
        return Ok(KeptTpdu { key, duplicate: true });
    }
    db.prepare_cached(
        "INSERT INTO tpdu (sim, modem, slot, received_at, seen_at, octets, hash, first_sweep)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        tpdu.sim,
        tpdu.modem,
        tpdu.slot,
        at.as_millis(),
        &tpdu.octets[..],
        hash,
        tpdu.first_sweep
    ])?;
    Ok(KeptTpdu { key: db.last_insert_rowid(), duplicate: false })
}

fn file_push(db: &Connection, push: &NewPush, at: Timestamp) -> Result<Filed, Failure> {
    db.execute(
        "INSERT INTO push (sim, received_at, content_type, octets) VALUES (?1, ?2, ?3, ?4)",
        params![push.sim, at.as_millis(), push.content_type, &push.octets[..]],
    )?;
    let key = db.last_insert_rowid();
    for tpdu in &push.tpdus {
        db.execute(
            "UPDATE tpdu SET state = 'done', push_id = ?2 WHERE id = ?1",
            params![tpdu, key],
        )?;
    }
    let mut filed = Filed::default();
    match &push.what {
        PushKind::Notification(notification) => {
            match inbound::note(
                db,
                &push.sim,
                &push.modem,
                &push.id,
                notification,
                push.historic,
                at,
            )? {
                Noted::New(change) => {
                    filed.message = Some(change.id.clone());
                    filed.changes.push(change);
                }
                Noted::Repeated { id, change } => {
                    filed.repeated = true;
                    filed.message = Some(id);
                    filed.changes.extend(change);
                }
            }
        }
        PushKind::Reports(list) => {
            for report in list {
                filed.changes.extend(reports::file(db, &push.sim, report, key, at)?);
            }
        }
        PushKind::Withdrawal(cancel) => match withdrawal::withdraw(db, &push.sim, cancel, at)? {
            Some((id, change)) => {
                filed.message = Some(id);
                filed.changes.extend(change);
            }
            None => {
                let part = super::raw_part(push.octets.clone());
                let text = "the MMSC withdraws a message that is not known here";
                filed.changes.push(show(db, push, at, (InboundState::Pushed, text, None), part)?);
                withdrawal::confirm(db, push.id.as_str(), &push.sim, cancel, at)?;
                filed.message = Some(push.id.clone());
            }
        },
        PushKind::Other { body } => {
            let kind = push.content_type.as_deref().unwrap_or("application/octet-stream");
            let part = Part {
                media_type: crate::model::MediaType::new(kind),
                body: body.clone(),
                ..super::raw_part(Bytes::new())
            };
            let text = format!("a WAP Push of type {kind}, kept as it came");
            filed.changes.push(show(db, push, at, (InboundState::Pushed, &text, None), part)?);
        }
        PushKind::Undecodable { fault } => {
            let part = super::raw_part(push.octets.clone());
            let text = "it cannot be read and is kept as it came";
            let state = (InboundState::Failed, text, Some(fault));
            filed.changes.push(show(db, push, at, state, part)?);
        }
    }
    if filed.message.is_none()
        && matches!(push.what, PushKind::Other { .. } | PushKind::Undecodable { .. })
    {
        filed.message = Some(push.id.clone());
    }
    if let Some(id) = &filed.message {
        db.execute("UPDATE push SET message_id = ?2 WHERE id = ?1", params![key, id.as_str()])?;
    }
    Ok(filed)
}

/// Makes a push visible as a message of its own with its octets as the only part.
fn show(
    db: &Connection,
    push: &NewPush,
    at: Timestamp,
    (state, text, fault): (InboundState, &str, Option<&Fault>),
    part: Part,
) -> Result<Change, Failure> {
    let id = push.id.as_str();
    db.execute(
        "INSERT INTO message (id, direction, state, created_at, updated_at, modem, historic)
         VALUES (?1, 'in', 'pushed', ?2, ?2, ?3, ?4)",
        params![id, at.as_millis(), push.modem, push.historic],
    )?;
    rows::put_parts(db, id, &[part])?;
    rows::tell(
        db,
        &Entry { message: id, at, recipient: None, state: state.as_str(), text, fault },
    )?;
    rows::set_inbound(db, id, at, state, fault)
}

fn file_sms(db: &Connection, sms: &NewSms, at: Timestamp) -> Result<Change, Failure> {
    let known: Option<(i64, String)> = match sms.shown {
        Some(ShownSms(key)) => db
            .query_row("SELECT id, message_id FROM sms WHERE id = ?1", [key], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?,
        None => None,
    };
    let later = known.is_some();
    let (key, id) = match known {
        Some(known) => known,
        None => (begin_sms(db, sms, at)?, sms.id.as_str().to_owned()),
    };
    db.execute(
        "UPDATE sms SET body = ?2, octets = ?3 WHERE id = ?1",
        params![key, sms.text, &sms.octets[..]],
    )?;
    db.execute(
        "UPDATE message SET preview = ?2, missing = ?3 WHERE id = ?1",
        params![id, sms.text, rows::numbers_json(&sms.missing)],
    )?;
    db.execute("DELETE FROM part WHERE message_id = ?1", [&id])?;
    let part = sms.text.as_deref().map_or_else(
        || Part {
            media_type: crate::model::MediaType::new("application/octet-stream"),
            ..super::raw_part(sms.octets.clone())
        },
        text_part,
    );
    rows::put_parts(db, &id, &[part])?;
    // Those that came wait for the rest of it.
    let state = if sms.missing.is_empty() { "done" } else { "pending" };
    for tpdu in &sms.tpdus {
        db.prepare_cached("UPDATE tpdu SET state = ?3, sms_id = ?2 WHERE id = ?1")?
            .execute(params![tpdu, key, state])?;
    }
    let mut text = match (sms.missing.len(), later) {
        (0, false) => "received and stored".to_owned(),
        (0, true) => "the missing parts have come: it is complete".to_owned(),
        (_, true) => "more of it has come, but not all".to_owned(),
        (missing, false) => {
            format!("received without {missing} of its {} parts", sms.segments)
        }
    };
    if let Some(port) = sms.port {
        text.push_str(&format!("; data for port {port}"));
    }
    let entry = Entry {
        message: &id,
        at,
        recipient: None,
        state: InboundState::Received.as_str(),
        text: &text,
        fault: sms.fault.as_ref(),
    };
    rows::tell(db, &entry)?;
    opt_out::heed(db, &id, sms.wish.as_ref(), at)?;
    rows::set_inbound(db, &id, at, InboundState::Received, sms.fault.as_ref())
}

/// The rows of a short message that is not shown yet; what can change follows.
fn begin_sms(db: &Connection, sms: &NewSms, at: Timestamp) -> Result<i64, Failure> {
    let from = sms.from.as_ref().map(Address::to_wire);
    db.execute(
        "INSERT INTO message (id, direction, state, created_at, updated_at, sender, modem, kind,
                              historic, sent_at, segments, sms_class)
         VALUES (?1, 'in', 'pushed', ?2, ?2, ?3, ?4, 'sms', ?5, ?6, ?7, ?8)",
        params![
            sms.id.as_str(),
            at.as_millis(),
            from,
            sms.modem,
            sms.historic,
            sms.sent_at.map(Timestamp::as_millis),
            sms.segments,
            sms.class
        ],
    )?;
    db.execute(
        "INSERT INTO sms (sim, modem, received_at, sender, octets, message_id)
         VALUES (?1, ?2, ?3, ?4, x'', ?5)",
        params![sms.sim, sms.modem, at.as_millis(), from, sms.id.as_str()],
    )?;
    Ok(db.last_insert_rowid())
}
