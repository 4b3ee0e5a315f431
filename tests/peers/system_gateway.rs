//! The gateway itself over an interface of the system (`interface = "wwan0"`) in a network namespace
//! of its own: the real program, the virtual modem for SMS, and Linux's TCP towards the operator's
//! network behind a TUN device. A default route leads elsewhere, and nothing may take it.

#![expect(clippy::disallowed_methods, reason = "the time of the kernel is real")]

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::model::Random;
use mm1gate::net::stack::{PacketQueue, Stack, StackConfig};
use serde_json::{Value, json};
use smoltcp::phy::{Medium, TunTapInterface};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::linux_net::{received, runtime, transmit};
use crate::namespace::{inside, sh};
use crate::simulated::{PHONE, Simulator, run};
use crate::support::{Process, mm1gate, over_unix, wait_until};

const TURN: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(60);
/// Octets of the picture that is sent, and that the phone sends back. Two such rounds are more than
/// the cap.
const PICTURE: usize = 280_000;
/// Octets of a month.
const CAP: u64 = 1_000_000;
const DNS_PORT: u16 = 53;
const PROXY_PORT: u16 = 8080;
/// What leaves while a connection is closed at the end of a call can be counted or not.
const CLOSING: u64 = 600;

/// How the operator's network is reached.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// What gives wwan0 its addresses and routes.
    script: &'static str,
    /// The operator's end.
    far: IpAddr,
    name_server: &'static str,
    proxy: &'static str,
    /// The version of IP of every packet.
    version: u8,
}

const ANOTHER_WAY: &str = "ip link set lo up
    ip addr add 192.0.2.2/24 dev office0
    ip -6 addr add 2001:db8::2/64 dev office0 nodad
    ip link set office0 up
    ip route add default via 192.0.2.1 dev office0 metric 100
    ip -6 route add default via 2001:db8::1 dev office0 metric 100";

/// What went over the two interfaces.
#[derive(Debug, Default, Clone)]
struct Seen {
    /// Octets of all packets over wwan0 from and to this machine.
    sent: u64,
    received: u64,
    /// Those that carry TCP or UDP.
    data_sent: u64,
    /// Versions of IP of what carried TCP or UDP.
    versions: Vec<u8>,
    /// Packets by the default route that are none of the kernel's own.
    strays: Vec<Vec<u8>>,
}

/// Whether a packet carries TCP or UDP.
fn carries_data(packet: &[u8]) -> bool {
    let next = if packet[0] >> 4 == 4 { packet[9] } else { packet[6] };
    matches!(next, 6 | 17)
}

/// Whether it is what Linux says of a connection that is over (TIME-WAIT): an IPv6 segment without
/// payload that acknowledges and nothing more. The socket that was bound is gone by then, and the
/// kernel looks for the best route like anybody.
fn is_last_word(packet: &[u8]) -> bool {
    const TCP: u8 = 6;
    const HEADER: usize = 40;
    const ACK: u8 = 0x10;
    let Some(segment) = packet.get(HEADER..).filter(|it| it.len() >= 20) else { return false };
    packet[0] >> 4 == 6
        && packet[6] == TCP
        && segment.len() == usize::from(segment[12] >> 4) * 4
        && segment[13] == ACK
}

/// Moves packets between the interfaces and the operator's network.
async fn join(
    (mut modem, mut other): (TunTapInterface, TunTapInterface),
    mut queue: PacketQueue,
    seen: &Mutex<Seen>,
) {
    loop {
        while let Some(packet) = received(&mut modem) {
            let mut seen = seen.lock().unwrap();
            seen.sent += packet.len() as u64;
            if carries_data(&packet) {
                seen.data_sent += packet.len() as u64;
                let version = packet[0] >> 4;
                if !seen.versions.contains(&version) {
                    seen.versions.push(version);
                }
            }
            queue.deliver(packet);
        }
        while let Some(packet) = queue.try_next() {
            seen.lock().unwrap().received += packet.len() as u64;
            transmit(&mut modem, &packet);
        }
        while let Some(packet) = received(&mut other) {
            if carries_data(&packet) && !is_last_word(&packet) {
                seen.lock().unwrap().strays.push(packet);
            }
        }
        sleep(TURN).await;
    }
}

