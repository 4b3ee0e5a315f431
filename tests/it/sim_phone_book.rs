//! What the virtual modem does for people rather than for messages: phone books, the SIM's PIN,
//! dialogues with the network, its clock and its operator (3GPP TS 27.007).

use mm1gate::model::{Clock, Timestamp};
use mm1gate::sim::{ModemConfig, Operator, PortRole, Subscriber};

use crate::sim_host::Host;

const OK: &str = "\r\nOK\r\n";

async fn ready(operator: &Operator) -> Host {
    Host::ready(operator.modem(), PortRole::Data, "+CMEE=1").await
}

/// Clauses 8.11 to 8.14.
#[tokio::test(start_paused = true)]
async fn numbers_are_written_read_found_and_deleted() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    for (line, told) in [
        ("AT+CPBS=?", "+CPBS: (\"SM\",\"ON\")"),
        ("AT+CPBS?", "+CPBS: \"SM\",0,100"),
        ("AT+CPBR=?", "+CPBR: (1-100),20,14"),
        ("AT+CPBW=?", "+CPBW: (1-100),20,(129,145),14"),
        ("AT+CPBF=?", "+CPBF: 20,14"),
    ] {
        host.expect(line, &format!("\r\n{told}\r\n{OK}")).await;
    }
    host.expect("AT+CPBR=1,100", OK).await;
    host.expect("AT+CPBW=2,\"+447700900005\",145,\"Bob\"", OK).await;
    host.expect("AT+CPBW=,\"12345\",,\"Bobby\"", OK).await;
    host.expect("AT+CPBW=,\"*100#\"", OK).await;
    host.expect(
        "AT+CPBR=1,3",
        &format!(
            "\r\n+CPBR: 1,\"12345\",129,\"Bobby\"\r\n+CPBR: 2,\"+447700900005\",145,\"Bob\"\r\n\
             +CPBR: 3,\"*100#\",129,\"\"\r\n{OK}"
        ),
    )
    .await;
    host.expect("AT+CPBR=2", &format!("\r\n+CPBR: 2,\"+447700900005\",145,\"Bob\"\r\n{OK}")).await;
    host.expect("AT+CPBF=\"Bobb\"", &format!("\r\n+CPBF: 1,\"12345\",129,\"Bobby\"\r\n{OK}")).await;
    host.expect("AT+CPBF=\"Al\"", "\r\n+CME ERROR: 22\r\n").await;
    host.expect("AT+CPBS?", &format!("\r\n+CPBS: \"SM\",3,100\r\n{OK}")).await;
    operator.modem().power_cycle();
    host.expect("ATE0+CMEE=1", OK).await;
    host.expect("AT+CPBW=2", OK).await;
    host.expect("AT+CPBR=2", OK).await;
    host.expect("AT+CPBS?", &format!("\r\n+CPBS: \"SM\",2,100\r\n{OK}")).await;
    for (line, cme) in [
        ("AT+CPBR=0", 21),
        ("AT+CPBR=101", 21),
        ("AT+CPBR=3,1", 21),
        ("AT+CPBR", 4),
        ("AT+CPBW=101,\"1\"", 21),
        ("AT+CPBW=1,\"call me\"", 50),
        ("AT+CPBW=1,\"123456789012345678901\"", 26),
        ("AT+CPBW=1,\"1\",129,\"a name of fifteen\"", 24),
        ("AT+CPBW=1,\"1\",7", 50),
        ("AT+CPBS=\"XX\"", 50),
    ] {
        host.expect(line, &format!("\r\n+CME ERROR: {cme}\r\n")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn own_number_is_a_book_that_cannot_be_written() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("AT+CPBS=\"ON\";+CPBS?", &format!("\r\n+CPBS: \"ON\",1,1\r\n{OK}")).await;
    host.expect("AT+CPBR=1", &format!("\r\n+CPBR: 1,\"+447700900001\",145,\"\"\r\n{OK}")).await;
    host.expect("AT+CPBW=1,\"123\"", "\r\n+CME ERROR: 4\r\n").await;
    host.expect("AT+CNUM", &format!("\r\n+CNUM: \"\",\"+447700900001\",145\r\n{OK}")).await;
}

/// Clause 5.5; TS 23.038 clause 6.2.1: commercial at is 00 and the underscore 11.
#[tokio::test(start_paused = true)]
async fn names_follow_the_character_set() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("AT+CSCS=\"UCS2\"", OK).await;
    host.expect("AT+CPBW=1,\"123\",129,\"004100400022005F\"", OK).await;
    host.expect("AT+CPBR=1", &format!("\r\n+CPBR: 1,\"123\",129,\"004100400022005F\"\r\n{OK}"))
        .await;
    for (set, name) in [("HEX", "41002211"), ("IRA", "A@\\22_"), ("GSM", "A\0\\22\x11")] {
        host.expect(&format!("AT+CSCS=\"{set}\""), OK).await;
        host.expect("AT+CPBR=1", &format!("\r\n+CPBR: 1,\"123\",129,\"{name}\"\r\n{OK}")).await;
    }
    // A character that cannot be typed is a backslash and its number (V.250 clause 5.4.2.2).
    host.expect("AT+CPBW=2,\"124\",129,\"\\00\\22x\";+CSCS=\"IRA\"", OK).await;
    host.expect("AT+CPBR=2", &format!("\r\n+CPBR: 2,\"124\",129,\"@\\22x\"\r\n{OK}")).await;
    host.expect("AT+CSCS=\"UCS2\"", OK).await;
    host.expect("AT+CPBW=3,\"125\",129,\"004\"", "\r\n+CME ERROR: 50\r\n").await;
    host.expect("AT+CSCS=\"KLINGON\"", "\r\n+CME ERROR: 50\r\n").await;
    host.expect("AT+CSCS?", &format!("\r\n+CSCS: \"UCS2\"\r\n{OK}")).await;
}

