//! oFono drives `mm1gate simulate`: identity, registration, SMS by direct routing with
//! acknowledgement, an SMS out, and the context list. Its driver for telephone
//! simulators has no data calls of its own.

use crate::ofono::{LIMIT, Ofono};
use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has};
use crate::support::wait_until;

#[test]
#[ignore = "needs ofono and dbus"]
fn ofono_registers_and_exchanges_sms_with_the_virtual_modem() {
    let mut simulator = Simulator::start("ofono", &[]);
    let ofono = Ofono::start(&simulator, "");
    let modem = ofono.wait_for("Modem", &["org.ofono.SimManager", "Serial"]);
    assert_has(&modem, &["\"mm1gate\"", "\"Virtual Modem\"", "\"004999010640000\""]);
    let sim = ofono.wait_for("SimManager", &["SubscriberIdentity", "CardIdentifier"]);
    assert_has(&sim, &["\"001010123456789\"", "\"8900101010123456789\""]);

    ofono.set("Online").unwrap();
    let network = ofono.wait_for("NetworkRegistration", &["\"registered\"", "\"mm1gate"]);
    assert_has(&network, &["\"lte\"", "\"Strength\"", "uint16 6699"]);
    ofono.wait_for("MessageManager", &["ServiceCenterAddress"]);

    // It chooses direct routing, so the message is acknowledged and never stored.
    let routed = |line: &String| line.starts_with("AT+CNMI=") && line.contains(",2,");
    wait_until("the choice of indications", LIMIT, || {
        ofono.bridge.commands().iter().any(routed).then_some(())
    });
    simulator.deliver(&[DELIVER_HI]);
    wait_until("the acknowledgement", LIMIT, || {
        ofono.bridge.commands().iter().any(|line| line.starts_with("AT+CNMA=1")).then_some(())
    });
    assert_eq!(simulator.stored(), 0);

    let to = format!("string:{PHONE}");
    ofono.call("MessageManager", "SendMessage", &[&to, "string:hello from ofono"]).unwrap();
    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from ofono".to_owned()));
    ofono.wait_for("ConnectionManager", &["\"Attached\""]);
}
