//! What a configuration file may say, and what is told of one that cannot be used.

use super::*;

const GOOD: &str = r#"
data_dir = "/var/lib/mm1gate"
[api]
listen = "127.0.0.1:0"
[[modem]]
name = "front-desk"
port = "/dev/ttyUSB3"
control_port = "/dev/ttyUSB2"
pin = "1234"
own_number = "+44 7700 900123"
[modem.operator]
apn = "mms.example"
auth = "chap"
mmsc = "http://mmsc.example/mms"
proxy = "010.000.000.001:8080"
max_message_size = 307200
"#;

fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Config::parse(&GOOD.replace(from, to), "test.toml").unwrap_err().to_string()
}

#[test]
fn good_file_is_read() {
    let config = Config::parse(GOOD, "test.toml").unwrap();
    let modem = &config.modems[0];
    assert_eq!(modem.own_number, Some(Address::Msisdn("+447700900123".into())));
    let operator = modem.operator.as_ref().unwrap();
    assert_eq!(operator.proxy, Some(("10.0.0.1".to_owned(), 8080)));
    assert_eq!(config.data_dir, Path::new("/var/lib/mm1gate"));
    assert!(!format!("{config:?}").contains("1234\""));
}

#[test]
fn misspelt_key_gets_a_suggestion_and_its_line() {
    assert_eq!(
        complaint("mmsc =", "mmcs ="),
        "test.toml, line 14: there is no key 'mmcs' here; did you mean 'mmsc'?"
    );
    assert!(complaint("[api]", "[apy]").contains("did you mean 'api'?"));
    assert!(complaint("pin =", "colour =").contains("possible are name, port"));
}

#[test]
fn unusable_values_are_named_with_what_is_expected() {
    let text = complaint("http://mmsc.example/mms", "mmsc.example/mms");
    assert!(text.starts_with("test.toml: modem[0].operator.mmsc = \"mmsc.example/mms\""));
    assert!(complaint("010.000.000.001:8080", "10.0.0.1:9203").contains("WTLS"));
    let without_gateway = "\"\"\ntransport = \"wap\"";
    assert!(complaint("\"010.000.000.001:8080\"", without_gateway).contains("9201"));
    assert!(complaint("010.000.000.001:8080", "10.0.0.1").contains("port"));
    assert!(complaint("307200", "300").contains("octets"));
    assert!(complaint("\"chap\"", "\"peap\"").contains("none, pap"));
    assert!(complaint("front-desk", "front desk").contains("letters"));
    assert!(complaint("/dev/ttyUSB2", "/dev/ttyUSB3").contains("dial port"));
    assert!(complaint("127.0.0.1:0", "0.0.0.0:80").contains("clear text"));
    assert!(complaint("+44 7700 900123", "hello").contains("international"));
    let pin = complaint("1234", "12345678901");
    assert!(pin.contains("pin") && !pin.contains("12345678901"));
}

#[test]
fn listener_beyond_this_machine_needs_tls_a_proxy_or_insistence() {
    let with = |keys: &str| {
        Config::parse(&GOOD.replace("127.0.0.1:0\"", &format!("0.0.0.0:80\"\n{keys}")), "t")
    };
    for keys in ["", "require_token = true", "trusted_proxies = []"] {
        let complaint = with(keys).expect_err(keys).to_string();
        assert!(complaint.contains("plain_http_beyond_this_machine"), "{complaint}");
    }
    let config = with("trusted_proxies = [\"192.0.2.7\"]").expect("a proxy");
    assert_eq!(config.api.trusted_proxies.len(), 1);
    assert!(with("plain_http_beyond_this_machine = true").expect("insisted on").api.plain_http);
    for (keys, named) in [
        ("trusted_proxies = [\"proxy.example\"]", "api.trusted_proxies[0]"),
        ("tls_certificate = \"nowhere.pem\"", "api.tls_key is missing"),
        ("tls_key = \"nowhere.pem\"", "api.tls_certificate is missing"),
        ("tls_certificate = \"no.pem\"\ntls_key = \"no.pem\"", "No such file"),
    ] {
        let complaint = with(keys).expect_err(keys).to_string();
        assert!(complaint.contains(named), "{complaint}");
    }
}

