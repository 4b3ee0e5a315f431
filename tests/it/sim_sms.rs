//! Short messages on the wire as 3GPP TS 27.005 has them: text mode and PDU mode, storages,
//! indications with every `+CNMI`, acknowledgements, reports. The TPDUs are worked out by hand from
//! TS 23.040 clauses 9.1.2 and 9.2.2.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::model::{Clock, Timestamp};
use mm1gate::sim::{ModemConfig, Operator, PortRole, Subscriber};
use tokio::time::sleep;

use crate::sim_host::{DELIVER, Host, tpdu};

const OK: &str = "\r\nOK\r\n";
const OWN: &str = "+447700900001";
/// The time stamp of [`DELIVER`].
const STAMP: &str = "\"26/11/21,00:00:00+00\"";
/// The service centre in front of a PDU.
const CENTRE: &str = "0791447700099099";
/// SMS-SUBMIT to +447700900002 up to its data coding scheme: first octet, reference, address, PID.
const TO_PHONE: &str = "000C9144770009002000";

/// DELIVER with another data coding scheme.
fn coded(dcs: &str) -> Bytes {
    let text = format!("{}{dcs}{}", &DELIVER[..14], &DELIVER[16..]);
    Bytes::from(hex::decode(text).unwrap())
}

/// The SMS-SUBMIT with this first octet, and what follows its PID.
fn submit(first: &str, rest: &str) -> String {
    format!("{first}{TO_PHONE}{rest}")
}

async fn ready(operator: &Operator, commands: &str) -> Host {
    Host::ready(operator.modem(), PortRole::Control, commands).await
}

fn submitted(operator: &Operator) -> Vec<String> {
    operator.state().submitted_sms.into_iter().map(|sms| sms.tpdu).collect()
}

/// Types at a prompt.
async fn type_in(host: &mut Host, line: &str, typed: &str, answer: &str) {
    host.expect(line, "\r\n> ").await;
    host.write(&format!("{typed}\x1a")).await;
    assert_eq!(host.hear().await, answer, "{line} {typed:?}");
}

// Text mode: clauses 3.3 to 3.5.

#[tokio::test(start_paused = true)]
async fn text_mode_shows_what_was_received_in_words() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=1;+CNMI=2,1").await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, "\r\n+CMTI: \"SM\",0\r\n");
    host.expect(
        "AT+CMGR=0",
        &format!("\r\n+CMGR: \"REC UNREAD\",\"12345\",,{STAMP}\r\nhi\r\n{OK}"),
    )
    .await;
    host.expect("AT+CMGL=\"REC UNREAD\"", OK).await;
    host.expect("AT+CMGL", OK).await;
    host.expect(
        "AT+CMGL=\"REC READ\"",
        &format!("\r\n+CMGL: 0,\"REC READ\",\"12345\",,{STAMP}\r\nhi\r\n{OK}"),
    )
    .await;
    host.expect("AT+CSDH=1", OK).await;
    host.expect(
        "AT+CMGL=\"ALL\"",
        &format!("\r\n+CMGL: 0,\"REC READ\",\"12345\",,{STAMP},129,2\r\nhi\r\n{OK}"),
    )
    .await;
    let details = "129,4,0,0,\"+447700900999\",145,2";
    host.expect(
        "AT+CMGR=0",
        &format!("\r\n+CMGR: \"REC READ\",\"12345\",,{STAMP},{details}\r\nhi\r\n{OK}"),
    )
    .await;
    host.expect(
        "AT+CMGL=?",
        &format!(
            "\r\n+CMGL: (\"REC UNREAD\",\"REC READ\",\"STO UNSENT\",\"STO SENT\",\"ALL\")\r\n{OK}"
        ),
    )
    .await;
    for (line, cms) in [("AT+CMGL=4", 305), ("AT+CMGL=\"NEW\"", 305), ("AT+CMGR=1", 321)] {
        host.expect(line, &format!("\r\n+CMS ERROR: {cms}\r\n")).await;
    }
    // The setting is of the port, and the same message is a PDU elsewhere.
    let mut data = Host::ready(operator.modem(), PortRole::Data, "").await;
    data.expect("AT+CMGF?", &format!("\r\n+CMGF: 0\r\n{OK}")).await;
    data.expect("AT+CMGR=0", &format!("\r\n+CMGR: 1,,18\r\n{CENTRE}{DELIVER}\r\n{OK}")).await;
}