/// Clauses 7.4, 7.5 and 8.3.
#[tokio::test(start_paused = true)]
async fn pin_is_switched_on_changed_asked_for_and_unblocked() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("AT+CLCK=?", &format!("\r\n+CLCK: (\"SC\")\r\n{OK}")).await;
    host.expect("AT+CPWD=?", &format!("\r\n+CPWD: (\"SC\",8)\r\n{OK}")).await;
    for (line, answer) in [
        ("AT+CLCK=\"SC\",2", "\r\n+CLCK: 0\r\n\r\nOK\r\n"),
        ("AT+CLCK=\"SC\",2,,1", "\r\n+CLCK: 0\r\n\r\nOK\r\n"),
        ("AT+CPWD=\"SC\",\"0000\",\"4711\"", "\r\n+CME ERROR: 3\r\n"),
        ("AT+CLCK=\"SC\",1,\"1111\"", "\r\n+CME ERROR: 16\r\n"),
        ("AT+CLCK=\"SC\",1,\"0000\"", OK),
        ("AT+CLCK=\"SC\",2", "\r\n+CLCK: 1\r\n\r\nOK\r\n"),
        ("AT+CPWD=\"SC\",\"0000\",\"47\"", "\r\n+CME ERROR: 50\r\n"),
        ("AT+CPWD=\"SC\",\"0000\",\"4711\"", OK),
        ("AT+CLCK=\"AO\",2", "\r\n+CME ERROR: 3\r\n"),
    ] {
        host.expect(line, answer).await;
    }
    operator.modem().power_cycle();
    host.ask("ATE0+CMEE=1").await;
    host.expect("AT+CPIN?", &format!("\r\n+CPIN: SIM PIN\r\n{OK}")).await;
    host.expect("AT+CPBR=1", "\r\n+CME ERROR: 11\r\n").await;
    host.expect("AT+CPIN=\"0000\"", "\r\n+CME ERROR: 16\r\n").await;
    host.expect("AT+CPIN=\"4711\"", OK).await;
    for answer in ["\r\n+CME ERROR: 16\r\n", "\r\n+CME ERROR: 16\r\n", "\r\n+CME ERROR: 12\r\n"] {
        host.expect("AT+CLCK=\"SC\",0,\"1111\"", answer).await;
    }
    operator.modem().power_cycle();
    host.ask("ATE0+CMEE=1").await;
    host.expect("AT+CPIN=\"12345678\",\"1234\"", OK).await;
    host.expect("AT+CLCK=\"SC\",0,\"1234\"", OK).await;
    operator.modem().power_cycle();
    host.ask("ATE0").await;
    host.expect("AT+CPIN?", &format!("\r\n+CPIN: READY\r\n{OK}")).await;
}