#[test]
fn sending_policy_is_read() {
    let text = "[sending]\ngive_up_after_hours = 2\nresend_unknown = true\n[api]";
    let config = Config::parse(&GOOD.replace("[api]", text), "t").unwrap();
    assert!(config.resend_unknown);
    assert_eq!(config.timing.give_up_after, Duration::from_secs(7_200));
    assert!(complaint("[api]", "[sending]\ngive_up_after_hours = 0\n[api]").contains("720"));
}

#[test]
fn data_calls_are_configured() {
    let with =
        |text: &str| Config::parse(&GOOD.replace("[api]", &format!("[data]\n{text}\n[api]")), "t");
    let config = with("monthly_cap_mb = 50\nlinger_seconds = 0\nmtu = 1500\nmss = 1200").unwrap();
    assert_eq!(config.modems[0].monthly_cap, Some(50_000_000));
    assert_eq!(config.timing.linger, Duration::ZERO);
    assert_eq!((config.data.mtu, config.data.mss), (1500, Some(1200)));
    let config = with("user_timeout_seconds = 90").unwrap();
    assert_eq!(config.data.user_timeout, Duration::from_secs(90));
    let config = with("time_zone = \"Asia/Tokyo\"").unwrap();
    assert_eq!(config.data.calendar.zone(), "Asia/Tokyo");
    assert_eq!(
        (config.data.mtu, config.data.mss, config.modems[0].monthly_cap),
        (1400, None, None)
    );
    // What a modem says of its own SIM counts more.
    let own = |megabytes: u32| {
        let text = GOOD
            .replace("[api]", "[data]\nmonthly_cap_mb = 50\n[api]")
            .replace("pin = \"1234\"", &format!("pin = \"1234\"\nmonthly_cap_mb = {megabytes}"));
        Config::parse(&text, "t").unwrap().modems[0].monthly_cap
    };
    assert_eq!((own(7), own(0)), (Some(7_000_000), None));
    let complaint = |text: &str| with(text).unwrap_err().to_string();
    for (text, expected) in [
        ("mtu = 575", "t: data.mtu = \"575\": a number of octets from 576 to 1500"),
        ("mtu = 70000", "from 576 to 1500"),
        (
            "user_timeout_seconds = 29",
            "data.user_timeout_seconds = \"29\": a number of seconds from 30 to 600",
        ),
        ("user_timeout_seconds = 601", "from 30 to 600"),
        ("mss = 1361", "from 536 to 1360, which is what data.mtu leaves beside the headers"),
        ("mtu = 1000\nmss = 961", "from 536 to 960"),
        ("monthly_cap_mb = -1", "0 for no cap"),
        ("linger_seconds = 601", "from 0 to 600"),
        ("time_zone = \"Mars/Olympus\"", "such as Europe/Berlin"),
        ("monthly_cap = 5", "did you mean 'monthly_cap_mb'?"),
        ("linger_second = 5", "did you mean 'linger_seconds'?"),
        ("timezone = \"UTC\"", "did you mean 'time_zone'?"),
    ] {
        assert!(complaint(text).contains(expected), "{}", complaint(text));
    }
}

#[test]
fn how_long_texts_may_wait_is_read() {
    let with = |seconds: &str| {
        let text = format!("[receiving]\ntexts_may_wait_seconds = {seconds}\n[api]");
        Config::parse(&GOOD.replace("[api]", &text), "t").map(|it| it.timing.longest_call)
    };
    assert_eq!(with("30").unwrap(), Duration::from_secs(30));
    assert_eq!(with("3600").unwrap(), Duration::from_secs(3_600));
    for wrong in ["29", "3601", "-180"] {
        let text = with(wrong).unwrap_err().to_string();
        let wanted = format!(
            "t: receiving.texts_may_wait_seconds = \"{wrong}\": a number of seconds from 30 to \
             3600"
        );
        assert_eq!(text, wanted);
    }
    assert!(with("\"long\"").unwrap_err().to_string().starts_with("t, line 4"));
    assert!(complaint("[api]", "[recieving]\n[api]").contains("did you mean 'receiving'?"));
}

