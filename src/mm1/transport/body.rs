//! A request body whose final block waits for a word.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use super::FINAL_BLOCK;

/// Octets handed to hyper at a time.
const BLOCK: usize = 16 * 1024;

/// The gate was dropped: hyper gives the connection up, and the final block stays here.
#[derive(Debug, thiserror::Error)]
#[error("the final block was held back")]
pub(super) struct HeldBack;

/// The body; without a gate it flows freely.
#[derive(Debug)]
pub(super) struct HeldBody {
    front: Bytes,
    last: Bytes,
    asked: Arc<AtomicBool>,
    go: Option<oneshot::Receiver<()>>,
}

/// The other end of a [`HeldBody`].
#[derive(Debug)]
pub(super) struct Gate {
    asked: Arc<AtomicBool>,
    go: oneshot::Sender<()>,
    /// Octets before the final block.
    pub(super) front: u64,
}

impl Gate {
    /// Whether everything but the final block was handed on.
    pub(super) fn front_is_handed(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Lets the final block go.
    pub(super) fn release(self) {
        // Nobody is there when the connection ended meanwhile.
        let _ = self.go.send(());
    }
}

impl HeldBody {
    /// A body that flows freely.
    pub(super) fn free(octets: Bytes) -> Self {
        Self { front: octets, last: Bytes::new(), asked: Arc::default(), go: None }
    }

    /// A body whose last [`FINAL_BLOCK`] octets stay until [`Gate::release`]; when the gate is
    /// dropped they never leave.
    pub(super) fn held(octets: Bytes) -> (Self, Gate) {
        let (sender, receiver) = oneshot::channel();
        let mut front = octets;
        let last = front.split_off(front.len().saturating_sub(FINAL_BLOCK));
        let asked = Arc::<AtomicBool>::default();
        let gate = Gate {
            asked: Arc::clone(&asked),
            go: sender,
            front: u64::try_from(front.len()).unwrap_or(u64::MAX),
        };
        (Self { front, last, asked, go: Some(receiver) }, gate)
    }
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = HeldBack;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HeldBack>>> {
        if !self.front.is_empty() {
            let size = self.front.len().min(BLOCK);
            return Poll::Ready(Some(Ok(Frame::data(self.front.split_to(size)))));
        }
        let opened = self.go.as_mut().map(|go| Pin::new(go).poll(cx));
        match opened {
            None => {}
            Some(Poll::Ready(Ok(()))) => self.go = None,
            Some(Poll::Ready(Err(_))) => {
                self.go = None;
                self.last.clear();
                return Poll::Ready(Some(Err(HeldBack)));
            }
            Some(Poll::Pending) => {
                self.asked.store(true, Ordering::Release);
                return Poll::Pending;
            }
        }
        if self.last.is_empty() {
            return Poll::Ready(None);
        }
        let last = std::mem::take(&mut self.last);
        Poll::Ready(Some(Ok(Frame::data(last))))
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_empty() && self.last.is_empty() && self.go.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.front.len().saturating_add(self.last.len());
        SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
    }
}