#[tokio::test(start_paused = true)]
async fn text_and_numbers_follow_the_character_set() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=1").await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    for (set, number, text) in [
        ("UCS2", "00310032003300340035", "00680069"),
        ("HEX", "3132333435", "6869"),
        ("IRA", "12345", "hi"),
        ("GSM", "12345", "hi"),
    ] {
        host.expect(&format!("AT+CSCS=\"{set}\""), OK).await;
        let heard = host.ask("AT+CMGR=0").await;
        let wanted = format!("\"{number}\",,{STAMP}\r\n{text}\r\n{OK}");
        assert!(heard.ends_with(&wanted), "{set}: {heard}");
    }
    // 8-bit data and UCS-2 text are digits in any set (clause 3.1, <data>).
    for dcs in ["04", "08"] {
        operator.deliver_sms(OWN, &[coded(dcs)]).unwrap();
        let heard = host.ask("AT+CMGL=\"REC UNREAD\"").await;
        assert!(heard.contains("\r\nE834\r\n"), "{dcs}: {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn typed_text_becomes_the_submit_that_the_settings_describe() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=1").await;
    host.expect("AT+CSMP?", &format!("\r\n+CSMP: 17,167,0,0\r\n{OK}")).await;
    let send = "AT+CMGS=\"+447700900002\"";
    type_in(&mut host, send, "hello", "\r\n+CMGS: 1\r\n\r\nOK\r\n").await;
    assert_eq!(submitted(&operator)[0], submit("11", "00A705E8329BFD06"));
    // Two lines, the second corrected: 61 0D 63 packed.
    host.expect(send, "\r\n> ").await;
    host.write("a\rb\x08c\x1a").await;
    assert_eq!(host.hear().await, "\r\n> \r\n+CMGS: 2\r\n\r\nOK\r\n");
    assert_eq!(submitted(&operator)[1], submit("11", "00A703E1C618"));
    // No validity period, no status report; then a report, and UCS-2 as digits.
    host.expect("AT+CSMP=1", OK).await;
    type_in(&mut host, "AT+CMGS=\"447700900002\",145", "a", "\r\n+CMGS: 3\r\n\r\nOK\r\n").await;
    assert_eq!(submitted(&operator)[2], submit("01", "000161"));
    host.expect("AT+CSMP=49,11,,8", OK).await;
    type_in(&mut host, send, "0416", "\r\n+CMGS: 4\r\n\r\nOK\r\n").await;
    assert_eq!(submitted(&operator)[3], submit("31", "080B020416"));
    type_in(&mut host, send, "Zh", "\r\n+CMS ERROR: 305\r\n").await;
    // The same characters in each set: commercial at and a brace are 00 and 1B 28.
    host.expect("AT+CSMP=17,167,0,0", OK).await;
    for (set, number, typed) in [
        ("IRA", "+447700900002", "@{"),
        ("HEX", "2B343437373030393030303032", "001B28"),
        ("UCS2", "002B003400340037003700300030003900300030003000300032", "0040007B"),
    ] {
        host.expect(&format!("AT+CSCS=\"{set}\""), OK).await;
        let heard = host.ask(&format!("AT+CMGS=\"{number}\"")).await;
        assert_eq!(heard, "\r\n> ", "{set}");
        host.write(&format!("{typed}\x1a")).await;
        assert!(host.hear().await.ends_with(OK), "{set}");
        // 00, 1B, 28 in septets: 00 | 1B << 7, 1B >> 1 | 28 << 6, 28 >> 2.
        assert_eq!(submitted(&operator).pop().unwrap(), submit("11", "00A703800D0A"), "{set}");
    }
    host.expect("AT+CSCS=\"IRA\"", OK).await;
    host.expect("AT+CMGS=\"nobody\"", "\r\n+CMS ERROR: 305\r\n").await;
    host.expect("AT+CMGS", "\r\n+CMS ERROR: 303\r\n").await;
    type_in(&mut host, send, &"x".repeat(161), "\r\n+CMS ERROR: 305\r\n").await;
    host.expect(send, "\r\n> ").await;
    host.write("never mind\x1b").await;
    assert_eq!(host.hear().await, OK);
    assert_eq!(submitted(&operator).len(), 7);
}

