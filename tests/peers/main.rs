//! Tests against programs that nobody in this project wrote. Each is `#[ignore]` and run by
//! `tests/all`, which installs what they need.

mod aiosmtpd;
mod bridge;
mod bus;
mod capture;
mod capture_redacted;
mod chain;
mod full_disk;
mod gsm0710muxd;
mod kannel_wap;
mod linux_net;
mod names;
mod namespace;
mod ofono;
mod origin;
mod pdml;
mod pdus;
mod python_gsmmodem;
mod python_messaging;
mod schemathesis;
mod sim_gammu;
mod sim_gammu_smsd;
mod sim_gnokii;
mod sim_gsmlib;
mod sim_kannel;
mod sim_modem_manager;
mod sim_ofono;
mod sim_ofono_mux;
mod sim_scripts;
mod sim_smstools;
mod sim_wvdial;
mod simulated;
mod slirp_link;
mod slirp_names;
#[path = "../support/mod.rs"]
mod support;
mod system_gateway;
#[allow(dead_code, reason = "a tool box; which tools are in use changes from test to test")]
mod tshark;
mod tshark_cmux;
mod tshark_ipv6;
mod tshark_mms;
mod tshark_mms_bodies;
mod tshark_mms_codes;
mod tshark_mms_fields;
mod tshark_mms_vectors;
mod tshark_push;
mod tshark_sms;
mod tshark_wsp;
mod unit_file;
