//! Power cuts at every sync of the scene and between: the database is sound each time, holds exactly
//! what it held behind one of the commits, and no commit that was reported is missing.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use mm1gate::model::Random;
use mm1gate::store::{DB_FILE, Store};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use crate::scene::{self, MARKS};
use crate::surviving::{Deed, Disk, Entry, Rest};

/// Where the recorded scene has its folder.
const PLACE: &str = "MM1GATE_POWER_PLACE";
/// Names one cut to replay: the number of an entry.
const CUT: &str = "MM1GATE_POWER";
/// Between syncs, one entry in so many is a cut.
const BETWEEN: usize = 9;
/// At one cut in so many our own store opens what is left.
const OPENED: usize = 25;
/// What becomes of what was not synced, each at every cut.
const RESTS: [Rest; 6] =
    [Rest::Lost, Rest::Kept, Rest::Sectors(512), Rest::Sectors(4_096), Rest::Torn, Rest::Torn];

/// What was promised before an entry of the record.
#[derive(Debug, Clone, Default)]
struct Promised {
    /// Commits that were begun and that were reported.
    begun: usize,
    ended: usize,
    /// Messages that were accepted.
    accepted: Vec<String>,
}

struct Record {
    entries: Vec<Entry>,
    /// What was promised behind each entry.
    promised: Vec<Promised>,
    /// What the database held behind each commit, from the first schema on.
    states: Vec<String>,
}

/// Plays the scene in the folder that the test below names: it records what is written.
#[test]
#[ignore = "it is started by the others under a recorder"]
fn scene_that_is_recorded() {
    let place = std::env::var(PLACE).expect("the folder");
    let outcome = scene::play_marked(Path::new(&place));
    assert_eq!(outcome.wrong, Vec::<String>::new());
}

/// Records the scene in a process of its own.
fn record(unsynced: bool) -> Record {
    let dir = scene::folder();
    // As the kernel names it, which the recorder asks.
    let place = dir.path().canonicalize().unwrap();
    let data = place.join("life-0");
    std::fs::create_dir(&data).unwrap();
    let (library, written) = (place.join("writes.so"), place.join("written"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/writes.c");
    let mut build = Command::new("cc");
    build.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
    assert!(build.status().expect("a C compiler, as SQLite needs one").success());
    let mut play = Command::new(std::env::current_exe().unwrap());
    play.args(["--exact", "power::scene_that_is_recorded", "--ignored"])
        .env("LD_PRELOAD", &library)
        .env("MM1GATE_WRITES_OF", &data)
        .env("MM1GATE_WRITES_TO", &written)
        .env(PLACE, &place);
    if unsynced {
        play.env("MM1GATE_WRITES_UNSYNCED", "yes");
    }
    let played = play.output().unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stdout));
    let entries = Entry::read_all(&std::fs::read(&written).unwrap());
    let mut promised = Promised::default();
    let (mut all, mut states, mut disk) = (Vec::new(), Vec::new(), Disk::default());
    for entry in &entries {
        if entry.name == MARKS
            && let Deed::Write { octets, .. } = &entry.deed
        {
            let text = String::from_utf8(octets.clone()).unwrap();
            match text.trim().split_once(' ').unwrap() {
                ("begin", number) => {
                    if states.is_empty() {
                        states.push(state_of(&disk));
                    }
                    promised.begun = number.parse().unwrap();
                }
                ("end", number) => {
                    promised.ended = number.parse().unwrap();
                    states.push(state_of(&disk));
                }
                (_, id) => promised.accepted.push(id.to_owned()),
            }
        }
        disk.apply(entry);
        all.push(promised.clone());
    }
    Record { entries, promised: all, states }
}

/// What the database holds when nothing is lost.
fn state_of(disk: &Disk) -> String {
    let dir = scene::folder();
    disk.survive(dir.path(), Rest::Kept, &Random::seeded(0));
    look(dir.path()).expect("a sound database without any cut").0
}

/// The state of the database in a folder, and the messages in it; or what is wrong with it.
fn look(folder: &Path) -> Result<(String, Vec<String>), String> {
    let fail = |error: rusqlite::Error| error.to_string();
    let database = Connection::open(folder.join(DB_FILE)).map_err(fail)?;
    let sound: String =
        database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(fail)?;
    if sound != "ok" {
        return Err(sound);
    }
    let mut digest = Sha256::new();
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut messages = Vec::new();
    for table in strings(&database, names).map_err(fail)? {
        digest.update(&table);
        let mut select = database.prepare(&format!("SELECT * FROM \"{table}\"")).map_err(fail)?;
        let columns = select.column_count();
        let mut rows = select.query([]).map_err(fail)?;
        while let Some(row) = rows.next().map_err(fail)? {
            for column in 0..columns {
                match row.get_ref(column).map_err(fail)? {
                    ValueRef::Null => digest.update([0]),
                    ValueRef::Integer(number) => digest.update(number.to_ne_bytes()),
                    ValueRef::Real(number) => digest.update(number.to_ne_bytes()),
                    ValueRef::Text(octets) | ValueRef::Blob(octets) => {
                        digest.update(octets.len().to_ne_bytes());
                        digest.update(octets);
                    }
                }
            }
        }
    }
    let has_messages = "SELECT name FROM sqlite_master WHERE name = 'message'";
    if !strings(&database, has_messages).map_err(fail)?.is_empty() {
        messages = strings(&database, "SELECT id FROM message").map_err(fail)?;
    }
    Ok((hex::encode(digest.finalize()), messages))
}