/// A name server that knows every name by both versions of IP: 10.99.0.7 and fd00:99::7.
async fn names(stack: &Stack) {
    const AAAA: u8 = 28;
    let socket = stack.bind_udp(DNS_PORT).unwrap();
    loop {
        let (query, from) = socket.receive().await.unwrap();
        let asked = query[query.len() - 3];
        let mut reply = query.clone();
        reply[2..12].copy_from_slice(&[0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        reply.extend_from_slice(&[0xC0, 12, 0, asked, 0, 1, 0, 0, 0, 60, 0]);
        if asked == AAAA {
            let address: std::net::Ipv6Addr = "fd00:99::7".parse().unwrap();
            reply.push(16);
            reply.extend_from_slice(&address.octets());
        } else {
            reply.extend_from_slice(&[4, 10, 99, 0, 7]);
        }
        socket.send(from, &reply).await.unwrap();
    }
}

/// The operator's proxy: hands every connection on to the MMSC.
async fn proxy(stack: &Stack, mmsc: SocketAddr) {
    let mut listener = stack.listen(PROXY_PORT).unwrap();
    loop {
        let mut stream = listener.accept().await.unwrap().stream;
        tokio::spawn(async move {
            let mut mmsc = TcpStream::connect(mmsc).await.expect("the MMSC listens");
            // Whoever closes first ends it.
            let _ = copy_bidirectional(&mut stream, &mut mmsc).await;
        });
    }
}

/// The operator's network behind wwan0; runs as long as the process. The interfaces stay on the
/// thread on which they were made.
fn network(way: &Way, mmsc: SocketAddr, seen: &Mutex<Seen>, ready: &Sender<()>) {
    let modem = TunTapInterface::new("wwan0", Medium::Ip).expect("a TUN device");
    let other = TunTapInterface::new("office0", Medium::Ip).expect("another");
    sh(ANOTHER_WAY);
    sh(way.script);
    let (far, queue) = Stack::new(StackConfig {
        address: Some(way.far),
        prefix: 32,
        mtu: 1500,
        any_ip: true,
        name_servers: Vec::new(),
        random: Random::seeded(3),
    });
    ready.send(()).unwrap();
    runtime().block_on(async {
        tokio::select! {
            () = join((modem, other), queue, seen) => unreachable!(),
            () = names(&far) => unreachable!(),
            () = proxy(&far, mmsc) => unreachable!(),
        }
    });
}

/// The gateway and what it has behind it.
struct Rig {
    simulator: Simulator,
    gateway: Process,
    config: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

impl Rig {
    fn start(way: Way) -> Self {
        sh("ip link set lo up");
        let simulator = Simulator::start("system-gateway", &["--mmsc", "127.0.0.1:0"]);
        let mmsc = simulator.told("mmsc_listener").parse().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let (tell, ready) = channel();
        let watched = Arc::clone(&seen);
        std::thread::spawn(move || network(&way, mmsc, &watched, &tell));
        ready.recv().expect("the interfaces are up");

        let folder = simulator.folder();
        let config = folder.join("mm1gate.toml");
        let text = format!(
            "data_dir = \"{}\"\n[api]\nlisten = \"127.0.0.1:0\"\n[data]\nlinger_seconds = 1\n\
             monthly_cap_mb = {}\n[[modem]]\nname = \"desk\"\nport = \"{}\"\n\
             interface = \"wwan0\"\n[modem.operator]\napn = \"{}\"\nmmsc = \"{}\"\n\
             proxy = \"{}\"\nname_servers = [\"{}\"]\n",
            folder.join("data").display(),
            CAP / 1_000_000,
            simulator.tty().display(),
            simulator.told("apn"),
            simulator.told("mmsc"),
            way.proxy,
            way.name_server,
        );
        std::fs::write(&config, text).unwrap();
        let mut command = mm1gate();
        command.arg("serve").arg("--config").arg(&config);
        let gateway = Process::start(&mut command, folder, "serve");
        let rig = Self { gateway, config, seen, simulator };
        wait_until("the gateway", LIMIT, || rig.get("/api/v1/inbox"));
        rig
    }

    fn get(&self, path: &str) -> Option<Value> {
        over_unix(&self.socket(), "GET", path, "", b"").ok().map(|reply| reply.json())
    }

    fn socket(&self) -> PathBuf {
        self.simulator.folder().join("data/mm1gate.sock")
    }

    /// Sends and waits until it is sent.
    fn send(&self, arguments: &[&str]) {
        let mut command = mm1gate();
        command.args(["send", "--wait", "--to", PHONE, "--config"]).arg(&self.config);
        let (fine, said) = run(command.args(arguments));
        assert!(fine, "{said}\n{}", self.gateway.errors());
    }

    fn data(&self) -> Value {
        let modems = self.get("/api/v1/modems").unwrap();
        modems["modems"][0]["data"].clone()
    }

    fn octets(&self) -> (u64, u64) {
        let data = self.data();
        (data["octets_out"].as_u64().unwrap(), data["octets_in"].as_u64().unwrap())
    }

    fn until_received(&self, wanted: usize) {
        let what = format!("{wanted} pictures from the phone");
        wait_until(&what, LIMIT, || {
            let inbox = self.get("/api/v1/inbox?limit=100")?;
            let fetched = |one: &&Value| one["kind"] == "mms" && one["state"] == "acknowledged";
            let count = inbox["messages"].as_array()?.iter().filter(fetched).count();
            (count >= wanted).then_some(())
        });
    }

    fn until_idle(&self) {
        wait_until("the end of the call", LIMIT, || {
            let modems = self.get("/api/v1/modems")?;
            (modems["modems"][0]["condition"] != "calling").then_some(())
        });
        // What was under way arrives, and the kernel says its last words.
        std::thread::sleep(Duration::from_millis(500));
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

fn photo(folder: &Path) -> PathBuf {
    let photo = folder.join("cake.jpg");
    std::fs::write(&photo, mm1gate::media::demo_photo(7, PICTURE)).unwrap();
    photo
}

fn goes_by(way: Way) {
    let mut rig = Rig::start(way);
    let photo = photo(rig.simulator.folder());
    let photo = photo.to_str().unwrap();

    rig.send(&["--file", photo]);
    rig.until_received(1);
    rig.until_idle();
    let (seen, counted) = (rig.seen(), rig.octets());
    assert!(seen.data_sent > PICTURE as u64 * 9 / 10, "{seen:?}");
    let calls = rig.data()["calls"].as_u64().unwrap();
    assert!(calls > 0);
    for (counted, least, most) in [
        (counted.0, seen.data_sent, seen.sent),
        (counted.1, PICTURE as u64 * 9 / 10, seen.received),
    ] {
        assert!(counted + calls * CLOSING >= least, "{counted} of {least}");
        assert!(counted <= most, "{counted} of {most}");
    }
    assert_eq!(rig.data()["cap_octets"], CAP);
    assert_eq!(rig.data()["cap_reached"], false);

    // What has begun is brought to its end, and then nothing leaves in this month.
    rig.send(&["--file", photo]);
    wait_until("the cap", LIMIT, || (rig.data()["cap_reached"] == true).then_some(()));
    rig.until_idle();
    let body = json!({"to": [PHONE], "text": "later", "kind": "mms"}).to_string();
    let kind = "application/json";
    let reply = over_unix(&rig.socket(), "POST", "/api/v1/messages", kind, body.as_bytes());
    let reply = reply.unwrap();
    assert_eq!(reply.status, 202, "{}", reply.json());
    let path = format!("/api/v1/messages/{}", reply.json()["id"].as_str().unwrap());
    let before = rig.seen().data_sent;
    let waits = wait_until("why it waits", LIMIT, || {
        let message = rig.get(&path)?;
        message.to_string().contains("data-cap-reached").then_some(message)
    });
    assert_eq!(waits["state"], "queued", "{waits:#}");
    // SMS need no data.
    rig.send(&["--sms", "--text", "see you at five"]);
    std::thread::sleep(Duration::from_secs(2));
    let seen = rig.seen();
    assert_eq!(seen.data_sent, before, "data beyond the cap");
    assert_eq!(rig.get(&path).unwrap()["state"], "queued");
    assert_eq!(seen.versions, [way.version]);
    assert!(seen.strays.is_empty(), "the default route carried {:02x?}", seen.strays);

    // A count that was written down outlives the program.
    let counted = rig.octets();
    assert!(rig.gateway.terminate(LIMIT), "{}", rig.gateway.errors());
    let mut command = mm1gate();
    command.arg("serve").arg("--config").arg(&rig.config);
    rig.gateway = Process::start(&mut command, rig.simulator.folder(), "again");
    wait_until("the count after a restart", LIMIT, || {
        (rig.get("/api/v1/modems")?["modems"][0]["data"].is_object()).then_some(())
    });
    assert_eq!(rig.octets(), counted);
    assert_eq!(rig.data()["cap_reached"], true);
}

#[test]
#[ignore = "needs unshare, ip"]
fn gateway_sends_and_fetches_over_the_interface_and_under_its_cap() {
    if inside("system_gateway::gateway_sends_and_fetches_over_the_interface_and_under_its_cap") {
        goes_by(Way {
            script: "ip addr add 10.64.0.2/30 dev wwan0 && ip link set wwan0 up",
            far: IpAddr::V4(std::net::Ipv4Addr::new(10, 99, 0, 1)),
            name_server: "10.99.0.53",
            proxy: "wap.example:8080",
            version: 4,
        });
    }
}

/// Nothing but IPv6 on the interface.
const V6_ONLY: &str = "ip -6 addr add fd00:64::2/64 dev wwan0 nodad
    ip link set wwan0 up
    ip -6 route add default dev wwan0 metric 2000";
const FAR_V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0xFD00, 0x99, 0, 0, 0, 0, 0, 1));

#[test]
#[ignore = "needs unshare, ip"]
fn gateway_reaches_a_proxy_by_its_ipv6_address_over_the_interface() {
    if inside("system_gateway::gateway_reaches_a_proxy_by_its_ipv6_address_over_the_interface") {
        goes_by(Way {
            script: V6_ONLY,
            far: FAR_V6,
            name_server: "fd00:99::53",
            proxy: "[fd00:99::8]:8080",
            version: 6,
        });
    }
}

#[test]
#[ignore = "needs unshare, ip"]
fn gateway_takes_the_ipv6_address_of_a_name_where_the_interface_has_no_other() {
    if inside(
        "system_gateway::gateway_takes_the_ipv6_address_of_a_name_where_the_interface_has_no_other",
    ) {
        goes_by(Way {
            script: V6_ONLY,
            far: FAR_V6,
            name_server: "fd00:99::53",
            proxy: "wap.example:8080",
            version: 6,
        });
    }
}
