//! Kannel's driver for modems (`smsc = at`, `modemtype = auto`) drives `mm1gate simulate`: its
//! bearerbox finds out what modem it is, takes messages by direct routing, sends, and tells its
//! smsbox what became of them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::origin::Origin;
use crate::simulated::{DELIVER_HI, PHONE, Simulator};
use crate::support::{Process, over_tcp, wait_until};

const LIMIT: Duration = Duration::from_secs(30);
const OWN: &str = "+447700900001";

/// A port of loopback that nobody listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The configuration of both boxes, everything they keep in `folder`.
fn configuration(folder: &Path, device: &Path, ports: [u16; 3], service: SocketAddr) -> String {
    let [admin, boxes, send] = ports;
    let (folder, device) = (folder.display(), device.display());
    format!(
        "group = core\n\
         admin-port = {admin}\nadmin-interface = 127.0.0.1\nadmin-password = secret\n\
         smsbox-port = {boxes}\nsmsbox-interface = 127.0.0.1\n\
         box-deny-ip = \"*.*.*.*\"\nbox-allow-ip = \"127.0.0.1\"\n\
         log-file = \"{folder}/bearerbox.log\"\nlog-level = 0\ndlr-storage = internal\n\n\
         group = smsc\nsmsc = at\nsmsc-id = virtual\nmodemtype = auto\n\
         device = {device}\nspeed = 115200\nmy-number = {OWN}\n\n\
         group = modems\nid = generic\nname = \"Generic\"\n\n\
         group = smsbox\nbearerbox-host = 127.0.0.1\nbearerbox-port = {boxes}\n\
         sendsms-port = {send}\nsendsms-interface = 127.0.0.1\nglobal-sender = {OWN}\n\
         log-file = \"{folder}/smsbox.log\"\nlog-level = 0\n\n\
         group = sendsms-user\nusername = user\npassword = secret\nmax-messages = 5\n\n\
         group = sms-service\nkeyword = default\ncatch-all = true\nmax-messages = 0\n\
         get-url = \"http://{service}/received?from=%p&to=%P&text=%b\"\n"
    )
}

#[test]
#[ignore = "needs kannel"]
fn kannel_receives_sends_and_is_told_of_the_delivery() {
    let mut simulator = Simulator::start("kannel", &[]);
    let folder = simulator.folder().to_owned();
    let service = Origin::start(Vec::new());
    let ports = [(); 3].map(|()| free_port());
    let settings = folder.join("kannel.conf");
    fs::write(&settings, configuration(&folder, &simulator.tty(), ports, service.address)).unwrap();
    let start = |program: &str| {
        let mut command = Command::new(program);
        command.args(["-v", "4"]).arg(&settings);
        Process::start(&mut command, &folder, program)
    };
    let mut bearerbox = start("bearerbox");
    let get = |port: u16, path: &str| {
        over_tcp((Ipv4Addr::LOCALHOST, port).into(), "GET", path, "", b"").ok()
    };
    wait_until("the modem on line", LIMIT, || {
        assert!(bearerbox.is_running(), "bearerbox ended: {}", bearerbox.errors());
        let status = get(ports[0], "/status.txt?password=secret")?;
        String::from_utf8_lossy(&status.body).contains("AT2[virtual] (online").then_some(())
    });
    let mut smsbox = start("smsbox");
    let heard = |words: &str| service.requests().iter().any(|request| request.head.contains(words));

    simulator.deliver(&[DELIVER_HI]);
    wait_until("the received SMS", LIMIT, || {
        heard("GET /received?from=12345&to=%2B447700900001&text=hi ").then_some(())
    });
    assert_eq!(simulator.stored(), 0, "it was routed");

    let order = format!(
        "/cgi-bin/sendsms?username=user&password=secret&to={}&text=hello+from+kannel&dlr-mask=31\
         &dlr-url=http%3A%2F%2F{}%2Freport%3Fkind%3D%25d",
        PHONE.replace('+', "%2B"),
        service.address.to_string().replace(':', "%3A"),
    );
    let taken = wait_until("the order", LIMIT, || get(ports[2], &order));
    assert_eq!(taken.status, 202, "{}", String::from_utf8_lossy(&taken.body));
    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from kannel".to_owned()));
    // 8: the service centre has it; 1: the phone has it, which an SMS-STATUS-REPORT told.
    for kind in [8, 1] {
        wait_until(&format!("report {kind}"), LIMIT, || {
            heard(&format!("GET /report?kind={kind} ")).then_some(())
        });
    }
    assert!(smsbox.terminate(LIMIT), "smsbox does not end");
    assert!(bearerbox.terminate(LIMIT), "bearerbox does not end");
}
