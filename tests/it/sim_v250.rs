//! The virtual modem's command lines, basic commands and result codes, letter by letter (ITU-T
//! V.250), and the settings of 3GPP TS 27.007 that hosts look at first.

use std::time::Duration;

use mm1gate::sim::{Fault, ModemConfig, Operator, PortRole, Subscriber, Timing};
use tokio::time::sleep;

use crate::sim_host::Host;

const OK: &str = "\r\nOK\r\n";
const ERROR: &str = "\r\nERROR\r\n";

async fn ready(operator: &Operator) -> Host {
    Host::ready(operator.modem(), PortRole::Data, "").await
}

#[tokio::test(start_paused = true)]
async fn numeric_results_have_no_line_feed_and_information_keeps_its_own() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("ATV0", "0\r").await;
    host.expect("AT+CSQ", "+CSQ: 21,0\r\n0\r").await;
    host.expect("ATD123;", "3\r").await;
    host.expect("ATA", "3\r").await;
    host.expect("AT+CGDCONT=2,\"IP\",\"mms.example\"", "0\r").await;
    host.expect("ATX0D*99***2#", "1\r").await;
}

#[tokio::test(start_paused = true)]
async fn quiet_modem_still_tells_information() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("ATQ1", "").await;
    host.expect("AT+CSQ", "\r\n+CSQ: 21,0\r\n").await;
    host.expect("AT+NONSENSE", "").await;
    host.expect("ATQ0", OK).await;
}

#[tokio::test(start_paused = true)]
async fn end_of_line_line_feed_and_backspace_are_the_registers() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    for (register, value) in [("S3", "013"), ("S4", "010"), ("S5", "008")] {
        host.expect(&format!("AT{register}?"), &format!("\r\n{value}\r\n{OK}")).await;
    }
    // The line that changes S3 still ends with the old character, its result has the new one.
    host.expect("ATS3=33", "!\nOK!\n").await;
    host.write("ATS4=36!").await;
    assert_eq!(host.hear().await, "!$OK!$");
    host.write("ATS5=95!").await;
    assert_eq!(host.hear().await, "!$OK!$");
    host.write("AT+CSX_Q!").await;
    assert_eq!(host.hear().await, "!$+CSQ: 21,0!$!$OK!$");
    host.write("ATV0!").await;
    assert_eq!(host.hear().await, "0!");
    host.write("AT&F!").await;
    assert_eq!(host.hear().await, OK);
    host.expect("ATE0S3=128", ERROR).await;
}

#[tokio::test(start_paused = true)]
async fn registers_take_what_the_recommendation_lets_them() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    for (line, answer) in [
        ("ATS0=1", OK),
        ("ATS0?", "\r\n001\r\n\r\nOK\r\n"),
        ("ATS0=0", OK),
        ("ATS0=256", ERROR),
        ("ATS6=1", ERROR),
        ("ATS6=4", OK),
        ("ATS7=0", ERROR),
        ("ATS7=45S0=0 L1 V1 X4 &C1 E0 Q0", OK),
        ("ATS7?S6?", "\r\n045\r\n\r\n004\r\n\r\nOK\r\n"),
        ("ATS10=255", ERROR),
        ("ATS99?", ERROR),
        ("ATS0", ERROR),
    ] {
        host.expect(line, answer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn line_is_edited_before_it_ends_and_repeated_without_an_end() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.write("AT+CSW\x08Q\r").await;
    assert_eq!(host.hear().await, "\r\n+CSQ: 21,0\r\n\r\nOK\r\n");
    host.write("a/").await;
    assert_eq!(host.hear().await, "\r\n+CSQ: 21,0\r\n\r\nOK\r\n");
    host.write("\x08\x08AT\r").await;
    assert_eq!(host.hear().await, OK, "nothing in front of the line to delete");
    // Control characters mean nothing inside of a line; drivers send NUL and ESC.
    host.write("A\x1bT+C\x02SQ\0\r\n").await;
    assert_eq!(host.hear().await, "\r\n+CSQ: 21,0\r\n\r\nOK\r\n");
    host.write("\x1b\rAT\r").await;
    assert_eq!(host.hear().await, OK);
}

#[tokio::test(start_paused = true)]
async fn commands_of_a_line_run_in_order_until_one_fails() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("AT+CREG?;+CSQ;E0", "\r\n+CREG: 0,1\r\n\r\n+CSQ: 21,0\r\n\r\nOK\r\n").await;
    host.expect("at e0 v1 +creg = 1 ; +csq", "\r\n+CSQ: 21,0\r\n\r\nOK\r\n").await;
    // Without a semicolon behind an extended command the rest is part of it.
    host.expect("AT+CREG?E0", ERROR).await;
    host.expect("AT+CREG=2;+NONSENSE;+CREG=0", ERROR).await;
    host.expect("AT+CREG?", "\r\n+CREG: 2,1,\"1A2B\",\"01A2B3C4\",7\r\n\r\nOK\r\n").await;
    // What stands before a character that begins no command is done.
    host.expect("AT+CREG=0;?", ERROR).await;
    host.expect("AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n").await;
    host.expect("AT", OK).await;
    let many = "E0".repeat(41);
    host.expect(&format!("AT{many}"), ERROR).await;
    host.write(&format!("AT{}\r", "+".repeat(5_000))).await;
    assert_eq!(host.hear().await, ERROR, "an overlong line is refused as a whole");
    host.expect("AT", OK).await;
}

