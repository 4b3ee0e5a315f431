//! `mm1gate decode` as its users run it: what it recognises, its exit codes, its JSON, and the files
//! that it writes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli_basics::{mm1gate, run};
use crate::vectors;

/// M-Retrieve.conf, multipart/mixed, with one part a name.
fn named_parts(names: &[&str]) -> Vec<u8> {
    let mut pdu = hex::decode("8c848d9284a3").expect("digits");
    pdu.push(u8::try_from(names.len()).expect("few"));
    for name in names {
        // image/jpeg with the parameter Name, in the general form.
        let mut value = vec![0x9E, 0x85];
        value.extend_from_slice(name.as_bytes());
        value.push(0);
        let mut headers = Vec::new();
        match u8::try_from(value.len()).expect("short") {
            length @ ..=30 => headers.push(length),
            length => headers.extend([0x1F, 0x80 | (length >> 7), length & 0x7F]),
        }
        headers.extend(value);
        let length = headers.len();
        pdu.extend([0x80 | u8::try_from(length >> 7).expect("short"), (length & 0x7F) as u8, 3]);
        pdu.extend(headers);
        pdu.extend(b"\xFF\xD8\xFF");
    }
    pdu
}

fn decode(home: &Path, input: &[u8], arguments: &[&str]) -> (i32, String, String) {
    let mut command = mm1gate(home);
    command.arg("decode").args(arguments).arg("-").write_stdin(input);
    run(&mut command)
}

fn told(home: &Path, input: &[u8], arguments: &[&str]) -> (i32, Value) {
    let (exit, out, _) = decode(home, input, &[&["--json"], arguments].concat());
    assert_eq!(out.lines().count(), 1, "one object on one line: {out}");
    (exit, serde_json::from_str(&out).expect("JSON"))
}

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn every_vector_is_told_and_the_exit_code_fits_the_object() {
    let home = place();
    for kind in ["mms", "push", "sms"] {
        for name in vectors::names(kind) {
            let path = vectors::folder(kind).join(format!("{name}.hex"));
            let mut command = mm1gate(home.path());
            command.args(["decode", "--json", "--type", if kind == "sms" { "tpdu" } else { kind }]);
            let (exit, out, err) = run(command.arg(&path));
            let object: Value = serde_json::from_str(&out).expect("JSON");
            let strange = out.contains("\"error\":{") || out.contains("\"understood\":false");
            assert_eq!(exit, i32::from(strange), "{kind}/{name}: {out}{err}");
            assert_eq!(err.is_empty(), exit == 0, "{kind}/{name}: {err}");
            let expected = if kind == "sms" { "tpdu" } else { kind };
            assert_eq!(object["kind"], expected, "{kind}/{name}");
            for key in ["pdu", "headers", "warnings"] {
                assert!(object.get(key).is_some(), "{kind}/{name} has no {key}");
            }
        }
    }
}