/// Clauses 3.3.2, 3.3.5 and 3.3.6.
#[tokio::test(start_paused = true)]
async fn text_settings_are_saved_and_restored() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=1").await;
    host.expect("AT+CSMP=49,71,0,8", OK).await;
    host.expect("AT+CSAS", OK).await;
    host.expect("AT+CSMP=17,167,0,0", OK).await;
    host.expect("AT+CRES=0", OK).await;
    host.expect("AT+CSMP?", &format!("\r\n+CSMP: 49,71,0,8\r\n{OK}")).await;
    operator.modem().power_cycle();
    host.ask("ATE0").await;
    host.expect("AT+CSMP?", &format!("\r\n+CSMP: 17,167,0,0\r\n{OK}")).await;
    host.expect("AT+CRES", OK).await;
    host.expect("AT+CSMP?", &format!("\r\n+CSMP: 49,71,0,8\r\n{OK}")).await;
    host.expect("AT+CSAS=1", "\r\n+CMS ERROR: 303\r\n").await;
    host.expect("AT+CSMP=1,2,3,4,5", "\r\n+CMS ERROR: 305\r\n").await;
    host.expect("AT+CSMP=17,256", "\r\n+CMS ERROR: 305\r\n").await;
}

/// Clauses 3.5.2 and 3.5.3.
#[tokio::test(start_paused = true)]
async fn stored_text_is_sent_to_its_address_or_another() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=1").await;
    let to = "\"+447700900002\"";
    type_in(&mut host, &format!("AT+CMGW={to}"), "stored", "\r\n+CMGW: 0\r\n\r\nOK\r\n").await;
    type_in(&mut host, "AT+CMGW", "draft", "\r\n+CMGW: 1\r\n\r\nOK\r\n").await;
    type_in(
        &mut host,
        "AT+CMGW=\"12345\",129,\"REC READ\"",
        "from them",
        "\r\n+CMGW: 2\r\n\r\nOK\r\n",
    )
    .await;
    host.expect(
        "AT+CMGL=\"STO UNSENT\"",
        &format!(
            "\r\n+CMGL: 0,\"STO UNSENT\",{to},,\r\nstored\r\n\
             +CMGL: 1,\"STO UNSENT\",\"\",,\r\ndraft\r\n{OK}"
        ),
    )
    .await;
    let heard = host.ask("AT+CMGR=2").await;
    assert!(heard.starts_with("\r\n+CMGR: \"REC READ\",\"12345\",,\""), "{heard}");
    host.expect("AT+CMSS=0", &format!("\r\n+CMSS: 1\r\n{OK}")).await;
    host.expect("AT+CMSS=0,\"+447700900003\"", &format!("\r\n+CMSS: 2\r\n{OK}")).await;
    host.expect("AT+CMSS=1", "\r\n+CMS ERROR: 304\r\n").await;
    host.expect("AT+CMSS=1,\"447700900002\",145", &format!("\r\n+CMSS: 3\r\n{OK}")).await;
    host.expect("AT+CMSS=2", "\r\n+CMS ERROR: 302\r\n").await;
    host.expect("AT+CMSS=9", "\r\n+CMS ERROR: 321\r\n").await;
    let sent = submitted(&operator);
    assert_eq!(sent[0], submit("11", "00A70673FA5B5E2603"));
    assert_eq!(sent[1], sent[0].replace("090020", "090030"), "only the address differs");
    assert_eq!(sent[2], submit("11", "00A7056479D84C07"));
    host.expect("AT+CSDH=1", OK).await;
    host.expect(
        "AT+CMGR=0",
        &format!(
            "\r\n+CMGR: \"STO SENT\",{to},,145,17,0,0,167,\"+447700900999\",145,6\r\nstored\r\n{OK}"
        ),
    )
    .await;
    host.expect("AT+CMGW=\"1\",129,\"LOST\"", "\r\n+CMS ERROR: 305\r\n").await;
}

// PDU mode: clause 4.