#[test]
fn missing_keys_are_named() {
    assert!(complaint("apn = \"mms.example\"", "").contains("modem[0].operator.apn is missing"));
    let two = GOOD.replace("port = \"/dev/ttyUSB3\"\ncontrol_port = \"/dev/ttyUSB2\"", "");
    let second = "[[modem]]\nport = \"/dev/ttyUSB7\"\n[modem.operator]\napn = \"a\"\n";
    let text = Config::parse(&format!("{two}{second}"), "t").unwrap_err().to_string();
    assert!(text.contains("modem[0].port is missing"), "{text}");
    let text = Config::parse("", "test.toml").unwrap_err().to_string();
    assert!(text.contains("[[modem]] is missing") || text.contains("data_dir"), "{text}");
}

#[test]
fn only_modem_needs_no_port_and_may_be_named_by_its_socket() {
    let ports = "port = \"/dev/ttyUSB3\"\ncontrol_port = \"/dev/ttyUSB2\"";
    let port = |text: &str| {
        Config::parse(&GOOD.replace(ports, text), "t").map(|it| it.modems[0].port.clone())
    };
    assert_eq!(port("").unwrap(), "auto");
    assert_eq!(port("port = \"auto\"").unwrap(), "auto");
    assert_eq!(port("port = \"usb:1-1.4\"").unwrap(), "usb:1-1.4");
    for wrong in ["port = \"USB0\"", "port = \"usb:1\""] {
        assert!(port(wrong).unwrap_err().to_string().contains("/dev/serial/by-id"));
    }
    let both = "port = \"auto\"\ncontrol_port = \"/dev/ttyUSB2\"";
    assert!(port(both).unwrap_err().to_string().contains("leave it out"));
}

#[test]
fn auto_is_refused_when_there_are_several() {
    let second = "[[modem]]\nport = \"auto\"\n[modem.operator]\napn = \"a\"\n";
    let text = Config::parse(&format!("{GOOD}{second}"), "t").unwrap_err().to_string();
    assert!(text.contains("modem[1].port = \"auto\": with several modems"), "{text}");
}

#[test]
fn modem_without_operator_is_for_plain_sms() {
    let config = Config::parse("data_dir = \"/d\"\n[[modem]]\n", "t").unwrap();
    assert_eq!(config.modems[0].operator, None);
    // An empty table is a slip.
    let text = Config::parse("data_dir = \"/d\"\n[[modem]]\n[modem.operator]\n", "t");
    assert!(text.unwrap_err().to_string().contains("modem[0].operator.apn is missing"));
}

#[test]
fn two_modems_share_neither_name_nor_port() {
    let second = GOOD.split("[[modem]]").nth(1).unwrap();
    let both = format!("{GOOD}\n[[modem]]{second}");
    let text = Config::parse(&both, "t").unwrap_err().to_string();
    assert!(text.contains("name of its own"), "{text}");
    let both = format!("{GOOD}\n[[modem]]{}", second.replace("front-desk", "back"));
    let text = Config::parse(&both, "t").unwrap_err().to_string();
    assert!(text.contains("belongs to modem \"front-desk\""), "{text}");
}

#[test]
fn syntax_error_names_its_line() {
    let text = complaint("apn = \"mms.example\"", "apn = mms.example");
    assert!(text.starts_with("test.toml, line 12: "), "{text}");
    let text = complaint("max_message_size = 307200", "max_message_size = \"300K\"");
    assert!(text.contains("line 16"), "{text}");
}

#[test]
fn complaint_does_not_repeat_a_secret() {
    for wrong in ["pin = 8642", "pin = \"8642", "pin = [8642]"] {
        let text = complaint("pin = \"1234\"", wrong);
        assert!(text.starts_with("test.toml, line 9: ") && !text.contains("8642"), "{text}");
    }
    let text = complaint("auth = \"chap\"", "password = 8642");
    assert!(text.contains("password") && !text.contains("8642"), "{text}");
}

