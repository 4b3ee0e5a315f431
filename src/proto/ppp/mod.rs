//! The PPP link without I/O: RFC 1661 automaton, LCP, PAP (RFC 1334), CHAP with MD5 (RFC 1994),
//! IPCP (RFC 1332, 1877) and IPv6CP (RFC 5072), as the side that dials and as the side that is
//! dialled.
//!
//! May use: codec, model. [`Link::handle_input`] takes octets, IP packets and the time;
//! [`Link::poll_output`] gives what to write, packets that arrived, events, and when to call again.

mod auth;
mod automaton;
mod config;
mod ipcp;
mod ipv6cp;
mod lcp;
mod link;
mod negotiate;
mod network;
mod numbers;
#[cfg(test)]
mod tests;

pub use config::{
    AuthProtocol, ClientConfig, Credentials, EchoConfig, Families, Family, GiveUp, Input,
    LinkConfig, LinkError, LinkEvent, LinkStats, Output, Phase, Role, ServerConfig, ServerQuirks,
};
pub use link::Link;