#[tokio::test(start_paused = true)]
async fn errors_are_words_numbers_or_plain_as_cmee_says() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    for (cmee, answer) in
        [(0, ERROR), (1, "\r\n+CME ERROR: 3\r\n"), (2, "\r\n+CME ERROR: operation not allowed\r\n")]
    {
        host.expect(&format!("AT+CMEE={cmee}"), OK).await;
        host.expect("AT+CMEE?", &format!("\r\n+CMEE: {cmee}\r\n{OK}")).await;
        host.expect("AT+CPIN=\"1234\"", answer).await;
        // A command that is unknown, or a line that is none, is plain ERROR.
        host.expect("AT+NONSENSE", ERROR).await;
        host.expect("AT%", ERROR).await;
    }
    host.expect("AT+CMEE=3", "\r\n+CME ERROR: incorrect parameters\r\n").await;
    host.expect("AT+CMGR=7", "\r\n+CMS ERROR: invalid memory index\r\n").await;
    host.expect("AT+CMEE=0;+CMGR=7", "\r\n+CMS ERROR: 321\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn stored_profile_comes_back_with_z_and_the_factory_one_with_f() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    host.expect("ATS7=33&D1+CMEE=1;&W", OK).await;
    host.expect("ATS7=44+CMEE=2;Z", OK).await;
    host.expect("ATS7?", &format!("\r\n033\r\n{OK}")).await;
    host.expect("AT+CMEE?", &format!("\r\n+CMEE: 1\r\n{OK}")).await;
    operator.modem().power_cycle();
    host.expect("ATS7?", &format!("\r\n033\r\n{OK}")).await;
    let heard = host.ask("AT&V").await;
    for words in ["ACTIVE PROFILE:", "STORED PROFILE 0:", "E0 Q0 V1 X4 &C1 &D1 +CMEE:1", "S07:033"]
    {
        assert!(heard.contains(words), "{words}: {heard}");
    }
    host.expect("AT&F", OK).await;
    host.write("ATS7?\r").await;
    assert_eq!(host.hear().await, format!("ATS7?\r\r\n060\r\n{OK}"), "the echo is back");
    host.ask("ATE0").await;
    for line in ["AT&D3", "AT&C3", "ATZ1", "AT&Y1", "ATE2", "ATV2", "ATX5", "ATI10", "ATH1"] {
        host.expect(line, ERROR).await;
    }
}

#[tokio::test(start_paused = true)]
async fn modem_says_who_it_is_and_what_it_can() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    let heard = host.ask("ATI").await;
    assert!(heard.contains("mm1gate\r\nVirtual Modem\r\n") && heard.ends_with(OK), "{heard}");
    for number in 1..=9 {
        assert!(host.ask(&format!("ATI{number}")).await.ends_with(OK));
    }
    for (line, told) in [
        ("AT+GCAP", "+GCAP: +CGSM"),
        ("AT+GMI", "mm1gate"),
        ("AT+GMM", "Virtual Modem"),
        ("AT+GSN", "004999010640000"),
        ("AT+CGSN=1", "+CGSN: \"004999010640000\""),
        ("AT+CGSN=2", "+CGSN: \"0049990106400001\""),
        ("AT+IPR=?", "+IPR: (0,9600,19200,38400,57600,115200,230400,460800,921600)"),
        ("AT+IFC=?", "+IFC: (0-2),(0-2)"),
        ("AT+IFC?", "+IFC: 2,2"),
        ("AT+ICF=?", "+ICF: (3),(0-3)"),
        ("AT+CPAS=?", "+CPAS: (0,4)"),
        ("AT+CLIP?", "+CLIP: 0,1"),
    ] {
        host.expect(line, &format!("\r\n{told}\r\n{OK}")).await;
    }
    for (line, answer) in [
        ("AT+IPR=115200", OK),
        ("AT+IPR=12345", ERROR),
        ("AT+ICF=3", OK),
        ("AT+ICF=2,1", ERROR),
        ("AT+IFC=,0", OK),
        ("AT+IFC?", "\r\n+IFC: 2,0\r\n\r\nOK\r\n"),
        ("AT+CRC=2", ERROR),
        ("AT+CRC=1,1", ERROR),
        ("AT+CGQREQ?", OK),
        ("AT+CHUP", OK),
    ] {
        host.expect(line, answer).await;
    }
}