/// Clause 7.15.
#[tokio::test(start_paused = true)]
async fn network_answers_short_dialogues() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("AT+CUSD=?", &format!("\r\n+CUSD: (0-2)\r\n{OK}")).await;
    host.expect("AT+CUSD=0,\"*100#\",15", OK).await;
    let balance = "\r\n+CUSD: 0,\"Your balance is 10.00\",15\r\n";
    host.expect("AT+CUSD=1,\"*100#\",15", &format!("{OK}{balance}")).await;
    host.expect("AT+CUSD?", &format!("\r\n+CUSD: 1\r\n{OK}")).await;
    let menu = "\r\n+CUSD: 1,\"1 Balance\n2 Own number\",15\r\n";
    host.expect("AT+CUSD=1,\"*101#\"", &format!("{OK}{menu}")).await;
    let number = "\r\n+CUSD: 0,\"Your number is +447700900001\",15\r\n";
    host.expect("AT+CUSD=1,\"2\"", &format!("{OK}{number}")).await;
    host.expect("AT+CUSD=1,\"*101#\"", &format!("{OK}{menu}")).await;
    host.expect("AT+CUSD=2", OK).await;
    host.expect("AT+CUSD=1,\"2\"", &format!("{OK}\r\n+CUSD: 4\r\n")).await;
    host.expect("AT+CSCS=\"UCS2\"", OK).await;
    let heard = host.ask("AT+CUSD=1,\"002A0031003000300023\",15").await;
    assert!(heard.contains("+CUSD: 0,\"0059006F00750072"), "{heard}");
    host.expect("AT+CUSD=3", "\r\n+CME ERROR: 50\r\n").await;
    host.expect("AT+COPS=2;+CUSD=1,\"002A0031003000300023\"", "\r\n+CME ERROR: 30\r\n").await;
}

/// Clause 8.15.
#[tokio::test(start_paused = true)]
async fn clock_goes_on_from_where_it_was_set() {
    // 2026-09-21 14:13:20 UTC.
    let clock = Clock::starting_at(Timestamp::from_secs(1_790_000_000));
    let operator = Operator::builder().clock(clock).start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    assert!(host.ask("AT+CCLK?").await.contains("+CCLK: \"26/09/21,14:13:20+00\""));
    host.ask("ATE0+CMEE=1").await;
    host.expect("AT+CCLK=\"27/01/31,23:59:58+04\"", OK).await;
    // Two seconds pass while the answer is waited for.
    host.expect("AT+CCLK?", &format!("\r\n+CCLK: \"27/02/01,00:00:00+04\"\r\n{OK}")).await;
    for wrong in
        ["27/02/30,00:00:00", "27-02-03,00:00:00", "27/02/03,00:00", "27/02/03,00:00:00+99"]
    {
        host.expect(&format!("AT+CCLK=\"{wrong}\""), "\r\n+CME ERROR: 50\r\n").await;
    }
}

/// Clauses 7.3 and 10.1.9.
#[tokio::test(start_paused = true)]
async fn operator_and_attachment_are_as_the_host_chose() {
    let operator = Operator::builder()
        .line(Subscriber::default(), ModemConfig { control_port: false, ..ModemConfig::default() })
        .start();
    let mut host = ready(&operator).await;
    host.expect(
        "AT+COPS=?",
        &format!("\r\n+COPS: (2,\"mm1gate virtual\",\"mm1gate\",\"00101\",7),,(0-4),(0-2)\r\n{OK}"),
    )
    .await;
    for (line, answer) in [
        ("AT+COPS=1,2,\"00101\"", OK),
        ("AT+COPS=3,2", OK),
        ("AT+COPS?", "\r\n+COPS: 1,2,\"00101\",7\r\n\r\nOK\r\n"),
        ("AT+COPS=1,0,\"mm1gate virtual\"", OK),
        ("AT+COPS=1,2,\"26201\"", "\r\n+CME ERROR: 30\r\n"),
        ("AT+COPS=2", OK),
        ("AT+COPS?", "\r\n+COPS: 2\r\n\r\nOK\r\n"),
        ("AT+COPS=0", OK),
        ("AT+COPS?", "\r\n+COPS: 0,2,\"00101\",7\r\n\r\nOK\r\n"),
        ("AT+CGATT=0", OK),
        ("AT+CGATT?", "\r\n+CGATT: 0\r\n\r\nOK\r\n"),
        ("AT+CGREG?", "\r\n+CGREG: 0,0\r\n\r\nOK\r\n"),
        ("AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n"),
        ("AT+CGATT=1", OK),
        ("AT+CGATT?", "\r\n+CGATT: 1\r\n\r\nOK\r\n"),
    ] {
        host.expect(line, answer).await;
    }
}
