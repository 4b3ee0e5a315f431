//! The virtual operator and its virtual modem: radio, AT interpreter, GGSN, WAP proxy, WAP gateway, MMSC, SMSC,
//! phones and switchable faults.
//!
//! May use: codec, proto, net, model. Never modem, bearer, mm1, gateway, store or api: it stands
//! at the other end of the line and must not share their mistakes.

mod breaking;
pub mod control;
mod dns;
mod external;
mod fault;
mod ggsn;
mod mmsc;
mod modem;
mod operator;
mod phone;
mod pty;
mod radio;
mod scenario;
mod smsc;
mod wap_gateway;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Timestamp;

pub use external::{UnclosedQuote, split_words};
pub use fault::{
    ActiveFault, BannerForm, Class, DeactivationForm, DialForm, EscapeAnswer, Fault, Faults, Fired,
    FullForm, GROUPS, LineEndForm, OfferedProtocol, PppAuthForm, ResultForm, UrcPlace, group_name,
};
pub use mmsc::{Action, Complaint, Entry, EntryKind, Journal, Mmsc, MmscReply, StoredMessage};
pub use modem::{
    ModemConfig, ModemState, PortRole, Subscriber, Timing, UsbShape, UsbView, VirtualModem,
};
pub use operator::{Auth, Operator, OperatorBuilder, OperatorState, PhoneState};
pub use phone::{Answer, Behaviour, Outgoing, OutgoingPart, Phone, Received, ReceivedPart};
pub use pty::{PtyPort, open_slave, pty_pair};
pub use scenario::{Network, Scenario, ScenarioError};
pub use smsc::{ReceivedText, SmsError, Submitted};
pub use wap_gateway::{WapGateway, WapPath};

/// A poisoned lock means that a test failed elsewhere; its data are whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Times in snapshots are RFC 3339 text.
fn rfc3339<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
