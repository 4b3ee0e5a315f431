//! aiosmtpd 1.4 as a mail server and Python's own reader of MIME as witnesses of the mail that the
//! running daemon sends: STARTTLS, a login, greylisting, and what arrives.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Process, Scratch, mm1gate, over_unix, wait_until};

const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 any octets \x00\r\n.\r\n\x80";

#[test]
#[ignore = "needs aiosmtpd"]
fn mail_passes_starttls_login_and_greylisting_and_is_read_as_it_was_meant() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Scratch::new("aiosmtpd");
    let home = scratch.path();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(home.join("cert.pem"), made.cert.pem()).expect("a file");
    std::fs::write(home.join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
    let mut python = std::process::Command::new(root.join("target/aiosmtpd/bin/python"));
    python.arg(root.join("tests/peers/aiosmtpd/server.py"));
    let mut server =
        Process::start(python.current_dir(home).args(["cert.pem", "key.pem"]), home, "server");
    let port = server.wait_for_line(|line| {
        serde_json::from_str::<Value>(line).ok().and_then(|line| line["port"].as_u64())
    });
    let config = format!(
        "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[smtp]\nserver = \"localhost\"\n\
         port = {port}\nuser = \"mms@shop.example\"\npassword = \"s3cret ü\"\n\
         from = \"mms@shop.example\"\nca_file = \"cert.pem\"\n[[mail]]\nname = \"orders\"\n\
         to = [\"ann@example.com\"]\nevents = [\"message.canceled\"]\n[[modem]]\nname = \"desk\"\n\
         port = \"/dev/mm1gate-no-such-port\"\n[modem.operator]\napn = \"mms.example\"\n\
         mmsc = \"http://mmsc.example/mms\"\n"
    );
    std::fs::write(home.join("gate.toml"), config).expect("a file");
    let mut serve = mm1gate();
    serve.env_clear().env("HOME", home).current_dir(home);
    let _gateway = Process::start(serve.args(["serve", "--config", "gate.toml"]), home, "gateway");
    let socket = home.join("data/mm1gate.sock");
    wait_until("the gateway answers", Duration::from_secs(20), || socket.exists().then_some(()));
    let ask = |path: &str, body: &Value| {
        let body = body.to_string();
        wait_until("an answer", Duration::from_secs(20), || {
            over_unix(&socket, "POST", path, "application/json", body.as_bytes()).ok()
        })
    };
    use base64::Engine;
    let picture = base64::engine::general_purpose::STANDARD.encode(PICTURE);
    let message = serde_json::json!({
        "to": ["+447700900123"], "subject": "Grüße: ja", "text": "Hallo\n.\n..\nBcc: x@y\nEnde",
        "parts": [{ "data_base64": picture, "content_type": "image/jpeg", "filename": "a b.jpg" }],
    });
    let sent = ask("/api/v1/messages", &message);
    assert_eq!(sent.status, 202, "{}", String::from_utf8_lossy(&sent.body));
    let id = sent.json()["id"].as_str().expect("an id").to_owned();
    ask(&format!("/api/v1/messages/{id}/cancel"), &Value::Null);
    let mail: Value = server.wait_for_line(|line| {
        serde_json::from_str::<Value>(line).ok().filter(|line| line["from"].is_string())
    });
    assert_eq!(
        (&mail["from"], &mail["to"][0]),
        (&"mms@shop.example".into(), &"ann@example.com".into())
    );
    assert_eq!((&mail["tls"], &mail["login"]), (&true.into(), &"mms@shop.example".into()));
    assert_eq!(mail["defects"], serde_json::json!([]), "{mail}");
    let header = |name: &str| {
        let all = mail["headers"].as_array().expect("headers");
        let mut found = all.iter().filter(|header| header[0] == name);
        let value = found.next().map(|header| header[1].as_str().unwrap_or_default().to_owned());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    };
    assert_eq!(header("Subject").as_deref(), Some("MMS: message.canceled: Grüße: ja"));
    assert_eq!(header("X-MM1Gate-Message").as_deref(), Some(id.as_str()));
    assert_eq!(header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert!(header("Message-ID").is_some_and(|id| id.ends_with(".orders@shop.example>")));
    assert_eq!(header("Bcc"), None);
    let text = mail["text"].as_str().expect("a text").replace("\r\n", "\n");
    assert!(text.contains("\n\nHallo\n.\n..\nBcc: x@y\nEnde"), "{text}");
    let parts =
        serde_json::json!([["image/jpeg", "a b.jpg", hex::encode(Sha256::digest(PICTURE))]]);
    assert_eq!(mail["attachments"], parts);
}
