//! Wireshark's dissectors as a witness: octets go through text2pcap into a capture and through
//! tshark out of it as fields.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mm1gate::codec::mms::CONTENT_TYPE;
use serde_json::Value;
use tempfile::TempDir;

use crate::pdml::{self, Item};

/// Payload of one packet of a TCP stream; a hex dump cannot hold more than 64 KiB in one.
const SEGMENT: usize = 1400;

/// What is added around the packets of a hex dump.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrap {
    /// IP and UDP with these ports.
    Udp(u16, u16),
    /// IP and TCP with these ports.
    Tcp(u16, u16),
    /// Nothing: this link type (147 is user DLT 0, 9 is PPP).
    LinkType(u16),
}

/// A capture in a folder that goes away with it.
#[derive(Debug)]
pub(crate) struct Capture {
    _folder: TempDir,
    file: PathBuf,
    options: Vec<String>,
}

/// One value of one field of one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(Vec<Vec<String>>);

impl Row {
    /// Every occurrence of the field asked for at this position.
    pub(crate) fn all(&self, column: usize) -> &[String] {
        &self.0[column]
    }

    /// The only or first occurrence, empty if there is none.
    pub(crate) fn one(&self, column: usize) -> &str {
        self.0[column].first().map_or("", String::as_str)
    }
}