/// 3GPP TS 27.007 clauses 4.2 and 8.37.
#[tokio::test(start_paused = true)]
async fn every_command_in_the_list_is_there() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    let list = host.ask("AT+CLAC").await;
    let names: Vec<&str> = list.lines().filter(|line| line.starts_with("AT+")).collect();
    assert!(names.len() > 80, "{list}");
    for name in names {
        let heard = host.ask(&format!("{name}=?")).await;
        assert!(heard.ends_with(OK), "{name}: {heard}");
    }
    for name in list.lines().filter(|line| line.starts_with("ATS")) {
        let heard = host.ask(&format!("{name}?")).await;
        assert!(heard.ends_with(OK), "{name}: {heard}");
    }
}

/// V.250 clause 5.6.1: any character, but not in the first 125 ms.
#[tokio::test(start_paused = true)]
async fn dialling_is_given_up_by_a_character() {
    let timing = Timing { dial: Duration::from_secs(5), ..Timing::default() };
    let config = ModemConfig { timing, ..ModemConfig::default() };
    let operator = Operator::builder().line(Subscriber::default(), config).start();
    let mut host = ready(&operator).await;
    for line in ["ATD*99#", "AT+CGDATA=\"PPP\",1"] {
        host.write(&format!("{line}\r")).await;
        sleep(Duration::from_millis(50)).await;
        host.write("\n").await;
        sleep(Duration::from_millis(950)).await;
        assert_eq!(operator.modem().state().call, None);
        host.write("x").await;
        assert_eq!(host.hear().await, "\r\nNO CARRIER\r\n", "{line}");
        host.expect("AT", OK).await;
    }
    host.write("ATD*99#\r\n").await;
    sleep(Duration::from_secs(6)).await;
    assert_eq!(host.hear().await, "\r\nCONNECT 150000000\r\n", "a line feed behind it is none");
}

/// V.250 clause 6.2.9.
#[tokio::test(start_paused = true)]
async fn terminal_that_is_not_ready_ends_holds_or_keeps_the_call() {
    let operator = Operator::builder().start();
    let mut host = ready(&operator).await;
    for (setting, heard, held) in
        [("&D0", "", true), ("&D1", OK, true), ("&D2", "\r\nNO CARRIER\r\n", false)]
    {
        host.expect(&format!("AT{setting}"), OK).await;
        host.expect("ATD*99#", "\r\nCONNECT 150000000\r\n").await;
        operator.modem().set_dtr(PortRole::Data, false);
        assert_eq!(host.hear().await, heard, "{setting}");
        assert_eq!(operator.modem().state().call.is_some(), held, "{setting}");
        if heard.is_empty() {
            host.write("+++").await;
            assert_eq!(host.hear().await, OK);
        }
        host.expect("ATH", OK).await;
    }
}

#[tokio::test(start_paused = true)]
async fn echo_is_what_was_typed() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.write("at+cs").await;
    assert_eq!(host.hear().await, "at+cs");
    host.write("x\x08q\r").await;
    assert_eq!(host.hear().await, "x\x08q\r\r\n+CSQ: 21,0\r\n\r\nOK\r\n");
    host.write("A/").await;
    assert_eq!(host.hear().await, "A/\r\n+CSQ: 21,0\r\n\r\nOK\r\n");
    host.expect("ATE0", OK).await;
    host.expect("ATE1", OK).await;
    operator.faults().set(Fault::ModemEchoesTwice {});
    host.write("AT\r").await;
    assert_eq!(host.hear().await, "AT\rAT\r\r\nOK\r\n");
}
