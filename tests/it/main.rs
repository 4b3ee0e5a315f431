//! Scenarios over the virtual operator in virtual time, and the rules of the house.

mod api_messages;
mod api_page;
mod api_rig;
mod api_sms;
mod bad_input;
mod brown_out;
mod cli_basics;
mod cli_daemon;
mod cli_decode;
mod cli_demo;
mod cli_doctor;
mod cli_encode;
mod cli_modem;
mod cmux_modem;
mod cmux_vectors;
mod composed;
#[path = "../fuzz/src/inputs.rs"]
mod fuzz_inputs;
#[path = "../fuzz/src/properties/mod.rs"]
mod fuzz_properties;
mod fuzz_replay;
mod gateway_inbound;
mod gateway_ladder;
mod gateway_modems;
mod gateway_one_port;
mod gateway_outbound;
mod gateway_recovery;
mod gateway_restarts;
mod gateway_rig;
mod gateway_sims;
mod gateway_texts;
mod gateway_unnamed_sims;
#[path = "../../hil/suite/mod.rs"]
mod hil;
mod kill_nine;
mod mm1_retrieve;
mod mm1_rig;
mod mm1_submit;
mod mms_pdus;
mod mms_vectors;
mod modem_profiles;
mod ppp_vectors;
mod push_vectors;
mod rig_files;
mod scrubbing;
mod sim_control;
mod sim_faults;
mod sim_ggsn;
mod sim_mmsc;
mod sim_modem;
mod sim_pty;
mod smil_vectors;
mod sms_vectors;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod transcripts;
mod usb_bus;
mod usb_devices;
mod usb_rig;
mod usb_roles;
mod vectors;
mod wsp_pdu_vectors;
mod wsp_vectors;
mod wtp_vectors;
