//! Tests against programs that nobody in this project wrote. Each is `#[ignore]` and run by
//! `tests/all`, which installs what they need.

mod capture;
mod chain;
mod origin;
mod pdus;
mod python_messaging;
mod sim_gammu;
mod slirp_link;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "a tool box; which tools are in use changes from test to test")]
mod tshark;
mod tshark_mms;
mod tshark_sms;