#[tokio::test(start_paused = true)]
async fn stored_pdu_comes_back_with_its_status_and_its_own_service_centre() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=0").await;
    let sent = submit("11", "00A705E8329BFD06");
    let length = sent.len() / 2;
    // Without a service centre, with one, and a received message with another one.
    for (index, (octets, stat, pdu, status)) in [
        (length, "", format!("00{sent}"), 2),
        (length, ",3", format!("{CENTRE}{sent}"), 3),
        (18, ",1", format!("04916407F5{DELIVER}"), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let stored = format!("\r\n+CMGW: {index}\r\n{OK}");
        type_in(&mut host, &format!("AT+CMGW={octets}{stat}"), &pdu, &stored).await;
        let read = format!("\r\n+CMGR: {status},,{octets}\r\n{pdu}\r\n{OK}");
        host.expect(&format!("AT+CMGR={index}"), &read).await;
    }
    // An address of a service centre that is longer than all there is.
    type_in(&mut host, "AT+CMGW=18", "0C91640705", "\r\n+CMS ERROR: 304\r\n").await;
    host.expect("AT+CMSS=0", &format!("\r\n+CMSS: 1\r\n{OK}")).await;
    host.expect("AT+CMGL=2", OK).await;
    assert_eq!(submitted(&operator), [sent]);
    host.expect("AT+CMGW=18,7", "\r\n+CMS ERROR: 304\r\n").await;
    host.expect("AT+CMGS=0", "\r\n+CMS ERROR: 304\r\n").await;
    type_in(&mut host, "AT+CMGS=18", &format!("00{DELIVER}"), "\r\n+CMS ERROR: 304\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn deletion_takes_what_its_flag_names() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CMGF=0").await;
    let to_send = format!("00{}", submit("01", "000161"));
    let length = to_send.len() / 2 - 1;
    // Read, unread, unsent, sent: each flag takes one kind more.
    for (flag, left) in [(1, "0,1,2"), (2, "0,1"), (3, "0"), (4, "")] {
        host.expect("AT+CMGD=0,4", OK).await;
        operator.deliver_sms(OWN, &[tpdu()]).unwrap();
        type_in(&mut host, &format!("AT+CMGW={length},2"), &to_send, "\r\n+CMGW: 1\r\n\r\nOK\r\n")
            .await;
        type_in(&mut host, &format!("AT+CMGW={length},3"), &to_send, "\r\n+CMGW: 2\r\n\r\nOK\r\n")
            .await;
        operator.deliver_sms(OWN, &[tpdu()]).unwrap();
        host.ask("AT+CMGR=3").await;
        host.expect(&format!("AT+CMGD=0,{flag}"), OK).await;
        // Flag 2 takes the sent one at 2, flag 3 the unsent one at 1.
        host.expect("AT+CMGD=?", &format!("\r\n+CMGD: ({left}),(0-4)\r\n{OK}")).await;
    }
    for line in ["AT+CMGD=99", "AT+CMGD=0,5"] {
        host.expect(line, "\r\n+CMS ERROR: 321\r\n").await;
    }
}

/// Clause 3.2.2.
#[tokio::test(start_paused = true)]
async fn storages_are_chosen_one_by_one() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "").await;
    let counts = "\r\n+CPMS: 0,50,0,20,0,20\r\n\r\nOK\r\n";
    host.expect("AT+CPMS=\"ME\"", counts).await;
    host.expect("AT+CPMS=\"SM\",,\"ME\"", "\r\n+CPMS: 0,20,0,20,0,50\r\n\r\nOK\r\n").await;
    host.expect("AT+CPMS?", &format!("\r\n+CPMS: \"SM\",0,20,\"SM\",0,20,\"ME\",0,50\r\n{OK}"))
        .await;
    host.expect("AT+CPMS=\"BM\"", "\r\n+CMS ERROR: 302\r\n").await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    host.expect("AT+CMGR=0", "\r\n+CMS ERROR: 321\r\n").await;
    host.expect("AT+CPMS=\"ME\"", "\r\n+CPMS: 1,50,0,20,1,50\r\n\r\nOK\r\n").await;
    assert!(host.ask("AT+CMGR=0").await.contains("+CMGR: 0,,18\r\n"));
}

