//! Data calls and what they carried: each call for itself, and octets by SIM and calendar month,
//! which stay when the call is long forgotten. Which month it is, the caller says.

use std::time::Duration;

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::{Month, Timestamp};

/// How long a single call is remembered after its begin.
pub const CALL_LIFE: Duration = Duration::from_secs(400 * 86_400);

/// What `data_call` and `data_month` are for is told in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataUse {
    /// Calls that began in the month.
    pub calls: u64,
    /// Octets sent, at home and abroad.
    pub octets_out: u64,
    /// Octets received, at home and abroad.
    pub octets_in: u64,
    /// How many of the calls were made in another network.
    pub roaming_calls: u64,
    /// How many of the octets, of both directions, went through another network.
    pub roaming_octets: u64,
}

impl DataUse {
    /// Octets of both directions.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets_out.saturating_add(self.octets_in)
    }
}

/// A call that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// Whose it is.
    pub sim: String,
    /// Who makes it.
    pub modem: String,
    /// It goes through another network.
    pub roaming: bool,
}

/// One data call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Whose it was.
    pub sim: String,
    /// Who made it.
    pub modem: String,
    /// It went through another network.
    pub roaming: bool,
    /// When the modem was connected.
    pub begun_at: Timestamp,
    /// When it was over; none while it is up.
    pub ended_at: Option<Timestamp>,
    /// Nobody saw its end, since this program was ended by force: what it carried last may be
    /// missing, and its end is when it was last counted.
    pub cut: bool,
    /// Octets sent.
    pub octets_out: u64,
    /// Octets received.
    pub octets_in: u64,
}

impl Store {
    /// A call begins. Calls of this modem without an end are over. Answers what names it towards
    /// the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_call(
        &self,
        call: NewCall,
        month: Month,
        at: Timestamp,
    ) -> Result<i64, StoreError> {
        self.write(move |db| {
            end_cut(db, Some(&call.modem))?;
            db.prepare_cached("DELETE FROM data_call WHERE begun_at < ?1")?
                .execute([at.earlier(CALL_LIFE).as_millis()])?;
            db.prepare_cached(
                "INSERT INTO data_call (sim, modem, roaming, begun_at, counted_at)
                 VALUES (?1, ?2, ?3, ?4, ?4)",
            )?
            .execute(params![call.sim, call.modem, call.roaming, at.as_millis()])?;
            let key = db.last_insert_rowid();
            add(db, key, month, 1, 0, 0)?;
            Ok(key)
        })
        .await
    }

    /// What a call has carried so far, octets sent and received since its begin; `over`: it is over
    /// now. What is new since it was counted last belongs to `month`. Answers what its SIM has
    /// used in that month.
    ///
    /// # Errors
    /// When the store fails; counting it again later misses nothing.
    pub async fn count_call(
        &self,
        key: i64,
        (sent, received): (u64, u64),
        month: Month,
        over: bool,
        at: Timestamp,
    ) -> Result<DataUse, StoreError> {
        self.write(move |db| {
            let (sim, before_out, before_in): (String, i64, i64) = db
                .prepare_cached("SELECT sim, octets_out, octets_in FROM data_call WHERE id = ?1")?
                .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            // A counter never goes back.
            let sent = signed(sent).max(before_out);
            let received = signed(received).max(before_in);
            add(db, key, month, 0, sent - before_out, received - before_in)?;
            db.prepare_cached(
                "UPDATE data_call SET octets_out = ?2, octets_in = ?3, counted_at = ?4,
                                      ended_at = CASE WHEN ?5 THEN ?4 END
                 WHERE id = ?1",
            )?
            .execute(params![key, sent, received, at.as_millis(), over])?;
            used(db, &sim, month)
        })
        .await
    }

    /// Calls without an end, which a run that was ended by force has left, are over. Answers how
    /// many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_cut_calls(&self) -> Result<usize, StoreError> {
        self.write(|db| end_cut(db, None)).await
    }

    /// What a SIM has used in a month.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn data_use(&self, sim: &str, month: Month) -> Result<DataUse, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| used(db, &sim, month)).await
    }

    /// The last calls, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn calls(&self, limit: usize) -> Result<Vec<CallRecord>, StoreError> {
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT sim, modem, roaming, begun_at, ended_at, cut, octets_out, octets_in
                 FROM data_call ORDER BY id DESC LIMIT ?1",
            )?;
            let found = select.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                Ok(CallRecord {
                    sim: row.get(0)?,
                    modem: row.get(1)?,
                    roaming: row.get(2)?,
                    begun_at: Timestamp::from_millis(row.get(3)?),
                    ended_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
                    cut: row.get(5)?,
                    octets_out: rows::unsigned(row.get(6)?),
                    octets_in: rows::unsigned(row.get(7)?),
                })
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// What was counted for a SIM under another name is its own.
pub(super) fn adopt(db: &Connection, from: &str, sim: &str) -> Result<(), Failure> {
    db.execute("UPDATE data_call SET sim = ?2 WHERE sim = ?1", params![from, sim])?;
    db.execute(
        "INSERT INTO data_month (sim, month, roaming, calls, octets_out, octets_in)
         SELECT ?2, month, roaming, calls, octets_out, octets_in FROM data_month WHERE sim = ?1
         ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,
                                   octets_out = octets_out + excluded.octets_out,
                                   octets_in = octets_in + excluded.octets_in",
        params![from, sim],
    )?;
    db.execute("DELETE FROM data_month WHERE sim = ?1", [from])?;
    Ok(())
}

