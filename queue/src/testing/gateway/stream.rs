//! Bodies that come slowly, or without end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep};

/// A body that comes one byte at a time.
pub(super) struct Trickle {
    body: Bytes,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Trickle {
    pub(super) fn new(body: String, pause: Duration) -> Self {
        Self {
            body: body.into(),
            pause,
            sleep: Box::pin(sleep(pause)),
        }
    }
}

impl Stream for Trickle {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.body.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.sleep.as_mut().poll(context));
        let next = Instant::now() + self.pause;
        self.sleep.as_mut().reset(next);
        Poll::Ready(Some(Ok(self.body.split_to(1))))
    }
}

/// A body of spaces without end.
pub(super) struct Endless;

impl Stream for Endless {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        const CHUNK: &[u8] = &[b' '; 64 * 1024];
        Poll::Ready(Some(Ok(Bytes::from_static(CHUNK))))
    }
}