/// Clause 3.3.1; the number is the SIM's and outlives the power.
#[tokio::test(start_paused = true)]
async fn service_centre_is_set_in_any_form_and_received_ones_stay() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "").await;
    for (line, told) in [
        ("AT+CSCA=\"+447700900998\"", "+CSCA: \"+447700900998\",145"),
        ("AT+CSCA=\"447700900997\",145", "+CSCA: \"+447700900997\",145"),
        ("AT+CSCA=\"12345\",129", "+CSCA: \"12345\",129"),
    ] {
        host.expect(line, OK).await;
        host.expect("AT+CSCA?", &format!("\r\n{told}\r\n{OK}")).await;
    }
    host.expect("AT+CSCA=\"centre\"", "\r\n+CMS ERROR: 330\r\n").await;
    operator.modem().power_cycle();
    host.ask("ATE0").await;
    host.expect("AT+CSCS=\"HEX\"", OK).await;
    host.expect("AT+CSCA?", &format!("\r\n+CSCA: \"3132333435\",129\r\n{OK}")).await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    host.expect("AT+CMGR=0", &format!("\r\n+CMGR: 0,,18\r\n{CENTRE}{DELIVER}\r\n{OK}")).await;
}

// Indications: clause 3.4.1.

#[tokio::test(start_paused = true)]
async fn direct_routing_is_a_header_and_a_line() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CNMI=2,2").await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, format!("\r\n+CMT: ,18\r\n{CENTRE}{DELIVER}\r\n"));
    host.expect("AT+CMGF=1", OK).await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, format!("\r\n+CMT: \"12345\",,{STAMP}\r\nhi\r\n"));
    host.expect("AT+CSDH=1", OK).await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    assert_eq!(
        host.hear().await,
        format!("\r\n+CMT: \"12345\",,{STAMP},129,4,0,0,\"+447700900999\",145,2\r\nhi\r\n")
    );
    // Nothing to acknowledge with service 0, nothing stored.
    host.expect("AT+CNMA", "\r\n+CMS ERROR: 340\r\n").await;
    host.expect("AT+CMGL=\"ALL\"", OK).await;
}

#[tokio::test(start_paused = true)]
async fn class_and_waiting_indications_decide_what_is_routed() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CPMS=\"ME\",\"ME\",\"ME\"").await;
    // Data coding scheme, <mt>, what is heard. F0 to F3 are classes 0 to 3, D8 and E8 voicemail
    // that is to be stored, C8 the same to be thrown away (TS 23.038 clause 4).
    for (dcs, mt, heard) in [
        ("00", 0, ""),
        ("00", 1, "+CMTI: \"ME\""),
        ("F0", 1, "+CMT:"),
        ("F1", 1, "+CMTI: \"ME\""),
        ("F2", 1, "+CMTI: \"SM\""),
        ("F3", 1, "+CMTI: \"ME\""),
        ("00", 2, "+CMT:"),
        ("F1", 2, "+CMT:"),
        ("F2", 2, "+CMTI: \"SM\""),
        ("F3", 2, "+CMT:"),
        ("C8", 2, "+CMT:"),
        ("D8", 2, "+CMTI: \"ME\""),
        ("E8", 2, "+CMTI: \"ME\""),
        ("00", 3, "+CMTI: \"ME\""),
        ("F3", 3, "+CMT:"),
    ] {
        host.expect(&format!("AT+CNMI=2,{mt}"), OK).await;
        operator.deliver_sms(OWN, &[coded(dcs)]).unwrap();
        let said = host.hear().await;
        assert!(said.trim_start().starts_with(heard), "{dcs} {mt}: {said:?}");
        assert_eq!(said.is_empty(), heard.is_empty(), "{dcs} {mt}: {said:?}");
    }
    host.expect("AT+CNMI=?", &format!("\r\n+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)\r\n{OK}")).await;
    for line in ["AT+CNMI=3,1", "AT+CNMI=2,4", "AT+CNMI=2,1,1", "AT+CNMI=2,1,0,3"] {
        host.expect(line, "\r\n+CMS ERROR: 303\r\n").await;
    }
    host.expect("AT+CNMI?", &format!("\r\n+CNMI: 2,3,0,0,0\r\n{OK}")).await;
}