/// What the calls of this run have carried is booked in another month: the clock was wrong. They
/// began between `since` and `until` by it.
pub(super) fn rebook(
    db: &Connection,
    wrong: Month,
    right: Month,
    since: Timestamp,
    until: Timestamp,
) -> Result<(), Failure> {
    let sums = {
        let mut select = db.prepare_cached(
            "SELECT sim, roaming, count(*), sum(octets_out), sum(octets_in) FROM data_call
             WHERE begun_at BETWEEN ?1 AND ?2 GROUP BY sim, roaming",
        )?;
        select
            .query_map(params![since.as_millis(), until.as_millis()], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, bool>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get::<_, i64>(3)?,
                    row.get::<_, i64>(4)?,
                ))
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    for (sim, roaming, calls, sent, received) in sums {
        db.execute(
            "UPDATE data_month SET calls = max(0, calls - ?4),
                                   octets_out = max(0, octets_out - ?5),
                                   octets_in = max(0, octets_in - ?6)
             WHERE sim = ?1 AND month = ?2 AND roaming = ?3",
            params![sim, wrong.to_string(), roaming, calls, sent, received],
        )?;
        db.execute(
            "INSERT INTO data_month (sim, month, roaming, calls, octets_out, octets_in)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,
                                       octets_out = octets_out + excluded.octets_out,
                                       octets_in = octets_in + excluded.octets_in",
            params![sim, right.to_string(), roaming, calls, sent, received],
        )?;
    }
    Ok(())
}

fn end_cut(db: &Connection, modem: Option<&str>) -> Result<usize, Failure> {
    let ended = db
        .prepare_cached(
            "UPDATE data_call SET ended_at = counted_at, cut = 1
             WHERE ended_at IS NULL AND (?1 IS NULL OR modem = ?1)",
        )?
        .execute([modem])?;
    Ok(ended)
}

/// Adds to the month of the call's SIM.
fn add(
    db: &Connection,
    key: i64,
    month: Month,
    calls: i64,
    sent: i64,
    received: i64,
) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO data_month (sim, month, roaming, calls, octets_out, octets_in)
         SELECT sim, ?2, roaming, ?3, ?4, ?5 FROM data_call WHERE id = ?1
         ON CONFLICT DO UPDATE SET calls = calls + excluded.calls,
                                   octets_out = octets_out + excluded.octets_out,
                                   octets_in = octets_in + excluded.octets_in",
    )?
    .execute(params![key, month.to_string(), calls, sent, received])?;
    Ok(())
}

fn used(db: &Connection, sim: &str, month: Month) -> Result<DataUse, Failure> {
    let found = db
        .prepare_cached(
            "SELECT coalesce(sum(calls), 0), coalesce(sum(octets_out), 0),
                    coalesce(sum(octets_in), 0), coalesce(sum(calls) FILTER (WHERE roaming), 0),
                    coalesce(sum(octets_out + octets_in) FILTER (WHERE roaming), 0)
             FROM data_month WHERE sim = ?1 AND month = ?2",
        )?
        .query_row(params![sim, month.to_string()], |row| {
            Ok(DataUse {
                calls: rows::unsigned(row.get(0)?),
                octets_out: rows::unsigned(row.get(1)?),
                octets_in: rows::unsigned(row.get(2)?),
                roaming_calls: rows::unsigned(row.get(3)?),
                roaming_octets: rows::unsigned(row.get(4)?),
            })
        })?;
    Ok(found)
}

