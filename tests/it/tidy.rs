//! The rules of the house, held by a test: layering, file heads and sizes, words that must not
//! stay, top-level names, licences of what we link (ARCHITECTURE.md says why).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines a file may have before it holds more than one job.
const MAX_LINES: usize = 800;

/// The rooms, lowest first, and what each may use.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("codec", &["model"]),
    ("proto", &["codec", "model"]),
    ("net", &["proto", "codec", "model"]),
    ("operators", &["model"]),
    ("media", &["model", "codec"]),
    ("store", &["model"]),
    ("modem", &["proto", "codec", "model"]),
    ("bearer", &["proto", "codec", "net", "model"]),
    ("mm1", &["codec", "proto", "net", "operators", "model"]),
    (
        "gateway",
        &[
            "model",
            "codec",
            "proto",
            "net",
            "operators",
            "media",
            "store",
            "modem",
            "bearer",
            "mm1",
        ],
    ),
    ("outward", &[]),
    // `media` for thumbnails of what is stored, `outward` for parts by URL.
    ("api", &["gateway", "store", "model", "media", "outward"]),
    // `api` for a message in JSON as REST shows it.
    ("world", &["api", "gateway", "store", "net", "model", "outward"]),
    ("sim", &["codec", "proto", "net", "model"]),
    (
        "cli",
        &[
            "model",
            "codec",
            "proto",
            "net",
            "operators",
            "media",
            "store",
            "modem",
            "bearer",
            "mm1",
            "gateway",
            "api",
            "world",
            "sim",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The file without comments, so that prose may name what code may not use.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file is readable UTF-8");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every room named by a path that begins with `crate::`, grouped imports included.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut word = String::new();
            let mut at_start = true;
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => at_start = true,
                    c if depth == 1 && at_start && (c.is_alphanumeric() || c == '_') => {
                        word.push(c);
                        continue;
                    }
                    c if c.is_whitespace() => continue,
                    _ => at_start = false,
                }
                if !word.is_empty() {
                    used.insert(std::mem::take(&mut word));
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            let word: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            used.insert(word);
        }
    }
    used
}

#[test]
fn grouped_and_plain_paths_are_both_seen() {
    let used = rooms_used("use crate::{codec::mms, model::{Address, Part}, net};\ncrate::store::x");
    let expected = ["codec", "model", "net", "store"].map(str::to_owned);
    assert_eq!(used, BTreeSet::from(expected));
}

#[test]
fn rooms_use_only_what_they_may() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for (room, may) in ROOMS {
        for file in rust_files(&root().join("src").join(room)) {
            seen += 1;
            let depth = file.strip_prefix(root().join("src")).unwrap().components().count() - 1;
            let code = code_of(&file);
            for used in rooms_used(&code) {
                let is_room = ROOMS.iter().any(|(name, _)| *name == used);
                if is_room && used != *room && !may.contains(&used.as_str()) {
                    faults.push(format!("{}: {room} may not use {used}", short(&file)));
                }
            }
            // Climbing out of the room by `super` would pass the check above.
            let is_mod = file.file_name().is_some_and(|name| name == "mod.rs");
            let climbs = depth + usize::from(!is_mod);
            // An inline `mod tests` is one level deeper.
            let (plain, tests) = code.split_once("#[cfg(test)]").unwrap_or((&code, ""));
            if plain.contains(&"super::".repeat(climbs))
                || tests.contains(&"super::".repeat(climbs + 1))
            {
                faults.push(format!("{}: leaves its room by super::", short(&file)));
            }
        }
    }
    assert!(seen > 40, "only {seen} files seen: the folders moved");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_folder_of_src_is_a_known_room() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    for entry in fs::read_dir(root().join("src")).unwrap().flatten() {
        if entry.path().is_dir() {
            let name = entry.file_name().into_string().unwrap();
            assert!(known.contains(name.as_str()), "src/{name} is no room of the house");
        }
    }
}

