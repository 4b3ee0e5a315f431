//! The name servers that the network gave a context, as the modem tells them (3GPP TS 27.007 clause
//! 10.1.23, `+CGCONTRDP`): for calls in which nothing else names one.

use std::net::IpAddr;

use super::ModemError;
use super::call_over::Dialled;
use super::driver::Driver;
use crate::codec::at::name_servers;
use crate::codec::ppp::PLACEHOLDER_DNS;

/// What is known of name servers besides what PPP tells.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// They were asked for in a call on the only port: the next time they are before it.
    wanted: bool,
    /// Those of the context that is dialled, where it was active before.
    pub(super) servers: Vec<IpAddr>,
}

impl Driver {
    /// Those of an active context; a modem that does not know the question tells none.
    pub(super) async fn ask_name_servers(&mut self, cid: u8) -> Result<Vec<IpAddr>, ModemError> {
        let limit = self.command_timeout();
        let line = match self.at() {
            Err(ModemError::InCall) => {
                self.learned.wanted = true;
                return Err(ModemError::InCall);
            }
            line => line?,
        };
        let answer = line.optional(&format!("AT+CGCONTRDP={cid}"), limit).await?;
        let mut told = name_servers(&answer.lines, cid);
        told.retain(usable);
        Ok(told)
    }

    /// Asks before the call what cannot be asked in it. The network has told it only of a context
    /// that is active already, as the default bearer of LTE is.
    pub(super) async fn learn_name_servers(&mut self, call: Dialled) -> Result<(), ModemError> {
        self.learned.servers.clear();
        if self.learned.wanted && call.was_active {
            self.learned.servers = self.ask_name_servers(call.cid).await?;
        }
        Ok(())
    }
}

/// Whether it can be anybody's; link-local addresses need an interface to mean something.
fn usable(server: &IpAddr) -> bool {
    match server {
        IpAddr::V4(v4) => {
            let nobody = v4.is_unspecified() || v4.is_broadcast() || v4.is_loopback();
            !nobody && !v4.is_multicast() && !v4.is_link_local() && !PLACEHOLDER_DNS.contains(v4)
        }
        IpAddr::V6(v6) => {
            let nobody = v6.is_unspecified() || v6.is_loopback() || v6.is_multicast();
            !nobody && !v6.is_unicast_link_local() && v6.to_ipv4_mapped().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_nobodys_addresses_are_not_asked() {
        let is_usable = |text: &str| usable(&text.parse().unwrap());
        for text in ["10.9.8.53", "8.8.8.8", "2001:db8:53::1", "fd00::53"] {
            assert!(is_usable(text), "{text}");
        }
        for text in [
            "10.11.12.13",
            "10.11.12.14",
            "0.0.0.0",
            "255.255.255.255",
            "127.0.0.53",
            "224.0.0.251",
            "169.254.0.1",
            "::",
            "::1",
            "ff02::fb",
            "fe80::1",
            "::ffff:10.9.8.53",
        ] {
            assert!(!is_usable(text), "{text}");
        }
    }
}