fn signed(octets: u64) -> i64 {
    i64::try_from(octets).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FormerName;

    const SIM: &str = "001010123456789";
    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn call(sim: &str, roaming: bool) -> NewCall {
        NewCall { sim: sim.to_owned(), modem: "desk".to_owned(), roaming }
    }

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn octets_belong_to_the_month_in_which_they_were_counted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (old, new) = (month("2026-10"), month("2026-11"));
        let key = store.begin_call(call(SIM, false), old, NOW).await.unwrap();
        store.count_call(key, (1_000, 50), old, false, later(5)).await.unwrap();
        // The same once more adds nothing.
        store.count_call(key, (1_000, 50), old, false, later(6)).await.unwrap();
        let used = store.count_call(key, (1_700, 90), new, true, later(10)).await.unwrap();
        assert_eq!((used.calls, used.octets_out, used.octets_in), (0, 700, 40));
        let before = store.data_use(SIM, old).await.unwrap();
        assert_eq!((before.calls, before.octets_out, before.octets_in), (1, 1_000, 50));
        assert_eq!(before.octets(), 1_050);
        let calls = store.calls(10).await.unwrap();
        assert_eq!(calls.len(), 1);
        assert_eq!((calls[0].octets_out, calls[0].octets_in), (1_700, 90));
        assert_eq!((calls[0].ended_at, calls[0].cut), (Some(later(10)), false));
        assert_eq!(store.data_use("001010123456790", old).await.unwrap(), DataUse::default());
    }

    #[tokio::test]
    async fn calls_abroad_are_counted_apart_and_in_all() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let now = month("2026-10");
        for (roaming, octets) in [(false, (10, 20)), (true, (3, 4))] {
            let key = store.begin_call(call(SIM, roaming), now, NOW).await.unwrap();
            store.count_call(key, octets, now, true, NOW).await.unwrap();
        }
        let used = store.data_use(SIM, now).await.unwrap();
        let expected = DataUse {
            calls: 2,
            octets_out: 13,
            octets_in: 24,
            roaming_calls: 1,
            roaming_octets: 7,
        };
        assert_eq!(used, expected);
    }

    #[tokio::test]
    async fn call_whose_end_nobody_saw_ends_when_it_was_last_counted() {
        let dir = tempfile::tempdir().unwrap();
        let now = month("2026-10");
        {
            let store = Store::open(dir.path()).unwrap();
            let key = store.begin_call(call(SIM, false), now, NOW).await.unwrap();
            store.count_call(key, (300, 30), now, false, later(5)).await.unwrap();
        }
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.calls(1).await.unwrap()[0].ended_at, None);
        assert_eq!(store.end_cut_calls().await.unwrap(), 1);
        assert_eq!(store.end_cut_calls().await.unwrap(), 0);
        let record = store.calls(1).await.unwrap().remove(0);
        assert_eq!((record.ended_at, record.cut, record.octets_out), (Some(later(5)), true, 300));
        // Within one run, the next call of the same modem ends it.
        for _ in 0..2 {
            store.begin_call(call(SIM, false), now, later(60)).await.unwrap();
        }
        let calls = store.calls(10).await.unwrap();
        assert_eq!(calls.iter().filter(|call| call.ended_at.is_none()).count(), 1);
        assert_eq!(store.data_use(SIM, now).await.unwrap().octets(), 330);
    }

    #[tokio::test]
    async fn what_was_counted_before_the_sim_told_its_name_is_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let now = month("2026-10");
        for sim in [SIM, "modem:desk"] {
            let key = store.begin_call(call(sim, false), now, NOW).await.unwrap();
            store.count_call(key, (100, 1), now, true, NOW).await.unwrap();
        }
        let former = FormerName { sim: "modem:desk".to_owned(), same_card: false };
        store.adopt(former, SIM, NOW).await.unwrap();
        let used = store.data_use(SIM, now).await.unwrap();
        assert_eq!((used.calls, used.octets_out, used.octets_in), (2, 200, 2));
        assert_eq!(store.data_use("modem:desk", now).await.unwrap(), DataUse::default());
        assert!(store.calls(9).await.unwrap().iter().all(|call| call.sim == SIM));
    }

    #[tokio::test]
    async fn old_calls_are_forgotten_and_their_octets_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let old = month("2026-10");
        let key = store.begin_call(call(SIM, false), old, NOW).await.unwrap();
        store.count_call(key, (7, 8), old, true, NOW).await.unwrap();
        let after = NOW.plus(CALL_LIFE).plus(Duration::from_secs(1));
        store.begin_call(call(SIM, false), month("2027-12"), after).await.unwrap();
        assert_eq!(store.calls(9).await.unwrap().len(), 1);
        assert_eq!(store.data_use(SIM, old).await.unwrap().octets(), 15);
    }
}