#[tokio::test(start_paused = true)]
async fn indications_wait_for_a_mode_that_lets_them_out() {
    let config = ModemConfig { me_capacity: 100, ..ModemConfig::default() };
    let operator = Operator::builder().line(Subscriber::default(), config).start();
    let mut host = ready(&operator, "+CPMS=\"ME\",\"ME\",\"ME\"").await;
    host.expect("AT+CNMI=0,1", OK).await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, "");
    // <bfr> 0: told, behind the OK; 1: forgotten.
    host.expect("AT+CNMI=1,1,0,0,0", &format!("{OK}\r\n+CMTI: \"ME\",0\r\n")).await;
    host.expect("AT+CNMI=0,1", OK).await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    host.expect("AT+CNMI=2,1,0,0,1", OK).await;
    host.expect("AT+CNMI=2,1,0,0,0", OK).await;
    // The oldest are forgotten when there are too many.
    host.expect("AT+CNMI=0,1", OK).await;
    operator.deliver_sms(OWN, &vec![tpdu(); 70]).unwrap();
    let heard = host.ask("AT+CNMI=2,1").await;
    assert!(heard.starts_with(&format!("{OK}\r\n+CMTI: \"ME\",8\r\n")), "{heard}");
    assert!(heard.ends_with("\r\n+CMTI: \"ME\",71\r\n"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn indications_during_a_call_are_kept_or_thrown_away_as_the_mode_says() {
    let config = ModemConfig { control_port: false, ..ModemConfig::default() };
    let operator = Operator::builder().line(Subscriber::default(), config).start();
    let mut host = Host::ready(operator.modem(), PortRole::Data, "").await;
    for (mode, afterwards) in [(1, ""), (2, "\r\n+CMTI: \"SM\",1\r\n")] {
        host.expect(&format!("AT+CNMI={mode},1"), OK).await;
        host.expect("ATD*99#", "\r\nCONNECT 150000000\r\n").await;
        operator.deliver_sms(OWN, &[tpdu()]).unwrap();
        assert_eq!(host.hear().await, "");
        operator.modem().drop_call();
        assert_eq!(host.hear().await, format!("\r\nNO CARRIER\r\n{afterwards}"), "{mode}");
    }
    host.expect("AT+CMGD=?", &format!("\r\n+CMGD: (0,1),(0-4)\r\n{OK}")).await;
}

// Reports and acknowledgements: clauses 3.4.1 and 3.4.4.

#[tokio::test(start_paused = true)]
async fn report_is_announced_read_routed_or_only_stored_as_ds_says() {
    let clock = Clock::starting_at(Timestamp::from_secs(1_790_000_000));
    let operator = Operator::builder().clock(clock).start();
    let mut host = ready(&operator, "+CNMI=2,1,0,2").await;
    let message = submit("31", "00A70161");
    let length = message.len() / 2;
    let send = format!("AT+CMGS={length}");
    host.expect(&send, "\r\n> ").await;
    host.write(&format!("00{message}\x1a")).await;
    let heard = host.hear().await;
    assert_eq!(heard, format!("\r\n+CMGS: 1\r\n{OK}\r\n+CDSI: \"SM\",0\r\n"));
    let read = host.ask("AT+CMGR=0").await;
    // First octet 06, reference 01, recipient, two times of 7 octets, status 00.
    let report = format!("{CENTRE}06010C91447700090020");
    assert!(read.starts_with(&format!("\r\n+CMGR: 0,,25\r\n{report}6290124131")), "{read}");
    assert!(read.ends_with(&format!("00\r\n{OK}")), "{read}");
    host.expect("AT+CMGF=1", OK).await;
    let shown = host.ask("AT+CMGL=\"ALL\"").await;
    let wanted = "\r\n+CMGL: 0,\"REC READ\",6,1,\"+447700900002\",145,\"26/09/21,14:13:";
    assert!(shown.starts_with(wanted) && shown.ends_with(&format!("\",0\r\n{OK}")), "{shown}");

    host.expect("AT+CSMP=49;+CNMI=2,1,0,1", OK).await;
    host.expect("AT+CMGS=\"+447700900002\"", "\r\n> ").await;
    host.write("a\x1a").await;
    let heard = host.hear().await;
    let routed = "\r\n+CDS: 6,2,\"+447700900002\",145,\"26/09/21,14:13:";
    assert!(heard.starts_with(&format!("\r\n+CMGS: 2\r\n{OK}{routed}")), "{heard}");
    assert!(heard.ends_with("+00\",0\r\n"), "{heard}");
    host.expect("AT+CMGF=0", OK).await;
    host.expect(&send, "\r\n> ").await;
    host.write(&format!("00{message}\x1a")).await;
    let heard = host.hear().await;
    let report = report.replace("0601", "0603");
    assert!(heard.starts_with(&format!("\r\n+CMGS: 3\r\n{OK}\r\n+CDS: 25\r\n{report}")), "{heard}");

    host.expect("AT+CNMI=2,1,0,0", OK).await;
    type_in(&mut host, &send, &format!("00{message}"), &format!("\r\n+CMGS: 4\r\n{OK}")).await;
    // No report was wanted: none comes.
    host.expect("AT+CNMI=2,1,0,1", OK).await;
    let plain = submit("11", "00A70161");
    type_in(&mut host, &send, &format!("00{plain}"), &format!("\r\n+CMGS: 5\r\n{OK}")).await;
}

#[tokio::test(start_paused = true)]
async fn routed_message_is_acknowledged_refused_or_stored_when_nobody_says_anything() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CNMI=2,2,0,1").await;
    host.expect("AT+CSMS=1", &format!("\r\n+CSMS: 1,1,1\r\n{OK}")).await;
    host.expect("AT+CSMS?", &format!("\r\n+CSMS: 1,1,1,1\r\n{OK}")).await;
    host.expect("AT+CNMA=?", &format!("\r\n+CNMA: (0-2)\r\n{OK}")).await;
    let routed = format!("\r\n+CMT: ,18\r\n{CENTRE}{DELIVER}\r\n");
    operator.deliver_sms(OWN, &[tpdu(), tpdu()]).unwrap();
    assert_eq!(host.hear().await, routed, "one at a time");
    host.expect("AT+CNMA=0", &format!("{OK}{routed}")).await;
    // With a PDU of an SMS-DELIVER-REPORT: first octet, parameter indicator.
    host.expect("AT+CNMA=1,2", "\r\n> ").await;
    host.write("0000\x1a").await;
    assert_eq!(host.hear().await, OK);
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, routed);
    host.expect("AT+CNMA=2", OK).await;
    assert_eq!(operator.modem().state().waiting_sms, 1, "refused: the network keeps it");
    sleep(Duration::from_secs(30)).await;
    assert_eq!(host.hear().await, routed, "and tries again");
    host.expect("AT+CNMI?", &format!("\r\n+CNMI: 2,2,0,1,0\r\n{OK}")).await;
    sleep(Duration::from_secs(15)).await;
    host.expect("AT+CNMI?", &format!("\r\n+CNMI: 2,0,0,0,0\r\n{OK}")).await;
    assert_eq!(operator.modem().state().stored_sms, [1, 0], "unacknowledged: stored");
    // In text mode there is nothing to choose.
    host.expect("AT+CMGF=1;+CNMI=2,2", OK).await;
    host.expect("AT+CNMA=?", OK).await;
    operator.deliver_sms(OWN, &[tpdu()]).unwrap();
    host.hear().await;
    host.expect("AT+CNMA", OK).await;
    host.expect("AT+CNMA", "\r\n+CMS ERROR: 340\r\n").await;
}

