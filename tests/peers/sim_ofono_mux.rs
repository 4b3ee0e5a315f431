//! oFono multiplexes `mm1gate simulate` with its own code (gatmux): it asks for the options, begins
//! the basic one, opens channels, answers our signals, and finds out through them what modem this is.

use std::time::Duration;

use mm1gate::codec::cmux::{Deframed, Deframer, FrameType};

use crate::bridge::{Bridge, Way, command};
use crate::bus::Bus;
use crate::sim_ofono::ofonod;
use crate::simulated::{Simulator, assert_has};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// Every frame that went one way: channel, type and how much it carried; and what was damaged.
fn frames(bridge: &Bridge, way: Way) -> (Vec<(u8, FrameType, usize)>, usize) {
    let octets = bridge.octets(way);
    // Before the first flag there are commands.
    let begin = octets.iter().position(|octet| *octet == 0xF9).unwrap_or(octets.len());
    let (mut frames, mut damaged) = (Vec::new(), 0);
    Deframer::new(2048).feed(&octets[begin..], |one| match one {
        Deframed::Frame(frame) => {
            frames.push((frame.dlci, frame.kind, frame.information.len()));
        }
        Deframed::Text(_) | Deframed::Bad(_) => damaged += 1,
    });
    (frames, damaged)
}

#[test]
#[ignore = "needs ofono and dbus"]
fn ofono_multiplexes_the_virtual_modem() {
    let simulator = Simulator::start("ofono-mux", &[]);
    let folder = simulator.folder().to_owned();
    command(&simulator.tty(), "ATE0");
    let (bridge, address) = Bridge::tcp(simulator.tty());
    let settings = folder.join("phonesim.conf");
    let text = format!(
        "[virtual]\nAddress={}\nPort={}\nMultiplexer=internal\n",
        address.ip(),
        address.port()
    );
    std::fs::write(&settings, text).unwrap();
    let bus = Bus::start(&folder);
    let mut daemon = ofonod(&bus);
    daemon.env("OFONO_PHONESIM_CONFIG", &settings);
    let _daemon = Process::start(&mut daemon, &folder, "ofonod");
    bus.wait_for("org.ofono");
    let call = |interface: &str, method: &str, arguments: &[&str]| {
        bus.call("org.ofono", "/virtual", &format!("org.ofono.{interface}.{method}"), arguments)
    };
    let wait_for = |interface: &str, words: &[&str]| {
        let mut last = String::new();
        wait_until(&format!("{words:?} of {interface}"), LIMIT, || {
            last = call(interface, "GetProperties", &[]).ok()?;
            words.iter().all(|word| last.contains(word)).then_some(())
        });
        last
    };
    let on = "variant:boolean:true";
    wait_until("the modem", LIMIT, || call("Modem", "SetProperty", &["string:Powered", on]).ok());
    let modem = wait_for("Modem", &["org.ofono.SimManager", "Serial"]);
    assert_has(&modem, &["\"mm1gate\"", "\"004999010640000\""]);
    assert!(bridge.commands().iter().any(|line| line.starts_with("AT+CMUX=")));
    // Not brought online: with its multiplexer this driver of oFono asks nothing more then.
    for way in [Way::ToModem, Way::ToDriver] {
        let (frames, damaged) = frames(&bridge, way);
        assert_eq!(damaged, 0, "{way:?}");
        let opens = |kind| frames.iter().filter(|(_, it, _)| *it == kind).count();
        let kind = if way == Way::ToModem { FrameType::Sabm } else { FrameType::Ua };
        assert!(opens(kind) >= 2, "{way:?}: {frames:?}");
        let carried: usize =
            frames.iter().filter(|(dlci, ..)| *dlci > 0).map(|(_, _, octets)| octets).sum();
        assert!(carried > 100, "{way:?}: {carried} octets on channels");
    }
}