#[test]
fn machines_and_codecs_know_no_runtime_and_no_clock() {
    let mut faults = Vec::new();
    for room in ["codec", "proto"] {
        for file in rust_files(&root().join("src").join(room)) {
            let code = code_of(&file);
            for banned in ["tokio::", "Instant::now", "SystemTime::now", "std::fs", "std::net::Tcp"]
            {
                if code.contains(banned) {
                    faults.push(format!("{}: {banned}", short(&file)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn sql_lives_in_the_store_only() {
    for file in rust_files(&root().join("src")) {
        let inside = file.starts_with(root().join("src/store"));
        assert!(inside || !code_of(&file).contains("rusqlite"), "{}: SQL", short(&file));
    }
}

#[test]
fn no_shell_is_started() {
    for file in rust_files(&root().join("src")) {
        let code = code_of(&file);
        for shell in ["\"sh\"", "\"/bin/sh\"", "\"bash\"", "\"/bin/bash\"", "\"-c\""] {
            assert!(!code.contains(shell), "{}: {shell}", short(&file));
        }
    }
}

#[test]
fn every_file_says_its_job_and_does_only_that() {
    let mut faults = Vec::new();
    for folder in ["src", "tests", "benches", "hil"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            if !text.starts_with("//! ") {
                faults.push(format!("{}: no //! head", short(&file)));
            }
            let lines = text.lines().count();
            if lines > MAX_LINES {
                faults.push(format!("{}: {lines} lines", short(&file)));
            }
            if let Some(line) = text.lines().find(|line| line.ends_with([' ', '\t'])) {
                faults.push(format!("{}: trailing blank: {line:?}", short(&file)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn codec_and_machine_files_name_their_specification() {
    let names = [
        "WAP-",
        "OMA",
        "3GPP",
        "RFC",
        "ITU-T",
        "V.250",
        "IANA",
        "draft-",
        "specification",
        "clause",
    ];
    let mut faults = Vec::new();
    for room in ["codec", "proto"] {
        for file in rust_files(&root().join("src").join(room)) {
            // The room's own head and its error type belong to no single specification.
            let plain = ["src/codec/mod.rs", "src/codec/error.rs", "src/proto/mod.rs"];
            if plain.contains(&short(&file).as_str()) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
            if !names.iter().any(|name| head.contains(name)) {
                faults.push(short(&file));
            }
        }
    }
    assert!(faults.is_empty(), "heads without a specification:\n{}", faults.join("\n"));
}

#[test]
fn unfinished_words_do_not_stay() {
    let words = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
    for file in rust_files(&root().join("src")) {
        let code = code_of(&file);
        for word in words {
            assert!(!code.contains(word), "{}: {word}", short(&file));
        }
    }
}

#[test]
fn top_level_shows_only_the_agreed_names() {
    let agreed: BTreeSet<&str> = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "modem-profiles",
        "tests",
        "hil",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "CHANGELOG.md",
        "benches",
        "packaging",
        "tools",
        "NOTICE",
    ]
    .into();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    // Outside a git checkout (a source archive) the folder itself is the list.
    let names: BTreeSet<String> = match listed {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout)
            .lines()
            .filter_map(|line| line.split('/').next().map(str::to_owned))
            .collect(),
        _ => fs::read_dir(root())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name != "target")
            .collect(),
    };
    assert!(!names.is_empty());
    let strangers: Vec<_> = names
        .iter()
        .filter(|name| !name.starts_with('.') && !agreed.contains(name.as_str()))
        .collect();
    assert!(strangers.is_empty(), "not agreed at the top level: {strangers:?}");
}

/// The target triple of this machine.
fn host() -> String {
    let out = Command::new(env!("CARGO")).arg("-vV").output().expect("cargo tells its version");
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo's host").to_owned()
}

#[test]
fn linked_crates_have_listed_licences() {
    let out = Command::new(env!("CARGO"))
        // For this platform alone: what others would need is not on the disk after a build.
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &host()])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let allowed = [
        "MIT",
        "Apache-2.0",
        "0BSD",
        "Zlib",
        "BSD-3-Clause",
        "CDLA-Permissive-2.0",
        "ISC",
        "Unicode-3.0",
        "MPL-2.0",
    ];
    let mut faults = BTreeMap::new();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none given");
        if !is_allowed(licence, &allowed) {
            faults.insert(package["name"].to_string(), licence.to_owned());
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// SPDX expressions as they occur: every AND group needs one allowed OR choice.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    expression.split(" AND ").all(|group| {
        group
            .trim_matches(['(', ')'])
            .replace('/', " OR ")
            .split(" OR ")
            .any(|choice| allowed.contains(&choice.trim().trim_matches(['(', ')'])))
    })
}

#[test]
fn licence_expressions_are_judged_by_their_choices() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"];
    assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed));
    assert!(is_allowed("MIT/Apache-2.0", &allowed));
    assert!(!is_allowed("GPL-3.0-only", &allowed));
    assert!(!is_allowed("MIT AND GPL-3.0-only", &allowed));
}