/// Clauses 3.5.5 and 4.5; TS 23.040 clause 9.2.2.4: an enquiry about message 1, a report wanted.
#[tokio::test(start_paused = true)]
async fn command_about_a_message_is_answered_by_a_report() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator, "+CNMI=2,1,0,1").await;
    let command = "22000000010C9144770009002000".to_owned();
    host.expect("AT+CMGC=14", "\r\n> ").await;
    host.write(&format!("00{command}\x1a")).await;
    let heard = host.hear().await;
    // First octet 26: the report is about a command; status 49: there is no such message.
    let report = format!("\r\n+CMGC: 1\r\n{OK}\r\n+CDS: 25\r\n{CENTRE}26010C91447700090020");
    assert!(heard.starts_with(&report) && heard.ends_with("49\r\n"), "{heard}");
    assert_eq!(submitted(&operator), std::slice::from_ref(&command));
    host.expect("AT+CMGF=1", OK).await;
    host.expect("AT+CMGC=34,0,0,1,\"+447700900002\"", "\r\n> ").await;
    host.write("\x1a").await;
    let heard = host.hear().await;
    assert!(heard.starts_with(&format!("\r\n+CMGC: 2\r\n{OK}\r\n+CDS: 38,2,")), "{heard}");
    assert_eq!(submitted(&operator)[1], command);
    host.expect("AT+CMGC=34", "\r\n+CMS ERROR: 305\r\n").await;
    host.expect("AT+CMGF=0", OK).await;
    let text = format!("00{}", submit("11", "00A70161"));
    let length = text.len() / 2 - 1;
    type_in(&mut host, &format!("AT+CMGC={length}"), &text, "\r\n+CMS ERROR: 304\r\n").await;
}
