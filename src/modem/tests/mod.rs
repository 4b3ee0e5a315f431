//! The driver against a scripted modem, in virtual time over in-memory ports.

mod bench;
mod brown_outs;
mod calls;
mod contexts;
mod hostile;
mod messages;
mod pin;
mod places;
mod profiles;
mod reception;
mod registrations;
mod sending;
mod start;
mod unreadable;