#[test]
fn text_names_every_field_with_its_place_and_shows_texts() {
    let home = place();
    let path = vectors::folder("mms").join("retrieve-plain.hex");
    let (exit, out, err) = run(mm1gate(home.path()).arg("decode").arg(&path));
    assert_eq!((exit, err.as_str()), (0, ""));
    assert!(out.starts_with("m-retrieve.conf (MMS PDU), 99 octets"), "{out}");
    assert!(out.contains("0000  8c 84"), "{out}");
    assert!(out.contains("| Hello"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours into a pipe");
    assert!(out.lines().all(|line| line.chars().count() <= 110), "{out}");
}

#[test]
fn received_text_cannot_command_the_terminal() {
    let home = place();
    let mut pdu = hex::decode("8c848d929683ea").expect("digits");
    pdu.truncate(4);
    pdu.extend(b"\x96\x1b]0;evil\x07 \xe2\x80\xae txt\0\x84\x83\x1b[2Jhello");
    let (_, out, err) = decode(home.path(), &pdu, &["--type", "mms"]);
    for text in [out, err] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    }
}

#[test]
fn what_is_not_understood_ends_with_1_and_says_field_and_offset() {
    let home = place();
    let (exit, out, err) = decode(home.path(), b"8c82 985431 00", &[]);
    assert_eq!(exit, 1);
    assert!(err.starts_with("mm1gate: standard input, as mms: ") && err.contains("octet"), "{err}");
    assert!(out.contains("does not decode"), "{out}");
    let (exit, object) = told(home.path(), b"8c82 985431 00", &[]);
    assert_eq!((exit, &object["kind"]), (1, &json!("mms")));
    assert!(object["error"]["field"].is_string() && object["error"]["offset"].is_u64());
}

#[test]
fn octets_of_no_kind_are_never_misnamed() {
    let home = place();
    let noise: Vec<u8> =
        (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for input in [&b""[..], b"\n\n", b"hello, world\n", b"\0\0\0\0", &noise, &[0xFF; 300]] {
        let (exit, object) = told(home.path(), input, &[]);
        assert_eq!((exit, &object["kind"]), (1, &json!("unknown")), "{input:02x?}");
        assert!(object["pdu"].is_null() && object["error"]["text"].is_string());
    }
    let (_, object) = told(home.path(), b"hello, world", &[]);
    let tried: Vec<&str> = object["tried"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["kind"].as_str())
        .collect();
    assert_eq!(tried, ["push", "tpdu", "mms", "ppp", "http"]);
    let (_, _, err) = decode(home.path(), b"hello, world", &[]);
    assert!(err.contains("\nTry: name what it is by --type"), "{err}");
}

#[test]
fn files_and_command_lines_keep_their_own_exit_codes() {
    let home = place();
    let (exit, out, err) = run(mm1gate(home.path()).args(["decode", "missing.mms"]));
    assert_eq!((exit, out.as_str()), (66, ""), "{err}");
    assert!(err.contains("missing.mms"), "{err}");
    let (exit, _, _) = run(mm1gate(home.path()).args(["decode", "--type", "fax", "x"]));
    assert_eq!(exit, 64);
    let (exit, _, err) = run(mm1gate(home.path()).args(["decode", "."]));
    assert_eq!(exit, 74, "{err}");
    fs::write(home.path().join("file"), "8c81985431008d929280").expect("a file");
    let (exit, out, _) = run(mm1gate(home.path()).args(["decode", "--extract", "file", "file"]));
    assert_eq!((exit, out.as_str()), (73, ""), "the folder's name is taken by a file");
}

#[test]
fn too_large_an_input_is_refused_whole() {
    let home = place();
    let large = vec![b' '; 64 * 1024 * 1024 + 1];
    let (exit, object) = told(home.path(), &large, &[]);
    assert_eq!((exit, &object["error"]["field"]), (1, &json!("input")));
}

#[test]
fn every_layout_of_hexadecimal_gives_the_same() {
    let home = place();
    let octets = vectors::octets("mms", "retrieve-plain");
    let (_, expected) = told(home.path(), &octets, &[]);
    assert_eq!(expected["pdu"], "m-retrieve.conf");
    let rows = |offset: &dyn Fn(usize) -> String, group: usize, tail: &dyn Fn(&[u8]) -> String| {
        octets
            .chunks(16)
            .enumerate()
            .map(|(row, chunk)| {
                let digits = chunk.chunks(group).map(hex::encode).collect::<Vec<_>>().join(" ");
                format!("{}{digits:<48}{}\n", offset(row * 16), tail(chunk))
            })
            .collect::<String>()
    };
    let shown = |chunk: &[u8]| {
        chunk
            .iter()
            .map(|it| if it.is_ascii_graphic() { char::from(*it) } else { '.' })
            .collect::<String>()
    };
    let layouts = [
        hex::encode(&octets),
        hex::encode_upper(&octets),
        octets.iter().map(|it| format!("0x{it:02X}, ")).collect(),
        octets.iter().map(|it| format!("{it:02x}:")).collect(),
        rows(&|at| format!("{at:08x}: "), 2, &|chunk| format!("  {}", shown(chunk))),
        rows(&|at| format!("{at:08x}: "), 1, &|chunk| format!("  {}", shown(chunk))),
        rows(&|at| format!("{at:08x}  "), 1, &|chunk| format!("  |{}|", shown(chunk))),
        rows(&|at| format!("{at:06x} "), 1, &|_| String::new())
            + &format!("{:06x}\n", octets.len()),
        rows(&|at| format!("{at:07o} "), 1, &|_| String::new())
            + &format!("{:07o}\n", octets.len()),
        rows(&|at| format!("{at:04x}  "), 1, &|chunk| format!("   {}", shown(chunk))),
    ];
    for text in layouts {
        let (exit, object) = told(home.path(), text.as_bytes(), &[]);
        assert_eq!((exit, &object), (0, &expected), "{text}");
    }
}

#[test]
fn parts_are_saved_under_names_that_stay_in_the_folder() {
    let home = place();
    let long = "n".repeat(120);
    let names = [
        "../../etc/passwd",
        "C:\\x",
        ".bashrc",
        &long,
        "p.jpg",
        "p.jpg",
        "",
        "nul",
        "-rf",
        "a/../b",
        "\u{202e}gpj.exe",
    ];
    let pdu = named_parts(&names);
    let (exit, out, err) = decode(home.path(), &pdu, &["--extract", "deep/down"]);
    assert_eq!((exit, err.as_str()), (0, ""), "{out}");
    let folder = home.path().join("deep/down");
    let mut saved: Vec<String> = fs::read_dir(&folder)
        .expect("the folder was made")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    saved.sort();
    let cut = format!("{}.jpg", "n".repeat(100));
    let mut expected = vec![
        "_nul.jpg",
        "b.jpg",
        "bashrc.jpg",
        "gpj.exe.jpg",
        &cut,
        "p-2.jpg",
        "p.jpg",
        "part-7.jpg",
        "passwd.jpg",
        "rf.jpg",
        "x.jpg",
    ];
    expected.sort_unstable();
    assert_eq!(saved, expected);
    for name in &saved {
        let path = folder.join(name);
        assert_eq!(fs::read(&path).expect("a file"), b"\xFF\xD8\xFF");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: nobody else reads it");
        assert!(out.contains(&format!("Saved deep/down/{name}")), "{out}");
    }
    assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 1, "nothing beside it");
}

#[test]
fn extraction_replaces_nothing_and_follows_no_link() {
    let home = place();
    let folder = home.path().join("parts");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("p.jpg"), "mine").expect("a file");
    let victim = home.path().join("victim");
    std::os::unix::fs::symlink(&victim, folder.join("p-2.jpg")).expect("a link");
    let (exit, object) = told(home.path(), &named_parts(&["p.jpg"]), &["--extract", "parts"]);
    assert_eq!((exit, &object["parts"][0]["file"]), (0, &json!("p-3.jpg")));
    assert_eq!(fs::read(folder.join("p.jpg")).expect("kept"), b"mine");
    assert!(!victim.exists());
}

#[test]
fn at_dialogue_is_read_as_a_modem_prints_it() {
    let home = place();
    // SMS-DELIVER from +447700900123, "hello" in the default alphabet.
    let text = "AT+CMGL=4\r\r\n+CMGL: 1,0,,24\r\n\
        0791447758100650040C9144770009103200006211210120300005E8329BFD06\r\n\r\nOK\r\n";
    let (exit, object) = told(home.path(), text.as_bytes(), &[]);
    assert_eq!((exit, &object["pdu"]), (0, &json!("sms-deliver")), "{object}");
    assert_eq!(object["headers"]["text"], "hello");
    assert_eq!(object["headers"]["smsc"], "+447785016005");
    assert_eq!(object["segments"][0]["line"], 3);
}
