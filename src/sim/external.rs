//! A program of the host as the far end of data calls (slirp, a bridge): it gets a
//! pseudo-terminal of its own as standard input and output.

use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::process::{Child, Command};

use super::modem::{CallRefused, CallRequest, CallTaker};
use super::pty::{Master, Octets, open_slave};
use crate::net::{BoxFuture, Io};

/// Longest line of the program's standard error that is logged.
const MAX_LOG_LINE: usize = 400;

/// Starts the program for every call.
#[derive(Debug, Clone)]
pub(super) struct ExternalCall {
    words: Vec<String>,
}

impl ExternalCall {
    pub(super) fn new(words: Vec<String>) -> Self {
        Self { words }
    }

    fn start(&self) -> io::Result<RunningCall> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let (master, path) = Master::open()?;
        let slave = open_slave(&path)?;
        let octets = master.octets()?;
        let mut child = Command::new(OsString::from(program))
            .args(arguments)
            .stdin(Stdio::from(slave.try_clone()?))
            .stdout(Stdio::from(slave))
            .stderr(Stdio::piped())
            // Hanging up drops the call, which kills and reaps this very process.
            .kill_on_drop(true)
            .spawn()?;
        if let Some(errors) = child.stderr.take() {
            tokio::spawn(async move {
                let mut lines = BufReader::new(errors).split(b'\n');
                while let Ok(Some(line)) = lines.next_segment().await {
                    let text = String::from_utf8_lossy(&line);
                    let text: String = text.chars().take(MAX_LOG_LINE).collect();
                    tracing::info!(target: "mm1gate::sim::ppp_command", "{text}");
                }
            });
        }
        Ok(RunningCall { octets, child })
    }
}

impl CallTaker for ExternalCall {
    fn knows(&self, _apn: &str) -> bool {
        true
    }

    fn name_servers(&self, _kind: &str) -> Vec<IpAddr> {
        // The program's own affair.
        Vec::new()
    }

    fn open(&self, _request: CallRequest) -> BoxFuture<'_, Result<Box<dyn Io>, CallRefused>> {
        Box::pin(async move {
            match self.start() {
                Ok(call) => Ok(Box::new(call) as Box<dyn Io>),
                Err(error) => {
                    let program = self.words.first().cloned().unwrap_or_default();
                    tracing::error!(%error, program, "the PPP program does not start");
                    Err(CallRefused { cause: format!("{program} does not start: {error}") })
                }
            }
        })
    }
}

/// The octets of one call; ends with the program.
#[derive(Debug)]
struct RunningCall {
    octets: Octets,
    child: Child,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id() {
            tracing::debug!(pid, "the PPP program is ended");
        }
    }
}

impl AsyncRead for RunningCall {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.octets).poll_read(cx, buf)
    }
}

impl AsyncWrite for RunningCall {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.octets).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Cuts a command line into words as a shell would, with single and double quotes and
/// backslashes, but without starting one.
///
/// # Errors
/// When a quote is not closed.
pub fn split_words(line: &str) -> Result<Vec<String>, UnclosedQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                word.get_or_insert_default().push(characters.next().unwrap_or('\\'));
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(UnclosedQuote);
    }
    words.extend(word);
    Ok(words)
}

/// A quote without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quote is not closed")]
pub struct UnclosedQuote;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_at_blanks_outside_quotes() {
        let words = |line| split_words(line).unwrap();
        assert_eq!(words("slirp-fullbolt  ppp"), ["slirp-fullbolt", "ppp"]);
        assert_eq!(
            words("env 'HOME=/a b' \"x y\" z\\ w ''"),
            ["env", "HOME=/a b", "x y", "z w", ""]
        );
        assert_eq!(words("a; rm -rf $HOME"), ["a;", "rm", "-rf", "$HOME"]);
        assert_eq!(split_words("a 'b"), Err(UnclosedQuote));
    }
}