fn strings(database: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    database.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Cuts the power behind entry number `cut`.
fn cut(record: &Record, disk: &Disk, cut: usize, opens: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, rest) in RESTS.into_iter().enumerate() {
        let random = Random::seeded((cut * RESTS.len() + number) as u64);
        let dir = scene::folder();
        disk.survive(dir.path(), rest, &random);
        if let Err(why) = judge(record, cut, dir.path()) {
            wrong.push(format!("{rest:?}: {why}"));
        } else if opens && let Err(error) = Store::open(dir.path()) {
            wrong.push(format!("{rest:?}: the store does not open: {error}"));
        }
    }
    wrong
}

fn judge(record: &Record, cut: usize, folder: &Path) -> Result<(), String> {
    let promised = &record.promised[cut];
    let (state, messages) = look(folder)?;
    let lost: Vec<&String> = promised.accepted.iter().filter(|id| !messages.contains(id)).collect();
    if !lost.is_empty() {
        return Err(format!("accepted and lost: {lost:?}"));
    }
    if promised.begun == 0 {
        // The schema is being made.
        return Ok(());
    }
    // Commits that change nothing leave the state of the one before.
    let found = (promised.ended..=promised.begun).any(|at| record.states.get(at) == Some(&state));
    if found {
        return Ok(());
    }
    let at = record.states.iter().rposition(|one| *one == state);
    Err(format!(
        "{} commits were reported and {} begun, and the database is that behind commit {at:?}",
        promised.ended, promised.begun
    ))
}

/// The entries behind which the power is cut: before and behind each sync, and some between.
fn cuts(entries: &[Entry]) -> Vec<usize> {
    let syncs = |at: usize| {
        entries.get(at).is_some_and(|it| matches!(it.deed, Deed::Sync | Deed::SyncFolder))
    };
    (0..entries.len()).filter(|at| syncs(*at) || syncs(at + 1) || at % BETWEEN == 0).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "runs are timed")]
fn power_cut_at_every_sync_loses_nothing_that_was_promised() {
    let started = Instant::now();
    let record = record(false);
    let mut points = cuts(&record.entries);
    let syncs = record.entries.iter().filter(|it| matches!(it.deed, Deed::Sync)).count();
    if let Ok(text) = std::env::var(CUT) {
        points = vec![text.parse().unwrap_or_else(|_| panic!("{CUT}={text}: it is a number"))];
    }
    let failures = cut_all(&record, &points);
    tell!(
        "power cuts: {} at {syncs} syncs of {} commits and between, {} disks looked at, {:.1} s",
        points.len(),
        record.states.len() - 1,
        points.len() * RESTS.len(),
        started.elapsed().as_secs_f64()
    );
    for (at, wrong) in failures.iter().take(12) {
        eprintln!("cut {at} ({:?}): {wrong:#?}", record.entries[*at].name);
        eprintln!("replay it: {CUT}={at} cargo test --test crash power_cut -- --nocapture");
    }
    assert!(failures.is_empty(), "{} of the cuts failed", failures.len());
    let changed = record.states.windows(2).filter(|two| two[0] != two[1]).count();
    assert!(syncs > changed, "{syncs} syncs of {changed} commits that change something");
    let checkpointed = |it: &Entry| it.name == DB_FILE && matches!(it.deed, Deed::Sync);
    assert!(record.entries.iter().filter(|it| checkpointed(it)).count() > 1, "no checkpoint");
}

/// What the above is worth: where nothing is synced, it says that accepted messages are lost.
#[test]
fn store_that_syncs_nothing_is_caught_losing_accepted_messages() {
    let record = record(true);
    let last = record.entries.len() - 1;
    // While it runs: its end leaves nothing to lose in a model that syncs nothing.
    let failures = cut_all(&record, &[last / 3, last / 2, last]);
    let lost = |(_, wrong): &(usize, Vec<String>)| {
        wrong.iter().any(|why| why.contains("accepted and lost") || why.contains("no such table"))
    };
    assert_eq!(failures.iter().filter(|it| lost(it)).count(), 3, "{failures:#?}");
    assert!(!record.promised[last / 3].accepted.is_empty());
}

fn cut_all(record: &Record, points: &[usize]) -> Vec<(usize, Vec<String>)> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let (mut disk, mut applied) = (Disk::default(), 0);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(at) = points.get(number) else { return };
                    record.entries[applied..=*at].iter().for_each(|entry| disk.apply(entry));
                    applied = at + 1;
                    let wrong = cut(record, &disk, *at, number.is_multiple_of(OPENED));
                    if !wrong.is_empty() {
                        failures.lock().unwrap().push((*at, wrong));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|(at, _)| *at);
    failures
}
