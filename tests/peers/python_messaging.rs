//! python-messaging 0.5.13 as a witness of MMS PDUs and SMS. It is under the GPL and runs as a
//! program of its own: questions and answers pass as JSON to and from `python_messaging/ask.py`,
//! in the virtual environment that `tests/all` makes under `target`.

mod expected;
mod mms;
mod sms;
mod tables;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The answers of one run of the program, one to each question.
fn ask(questions: &[Value]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/python-messaging/bin/python");
    let mut child = Command::new(&python)
        .arg(root.join("tests/peers/python_messaging/ask.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{} (made by tests/all) does not start: {error}", python.display())
        });
    let text = serde_json::to_vec(questions).expect("questions are JSON");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends").expect("the program reads its questions");
    assert!(output.status.success(), "{}: {}", python.display(), output.status);
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("answers are JSON");
    assert_eq!(answers.len(), questions.len(), "one answer to each question");
    answers
}
