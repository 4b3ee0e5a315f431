//! A connection that breaks after so many octets.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Passes so many octets, both directions together, and fails from then on.
pub(super) struct Breaking<S> {
    stream: S,
    left: Option<usize>,
}

impl<S> Breaking<S> {
    /// Breaks after so many octets, or never.
    pub(super) fn at(after: Option<usize>, stream: S) -> Self {
        Self { stream, left: after }
    }

    fn pass(&mut self, octets: usize) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(octets);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Breaking<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(left) = self.left else { return Pin::new(&mut self.stream).poll_read(cx, buf) };
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let room = buf.remaining().min(left);
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let octets = part.filled().len();
        buf.advance(octets);
        self.pass(octets);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Breaking<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let room = self.left.unwrap_or(usize::MAX).min(octets.len());
        if room == 0 && !octets.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written =
            Pin::new(&mut self.stream).poll_write(cx, octets.get(..room).unwrap_or(octets));
        if let Poll::Ready(Ok(octets)) = written {
            self.pass(octets);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn octets_of_both_directions_count_together() {
        let (mut near, far) = tokio::io::duplex(64);
        let mut far = Breaking::at(Some(7), far);
        near.write_all(b"abcde").await.unwrap();
        let mut got = [0; 5];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(far.write(b"xyz").await.unwrap(), 2);
        assert_eq!(far.write(b"z").await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(far.read(&mut got).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
