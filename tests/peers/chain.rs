//! The main job over foreign programs: the gateway's own PPP against slirp, tinyproxy as WAP
//! proxy, a hand-made MMSC, and tshark on the octets that arrived.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::origin::{Origin, notification_tpdus};
use crate::support::{Process, Scratch, mm1gate, over_tcp, over_unix, wait_until};
use crate::tshark::Capture;

const MSISDN: &str = "+447700900001";
const MMS: &str = "application/vnd.wap.mms-message";

/// How the gateway reaches the MMSC through slirp, which shows the host's loopback as 10.0.2.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Proxy,
    Squid,
    Direct,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Auth {
    None,
    Pap,
    Chap,
}

struct Chain {
    // In the order in which they end: the gateway first.
    serve: Process,
    _simulate: Process,
    _proxy: Process,
    origin: Origin,
    /// The MMSC as the gateway sees it.
    host: String,
    control: std::net::SocketAddr,
    socket: std::path::PathBuf,
    _scratch: Scratch,
}

impl Chain {
    fn start(way: Way, auth: Auth, two_ports: bool, served_picture: Vec<u8>) -> Self {
        let scratch = Scratch::new("chain");
        let dir = scratch.path().to_owned();
        let origin = Origin::start(served_picture);
        let host = match way {
            Way::Proxy | Way::Squid => origin.address.to_string(),
            Way::Direct => format!("10.0.2.2:{}", origin.address.port()),
        };
        let (proxy, proxy_port) = if way == Way::Squid { squid(&dir) } else { tinyproxy(&dir) };
        slirp_home(&dir, auth);

        let mut simulate = mm1gate();
        simulate
            .args(["simulate", "--json", "--control", "127.0.0.1:0", "--ppp-command"])
            .arg("slirp-fullbolt")
            .arg("--tty")
            .arg(dir.join("modem"))
            .env("HOME", &dir);
        if two_ports {
            simulate.arg("--control-tty").arg(dir.join("control"));
        }
        let mut simulate = Process::start(&mut simulate, &dir, "simulate");
        let ready: Value = simulate.wait_for_line(|line| serde_json::from_str(line).ok());
        let control = ready["control"].as_str().expect("the control address");
        let control = control.trim_start_matches("http://").parse().unwrap();

        let config = dir.join("mm1gate.toml");
        let proxy_setting = match way {
            Way::Proxy | Way::Squid => format!("10.0.2.2:{proxy_port}"),
            Way::Direct => String::new(),
        };
        std::fs::write(
            &config,
            gateway_config(&dir, auth, two_ports, &host, &proxy_setting, way == Way::Squid),
        )
        .unwrap();
        let mut serve = mm1gate();
        serve.arg("serve").arg("--config").arg(&config).env("HOME", &dir);
        let serve = Process::start(&mut serve, &dir, "serve");
        let socket = dir.join("state/mm1gate.sock");
        wait_until("the gateway's socket", Duration::from_secs(20), || {
            over_unix(&socket, "GET", "/healthz", "", b"").ok()
        });
        Self {
            serve,
            _simulate: simulate,
            _proxy: proxy,
            origin,
            host,
            control,
            socket,
            _scratch: scratch,
        }
    }

    fn get(&self, path: &str) -> Value {
        over_unix(&self.socket, "GET", path, "", b"").expect("the gateway answers").json()
    }

    /// Sends `picture` and waits until the MMSC has taken it.
    fn send(&self, picture: &[u8]) -> Value {
        use base64::Engine;
        let body = json!({
            "to": ["+447700900123"], "subject": "Cake", "text": "Ready \u{2713}",
            "delivery_report": true,
            "parts": [{
                "content_type": "image/jpeg", "filename": "cake.jpg",
                "data_base64": base64::engine::general_purpose::STANDARD.encode(picture),
            }],
        });
        let reply = over_unix(
            &self.socket,
            "POST",
            "/api/v1/messages",
            "application/json",
            body.to_string().as_bytes(),
        )
        .unwrap();
        assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/messages/{id}");
        self.until("the message is sent", &path, |message| message["state"] == "sent")
    }

    /// Announces the served picture by SMS and waits until it was acknowledged.
    fn receive(&self) -> (Vec<String>, Value) {
        let url = format!("http://{}/content/{}", self.host, "x".repeat(60));
        let tpdus = notification_tpdus("T-NOTIFY-42", &url, 77);
        assert!(tpdus.len() > 1, "the announcement is meant to need two short messages");
        let body = json!({ "tpdu": tpdus }).to_string();
        let reply =
            over_tcp(self.control, "POST", "/sms", "application/json", body.as_bytes()).unwrap();
        assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.body));
        let list = self.until("the picture is acknowledged", "/api/v1/inbox", |list| {
            list["messages"][0]["state"] == "acknowledged"
        });
        let id = list["messages"][0]["id"].as_str().unwrap().to_owned();
        (tpdus, self.get(&format!("/api/v1/messages/{id}")))
    }

    fn until(&self, what: &str, path: &str, reached: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let deadline = Duration::from_secs(90);
        wait_until(&format!("{what}; {}", self.serve.errors()), deadline, || {
            last = self.get(path);
            let settled_badly = ["failed", "unknown", "rejected", "expired"]
                .iter()
                .any(|state| last["state"] == *state || last["messages"][0]["state"] == *state);
            assert!(!settled_badly, "{what}: {last:#}\n{}", self.serve.errors());
            reached(&last).then(|| last.clone())
        })
    }
}

