//! What the gateway bears: durable acceptance over REST, many modems, memory, start and lists (see
//! `benches/README.md`).
//!
//! One JSON object a line: `{"case":"durable-accept-64","ratio":0.81,"per_second":3120.0,...}`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::disallowed_methods, reason = "the time is real")]

#[path = "gateway/daemon.rs"]
mod daemon;
#[path = "gateway/load.rs"]
mod load;
#[path = "gateway/many.rs"]
mod many;

use std::fs;
use std::io::{Seek as _, Write as _};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use daemon::{Daemon, ModemLine, Sync};
use hyper::Method;
use load::Client;
use mm1gate::model::Random;

/// How long each load is measured.
const TIME: Duration = Duration::from_secs(4);

/// What the open MMSC Mbuni accepted from 1, 16 and 64 clients, messages a second.
const MBUNI: [(usize, f64); 3] = [(1, 105.0), (16, 462.0), (64, 952.0)];

type Outcome = Result<(), String>;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let takes = |name: &str| wanted.is_empty() || wanted.iter().any(|it| name.contains(it));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return eprintln!("{error}"),
    };
    let mut failed = false;
    let mut report = |name: &str, outcome: Outcome| {
        if let Err(error) = outcome {
            println!("{{\"case\":\"{name}\",\"error\":{error:?}}}");
            failed = true;
        }
    };
    if takes("durable-accept") {
        report("durable-accept", runtime.block_on(durable_accept()));
    }
    if takes("rss-idle") {
        report("rss-idle", runtime.block_on(idle()));
    }
    for (name, messages) in [("ready", 100_000), ("list-50-of-1m", 1_000_000)] {
        if takes(name) {
            report(name, runtime.block_on(stored(name, messages)));
        }
    }
    if takes("modems-64") || takes("rss-64") {
        report("modems-64", runtime.block_on(many::modems(64)));
    }
    if failed {
        std::process::exit(1);
    }
}

