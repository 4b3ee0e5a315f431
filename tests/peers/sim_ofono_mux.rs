//! oFono multiplexes `mm1gate simulate` with its own code (gatmux): it asks for the options, begins
//! the basic one, opens channels, answers our signals, and finds out through them what modem this is.

use mm1gate::codec::cmux::{Deframed, Deframer, FrameType};

use crate::bridge::{Bridge, Way};
use crate::ofono::Ofono;
use crate::simulated::{Simulator, assert_has};

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
    let ofono = Ofono::start(&simulator, "Multiplexer=internal\n");
    let bridge = &ofono.bridge;
    let modem = ofono.wait_for("Modem", &["org.ofono.SimManager", "Serial"]);
    assert_has(&modem, &["\"mm1gate\"", "\"004999010640000\""]);
    assert!(bridge.commands().iter().any(|line| line.starts_with("AT+CMUX=")));
    // Not brought online: with its multiplexer this driver of oFono asks nothing more then.
    for way in [Way::ToModem, Way::ToDriver] {
        let (frames, damaged) = frames(bridge, way);
        assert_eq!(damaged, 0, "{way:?}");
        let opens = |kind| frames.iter().filter(|(_, it, _)| *it == kind).count();
        let kind = if way == Way::ToModem { FrameType::Sabm } else { FrameType::Ua };
        assert!(opens(kind) >= 2, "{way:?}: {frames:?}");
        let carried: usize =
            frames.iter().filter(|(dlci, ..)| *dlci > 0).map(|(_, _, octets)| octets).sum();
        assert!(carried > 100, "{way:?}: {carried} octets on channels");
    }
}
