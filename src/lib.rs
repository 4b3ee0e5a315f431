//! mm1gate: send and receive MMS with a USB modem and an ordinary SIM.
//!
//! The rooms of the house, lowest first. Each may use only the rooms named in its own `mod.rs`;
//! the test `tidy` holds these arrows. `ARCHITECTURE.md` beside this file tells the whole story.
//!
//! | room | what it is |
//! |---|---|
//! | [`model`] | the words of the domain: messages, addresses, ids, faults, the clock |
//! | [`codec`] | octets to values and back: WSP, MMS, SMS, WAP Push, PPP, AT |
//! | [`proto`] | protocol machines without I/O: AT channel, PPP link, SMS reassembly |
//! | [`net`] | the trait [`net::Net`] and its makers: smoltcp over a packet queue, the system's own |
//! | [`operators`] | operator settings: APN, MMSC, proxy, limits |
//! | [`media`] | sniffing, thumbnails, composition of the SMIL presentation |
//! | [`store`] | all durable state; the only room with SQL |
//! | [`modem`] | one physical modem: ports, driver, SMS, dial and hang up |
//! | [`bearer`] | IP over a data call |
//! | [`mm1`] | the MMS client's transactions |
//! | [`gateway`] | policy: which job, on which modem, when; the life of a message |
//! | [`outward`] | HTTP requests to places that somebody outside has named |
//! | [`api`] | the edges on the ordinary network: REST and the page |
//! | [`world`] | the user's own world: webhooks and programs, told of what happens |
//! | [`sim`] | the virtual operator and its virtual modem |
//! | [`cli`] | one file per command |

pub mod model;

pub mod codec;

pub mod proto;

pub mod net;

pub mod operators;

pub mod media;

pub mod store;

pub mod modem;

pub mod bearer;

pub mod mm1;

pub mod gateway;

pub mod outward;

pub mod api;

pub mod world;

pub mod sim;

pub mod cli;
