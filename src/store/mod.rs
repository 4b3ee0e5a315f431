//! All durable state; the only room with SQL (SQLite: WAL, `synchronous=FULL`).
//!
//! May use: model. Speaks the domain's words upward (accept, claim, release, settle), so that
//! another database can stand behind the same functions.

mod types;

pub use types::{Filter, MessageView, PartInfo, RecipientView, StoreError, Summary, TimelineEntry};
