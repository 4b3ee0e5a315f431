//! A host that types at the virtual modem, and a message to deliver to it.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::sim::{PortRole, VirtualModem};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

/// SMS-DELIVER from 12345, 7 bit, "hi".
pub(crate) const DELIVER: &str = "0405812143F500006211120000000002E834";

pub(crate) fn tpdu() -> Bytes {
    Bytes::from(hex::decode(DELIVER).unwrap())
}

/// A host at a port of the virtual modem.
pub(crate) struct Host(DuplexStream);

impl Host {
    pub(crate) fn open(modem: &VirtualModem, role: PortRole) -> Self {
        Self(modem.open(role).unwrap())
    }

    /// With the echo off and these commands done.
    pub(crate) async fn ready(modem: &VirtualModem, role: PortRole, commands: &str) -> Self {
        let mut host = Self::open(modem, role);
        let heard = host.ask(&format!("ATE0{commands}")).await;
        assert!(heard.ends_with("\r\nOK\r\n"), "{commands}: {heard:?}");
        host
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the modem has been quiet for a while.
    pub(crate) async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(Ok(count)) = timeout(Duration::from_secs(2), self.0.read(&mut buffer)).await {
            if count == 0 {
                break;
            }
            heard.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// One command line: what comes back, without the echo.
    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r")).await;
        let heard = self.hear().await;
        heard.strip_prefix(&format!("{line}\r")).map(str::to_owned).unwrap_or(heard)
    }

    /// One command line and exactly what comes back.
    pub(crate) async fn expect(&mut self, line: &str, answer: &str) {
        assert_eq!(self.ask(line).await, answer, "{line}");
    }
}
