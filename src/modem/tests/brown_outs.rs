//! Too little power: a modem whose port stays, as that of a module on a serial line does, and that
//! begins anew when its radio is to send.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use super::bench::{Bench, Ports, SILENCE, Script, bench, context};
use crate::model::Explain;
use crate::modem::{Cause, EndReason, ModemError, ModemEvent};

const BANNERS: [&str; 3] = ["\r\nRDY\r\n", "\r\n^SYSSTART\r\n", "\r\n+AT: READY\r\n"];

fn assert_brown_out(error: &ModemError, what: &str) {
    assert_eq!(error.code(), "brown-out", "{what}: {error}");
    assert!(error.to_string().contains("restarted within"), "{what}: {error}");
    assert!(error.remedy().contains("power"), "{what}: {error}");
    assert_eq!(Cause::of(error), Cause::Vanished, "no reset helps against it");
}

/// The losses that were told since.
fn losses(bench: &mut Bench) -> Vec<&'static str> {
    let mut codes = Vec::new();
    while let Ok(event) = bench.events.try_recv() {
        if let ModemEvent::Gone { error, .. } = event {
            codes.push(error.code());
        }
    }
    codes
}

#[tokio::test(start_paused = true)]
async fn restart_between_dialling_and_connect_is_named_a_brown_out_at_once() {
    for banner in BANNERS {
        let ports = Ports::default();
        let _far = ports.plug("p", Script::new().on("ATD*99***1#", &[banner]));
        let mut bench = bench(&ports, "p", None, None);
        bench.modem.prepare().await.unwrap();
        let start = Instant::now();
        let error = bench.modem.dial(&context()).await.err().unwrap();
        assert_brown_out(&error, banner);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert_eq!(losses(&mut bench), ["brown-out"], "{banner}");
        assert_eq!(bench.modem.sweep().await.unwrap_err().code(), "brown-out");
    }
}

#[tokio::test(start_paused = true)]
async fn restart_that_the_other_port_tells_is_named_a_brown_out_while_dialling_and_in_the_call() {
    for in_call in [false, true] {
        let ports = Ports::default();
        let control = ports.plug("c", Script::new());
        let dial = if in_call { "\r\nCONNECT\r\n" } else { SILENCE };
        let _data = ports.plug("d", Script::new().on("ATD*99***1#", &[dial]));
        let mut bench = bench(&ports, "d", Some("c"), None);
        bench.modem.prepare().await.unwrap();
        let speaker = control.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(4)).await;
            speaker.say("\r\nRDY\r\n");
        });
        let start = Instant::now();
        let error = match bench.modem.dial(&context()).await {
            Err(error) => error,
            Ok(mut call) => {
                assert_eq!(call.read(&mut [0; 64]).await.unwrap(), 0, "the call is over");
                assert_eq!(call.end_reason(), Some(EndReason::Restarted));
                call.hang_up().await.unwrap_err()
            }
        };
        assert_brown_out(&error, &format!("in call: {in_call}"));
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(losses(&mut bench), ["brown-out"], "in call: {in_call}");
    }
}

#[tokio::test(start_paused = true)]
async fn restart_in_the_first_seconds_of_a_call_is_a_brown_out_and_a_later_one_is_not() {
    for (after, code) in [(2, "brown-out"), (8, "brown-out"), (60, "modem-restarted")] {
        let ports = Ports::default();
        let far = ports.plug("p", Script::new());
        let mut bench = bench(&ports, "p", None, None);
        bench.modem.prepare().await.unwrap();
        let mut call = bench.modem.dial(&context()).await.unwrap();
        sleep(Duration::from_secs(after)).await;
        far.end_call("\x7e!ab\x7e\r\nRDY\r\n+CFUN: 1\r\n");
        let mut heard = Vec::new();
        call.read_to_end(&mut heard).await.unwrap();
        assert_eq!(call.end_reason(), Some(EndReason::Restarted), "{after} s");
        let error = call.hang_up().await.unwrap_err();
        assert_eq!(error.code(), code, "{after} s");
        assert_eq!(losses(&mut bench), [code], "{after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_forgets_its_settings_while_it_dials_has_had_a_brown_out() {
    let kept = "\r\n+CNMI: 2,1,0,1,0\r\n\r\nOK\r\n";
    let lost = "\r\n+CNMI: 0,0,0,0,0\r\n\r\nOK\r\n";
    for (told, code) in [(lost, "brown-out"), (kept, "no-connect")] {
        let ports = Ports::default();
        let script = Script::new().on("ATD*99***1#", &[SILENCE]).on("AT+CNMI?", &[kept, told]);
        let _far = ports.plug("p", script);
        let bench = bench(&ports, "p", None, None);
        bench.modem.prepare().await.unwrap();
        let error = bench.modem.dial(&context()).await.err().unwrap();
        assert_eq!(error.code(), code, "{error}");
        // A call that falls silent at once, and one that lasts.
        for (talks, code) in [(false, code), (true, "")] {
            let ports = Ports::default();
            let script = Script::new().on("AT+CNMI?", &[kept, told]);
            let far = ports.plug("p", script);
            let bench = super::bench::bench(&ports, "p", None, None);
            bench.modem.prepare().await.unwrap();
            let mut call = bench.modem.dial(&context()).await.unwrap();
            sleep(Duration::from_secs(20)).await;
            if talks {
                far.say("\x7e!ab\x7e");
                call.read_exact(&mut [0; 5]).await.unwrap();
            }
            sleep(Duration::from_secs(20)).await;
            let code = if code == "no-connect" { "" } else { code };
            let hung_up = call.hang_up().await;
            assert_eq!(hung_up.as_ref().err().map_or("", Explain::code), code, "{talks}");
        }
    }
}
