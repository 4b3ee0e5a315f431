//! AT: lines, responses, unsolicited codes, and the channel in any pieces.

use std::time::Duration;

use mm1gate::codec::at::{
    self, CommandLine, FinalResult, Unsolicited, is_unsolicited, two_line_header,
};
use mm1gate::proto::at::{Channel, Command, Input, Kind, Output};

/// The octets as lines of each kind, and as what a port says with and without a command under way.
pub(crate) fn check(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let lines: Vec<String> = text.split(['\r', '\n']).map(str::to_owned).collect();
    for line in &lines {
        check_line(line);
    }
    check_responses(&lines);
    channel(octets);
}

fn check_line(line: &str) {
    if let Some(result) = FinalResult::parse(line) {
        assert!(!result.to_string().is_empty());
        let _ =
            (result.is_ok(), result.cme(), result.cms(), result.is_unsupported(), result.is_busy());
    }
    let _ = (is_unsolicited(line), two_line_header(line));
    let _ = Unsolicited::parse(line, None);
    let _ = Unsolicited::parse(line, Some(line));
    let list = at::fields(line);
    let given: usize = list.iter().map(|field| field.text.len()).sum();
    assert!(given <= line.len());
    for field in &list {
        let inner = field.values();
        assert!(inner.iter().map(|field| field.text.len()).sum::<usize>() <= field.text.len());
        let _ = field.offers(1);
    }
    let _ = at::registration(line);
    // What may stand in a command never ends it.
    if let Ok(quoted) = at::quoted(line) {
        assert!(quoted.matches('"').count() == 2 && !quoted.contains(char::is_control));
    }
    if let Ok(command) = CommandLine::new(line) {
        assert!(line.starts_with(command.name()));
        let _ = command.response_prefix();
    }
}

fn check_responses(lines: &[String]) {
    let _ = at::identity(lines, "+CGSN:");
    let _ = at::cpin(lines);
    let _ = at::operator(lines);
    let _ = at::signal_dbm(lines);
    let _ = at::active_contexts(lines);
    let _ = at::cpms_state(lines);
    let _ = at::cpms_storages(lines);
    let _ = at::cnmi_ranges(lines);
    let cids = at::cgdcont_range(lines, "IP");
    assert!(cids.cids().is_sorted() && !cids.cids().contains(&0));
    assert!(at::contexts(lines).len() <= lines.len());
    let entries = at::cmgl_entries(lines);
    assert!(entries.len() <= lines.len());
    for entry in entries.iter().chain(&at::cmgr_entry(lines)) {
        assert!(!entry.is_whole() || entry.is_pdu());
    }
}

/// In one piece and octet by octet the same comes out.
fn channel(octets: &[u8]) {
    let now = tokio::time::Instant::now().into_std();
    let commands = [
        None,
        Some(("AT+CSQ", Kind::Plain)),
        Some(("ATD*99#", Kind::Dial)),
        Some((
            "AT+CMGS=20",
            Kind::Prompt { payload: b"00".to_vec(), result_within: Duration::from_secs(5) },
        )),
    ];
    for command in commands {
        let run = |pieces: usize| {
            let mut channel = Channel::new();
            let mut out = Vec::new();
            if let Some((line, kind)) = &command {
                let line = CommandLine::new(*line).expect("a plain command");
                let command = Command { line, kind: kind.clone(), timeout: Duration::from_secs(1) };
                channel.handle_input(now, Input::Command(command)).expect("an idle channel");
            }
            for piece in octets.chunks(pieces.max(1)) {
                let taken = channel.handle_input(now, Input::Octets(piece));
                taken.expect("octets are always taken");
            }
            loop {
                match channel.poll_output() {
                    Output::Idle | Output::Timeout(_) => break,
                    output => out.push(output),
                }
            }
            (out, channel.is_busy())
        };
        assert_eq!(run(octets.len()), run(1), "{command:?}");
    }
}
