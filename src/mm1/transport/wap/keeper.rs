//! A session between two requests: somebody has to repeat the last word to a gateway that has not
//! heard it, and to hear that the session is over.

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::line::{Line, Turn};

/// A line that waits for its next use.
pub(super) struct Kept {
    task: Guard,
    stop: oneshot::Sender<()>,
    since: Instant,
}

/// The task; ends with its owner.
struct Guard(JoinHandle<Line>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Kept {
    pub(super) fn new(mut line: Line, since: Instant) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => return line,
                    turn = line.turn() => match turn {
                        Ok(Turn::Moved) => {}
                        Ok(Turn::Event(event)) => {
                            tracing::debug!(?event, "WAP session at rest");
                        }
                        // Whoever uses it next finds out.
                        Err(_) => {
                            let _ = stopped.await;
                            return line;
                        }
                    },
                }
            }
        });
        Self { task: Guard(task), stop, since }
    }

    /// Since when it waits.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// The line; `None` when its task is gone.
    pub(super) async fn revive(self) -> Option<Line> {
        let Self { mut task, stop, .. } = self;
        let _ = stop.send(());
        (&mut task.0).await.ok()
    }
}
