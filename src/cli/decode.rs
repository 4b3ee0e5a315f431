//! `mm1gate decode`: the codecs on the command line.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use bytes::Bytes;
use clap::ValueEnum;

use super::decode_report::Report;
use super::error::{CliError, Exit};
use super::{decode_mms, decode_sms, term};
use crate::codec::ppp::{self, Deframed, Deframer};
use crate::codec::push::Push;
use crate::codec::{DecodeError, Decoded, Warning, mms};

/// Largest input, octets: above every message that a phone takes, twice for hexadecimal.
const MAX_INPUT: u64 = 24 * 1024 * 1024;
/// Longest PPP frame, octets: above the largest MRU in use.
const MAX_FRAME: usize = 4096;

/// Octets in which no kind was recognised.
const UNKNOWN: &str = "unknown";

/// What to decode.
#[derive(clap::Args)]
#[command(
    after_help = "The input may be binary or hexadecimal; of hexadecimal SMS TPDUs give one a \
                        line, and the segments of a message are joined. What follows a '#' or ';' \
                        is passed over, and so are lines that begin with '+' and 'OK'.\n\n\
                        Examples:\n  mm1gate decode message.mms\n  \
                        mm1gate decode --json --type tpdu segments.txt"
)]
pub(super) struct Args {
    /// The file, or - for standard input
    file: PathBuf,
    /// What it is
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = Kind::Auto)]
    kind: Kind,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What the octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Found out from the octets
    Auto,
    /// An MMS PDU
    Mms,
    /// A WAP Push
    Push,
    /// SMS TPDUs, with or without the service centre's address
    Tpdu,
    /// PPP frames with flags, or one frame without
    Ppp,
}

/// Decodes and prints.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    let name = if args.file.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        args.file.display().to_string()
    };
    let input = Input::new(&read(&args.file, &name)?);
    if input.whole.is_empty() {
        return Err(CliError::new(Exit::Data, format!("{name} is empty")));
    }
    match decode(&input, args.kind) {
        Ok(report) if args.json => term::json(&report.json()),
        Ok(report) => term::print(&report.text()),
        Err((kind, error)) => {
            if args.json {
                term::json(&Report::failed(kind, &error))?;
            }
            let hint = "name what it is by --type mms, push, tpdu or ppp";
            let failure = CliError::new(
                Exit::Data,
                if kind == UNKNOWN {
                    format!(
                        "{name} is none of MMS PDU, WAP Push, SMS TPDU and PPP frame (as an SMS \
                         TPDU: {error})"
                    )
                } else {
                    format!("{name}: as {kind}: {error}")
                },
            );
            Err(if args.kind == Kind::Auto { failure.remedy(hint) } else { failure })
        }
    }
}

fn read(file: &PathBuf, name: &str) -> Result<Vec<u8>, CliError> {
    let failed = |error: &io::Error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NoInput } else { Exit::Io };
        CliError::io(exit, name, error)
    };
    let mut octets = Vec::new();
    let result = if file.as_os_str() == "-" {
        io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut octets)
    } else {
        File::open(file).and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut octets))
    };
    result.map_err(|error| failed(&error))?;
    if octets.len() as u64 > MAX_INPUT {
        return Err(CliError::new(Exit::Data, format!("{name} has more than {MAX_INPUT} octets")));
    }
    Ok(octets)
}

/// The octets of an input, and those of its lines where it is hexadecimal.
struct Input {
    whole: Bytes,
    lines: Vec<Bytes>,
}

impl Input {
    fn new(octets: &[u8]) -> Self {
        match hexadecimal(octets) {
            Some(lines) => Self { whole: lines.concat().into(), lines },
            None => {
                let whole = Bytes::copy_from_slice(octets);
                Self { lines: vec![whole.clone()], whole }
            }
        }
    }
}

/// The lines of hexadecimal digits, if the input is nothing else.
fn hexadecimal(octets: &[u8]) -> Option<Vec<Bytes>> {
    let text = std::str::from_utf8(octets).ok()?;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        let line = line.split(['#', ';']).next().unwrap_or_default().trim_end();
        if line.is_empty() || line.starts_with('+') || line == "OK" {
            continue;
        }
        let line = line.strip_prefix("0x").unwrap_or(line);
        let digits: String =
            line.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | ',')).collect();
        lines.push(Bytes::from(hex::decode(digits).ok()?));
    }
    (!lines.is_empty()).then_some(lines)
}