fn tinyproxy(dir: &Path) -> (Process, u16) {
    let port = free_port();
    let file = dir.join("tinyproxy.conf");
    let text = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n\
         ViaProxyName \"wapgw\"\nAddHeader \"X-WAP-Network-Client-MSISDN\" \"{MSISDN}\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(&file);
    let process = Process::start(&mut command, dir, "tinyproxy");
    wait_until("tinyproxy listens", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (process, port)
}

/// squid without a cache, in the foreground, with all its files in `dir`; it asks for a user and a
/// password.
fn squid(dir: &Path) -> (Process, u16) {
    use std::os::unix::fs::PermissionsExt;
    let port = free_port();
    // As root it becomes another user, who has to write here.
    let own = dir.join("squid");
    std::fs::create_dir(&own).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).unwrap();
    let helper = own.join("login");
    std::fs::write(
        &helper,
        "#!/bin/sh\nwhile read -r line; do\ncase $line in 'shop s3cret'*) echo OK ;; *) echo ERR ;; \
         esac\ndone\n",
    )
    .unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = own.join("squid.conf");
    let (here, helper) = (own.display(), helper.display());
    let text = format!(
        "http_port 127.0.0.1:{port}\ncache deny all\ncache_mem 0\npid_filename {here}/squid.pid\n\
         cache_log {here}/cache.log\naccess_log none\ncoredump_dir {here}\n\
         netdb_filename none\nshutdown_lifetime 0 seconds\nvisible_hostname squid.example\n\
         icp_port 0\nhtcp_port 0\nsnmp_port 0\npinger_enable off\n\
         auth_param basic program {helper}\nauth_param basic children 1\n\
         auth_param basic realm wap\nacl known proxy_auth REQUIRED\nhttp_access allow known\n\
         http_access deny all\n\
         request_header_add X-WAP-Network-Client-MSISDN \"{MSISDN}\" all\n"
    );
    std::fs::write(&file, text).unwrap();
    let program =
        ["/usr/sbin/squid", "/usr/bin/squid"].into_iter().find(|it| Path::new(it).exists());
    let mut command = Command::new(program.unwrap_or("squid"));
    command.args(["-N", "-n", &format!("mm1gate{port}"), "-f"]).arg(&file);
    let process = Process::start(&mut command, dir, "squid-out");
    wait_until("squid listens", Duration::from_secs(20), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (process, port)
}

/// A port that was free a moment ago; tinyproxy cannot choose one by itself.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn slirp_home(dir: &Path, auth: Auth) {
    use std::os::unix::fs::PermissionsExt;
    let (option, file) = match auth {
        Auth::None => ("", None),
        Auth::Pap => ("+pap\nauth\n", Some(".pap-secrets")),
        Auth::Chap => ("+chap\nauth\n", Some(".chap-secrets")),
    };
    std::fs::write(dir.join(".slirprc"), format!("ppp\nnozeros\nasyncmap 0\nmtu 1500\n{option}"))
        .unwrap();
    if let Some(file) = file {
        let path = dir.join(file);
        std::fs::write(&path, "u1 * s3cret 10.0.2.15\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn gateway_config(
    dir: &Path,
    auth: Auth,
    two_ports: bool,
    host: &str,
    proxy: &str,
    login: bool,
) -> String {
    let control = if two_ports {
        format!("control_port = {:?}\n", dir.join("control"))
    } else {
        String::new()
    };
    let (user, password, word) = match auth {
        Auth::None => ("", "", "none"),
        Auth::Pap => ("u1", "s3cret", "pap"),
        Auth::Chap => ("u1", "s3cret", "chap"),
    };
    let login = if login { "proxy_user = \"shop\"\nproxy_password = \"s3cret\"\n" } else { "" };
    format!(
        "data_dir = {:?}\n[api]\nlisten = \"127.0.0.1:{}\"\n[[modem]]\nname = \"rig\"\nport = {:?}\n\
         {control}[modem.operator]\napn = \"mms.example\"\nuser = \"{user}\"\n\
         password = \"{password}\"\nauth = \"{word}\"\nmmsc = \"http://{host}/mms\"\n\
         proxy = \"{proxy}\"\n{login}max_message_size = 400000\n",
        dir.join("state"),
        free_port(),
        dir.join("modem"),
    )
}

fn picture(seed: u64) -> Vec<u8> {
    let picture = mm1gate::media::demo_photo(seed, 250_000);
    assert!((200_000..320_000).contains(&picture.len()), "{} octets", picture.len());
    picture
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn out_and_in(way: Way, auth: Auth, two_ports: bool) -> (Chain, Vec<String>) {
    let ours = picture(1);
    let theirs = picture(2);
    let chain = Chain::start(way, auth, two_ports, theirs.clone());

    let sent = chain.send(&ours);
    let submissions = chain.origin.posted(0x80);
    assert_eq!(submissions.len(), 1, "sent once");
    assert!(contains(&submissions[0], &ours), "the picture arrived octet for octet");
    assert_eq!(sent["recipients"][0]["mmsc_message_id"], "origin-1");

    let (tpdus, message) = chain.receive();
    assert_eq!(message["from"], "+447700900456");
    assert_eq!(message["subject"], "Holiday");
    assert_eq!(message["text"], "Gr\u{fc}\u{df}e");
    let part = message["parts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["content_type"] == "image/jpeg")
        .expect("a picture");
    assert_eq!(part["sha256"], hex::encode(Sha256::digest(&theirs)).as_str());
    let url = part["url"].as_str().unwrap();
    let download = over_unix(&chain.socket, "GET", url, "", b"").unwrap();
    assert_eq!(download.body, theirs, "downloaded octet for octet");

    let responses = chain.origin.posted(0x83);
    assert_eq!(responses.len(), 1, "one M-NotifyResp.ind");
    assert!(responses[0].starts_with(b"\x8c\x83\x98T-NOTIFY-42\0"), "{:02x?}", responses[0]);
    assert!(contains(&responses[0], &[0x95, 0x81]), "status Retrieved");
    for request in chain.origin.requests() {
        let head = request.head.to_ascii_lowercase();
        let enriched = head.contains(&format!("x-wap-network-client-msisdn: {MSISDN}"));
        assert_eq!(enriched, way != Way::Direct, "{head}");
        assert_eq!(head.contains("squid"), way == Way::Squid, "{head}");
        assert!(head.contains("user-agent: "), "{head}");
    }
    (chain, tpdus)
}

#[test]
#[ignore = "needs slirp, tinyproxy"]
fn one_port_without_authentication() {
    out_and_in(Way::Proxy, Auth::None, false);
}

#[test]
#[ignore = "needs slirp, tinyproxy"]
fn one_port_without_a_proxy() {
    out_and_in(Way::Direct, Auth::None, false);
}

#[test]
#[ignore = "needs slirp, squid"]
fn one_port_through_squid_that_wants_a_login() {
    out_and_in(Way::Squid, Auth::None, false);
}

#[test]
#[ignore = "needs slirp, tinyproxy"]
fn one_port_with_pap() {
    out_and_in(Way::Proxy, Auth::Pap, false);
}

#[test]
#[ignore = "needs slirp, tinyproxy"]
fn one_port_with_chap() {
    out_and_in(Way::Proxy, Auth::Chap, false);
}

#[test]
#[ignore = "needs slirp, tinyproxy"]
fn two_ports_with_pap() {
    out_and_in(Way::Proxy, Auth::Pap, true);
}

#[test]
#[ignore = "needs slirp, tinyproxy"]
fn two_ports_with_chap() {
    out_and_in(Way::Proxy, Auth::Chap, true);
}

#[test]
#[ignore = "needs slirp, tinyproxy, tshark"]
fn two_ports_without_authentication_and_tshark_agrees_with_every_pdu() {
    let (chain, tpdus) = out_and_in(Way::Proxy, Auth::None, true);
    let send_req = chain.origin.posted(0x80).remove(0);
    let capture = Capture::of_http_post(MMS, &send_req);
    capture.assert_well_formed();
    let fields = ["mmse.message_type", "mmse.transaction_id", "mmse.to"];
    let seen = capture.only("mmse", &fields);
    assert_eq!(seen.one(0), "0x80");
    assert_eq!(seen.one(1).len(), 32);
    assert!(contains(&send_req, seen.one(1).as_bytes()));
    assert_eq!(seen.one(2), "+447700900123/TYPE=PLMN");

    let octets: Vec<Vec<u8>> = tpdus.iter().map(|tpdu| hex::decode(tpdu).unwrap()).collect();
    let capture = Capture::of_sms_deliver(&octets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    capture.assert_well_formed();
    let fields = ["mmse.message_type", "mmse.transaction_id", "mmse.content_location"];
    let seen = capture.only("mmse", &fields);
    assert_eq!(seen.one(0), "0x82");
    let list = chain.get("/api/v1/inbox");
    let id = list["messages"][0]["id"].as_str().unwrap();
    let message = chain.get(&format!("/api/v1/messages/{id}"));
    assert_eq!(message["transaction_id"], seen.one(1));
    assert_eq!(message["content_location"], seen.one(2));

    // tshark 4.0 calls a bare M-NotifyResp.ind malformed, so only its fields are compared.
    let fields = ["mmse.message_type", "mmse.transaction_id", "mmse.status"];
    let capture = Capture::of_http_post(MMS, &chain.origin.posted(0x83)[0]);
    let seen = capture.only("mmse", &fields);
    assert_eq!([seen.one(0), seen.one(1), seen.one(2)], ["0x83", "T-NOTIFY-42", "0x81"]);
}