fn run(program: &str, command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program} (Debian package tshark) does not start: {error}")
    });
    assert!(
        output.status.success(),
        "{program}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

impl Capture {
    /// A capture of these packets.
    pub(crate) fn of_packets(wrap: Wrap, packets: &[&[u8]]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let dump = folder.path().join("packets.hex");
        let file = folder.path().join("packets.pcap");
        std::fs::write(&dump, hex_dump(packets)).expect("the hex dump is written");
        let mut command = Command::new("text2pcap");
        command.arg("-q");
        match wrap {
            Wrap::Udp(from, to) => command.args(["-u", &format!("{from},{to}")]),
            Wrap::Tcp(from, to) => command.args(["-T", &format!("{from},{to}")]),
            Wrap::LinkType(number) => command.args(["-l", &number.to_string()]),
        };
        run("text2pcap", command.arg(&dump).arg(&file));
        Self { _folder: folder, file, options: Vec::new() }
    }

    /// One HTTP POST of a body of any size, cut into TCP segments.
    pub(crate) fn of_http_post(content_type: &str, body: &[u8]) -> Self {
        Self::of_http_posts(content_type, &[body])
    }

    /// HTTP POSTs one after the other on one connection; each begins in a segment of its own.
    pub(crate) fn of_http_posts(content_type: &str, bodies: &[impl AsRef<[u8]>]) -> Self {
        let posts: Vec<Vec<u8>> = bodies
            .iter()
            .map(|body| {
                let body = body.as_ref();
                let head = format!(
                    "POST /mms HTTP/1.1\r\nHost: mmsc\r\nContent-Type: {content_type}\r\n\
                     Content-Length: {}\r\n\r\n",
                    body.len()
                );
                [head.as_bytes(), body].concat()
            })
            .collect();
        let packets: Vec<&[u8]> = posts.iter().flat_map(|post| post.chunks(SEGMENT)).collect();
        Self::of_packets(Wrap::Tcp(40000, 80), &packets)
    }

    /// One connectionless WSP push over UDP.
    pub(crate) fn of_push(push: &[u8]) -> Self {
        Self::of_packets(Wrap::Udp(9200, 2948), &[push])
    }

    /// SMS-DELIVER TPDUs without SMSC address; those of one concatenated message are joined.
    pub(crate) fn of_sms_deliver(tpdus: &[&[u8]]) -> Self {
        Self::of_packets(Wrap::LinkType(147), tpdus)
            .with_option("uat:user_dlts:\"User 0 (DLT=147)\",\"gsm_sms\",\"0\",\"\",\"0\",\"\"")
            .with_option("gsm_sms.reassemble:TRUE")
    }

    /// A capture that lies in a file already.
    pub(crate) fn of_file(file: &Path) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { _folder: folder, file: file.to_owned(), options: Vec::new() }
    }

    /// With one more preference (`-o`).
    pub(crate) fn with_option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    fn tshark(&self) -> Command {
        let mut command = Command::new("tshark");
        command.arg("-n").arg("-r").arg(&self.file);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// These fields of every packet that the display filter lets through.
    pub(crate) fn fields(&self, filter: &str, names: &[&str]) -> Vec<Row> {
        let mut command = self.tshark();
        command.args(["-Y", filter, "-T", "fields"]);
        command.args(["-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=\u{1f}"]);
        for name in names {
            command.args(["-e", name]);
        }
        let text = String::from_utf8_lossy(&run("tshark", &mut command)).into_owned();
        let values = |column: &str| -> Vec<String> {
            column.split('\u{1f}').filter(|value| !value.is_empty()).map(str::to_owned).collect()
        };
        let row = |line: &str| Row(line.split('\t').map(values).collect());
        text.lines().map(row).collect()
    }

    /// The octets of a field, every occurrence in every packet that the display filter lets
    /// through: for texts that tshark shows wrongly.
    pub(crate) fn octets(&self, filter: &str, name: &str) -> Vec<Vec<u8>> {
        let mut command = self.tshark();
        command.args(["-Y", filter, "-T", "json", "-x"]);
        let json: Value =
            serde_json::from_slice(&run("tshark", &mut command)).expect("tshark writes JSON");
        let mut found = Vec::new();
        collect_raw(&json, &format!("{name}_raw"), &mut found);
        found
    }

    /// The only packet that the display filter lets through.
    pub(crate) fn only(&self, filter: &str, names: &[&str]) -> Row {
        let rows = self.fields(filter, names);
        assert_eq!(rows.len(), 1, "packets that pass the filter {filter}");
        rows.into_iter().next().expect("one row")
    }

    /// The dissection of these protocols in the packets that the display filter lets through, as
    /// text: for what has no field, and for messages of failed assertions.
    pub(crate) fn text(&self, filter: &str, protocols: &str) -> String {
        let output = run("tshark", self.tshark().args(["-Y", filter, "-O", protocols]));
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Each packet that the display filter lets through, as the tree of its protocols.
    pub(crate) fn packets(&self, filter: &str) -> Vec<Item> {
        let output = run("tshark", self.tshark().args(["-Y", filter, "-T", "pdml"]));
        pdml::packets(&String::from_utf8_lossy(&output))
    }

    /// Fails when any packet is marked as malformed.
    pub(crate) fn assert_well_formed(&self) {
        let malformed = self.fields("_ws.malformed", &["frame.number"]);
        assert!(
            malformed.is_empty(),
            "malformed:\n{}",
            self.text("_ws.malformed", "http,wsp,mmse,gsm_sms")
        );
    }
}

/// A raw field is a list that begins with its hexadecimal digits, or a list of such lists.
fn collect_raw(json: &Value, name: &str, found: &mut Vec<Vec<u8>>) {
    match json {
        Value::Object(members) => {
            for (key, value) in members {
                if key == name {
                    collect_digits(value, found);
                } else {
                    collect_raw(value, name, found);
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                collect_raw(value, name, found);
            }
        }
        _ => {}
    }
}

fn collect_digits(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value.get(0) {
        Some(Value::String(digits)) => found.push(hex::decode(digits).expect("hexadecimal")),
        Some(Value::Array(_)) => {
            for one in value.as_array().into_iter().flatten() {
                collect_digits(one, found);
            }
        }
        _ => {}
    }
}

/// The form of `od -Ax -tx1 -v`: an offset of zero begins a packet.
fn hex_dump(packets: &[&[u8]]) -> String {
    let mut text = String::new();
    for packet in packets {
        for (index, line) in packet.chunks(16).enumerate() {
            let _ = write!(text, "{:06x}", index * 16);
            for octet in line {
                let _ = write!(text, " {octet:02x}");
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{:06x}", packet.len());
    }
    text
}

/// How tshark dissects these MMS PDUs, posted one after the other: one tree each, nothing in it
/// malformed or remarked on.
pub(crate) fn mms_trees(pdus: &[impl AsRef<[u8]>]) -> Vec<Item> {
    let packets = mms_packets(pdus);
    for (at, packet) in packets.iter().enumerate() {
        let remarks: String = mms_remarks(packet).join("\n");
        assert!(remarks.is_empty(), "PDU {at}:\n{remarks}\n{}", mms_tree(packet).text());
    }
    packets.iter().map(mms_tree).cloned().collect()
}

/// The packets of these MMS PDUs, posted one after the other.
pub(crate) fn mms_packets(pdus: &[impl AsRef<[u8]>]) -> Vec<Item> {
    let packets = Capture::of_http_posts(CONTENT_TYPE, pdus).packets("mmse");
    assert_eq!(packets.len(), pdus.len(), "packets with a PDU");
    packets
}

/// The PDU in a packet.
pub(crate) fn mms_tree(packet: &Item) -> &Item {
    packet.items.iter().find(|item| item.name == "mmse").expect("a packet with a PDU")
}

/// What tshark remarks on the octets of the PDU in a packet.
pub(crate) fn mms_remarks(packet: &Item) -> Vec<&str> {
    let inside = packet.items.iter().filter(|item| item.name != "http");
    inside
        .flat_map(|item| std::iter::once(item).chain(item.below()))
        .filter(|item| item.name.starts_with("_ws."))
        .map(Item::line)
        .collect()
}

/// Every code of an MMS header field that tshark has a word for: the field without `mmse.`, the
/// code and the word.
pub(crate) fn mms_values() -> Vec<(String, u8, String)> {
    let text =
        String::from_utf8_lossy(&run("tshark", Command::new("tshark").args(["-G", "values"])))
            .into_owned();
    let values: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let ["V", field, code, word] = columns[..] else { return None };
            let code = u8::from_str_radix(code.strip_prefix("0x")?, 16).ok()?;
            Some((field.strip_prefix("mmse.")?.to_owned(), code, word.to_owned()))
        })
        .collect();
    assert!(values.len() > 80, "{} values", values.len());
    values
}
