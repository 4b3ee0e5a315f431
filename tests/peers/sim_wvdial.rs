//! wvdial drives `mm1gate simulate`: it initialises, dials and starts its PPP daemon. Where the
//! kernel has no PPP there is no pppd either; in its place stands slirp, another foreign PPP
//! implementation, so that what happens behind CONNECT is foreign on the dialling side as well.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mm1gate::codec::ppp::{ControlPacket, Deframed, Deframer, code, protocol, split_frame};

use crate::bridge::{Bridge, Way};
use crate::simulated::{Simulator, assert_has};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

/// wvdial 1.61 on Debian 12 dies of this now and then while it waits for CONNECT, whatever the modem
/// says; then it is started again.
const OWN_DEFECT: &str = "current_task->stack_magic == WVTASK_MAGIC' failed";
const ATTEMPTS: u32 = 12;

/// Protocol, code and data of the control packets in the octets of a line.
fn control_packets(line: &[u8]) -> Vec<(u16, u8, Vec<u8>)> {
    let mut found = Vec::new();
    Deframer::new(4096).feed(line, |piece| {
        if let Deframed::Frame(frame) = piece
            && let Ok((protocol, payload)) = split_frame(frame)
            && let Ok(packet) = ControlPacket::decode(payload)
        {
            found.push((protocol, packet.code, packet.data.to_vec()));
        }
    });
    found
}

fn write_settings(path: &Path, modem: &Path, daemon: &Path) {
    // Its own suggestion for any modem, with the context that the network has.
    let settings = format!(
        "[Dialer Defaults]\nModem = {}\nBaud = 115200\nInit1 = ATZ\n\
         Init2 = ATQ0 V1 E1 S0=0 &C1 &D2 +FCLASS=0\n\
         Init3 = AT+CGDCONT=3,\"IP\",\"mms.example\"\nPhone = *99***3#\nUsername = user\n\
         Password = secret\nCarrier Check = no\nAuto Reconnect = off\nDial Attempts = 1\n\
         Check DNS = off\nCheck Def Route = off\nStupid Mode = yes\nPPPD Path = {}\n",
        modem.display(),
        daemon.display()
    );
    fs::write(path, settings).unwrap();
}

/// wvdial writes the password into `/etc/ppp`: root gives it an empty one that only it sees.
fn wvdial(settings: &Path) -> Command {
    let settings = format!("--config={}", settings.display());
    if !rustix::process::geteuid().is_root() {
        let mut command = Command::new("wvdial");
        command.arg(settings);
        return command;
    }
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", "mount -t tmpfs none /etc/ppp && exec wvdial \"$0\""])
        .arg(settings);
    command
}

#[test]
#[ignore = "needs wvdial and slirp"]
fn wvdial_dials_and_the_network_answers_a_foreign_ppp() {
    // slirp waits for the first frame, which is to come when wvdial does not read any more.
    let mut simulator = Simulator::start("wvdial", &["--ppp-speaks-first", "1000"]);
    let folder = simulator.folder().to_owned();
    let line = folder.join("line");
    let bridge = Bridge::terminal(simulator.tty(), &line);
    let daemon = folder.join("daemon");
    let home = folder.display();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >{home}/daemon.arguments\n\
         HOME={home} exec slirp-fullbolt ppp nozeros 'mtu 1500' <&0 >&0 2>{home}/daemon.err\n"
    );
    fs::write(&daemon, script).unwrap();
    fs::set_permissions(&daemon, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = folder.join("wvdial.conf");
    write_settings(&settings, &line, &daemon);

    let acknowledged = |way, wanted: u16| {
        let packets = control_packets(&bridge.octets(way));
        let acks = packets
            .into_iter()
            .filter(|(protocol, code, _)| *protocol == wanted && *code == code::CONFIGURE_ACK);
        acks.map(|(_, _, data)| data).next_back()
    };
    let is_up = || {
        let ends = [Way::ToModem, Way::ToDriver];
        [protocol::LCP, protocol::IPCP]
            .into_iter()
            .all(|layer| ends.iter().all(|way| acknowledged(*way, layer).is_some()))
    };
    let mut attempts = 0;
    let mut dialler = loop {
        attempts += 1;
        let name = format!("wvdial-{attempts}");
        let mut dialler = Process::start(&mut wvdial(&settings), &folder, &name);
        let is_up = wait_until("a link that is up on both sides", LIMIT, || {
            if is_up() { Some(true) } else { (!dialler.is_running()).then_some(false) }
        });
        if is_up {
            break dialler;
        }
        let said = dialler.errors();
        assert!(said.contains(OWN_DEFECT), "{said}");
        assert!(attempts < ATTEMPTS, "wvdial died {attempts} times of its own defect");
    };
    // RFC 1332 clause 3.3: the network gave the address that it has for this subscriber.
    let options = acknowledged(Way::ToDriver, protocol::IPCP).unwrap();
    assert_eq!(options[..5], [3, 6, 10, 64, 1]);
    assert_eq!(simulator.state()["modems"][0]["call"], "mms.example");

    let said = dialler.errors();
    let position = |words: &str| said.find(words).unwrap_or_else(|| panic!("{words:?}:\n{said}"));
    assert!(position("Modem initialized") < position("Carrier detected"));
    assert!(position("Carrier detected") < position("Pid of pppd"));
    let arguments = fs::read_to_string(folder.join("daemon.arguments")).unwrap();
    assert_has(&arguments, &["115200", "noipdefault", "usepeerdns"]);

    assert!(dialler.terminate(Duration::from_secs(20)), "wvdial does not end");
    wait_until("the hang-up", LIMIT, || {
        simulator.state()["modems"][0]["call"].is_null().then_some(())
    });
}