type Failure = (&'static str, DecodeError);

fn decode(input: &Input, kind: Kind) -> Result<Report, Failure> {
    match kind {
        Kind::Mms => mms(&input.whole),
        Kind::Push => push(&input.whole),
        Kind::Tpdu => decode_sms::report(&input.lines).map_err(|error| ("tpdu", error)),
        Kind::Ppp => ppp_frames(&input.whole),
        Kind::Auto => recognised(input),
    }
}

fn recognised(input: &Input) -> Result<Report, Failure> {
    let octets = &input.whole;
    match **octets {
        [0x8C, second, ..] if second >= 0x80 => return mms(octets),
        [0x7E, ..] | [0xFF, 0x03, ..] => return ppp_frames(octets),
        _ => {}
    }
    // An SMS to a short number begins like a push, and some MMSCs write their fields in any order.
    let as_push = matches!(**octets, [_, 0x06 | 0x07, ..]).then(|| push(octets));
    let as_sms =
        || decode_sms::plausible(&input.lines).and_then(|()| decode_sms::report(&input.lines));
    match (as_push, as_sms()) {
        (Some(Ok(report)), _) | (_, Ok(report)) => Ok(report),
        (Some(Err(failure)), _) => Err(failure),
        (None, Err(error)) => {
            let as_mms = octets.first().filter(|first| **first >= 0x80).map(|_| mms(octets));
            let as_ppp = octets.contains(&0x7E).then(|| ppp_frames(octets));
            let found = as_mms.into_iter().chain(as_ppp).find_map(Result::ok);
            found.ok_or((UNKNOWN, error))
        }
    }
}

fn mms(octets: &Bytes) -> Result<Report, Failure> {
    let decoded = mms::decode(octets).map_err(|error| ("mms", error))?;
    Ok(decode_mms::report(decoded))
}

fn push(octets: &Bytes) -> Result<Report, Failure> {
    let decoded = Push::decode(octets).map_err(|error| ("push", error))?;
    Ok(push_report(decoded))
}

/// A push and what it carries.
pub(super) fn push_report(decoded: Decoded<Push>) -> Report {
    let Decoded { value: push, warnings } = decoded;
    let mut report = Report::new("push", push.application().as_str(), warnings);
    report.field("push-transaction-id", push.transaction_id);
    report.field("content-type", push.content_type.media_type.as_str());
    for (name, value) in &push.headers {
        report.field(name, value.as_str());
    }
    report.field("body-octets", push.body.len());
    if push.content_type.media_type.as_str() == mms::CONTENT_TYPE {
        match mms::decode(&push.body) {
            Ok(decoded) => report.content = Some(Box::new(decode_mms::report(decoded))),
            Err(error) => report.warnings.push(Warning::not_understood(
                error.field,
                error.offset,
                format!("the MMS PDU in it does not decode: {}", error.kind),
            )),
        }
    } else {
        report.field("body", hex::encode(&push.body));
    }
    report
}

fn ppp_frames(octets: &Bytes) -> Result<Report, Failure> {
    let mut report = Report::new("ppp", "PPP frames", Vec::new());
    if !octets.contains(&0x7E) {
        let text = ppp::describe(octets).map_err(|error| ("ppp", error))?;
        report.item("frame", text);
        return Ok(report);
    }
    let mut deframer = Deframer::new(MAX_FRAME);
    let mut first_error = None;
    for (offset, octet) in octets.iter().enumerate() {
        deframer.feed(std::slice::from_ref(octet), |deframed| {
            let problem = match deframed {
                Deframed::Frame(frame) => match ppp::describe(frame) {
                    Ok(text) => return report.item("frame", text),
                    Err(error) => {
                        let text = error.to_string();
                        first_error.get_or_insert(error);
                        text
                    }
                },
                Deframed::Text(text) => {
                    return report.item("text", String::from_utf8_lossy(text));
                }
                Deframed::Bad(error) => error.to_string(),
            };
            report.warnings.push(Warning::not_understood("frame", offset, problem));
        });
    }
    if report.items.iter().any(|(kind, _)| *kind == "frame") {
        return Ok(report);
    }
    let none =
        DecodeError { field: "frame", offset: 0, kind: crate::codec::DecodeErrorKind::BadChecksum };
    Err(("ppp", first_error.unwrap_or(none)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_told_from_binary() {
        let lines = |text: &str| {
            hexadecimal(text.as_bytes())
                .map(|lines| lines.iter().map(|line| line.to_vec()).collect::<Vec<_>>())
        };
        assert_eq!(lines("8c 81\n98:54"), Some(vec![vec![0x8C, 0x81], vec![0x98, 0x54]]));
        assert_eq!(
            lines("# a comment\n+CMGR: 0,,3\r\n0x0102\r\n\r\nOK\r\n"),
            Some(vec![vec![1, 2]])
        );
        assert_eq!(lines("8c81 # type\n98 ; id\n"), Some(vec![vec![0x8C, 0x81], vec![0x98]]));
        assert_eq!(lines("8c8"), None, "half an octet");
        assert_eq!(lines("hello"), None);
        assert_eq!(hexadecimal(b"\x8C\x81"), None);
        assert_eq!(lines("# nothing\n"), None);
    }

    fn auto(text: &str) -> Result<serde_json::Value, Failure> {
        decode(&Input::new(text.as_bytes()), Kind::Auto).map(|report| report.json())
    }

    #[test]
    fn mms_pdu_is_recognised_and_told() {
        let told = auto("8c81 985431 00 8d92 9280 8b69642d3100").unwrap();
        assert_eq!(told["kind"], "mms");
        assert_eq!(told["pdu"], "m-send.conf");
        assert_eq!(told["headers"]["transaction-id"], "T1");
        assert_eq!(told["headers"]["response-status"], "Ok (0x80)");
        assert_eq!(told["headers"]["message-id"], "id-1");
        assert_eq!(told["warnings"], serde_json::json!([]));
    }

    #[test]
    fn parts_are_told_with_their_hash() {
        // M-Retrieve.conf, multipart/mixed, one text part "hi" in UTF-8.
        let told = auto("8c84 8d92 84a301 04 02 038381ea 6869").unwrap();
        assert_eq!(
            told["parts"],
            serde_json::json!([{
                "content_type": "text/plain",
                "name": null,
                "content_id": null,
                "content_location": null,
                "charset": "utf-8",
                "length": 2,
                "sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
            }])
        );
    }

    #[test]
    fn push_with_a_notification_is_opened() {
        // Push, content type 3E (MMS), Application-Id 4; M-Notification.ind.
        let push = "0106 03 beaf84 8c82 985431 00 8d90 83 687474703a2f2f612f00";
        let told = auto(push).unwrap();
        assert_eq!(told["kind"], "push");
        assert_eq!(told["content"]["pdu"], "m-notification.ind");
        assert_eq!(told["content"]["headers"]["content-location"], "http://a/");
    }

    #[test]
    fn tpdu_lines_are_joined_and_opened() {
        use crate::codec::sms::{Scts, SmsAddress, join_smsc, port_addressed_delivers, to_hex};
        let pdu = format!("0106 03 beaf84 8c82 985431 00 8d90 83 {}00", "61".repeat(200));
        let push = hex::decode(pdu.replace(' ', "")).unwrap();
        let sender = SmsAddress::from_text("+447700900123");
        let delivers =
            port_addressed_delivers(&push, &sender, 2948, 9200, 7_u8, Scts([0; 7])).unwrap();
        assert!(delivers.len() > 1);
        for with_smsc in [false, true] {
            let lines: Vec<String> = delivers
                .iter()
                .map(|deliver| {
                    let tpdu = deliver.encode().unwrap();
                    let smsc = SmsAddress::from_text("+447785016005");
                    to_hex(&if with_smsc { join_smsc(Some(&smsc), &tpdu).unwrap() } else { tpdu })
                })
                .collect();
            let told = auto(&lines.join("\n")).unwrap();
            assert_eq!(told["kind"], "tpdu");
            assert_eq!(told["items"][0]["originator"], "+447700900123");
            assert_eq!(told["items"][0]["smsc"].as_str(), with_smsc.then_some("+447785016005"));
            assert_eq!(told["content"]["content"]["pdu"], "m-notification.ind");
            let incomplete = auto(&lines[0]).unwrap();
            assert!(incomplete["warnings"].to_string().contains("missing"), "{incomplete}");
        }
    }

    #[test]
    fn ppp_frames_are_described() {
        let told = auto("7eff7d23c0217d217d217d207d24d1b57e").unwrap();
        assert_eq!(told["kind"], "ppp");
        assert!(told["items"][0]["frame"].as_str().unwrap().contains("LCP Configure-Request"));
        let broken = auto("7eff7d23c0217d217d217d207d24d1b67e").unwrap_err();
        assert_eq!(broken.0, "ppp");
    }

    #[test]
    fn octets_of_no_known_kind_are_not_taken_for_an_sms() {
        for noise in ["hello", "00", &"a7".repeat(300), "06ed12947c8bb6125641719c7caa00f6"] {
            let outcome = decode(&Input::new(noise.as_bytes()), Kind::Auto);
            assert_eq!(outcome.err().map(|(kind, _)| kind), Some(UNKNOWN), "{noise}");
        }
    }

    #[test]
    fn what_does_not_decode_names_field_and_offset() {
        let (kind, error) = auto("8c82 985431 00").unwrap_err();
        assert_eq!(kind, "mms");
        assert!(error.to_string().contains("octet"), "{error}");
    }
}
