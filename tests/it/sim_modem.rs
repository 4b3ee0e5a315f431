//! AT dialogues with the virtual modem, among them the start-ups of foreign drivers as observed.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::sms::Deliver;
use mm1gate::sim::{Fault, ModemConfig, Operator, Outgoing, PortRole, Subscriber, Timing};
use tokio::time::sleep;

use crate::sim_host::{DELIVER, Host, tpdu};

fn one_line(subscriber: Subscriber, config: ModemConfig) -> Operator {
    Operator::builder().line(subscriber, config).start()
}

#[tokio::test(start_paused = true)]
async fn echo_and_result_format_follow_their_commands() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.write("AT\r").await;
    assert_eq!(host.hear().await, "AT\r\r\nOK\r\n");
    host.write("ATE0\r").await;
    assert_eq!(host.hear().await, "ATE0\r\r\nOK\r\n");
    host.expect("ATV0", "0\r").await;
    host.expect("AT+NONSENSE", "4\r").await;
    host.expect("ATV1", "\r\nOK\r\n").await;
    host.expect("ATQ1", "").await;
    host.expect("AT", "").await;
    host.expect("ATQ0", "\r\nOK\r\n").await;
    host.expect("at+cmee=2", "\r\nOK\r\n").await;
    host.expect("AT+CPIN=\"1\"", "\r\n+CME ERROR: operation not allowed\r\n").await;
    host.expect("ATZ", "\r\nOK\r\n").await;
    host.write("AT\r").await;
    assert_eq!(host.hear().await, "AT\r\r\nOK\r\n", "ATZ brings the echo back");
}

#[tokio::test(start_paused = true)]
async fn noise_before_a_command_line_and_line_feeds_are_ignored() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0").await;
    host.write("\0\r\n\r~}#\rAT\r\n").await;
    assert_eq!(host.hear().await, "\r\nOK\r\n");
    host.write("A/").await;
    assert_eq!(host.hear().await, "\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn joined_line_stops_at_the_first_failure() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.expect("ATE0+CMEE=1;+CREG=2", "\r\nOK\r\n").await;
    host.expect("AT+CMEE?;+CNMI=9;+CREG?", "\r\n+CMEE: 1\r\n\r\n+CMS ERROR: 303\r\n").await;
    host.expect("AT+CREG?", "\r\n+CREG: 2,1,\"1A2B\",\"01A2B3C4\",7\r\n\r\nOK\r\n").await;
    operator.faults().set(Fault::ModemRefusesJoined {});
    host.expect("AT+CMEE?;+CREG?", "\r\nERROR\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn smsd_start_up_passes() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    for (line, wanted) in [
        ("AT", "OK"),
        ("ATE0", "OK"),
        ("AT+CMEE=1;+CREG=2", "OK"),
        ("AT+CPIN?", "+CPIN: READY"),
        ("AT+CSQ", "+CSQ: 21,0"),
        ("AT+CREG?", "+CREG: 2,1"),
        ("AT+CMGF=0", "OK"),
        ("AT+CGSN", "004999010640000"),
        ("AT+CIMI", "001010123456789"),
        ("AT+CPMS?", "+CPMS: \"SM\",0,20,\"SM\",0,20,\"SM\",0,20"),
    ] {
        let heard = host.ask(line).await;
        assert!(heard.contains(wanted) && heard.ends_with("\r\nOK\r\n"), "{line}: {heard:?}");
    }
    // SMS-SUBMIT to +447700900002, 7 bit, "hi".
    let pdu = "0001000C9144770009002000 0002E834".replace(' ', "");
    host.write(&format!("AT+CMGS={}\r", pdu.len() / 2 - 1)).await;
    assert_eq!(host.hear().await, "\r\n> ");
    host.write(&format!("{pdu}\x1a")).await;
    assert_eq!(host.hear().await, "\r\n+CMGS: 1\r\n\r\nOK\r\n");
    assert_eq!(operator.state().submitted_sms[0].tpdu, pdu[2..]);
}

