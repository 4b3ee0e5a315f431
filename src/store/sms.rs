//! Short messages and pushes, raw first: what the modem holds is stored before it is deleted
//! there, and what cannot be read is kept with its octets.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::engine::Failure;
use super::inbound::{self, Noted, Notification};
use super::reports::{self, Report};
use super::rows::{self, Entry};
use super::{Change, Store, StoreError};
use crate::model::{Address, Direction, Fault, InboundState, MessageId, Part, State, Timestamp};

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
}

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
}

/// What a push is.
#[derive(Debug, Clone)]
pub enum PushKind {
    /// M-Notification.ind.
    Notification(Notification),
    /// M-Delivery.ind or M-Read-Orig.ind, one for each address in it.
    Reports(Vec<Report>),
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
    /// Sender, when it could be read.
    pub from: Option<Address>,
    /// Text, when it could be read.
    pub text: Option<String>,
    /// User data as it came.
    pub octets: Bytes,
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

    /// Gives the short messages that `from` stood for to the SIM that was in the modem: they came
    /// before it was known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn adopt_tpdus(&self, from: &str, sim: &str) -> Result<(), StoreError> {
        if from == sim {
            return Ok(());
        }
        let (from, sim) = (from.to_owned(), sim.to_owned());
        self.write(move |db| {
            // One that the SIM has already is known by its octets and stays behind.
            db.execute(
                "UPDATE OR IGNORE tpdu SET sim = ?2 WHERE sim = ?1 AND state = 'pending'",
                params![from, sim],
            )?;
            Ok(())
        })
        .await
    }

    /// The short messages of a SIM that wait for their siblings, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_tpdus(&self, sim: &str) -> Result<Vec<PendingTpdu>, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT id, octets, received_at FROM tpdu
                 WHERE state = 'pending' AND sim = ?1 ORDER BY id",
            )?;
            let rows = select
                .query_map([sim], |row| {
                    Ok(PendingTpdu {
                        key: row.get(0)?,
                        octets: Bytes::from(row.get::<_, Vec<u8>>(1)?),
                        received_at: Timestamp::from_millis(row.get(2)?),
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

    /// Files a plain short message.
    ///
    /// # Errors
    /// When the store fails; its segments stay pending then.
    pub async fn file_sms(&self, sms: NewSms, at: Timestamp) -> Result<i64, StoreError> {
        self.write(move |db| {
            db.execute(
                "INSERT INTO sms (sim, modem, received_at, sender, body, octets)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    sms.sim,
                    sms.modem,
                    at.as_millis(),
                    sms.from.as_ref().map(Address::to_wire),
                    sms.text,
                    &sms.octets[..]
                ],
            )?;
            let key = db.last_insert_rowid();
            for tpdu in &sms.tpdus {
                db.execute(
                    "UPDATE tpdu SET state = 'done', sms_id = ?2 WHERE id = ?1",
                    params![tpdu, key],
                )?;
            }
            Ok(key)
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
        return Ok(KeptTpdu { key, duplicate: true });
    }
    db.prepare_cached(
        "INSERT INTO tpdu (sim, modem, slot, received_at, octets, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        tpdu.sim,
        tpdu.modem,
        tpdu.slot,
        at.as_millis(),
        &tpdu.octets[..],
        hash
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
            match inbound::note(db, &push.sim, &push.modem, &push.id, notification, at)? {
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
        "INSERT INTO message (id, direction, state, created_at, updated_at, modem, fault)
         VALUES (?1, 'in', ?2, ?3, ?3, ?4, ?5)",
        params![id, state.as_str(), at.as_millis(), push.modem, rows::fault_json(fault)],
    )?;
    rows::put_parts(db, id, &[part])?;
    rows::tell(
        db,
        &Entry { message: id, at, recipient: None, state: state.as_str(), text, fault },
    )?;
    Ok(Change { id: push.id.clone(), direction: Direction::Inbound, state: State::In(state) })
}
