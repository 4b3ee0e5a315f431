//! Text that would end an AT command and begin another is refused at each entrance, with the name
//! of what it stood in, long before a port: configuration file, API, command line. The driver's own
//! refusal is tested with it (`modem::tests::calls`).

use mm1gate::gateway::Config;
use serde_json::json;

use crate::api_rig::Rig;
use crate::cli_basics::{mm1gate, run};

/// What follows something harmless: line ends, the ends of arguments and of a prompt, other
/// control characters.
const ENDINGS: [&str; 8] = [
    "\rAT+CFUN=0",
    "\nAT+CFUN=0",
    "\r\nAT+CFUN=0\r\n",
    "\",1;+CFUN=0;\"",
    "\u{1a}AT",
    "\u{1b}AT",
    "\u{7f}",
    "\u{85}AT",
];

/// TOML knows these escapes.
fn toml(text: &str) -> String {
    text.chars()
        .map(|it| match it {
            '"' => "\\\"".to_owned(),
            it if it.is_control() => format!("\\u{:04x}", u32::from(it)),
            it => it.to_string(),
        })
        .collect()
}

fn configured(key: &str, value: &str) -> Result<Config, String> {
    let of = |name: &str, usual: &str| if name == key { toml(value) } else { usual.to_owned() };
    let text = format!(
        "data_dir = \"data\"\n[[modem]]\nname = \"desk\"\nport = \"/dev/ttyUSB0\"\npin = \"{}\"\n\
         own_number = \"{}\"\n[modem.operator]\napn = \"{}\"\nuser = \"{}\"\npassword = \"{}\"\n\
         pdp_type = \"{}\"\nauth = \"pap\"\nmmsc = \"http://mmsc.example/mms\"\n",
        of("pin", "1234"),
        of("own_number", "+447700900123"),
        of("apn", "mms.example"),
        of("user", "mms"),
        of("password", "hunter2"),
        of("pdp_type", "IP"),
    );
    Config::parse(&text, "gate.toml").map_err(|error| error.to_string())
}

#[test]
fn configuration_refuses_what_would_end_a_command() {
    configured("", "").unwrap();
    for (key, usual) in [
        ("pin", "1234"),
        ("own_number", "+447700900123"),
        ("apn", "mms.example"),
        ("user", "mms"),
        ("password", "hunter2"),
        ("pdp_type", "IP"),
    ] {
        for ending in ENDINGS {
            let Err(told) = configured(key, &format!("{usual}{ending}x")) else {
                panic!("{key} with {ending:?} is taken");
            };
            assert!(told.contains(key), "{key}: {told}");
            assert!(!told.contains("hunter2") && !told.contains("1234\""), "a secret: {told}");
            assert!(!told.chars().any(|it| it.is_control() && it != '\n'), "{told:?}");
        }
    }
}

#[tokio::test]
async fn api_refuses_numbers_that_would_end_a_command() {
    let rig = Rig::start().await;
    for kind in ["mms", "sms"] {
        for ending in ENDINGS {
            let to = format!("+447700900123{ending}x");
            let answer = rig.post_json(&json!({ "kind": kind, "to": [to], "text": "hi" })).await;
            let status = answer.status.as_u16();
            assert!(matches!(status, 400 | 422), "{kind} {ending:?}: {status} {}", answer.text());
        }
        let to = "+447700900123";
        let answer =
            rig.post_json(&json!({ "kind": kind, "to": [to], "text": "\u{1a}\r\n" })).await;
        assert_eq!(answer.status.as_u16(), 202, "a text may hold anything: {}", answer.text());
    }
    let kept = rig.get("/api/v1/messages").await.text();
    assert!(!kept.contains("CFUN"), "{kept}");
    rig.shutdown.cancel();
}

#[test]
fn command_line_refuses_numbers_that_would_end_a_command() {
    let home = tempfile::tempdir().unwrap();
    for ending in ENDINGS {
        let to = format!("+447700900123{ending}x");
        let (code, out, err) =
            run(mm1gate(home.path()).args(["send", "--to", &to, "--text", "hi"]));
        assert_eq!((code, out.as_str()), (65, ""), "{ending:?}: {err}");
        assert!(err.contains("number"), "{ending:?}: {err}");
        assert!(!err.chars().any(|it| it.is_control() && it != '\n'), "{err:?}");
    }
}