#[tokio::test(start_paused = true)]
async fn gammu_start_up_passes_and_the_character_set_is_remembered() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.expect("AT", "\r\nOK\r\n").await;
    host.expect("ATE1", "\r\nOK\r\n").await;
    host.expect("AT+MODE=2", "\r\nERROR\r\n").await;
    host.expect("AT+CMEE=1", "\r\nOK\r\n").await;
    host.expect("AT+CSCS?", "\r\n+CSCS: \"GSM\"\r\n\r\nOK\r\n").await;
    host.expect("AT+CSCS=?", "\r\n+CSCS: (\"GSM\",\"IRA\",\"UCS2\",\"HEX\")\r\n\r\nOK\r\n").await;
    host.expect("AT+CSCS=\"HEX\"", "\r\nOK\r\n").await;
    host.expect("AT+CSCS?", "\r\n+CSCS: \"HEX\"\r\n\r\nOK\r\n").await;
    let heard = host.ask("AT+COPS?").await;
    assert!(heard.contains(&hex::encode_upper("mm1gate virtual")), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn every_form_of_dialling_reaches_connect() {
    let operator = Operator::builder().start();
    for (line, cid) in [("ATDT*99***2#", 2), ("ATD*99***2#", 2), ("AT+CGDATA=\"PPP\",2", 2)] {
        let mut host = Host::open(operator.modem(), PortRole::Data);
        host.write("\r\r\r\r\r").await;
        host.hear().await;
        assert!(host.ask("ATZ").await.ends_with("OK\r\n"));
        host.ask("ATE0").await;
        host.expect(&format!("AT+CGDCONT={cid},\"IP\",\"mms.example\""), "\r\nOK\r\n").await;
        host.expect(line, "\r\nCONNECT 150000000\r\n").await;
        drop(host);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(operator.modem().state().call, None, "closing the port hangs up");
    }
}

#[tokio::test(start_paused = true)]
async fn pin_is_counted_down_and_the_puk_unlocks() {
    let subscriber = Subscriber { pin: Some("1234".into()), ..Subscriber::default() };
    let operator = one_line(subscriber, ModemConfig::default());
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0+CMEE=1").await;
    host.expect("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n").await;
    host.expect("AT+CIMI", "\r\n+CME ERROR: 11\r\n").await;
    host.expect("AT+CMGF=0", "\r\n+CMS ERROR: 311\r\n").await;
    host.expect("AT+CREG?", "\r\n+CREG: 0,0\r\n\r\nOK\r\n").await;
    host.expect("AT+CPIN=\"0000\"", "\r\n+CME ERROR: 16\r\n").await;
    host.expect("AT+CPINR", "\r\n+CPINR: SIM PIN,2,3\r\n+CPINR: SIM PUK,10,10\r\n\r\nOK\r\n").await;
    host.expect("AT+CPIN=\"0001\"", "\r\n+CME ERROR: 16\r\n").await;
    host.expect("AT+CPIN=\"0002\"", "\r\n+CME ERROR: 12\r\n").await;
    operator.modem().power_cycle();
    host.ask("ATE0+CMEE=1").await;
    host.expect("AT+CPIN?", "\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n").await;
    host.expect("AT+CPIN=\"1234\"", "\r\n+CME ERROR: 12\r\n").await;
    host.expect("AT+CPIN=\"12345678\",\"1111\"", "\r\nOK\r\n").await;
    host.expect("AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn registration_takes_its_time_and_tells_the_port_that_asked() {
    let timing = Timing { register: Duration::from_secs(4), ..Timing::default() };
    let config = ModemConfig { timing, ..ModemConfig::default() };
    let operator = one_line(Subscriber::default(), config);
    let mut host = Host::open(operator.modem(), PortRole::Control);
    host.ask("ATE0").await;
    host.expect("AT+CEREG=1", "\r\nOK\r\n").await;
    sleep(Duration::from_secs(4)).await;
    assert_eq!(host.hear().await, "\r\n+CEREG: 1\r\n");
    host.expect("AT+CFUN=4", "\r\nOK\r\n\r\n+CEREG: 0\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn message_is_announced_read_and_deleted() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Control);
    host.ask("ATE0").await;
    host.expect("AT+CNMI=2,1", "\r\nOK\r\n").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, "\r\n+CMTI: \"SM\",0\r\n");
    let pdu = format!("0791447700099099{DELIVER}");
    let length = tpdu().len();
    host.expect("AT+CMGR=0", &format!("\r\n+CMGR: 0,,{length}\r\n{pdu}\r\n\r\nOK\r\n")).await;
    host.expect("AT+CMGL=4", &format!("\r\n+CMGL: 0,1,,{length}\r\n{pdu}\r\n\r\nOK\r\n")).await;
    host.expect("AT+CMGL=0", "\r\nOK\r\n").await;
    host.expect("AT+CMGD=0", "\r\nOK\r\n").await;
    host.expect("AT+CMGR=0", "\r\n+CMS ERROR: 321\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn full_storage_leaves_messages_in_the_network_until_one_is_deleted() {
    let config = ModemConfig { sm_capacity: 2, ..ModemConfig::default() };
    let operator = one_line(Subscriber::default(), config);
    let mut host = Host::open(operator.modem(), PortRole::Control);
    host.ask("ATE0").await;
    host.ask("AT+CNMI=2,1").await;
    operator.deliver_sms("+447700900001", &[tpdu(), tpdu(), tpdu()]).unwrap();
    assert_eq!(host.hear().await, "\r\n+CMTI: \"SM\",0\r\n\r\n+CMTI: \"SM\",1\r\n");
    assert_eq!(operator.modem().state().waiting_sms, 1);
    host.expect("AT+CMGD=1", "\r\nOK\r\n\r\n+CMTI: \"SM\",1\r\n").await;
    assert_eq!(operator.modem().state().waiting_sms, 0);
    host.expect("AT+CPMS=\"ME\",\"ME\",\"ME\"", "\r\n+CPMS: 0,50,0,50,0,50\r\n\r\nOK\r\n").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, "\r\n+CMTI: \"ME\",0\r\n");
}

#[tokio::test(start_paused = true)]
async fn direct_delivery_without_acknowledgement_ends_itself_and_keeps_the_message() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Control);
    host.ask("ATE0+CSMS=1;+CNMI=2,2").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    let heard = host.hear().await;
    assert!(heard.starts_with("\r\n+CMT: ,"), "{heard:?}");
    host.expect("AT+CNMA=0", "\r\nOK\r\n").await;
    host.expect("AT+CNMA=0", "\r\n+CMS ERROR: 340\r\n").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    host.hear().await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(operator.modem().state().stored_sms, [1, 0], "stored instead, not lost");
    let heard = host.ask("AT+CNMI?").await;
    assert!(heard.contains("+CNMI: 2,0"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn wrong_length_and_escape_leave_the_prompt() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0").await;
    host.expect("AT+CMGS=20", "\r\n> ").await;
    host.write("0001\x1a").await;
    assert_eq!(host.hear().await, "\r\n+CMS ERROR: 304\r\n");
    host.expect("AT+CMGS=20", "\r\n> ").await;
    host.write("00\x1b").await;
    assert_eq!(host.hear().await, "\r\nOK\r\n");
    host.expect("AT", "\r\nOK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn context_cannot_change_while_active_and_cid_1_is_the_attach_bearer() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0+CMEE=1").await;
    let heard = host.ask("AT+CGDCONT?").await;
    assert!(heard.contains("+CGDCONT: 1,\"IP\",\"internet.example\""), "{heard:?}");
    host.expect("AT+CGDCONT=1,\"IP\",\"x\"", "\r\n+CME ERROR: 3\r\n").await;
    host.expect("AT+CGDCONT=3,\"IP\",\"nowhere\"", "\r\nOK\r\n").await;
    host.expect("ATD*99***3#", "\r\nNO CARRIER\r\n").await;
    host.expect("AT+CEER", "\r\n+CEER: Missing or unknown APN\r\n\r\nOK\r\n").await;
    host.expect("AT+CGACT=1,3", "\r\n+CME ERROR: 133\r\n").await;
    host.expect("AT+CGDCONT=9,\"IP\",\"x\"", "\r\n+CME ERROR: 50\r\n").await;
    host.expect("ATD*99***7#", "\r\nNO CARRIER\r\n").await;
    host.expect("ATD5551234;", "\r\nNO CARRIER\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn escape_sequence_holds_the_call_and_ato_goes_back() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0").await;
    host.ask("AT+CGDCONT=2,\"IP\",\"mms.example\"").await;
    host.expect("ATD*99***2#", "\r\nCONNECT 150000000\r\n").await;
    sleep(Duration::from_secs(2)).await;
    host.write("+++").await;
    assert_eq!(host.hear().await, "\r\nOK\r\n");
    assert_eq!(operator.modem().state().call.as_deref(), Some("mms.example"));
    host.expect("ATO", "\r\nCONNECT 150000000\r\n").await;
    sleep(Duration::from_secs(2)).await;
    host.write("+++").await;
    assert_eq!(host.hear().await, "\r\nOK\r\n");
    host.expect("ATH", "\r\nOK\r\n").await;
    assert_eq!(operator.modem().state().call, None);
    host.expect("ATO", "\r\nNO CARRIER\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn control_port_hears_messages_during_a_call_and_can_end_it() {
    let operator = Operator::builder().start();
    let mut data = Host::open(operator.modem(), PortRole::Data);
    let mut control = Host::open(operator.modem(), PortRole::Control);
    control.ask("ATE0").await;
    control.ask("AT+CNMI=2,1").await;
    data.ask("ATE0").await;
    data.ask("AT+CGDCONT=2,\"IP\",\"mms.example\"").await;
    data.expect("ATD*99***2#", "\r\nCONNECT 150000000\r\n").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    assert_eq!(control.hear().await, "\r\n+CMTI: \"SM\",0\r\n");
    control.expect("AT+CGACT=0,2", "\r\nOK\r\n").await;
    assert_eq!(data.hear().await, "\r\nNO CARRIER\r\n");
    data.expect("AT", "\r\nOK\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn single_port_keeps_the_indication_until_the_call_is_over() {
    let config = ModemConfig { control_port: false, ..ModemConfig::default() };
    let operator = one_line(Subscriber::default(), config);
    let mut host = Host::open(operator.modem(), PortRole::Data);
    assert!(operator.modem().open(PortRole::Control).is_err());
    host.ask("ATE0").await;
    host.ask("AT+CNMI=2,1").await;
    host.ask("AT+CGDCONT=2,\"IP\",\"mms.example\"").await;
    host.expect("ATD*99***2#", "\r\nCONNECT 150000000\r\n").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, "", "no text inside the data stream");
    operator.modem().drop_call();
    assert_eq!(host.hear().await, "\r\nNO CARRIER\r\n\r\n+CMTI: \"SM\",0\r\n");
}

#[tokio::test(start_paused = true)]
async fn faults_of_dialling_and_storage_show_as_described() {
    let operator = Operator::builder().start();
    let faults = operator.faults();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0+CMEE=1;+CNMI=2,1;+CGDCONT=2,\"IP\",\"mms.example\"").await;
    for (fault, line, answer) in [
        (Fault::DialNoCarrier {}, "ATD*99***2#", "\r\nNO CARRIER\r\n"),
        (Fault::DialError {}, "ATD*99***2#", "\r\nERROR\r\n"),
        (Fault::DialSilent {}, "ATD*99***2#", ""),
        (Fault::ContextRefused {}, "AT+CGDCONT=3,\"IP\",\"x\"", "\r\nERROR\r\n"),
        (Fault::DeleteRefused {}, "AT+CMGD=0", "\r\n+CMS ERROR: 500\r\n"),
        (Fault::ListRefused {}, "AT+CMGL=4", "\r\nERROR\r\n"),
    ] {
        faults.set_times(fault, 1);
        host.expect(line, answer).await;
    }
    faults.set(Fault::ModemBarePrompt {});
    host.expect("AT+CMGS=10", "\r\n>\r\n").await;
    host.write("\x1b").await;
    host.hear().await;
    faults.set(Fault::ModemUrcFlood {});
    let heard = host.ask("AT").await;
    assert!(heard.starts_with("\r\n^RSSI: 21\r\n") && heard.ends_with("OK\r\n"), "{heard:?}");
    faults.clear_all();
    faults.set(Fault::ModemEchoesAlways {});
    faults.set(Fault::ModemEchoesTwice {});
    host.write("AT\r").await;
    assert_eq!(host.hear().await, "AT\rAT\r\r\nOK\r\n");
    faults.clear_all();

    faults.set(Fault::StorageFull {});
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    assert_eq!(host.hear().await, "");
    assert_eq!(operator.modem().state().waiting_sms, 1);
    faults.clear_all();
    faults.set_times(Fault::CmtiIndexGone {}, 1);
    host.expect("AT", "\r\nOK\r\n\r\n+CMTI: \"SM\",19\r\n").await;
    host.expect("AT+CMGR=19", "\r\n+CMS ERROR: 321\r\n").await;
    assert!(host.ask("AT+CMGL=4").await.contains("+CMGL: 0,0,"));

    faults.set(Fault::CmtiWithMmsPush {});
    faults.set(Fault::SmsPartsReversed {});
    // Long enough for two SMS.
    let subject = Some("A subject of some length".into());
    let message = Outgoing { subject, text: Some("hi".into()), ..Outgoing::default() };
    operator.send_from_phone("+447700900002", "+447700900001", &message).unwrap();
    let heard = host.hear().await;
    assert!(heard.contains("+CMTI: \"SM\",1,\"MMS PUSH\",1,1\r\n"), "{heard:?}");
    let sequence = |tpdu: &Bytes| {
        let deliver = Deliver::decode(tpdu).unwrap().value;
        deliver.user_data.udh.concat().map(|concat| concat.sequence)
    };
    let order: Vec<_> = operator.modem().stored_tpdus().iter().map(sequence).collect();
    assert_eq!(order, [None, Some(2), Some(1)], "the last part came first");
}

#[tokio::test(start_paused = true)]
async fn state_survives_closing_and_opening_the_port() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0").await;
    host.ask("AT+CGDCONT=2,\"IP\",\"mms.example\"").await;
    operator.deliver_sms("+447700900001", &[tpdu()]).unwrap();
    drop(host);
    let mut host = Host::open(operator.modem(), PortRole::Data);
    let heard = host.ask("AT+CGDCONT?").await;
    assert!(heard.contains("\"mms.example\""), "{heard:?}");
    let heard = host.ask("AT+CPMS?").await;
    assert!(heard.starts_with("\r\n+CPMS: \"SM\",1,20"), "the echo stays off: {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn no_answer_at_all_and_other_modem_faults_can_be_switched() {
    let operator = Operator::builder().start();
    let mut host = Host::open(operator.modem(), PortRole::Data);
    host.ask("ATE0+CMEE=1").await;
    operator.faults().set(Fault::ModemSilent {});
    host.expect("AT", "").await;
    operator.faults().clear_all();
    operator.faults().set_times(Fault::SimBusy {}, 2);
    host.expect("AT+CPIN?", "\r\n+CME ERROR: 14\r\n").await;
    host.expect("AT+CPMS?", "\r\n+CMS ERROR: 314\r\n").await;
    host.expect("AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n").await;
    operator.faults().set(Fault::RegistrationDenied {});
    host.expect("AT+CREG?", "\r\n+CREG: 0,3\r\n\r\nOK\r\n").await;
    operator.faults().clear_all();
    operator.faults().set(Fault::SimMissing {});
    host.expect("AT+CPIN?", "\r\n+CME ERROR: 10\r\n").await;
}