/// A message of about that many octets of text and picture.
fn message(octets: usize) -> Bytes {
    let random = Random::seeded(7);
    let text =
        "Your table for four is booked for Friday at eight. Please tell us if that changes. ";
    let body = if octets < 2000 {
        serde_json::json!({
            "kind": "mms", "to": ["+447700900123"], "subject": "Your booking",
            "text": text.repeat(octets / text.len() + 1)[..octets],
        })
    } else {
        let mut picture = vec![0; octets];
        random.fill(&mut picture);
        picture[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        serde_json::json!({
            "to": ["+447700900123"], "text": text,
            "parts": [{"content_type": "image/jpeg", "filename": "a.jpg",
                       "data_base64": BASE64_STANDARD.encode(&picture)}],
        })
    };
    body.to_string().into()
}

async fn durable_accept() -> Outcome {
    let disk = fdatasync_rate()?;
    for (octets, name) in [(600, ""), (30_000, "-30k")] {
        let body = message(octets);
        for (clients, mbuni) in MBUNI {
            let mut rates = Vec::new();
            for sync in [Sync::On, Sync::Off] {
                let folder = tempfile::tempdir_in(".").map_err(|error| error.to_string())?;
                daemon::configure(folder.path(), &[ModemLine::absent()])?;
                let mut daemon = Daemon::start(folder.path(), sync)?;
                daemon.ask_for_tokens(folder.path())?;
                let (token, before) = (daemon.token.as_deref(), daemon.cpu()?);
                let load = load::accept(daemon.address, token, clients, body.clone(), TIME).await?;
                let cpu = (daemon.cpu()? - before).as_secs_f64() / load.accepted as f64;
                rates.push((load.per_second, daemon.resident()?, cpu));
            }
            let [(on, resident, cpu), (off, ..)] = rates[..] else { continue };
            println!(
                "{{\"case\":\"durable-accept-{clients}{name}\",\"ratio\":{:.3},\"per_second\":{on:.0},\
                 \"without_fsync\":{off:.0},\"times_mbuni\":{:.2},\"fdatasync_per_second\":{disk:.0},\
                 \"mb\":{:.1},\"cpu_us\":{:.0}}}",
                on / off,
                on / mbuni,
                resident as f64 / 1e6,
                cpu * 1e6,
            );
        }
    }
    Ok(())
}

/// How often a second the disk makes 4 KB durable, one after the other.
fn fdatasync_rate() -> Result<f64, String> {
    let mut file = tempfile::tempfile_in(".").map_err(|error| error.to_string())?;
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < Duration::from_secs(1) {
        let at = (count % 256) * 4096;
        file.seek(std::io::SeekFrom::Start(at)).map_err(|error| error.to_string())?;
        file.write_all(&[1; 4096]).map_err(|error| error.to_string())?;
        file.sync_data().map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

async fn idle() -> Outcome {
    let folder = tempfile::tempdir_in(".").map_err(|error| error.to_string())?;
    let modem = many::Modem::start(folder.path(), 0).await?;
    daemon::configure(folder.path(), &[modem.line()])?;
    let daemon = Daemon::start(folder.path(), Sync::On)?;
    many::until_ready(&daemon, 1).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("{{\"case\":\"rss-idle\",\"mb\":{:.1}}}", daemon.resident()? as f64 / 1e6);
    Ok(())
}

/// Start and lists with that many messages in the store, nine in ten sent long ago.
async fn stored(name: &str, messages: u64) -> Outcome {
    let folder = tempfile::tempdir_in(".").map_err(|error| error.to_string())?;
    daemon::configure(folder.path(), &[ModemLine::absent()])?;
    {
        let daemon = Daemon::start(folder.path(), Sync::On)?;
        let mut client = Client::connect(daemon.address, daemon.token.as_deref()).await?;
        for _ in 0..10 {
            client.ask(Method::POST, "/api/v1/messages", message(600)).await?;
        }
    }
    multiply(&folder.path().join("data"), messages)?;
    let mut starts = Vec::new();
    let mut lists = Vec::new();
    for _ in 0..5 {
        let daemon = Daemon::start(folder.path(), Sync::On)?;
        starts.push(daemon.ready);
        let mut client = Client::connect(daemon.address, daemon.token.as_deref()).await?;
        for _ in 0..20 {
            let begin = Instant::now();
            let path = "/api/v1/messages?limit=50";
            let (status, body) = client.ask(Method::GET, path, Bytes::new()).await?;
            lists.push(begin.elapsed());
            if !status.is_success() || body.len() < 50 * 100 {
                return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
            }
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    };
    let worst = lists.iter().max().copied().unwrap_or_default().as_secs_f64() * 1000.0;
    let (start, list) = (median(&mut starts), median(&mut lists));
    let ms = if name == "ready" { start } else { list };
    println!(
        "{{\"case\":\"{name}\",\"ms\":{ms:.1},\"start_ms\":{start:.1},\"list_ms\":{list:.2},\
         \"worst_list_ms\":{worst:.2},\"messages\":{messages}}}"
    );
    Ok(())
}

/// Copies the first message with all that belongs to it until there are so many: nine in ten of them
/// delivered, the rest waiting.
fn multiply(data: &std::path::Path, messages: u64) -> Outcome {
    let file = fs::read_dir(data)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|it| it == "db" || it == "sqlite"))
        .ok_or("no database")?;
    let db = rusqlite::Connection::open(file).map_err(|error| error.to_string())?;
    let sql = |text: &str| db.execute_batch(text).map_err(|error| format!("{error}: {text}"));
    sql("PRAGMA synchronous=OFF; BEGIN;")?;
    // `copy` names each new message; the ids sort before those of today, as older ones do.
    sql(&format!(
        "CREATE TEMP TABLE copy (n INTEGER PRIMARY KEY, id TEXT, old TEXT);
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {messages})
         INSERT INTO copy SELECT n, 'msg_00' || substr('000000000000000000000000' || n, -24),
             (SELECT min(id) FROM message) FROM numbers;"
    ))?;
    for (table, key) in [
        ("message", "id"),
        ("part", "message_id"),
        ("payload", "message_id"),
        ("submission", "message_id"),
        ("recipient", "message_id"),
        ("timeline", "message_id"),
    ] {
        let columns: Vec<String> = {
            let mut statement = db
                .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
                .map_err(|error| error.to_string())?;
            let rows =
                statement.query_map([], |row| row.get(0)).map_err(|error| error.to_string())?;
            rows.filter_map(Result::ok).collect()
        };
        let given: Vec<&String> =
            columns.iter().filter(|name| *name == key || *name != "id").collect();
        let values: Vec<String> = given
            .iter()
            .map(|name| match name.as_str() {
                it if it == key => "copy.id".to_owned(),
                "state" if table != "part" => format!(
                    "CASE WHEN copy.n % 10 THEN '{}' ELSE {table}.state END",
                    if table == "submission" { "sent" } else { "delivered" }
                ),
                "transaction_id" => "copy.id".to_owned(),
                "submission_id" => {
                    "(SELECT id FROM submission WHERE message_id = copy.id)".to_owned()
                }
                it => format!("{table}.{it}"),
            })
            .collect();
        let names: Vec<&str> = given.iter().map(|name| name.as_str()).collect();
        sql(&format!(
            "INSERT INTO {table} ({}) SELECT {} FROM copy JOIN {table} ON {table}.{key} = copy.old",
            names.join(", "),
            values.join(", ")
        ))?;
    }
    sql("COMMIT;")
}