#[test]
fn headers_that_cannot_be_filled_in_or_are_ours_are_refused() {
    let with = |line: &str| complaint("auth = \"chap\"", &format!("extra_headers = {line}"));
    assert!(with("{ X-MDN = \"{MDN}\" }").contains("{LINE1NOCC}"));
    assert!(with("{ X-MDN = \"{NAI}\" }").contains("operator.nai is missing"));
    assert!(with("{ Transfer-Encoding = \"chunked\" }").contains("by itself"));
    let good = "extra_headers = { X-MDN = \"1{LINE1NOCC}\", X-Other = \"{ \" }";
    let text = GOOD.replace("auth = \"chap\"", good);
    let operator = Config::parse(&text, "t").unwrap().modems[0].operator.clone().unwrap();
    assert_eq!(operator.extra_headers.len(), 2);
    let without = text.replace("own_number = \"+44 7700 900123\"", "");
    let text = Config::parse(&without, "t").unwrap_err().to_string();
    assert!(text.contains("modem[0].own_number is missing"), "{text}");
}

#[test]
fn who_the_proxy_is_told_is_read_and_never_shown() {
    let with = |lines: &str| Config::parse(&GOOD.replace("auth = \"chap\"", lines), "t");
    let lines = "proxy_user = \"shop\"\nproxy_password = \"hidden\"\n\
                 nai = \"{LINE1NOCC}@realm.example\"\nnai_suffix = \":pcs\"";
    let config = with(lines).unwrap();
    let operator = config.modems[0].operator.clone().unwrap();
    assert_eq!(operator.proxy_login, Some(("shop".to_owned(), Secret::new("hidden"))));
    assert_eq!(operator.nai.as_ref().unwrap().expose(), "{LINE1NOCC}@realm.example:pcs");
    assert!(!format!("{config:?}").contains("hidden"));
    for (lines, said) in [
        ("proxy_password = \"hidden\"", "proxy_user"),
        ("proxy_user = \"a:b\"", "colon"),
        ("proxy_user = \"a\"\nproxy_password = \"hidden\u{e9}\"", "ASCII"),
        ("nai = \"{NAI}\"", "stands for"),
        (
            "proxy_user = \"a\"\nextra_headers = { proxy-authorization = \"Basic aGlkZGVu\" }",
            "keep one of them",
        ),
    ] {
        let text = with(lines).unwrap_err().to_string();
        assert!(text.contains(said) && !text.contains("hidden"), "{text}");
    }
    let text = complaint("proxy = \"010.000.000.001:8080\"", "proxy_user = \"a\"");
    assert!(text.contains("no proxy"), "{text}");
    let text = complaint("auth = \"chap\"", "proxy_password = 8642");
    assert!(text.contains("proxy_password") && !text.contains("8642"), "{text}");
}

#[test]
fn authorities_come_from_a_file_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mm1gate.toml").display().to_string();
    let text = GOOD.replace("auth = \"chap\"", "mmsc_ca_file = \"ca.pem\"");
    let missing = Config::parse(&text, &file).unwrap_err().to_string();
    assert!(missing.contains("mmsc_ca_file = \"ca.pem\": No such file"), "{missing}");
    let pem = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap().cert.pem();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let config = Config::parse(&text, &file).unwrap();
    let operator = config.modems[0].operator.as_ref().unwrap();
    assert_eq!(operator.trust.authorities.len(), 1);
    let text = GOOD.replace("auth = \"chap\"", "mmsc_fingerprint = \"AB:CD\"");
    let text = Config::parse(&text, &file).unwrap_err().to_string();
    assert!(text.contains("64 hexadecimal digits"), "{text}");
}

#[test]
fn relative_folder_counts_from_the_file() {
    let text = GOOD.replace("/var/lib/mm1gate", "data");
    let config = Config::parse(&text, "/etc/mm1gate/mm1gate.toml").unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/mm1gate/data"));
}

