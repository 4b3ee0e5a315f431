//! The octets that stand in `tests/vectors` and in the corpora, for everything that runs over all of
//! them.

use std::fs;
use std::path::{Path, PathBuf};

/// Octets and where they come from.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The file, from the project's folder, and a line's number where a line stands for itself.
    pub(crate) name: String,
    /// The octets.
    pub(crate) octets: Vec<u8>,
}

/// The vectors of these kinds (folders), in the order of their names. Hexadecimal files give their
/// octets, each line of an SMS vector besides, dialogues what the modem says, all others themselves.
///
/// # Panics
/// When a file cannot be read or holds something else than digits and comments.
#[must_use]
pub(crate) fn vectors(project: &Path, kinds: &[&str]) -> Vec<Input> {
    let mut inputs = Vec::new();
    for kind in kinds {
        for path in files(&project.join("tests/vectors").join(kind)) {
            let name = path.strip_prefix(project).unwrap_or(&path).display().to_string();
            let content = fs::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
            let extension = path.extension().and_then(|extension| extension.to_str());
            if extension == Some("hex") {
                let text = String::from_utf8(content).unwrap_or_else(|e| panic!("{name}: {e}"));
                let lines: Vec<Vec<u8>> = text.lines().map(|line| digits(&name, line)).collect();
                inputs.push(Input { name: name.clone(), octets: lines.concat() });
                if *kind == "sms" {
                    inputs.extend(numbered(&name, lines));
                }
            } else if *kind == "at" {
                let text = String::from_utf8_lossy(&content);
                let said = text.lines().filter_map(|line| line.strip_prefix("< "));
                let octets = said.map(unescaped).collect::<String>().into_bytes();
                inputs.push(Input { name, octets });
            } else {
                inputs.push(Input { name, octets: content });
            }
        }
    }
    inputs
}

/// The corpus of a target, in the order of the names.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub(crate) fn corpus(project: &Path, target: &str) -> Vec<Input> {
    let paths = files(&project.join("tests/fuzz/corpus").join(target));
    let input = |path: PathBuf| {
        let name = path.strip_prefix(project).unwrap_or(&path).display().to_string();
        let octets = fs::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        Input { name, octets }
    };
    paths.into_iter().map(input).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn numbered(name: &str, lines: Vec<Vec<u8>>) -> impl Iterator<Item = Input> {
    let lines = lines.into_iter().enumerate().filter(|(_, octets)| !octets.is_empty());
    lines.map(move |(at, octets)| Input { name: format!("{name}:{}", at + 1), octets })
}

fn digits(name: &str, line: &str) -> Vec<u8> {
    let plain: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
    hex::decode(&plain).unwrap_or_else(|e| panic!("{name}: {e}: {line}"))
}

fn unescaped(line: &str) -> String {
    line.replace("\\r", "\r").replace("\\n", "\n")
}
