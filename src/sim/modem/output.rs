//! What a port says: information text, final results, unsolicited codes and prompts, in the form,
//! the pieces and the time that the faults ask for (ITU-T V.250 clause 5.7).

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::failure::{Failure, cme_text, cms_text};
use super::session::Session;
use super::state::PortSettings;
use crate::sim::fault::{Fault, LineEndForm, ResultForm, UrcPlace};
use crate::sim::lock;

/// Octets that wait to leave together.
#[derive(Debug, Default)]
pub(super) struct Held {
    octets: Vec<u8>,
    until: Option<Instant>,
    /// They leave when they are told to.
    together: bool,
}

/// Codes that mean nothing to a program that sends messages.
const IDLE_CODES: [&str; 5] = [
    "^RSSI: 17",
    "+CIEV: 2,4",
    "^HCSQ: \"LTE\",54,48,181,28",
    "^BOOT:29823347,0,0,0,89",
    "+ZPASR: \"HSDPA\"",
];

impl Session {
    /// Writes as a modem in command mode does: line ends, pieces and pace.
    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let form = self.shared.faults.find(|fault| match fault {
            Fault::LineEnds { form } => Some(*form),
            _ => None,
        });
        let [cr, lf, _] = self.settings().line_characters();
        let octets = match form {
            // S3 and S4 (V.250 clauses 6.2.1 and 6.2.2).
            None if [cr, lf] != *b"\r\n" => replaced(octets, &[cr, lf]),
            None => octets.to_vec(),
            Some(LineEndForm::Lf) => replaced(octets, b"\n"),
            Some(LineEndForm::CrCrLf) => replaced(octets, b"\r\r\n"),
            Some(LineEndForm::BlankLines) => replaced(octets, b"\r\n\r\n"),
        };
        if self.held.together {
            self.held.octets.extend(octets);
            return Ok(());
        }
        let joined = self.shared.faults.find(|fault| match fault {
            Fault::RepliesJoined { millis } => Some(*millis),
            _ => None,
        });
        if let Some(millis) = joined {
            self.held.octets.extend(octets);
            let until = Instant::now() + Duration::from_millis(millis);
            self.held.until.get_or_insert(until);
            return Ok(());
        }
        self.release().await?;
        self.send(&octets).await
    }

    /// Lets go what waited to leave together.
    pub(super) async fn release(&mut self) -> io::Result<()> {
        self.held.until = None;
        if self.held.octets.is_empty() {
            return Ok(());
        }
        let octets = std::mem::take(&mut self.held.octets);
        self.send(&octets).await
    }

    /// `NO CARRIER`, and in the same write what the network has kept during the call.
    pub(super) async fn carrier_lost(&mut self) -> io::Result<()> {
        let fault = Fault::DirectBehindCarrier {};
        if !self.shared.faults.is_on(&fault) {
            return self.result(Err(Failure::NoCarrier)).await;
        }
        self.release().await?;
        self.held.together = true;
        self.result(Err(Failure::NoCarrier)).await?;
        let told = self.held.octets.len();
        self.shared.lock().behind_carrier = true;
        self.shared.fetch_sms();
        self.shared.lock().behind_carrier = false;
        self.print_urcs().await?;
        self.held.together = false;
        if self.held.octets.len() > told {
            self.shared.faults.strikes(&fault);
        }
        self.release().await
    }

    /// When held octets have to leave.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held.until
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        let pieces = self.shared.faults.find(|fault| match fault {
            Fault::RepliesSplit { millis } => Some(*millis),
            _ => None,
        });
        let Some(millis) = pieces else { return self.put(octets).await };
        for octet in octets {
            self.put(&[*octet]).await?;
            if millis > 0 {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Puts octets on the wire as they are.
    pub(super) async fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        if self.shared.is_hung(self.port) {
            return Ok(());
        }
        if let Some(port) = self.shared.ports.get(self.port) {
            port.to_host.fetch_add(octets.len() as u64, Ordering::Relaxed);
        }
        let closed = self.closed.clone();
        tokio::select! {
            biased;
            () = closed.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
            written = self.writer.write_all(octets) => written?,
        }
        self.shared.pace_line(octets.len()).await;
        Ok(())
    }

    /// An unsolicited code in a place of this kind, if a fault wants one there.
    pub(super) fn misplaced(&self, place: UrcPlace) -> Option<String> {
        let here = |fault: &Fault| (*fault == Fault::UrcMisplaced { place }).then_some(());
        self.shared.faults.take(here)?;
        let waiting = self.shared.ports.get(self.port).and_then(|port| {
            let mut urcs = lock(&port.urcs);
            // A code of two lines is a header with its PDU; it goes out as a whole elsewhere.
            let single = urcs.first().is_some_and(|urc| !urc.contains('\n'));
            single.then(|| urcs.remove(0))
        });
        let idle = || self.shared.pick(&IDLE_CODES).unwrap_or_default().to_owned();
        Some(format!("\r\n{}\r\n", waiting.unwrap_or_else(idle)))
    }

    pub(super) async fn say_misplaced(&mut self, place: UrcPlace) -> io::Result<()> {
        match self.misplaced(place) {
            Some(urc) => self.write(urc.as_bytes()).await,
            None => Ok(()),
        }
    }

    /// Information text of one command; a list is one whose lines news may come between.
    pub(super) async fn inform(&mut self, lines: &[String], is_list: bool) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let verbose = self.settings().verbose;
        let mut text = String::new();
        if verbose {
            text.push_str("\r\n");
        }
        for (index, line) in lines.iter().enumerate() {
            if is_list
                && index > 0
                && let Some(urc) = self.misplaced(UrcPlace::InsideList)
            {
                text.push_str(&urc);
            }
            text.push_str(line);
            text.push_str("\r\n");
        }
        self.write(text.as_bytes()).await
    }

    /// A final result, in words or numbers.
    pub(super) async fn result(&mut self, outcome: Result<(), Failure>) -> io::Result<()> {
        if self.shared.faults.shows(&Fault::ModemUrcFlood {}) {
            self.write(b"\r\n^RSSI: 21\r\n\r\n^HCSQ: \"LTE\",54,48,181,28\r\n").await?;
        }
        if outcome.is_err() {
            let worded = self.shared.faults.take(|fault| match fault {
                Fault::OddResult { form, command: None } => Some(*form),
                _ => None,
            });
            if let Some(form) = worded {
                return self.odd_result(form).await;
            }
        }
        let settings = self.settings();
        let (text, code) = match outcome {
            Ok(()) => ("OK".to_owned(), "0"),
            Err(Failure::NoCarrier) => ("NO CARRIER".to_owned(), "3"),
            Err(Failure::Plain) => ("ERROR".to_owned(), "4"),
            Err(Failure::Cme(_) | Failure::Cms(_)) if settings.cmee == 0 => {
                // TS 27.005 clause 3.2.5: message commands always say why.
                match outcome {
                    Err(Failure::Cms(code)) => (format!("+CMS ERROR: {code}"), ""),
                    _ => ("ERROR".to_owned(), "4"),
                }
            }
            Err(Failure::Cme(code)) if settings.cmee == 1 => (format!("+CME ERROR: {code}"), ""),
            Err(Failure::Cms(code)) if settings.cmee == 1 => (format!("+CMS ERROR: {code}"), ""),
            Err(Failure::Cme(code)) => (format!("+CME ERROR: {}", cme_text(code)), ""),
            Err(Failure::Cms(code)) => (format!("+CMS ERROR: {}", cms_text(code)), ""),
        };
        self.final_text(&settings, &text, code).await
    }

    /// A final result as only some modems have it.
    pub(super) async fn odd_result(&mut self, form: ResultForm) -> io::Result<()> {
        let text = match form {
            ResultForm::Error => "ERROR",
            ResultForm::CmeText => "+CME ERROR: SIM busy",
            ResultForm::CmeEmpty => "+CME ERROR:",
            ResultForm::CmeWithoutBlank => "+CME ERROR:49",
            ResultForm::CmsText => "+CMS ERROR: memory failure",
            ResultForm::CmsEmpty => "+CMS ERROR:",
            ResultForm::CommandNotSupport => "COMMAND NOT SUPPORT",
            ResultForm::Na => "NA",
            ResultForm::ModemError => "MODEM ERROR: 4",
            ResultForm::ExtError => "+EXT ERROR: 10",
            ResultForm::NoDialtone => "NO DIALTONE",
            ResultForm::NoAnswer => "NO ANSWER",
            ResultForm::Busy => "BUSY",
        };
        let settings = self.settings();
        self.final_text(&settings, text, "").await
    }

    pub(super) async fn final_text(
        &mut self,
        settings: &PortSettings,
        text: &str,
        code: &str,
    ) -> io::Result<()> {
        if settings.quiet {
            return Ok(());
        }
        let mut line = if settings.verbose || code.is_empty() {
            format!("\r\n{text}\r\n")
        } else {
            let [end, ..] = settings.line_characters();
            format!("{code}{}", char::from(end))
        };
        // Behind CONNECT there is data.
        if !text.starts_with("CONNECT")
            && let Some(urc) = self.misplaced(UrcPlace::AfterResult)
        {
            line.push_str(&urc);
        }
        self.write(line.as_bytes()).await
    }

    /// Unsolicited codes go out between command lines only.
    pub(super) async fn print_urcs(&mut self) -> io::Result<()> {
        if !self.is_between_lines() {
            return Ok(());
        }
        let urcs = match self.shared.ports.get(self.port) {
            Some(port) => std::mem::take(&mut *lock(&port.urcs)),
            None => return Ok(()),
        };
        for urc in urcs {
            self.write(format!("\r\n{urc}\r\n").as_bytes()).await?;
        }
        Ok(())
    }
}

fn replaced(octets: &[u8], end: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() * 2);
    let mut rest = octets;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (line, behind) = rest.split_at(at);
        out.extend_from_slice(line);
        out.extend_from_slice(end);
        rest = behind.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}