#[test]
fn folders_say_what_is_wrong_with_them() {
    let with = |tables: &str| complaint("[[modem]]", &format!("{tables}\n[[modem]]"));
    for (tables, expected) in [
        ("[[folder]]", "folder[0].path"),
        ("[[folder]]\npath = \"\"", "folder[0].path"),
        ("[[folder]]\npath = \"a\"\nname = \"a b\"", "folder[0].name"),
        ("[[folder]]\npath = \"a\"\nmodem = \"none\"", "the name of a modem: front-desk"),
        ("[[folder]]\npath = \"a\"\nevents = [\"sms.recieved\"]", "did you mean 'sms.received'"),
        ("[[folder]]\npath = \"a\"\nsettle_seconds = 0", "a number from 1 to 300"),
        ("[[folder]]\npath = \"a\"\nkeep_days = -1", "a number from 0 to 36500"),
        ("[[folder]]\npath = \"a\"\n[[folder]]\npath = \"a/b\"", "a folder apart from that of"),
        (
            "[[folder]]\nname = \"x\"\npath = \"a\"\n[[folder]]\nname = \"x\"\npath = \"b\"",
            "a name of its own",
        ),
        ("[[folder]]\npath = \"a\"\ncolour = 1", "there is no key 'colour'"),
    ] {
        let text = with(tables);
        assert!(text.contains(expected), "{tables}: {text}");
    }
    let many = "[[folder]]\npath = \"a\"\n".repeat(17);
    assert!(with(&many).contains("at most 16 folders"));
}

#[test]
fn mail_says_what_is_wrong_with_it_and_repeats_no_password() {
    let with = |tables: &str| complaint("[[modem]]", &format!("{tables}\n[[modem]]"));
    let smtp = "[smtp]\nserver = \"mail.example\"\nfrom = \"mms@shop.example\"\n";
    for (tables, expected) in [
        ("[[mail]]\nto = [\"a@b.example\"]".to_owned(), "a table [smtp]"),
        ("[smtp]\nfrom = \"a@b.example\"".to_owned(), "smtp.server"),
        ("[smtp]\nserver = \"mail.example\"".to_owned(), "smtp.from"),
        (smtp.replace("mail.example", "http://mail.example/"), "smtp.server"),
        (smtp.replace("mms@shop.example", "MMS <mms@shop.example>"), "one e-mail address"),
        (format!("{smtp}port = 70000"), "a number from 1 to 65535"),
        (format!("{smtp}tls = \"ssl\""), "\"starttls\" (port 587)"),
        (format!("{smtp}user = \"ann\""), "smtp.password"),
        (format!("{smtp}password = \"s3cret\""), "smtp.user"),
        (format!("{smtp}user = \"ann\"\npassword = \"s3cret\"\ntls = \"none\""), "smtp.tls"),
        (format!("{smtp}user = \"ann\"\npassword = \"s3\\ncret\""), "without control characters"),
        (format!("{smtp}ca_file = \"none.pem\""), "smtp.ca_file"),
        (format!("{smtp}[[mail]]"), "mail[0].to"),
        (format!("{smtp}[[mail]]\nto = [\"a@b.example, c@d.example\"]"), "mail[0].to[0]"),
        (format!("{smtp}[[mail]]\nto = [\"a@b.example\"]\nmax_size_kb = 1"), "16 to 102400"),
        (format!("{smtp}[[mail]]\nto = [\"a@b.example\"]\nevents = []"), "at least one event"),
        (
            format!("{smtp}[[mail]]\nto = [\"a@b.example\"]\nevents = [\"x\"]"),
            "there are the events",
        ),
    ] {
        let text = with(&tables);
        assert!(text.contains(expected), "{tables}: {text}");
        assert!(!text.contains("s3cret") && !text.contains("cret\""), "{text}");
    }
    let text = GOOD.replace("[[modem]]", &format!("{smtp}port = 465\n[[modem]]"));
    let smtp = Config::parse(&text, "test.toml").unwrap().world.smtp.unwrap();
    assert_eq!((smtp.port, smtp.tls), (465, SmtpTls::Implicit));
}
