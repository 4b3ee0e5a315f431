//! Steps of the schema that have a file of their own; `schema` lists them in their order.

mod dropped;
mod forward;
mod lives;
mod media;
mod outbox;
mod queue;
mod queues;
mod retention;
mod set_up;

pub(super) use dropped::DROPPED;
pub(super) use forward::{FORWARD, OF_ACCOUNT};
pub(super) use lives::{CLOCK, LIVES};
pub(super) use media::MEDIA;
pub(super) use outbox::OUTBOX;
pub(super) use queue::QUEUE;
pub(super) use queues::QUEUES;
pub(super) use retention::RETENTION;
pub(super) use set_up::SET_UP;
