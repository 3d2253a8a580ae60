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

/// A body that never comes.
pub(super) struct Nothing;

impl Stream for Nothing {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

/// A body of gzip without end.
pub(super) struct Bomb(Bytes);

impl Bomb {
    pub(super) fn new() -> Self {
        Self(gzip_of_zeros(10 * 1024).into())
    }
}

impl Stream for Bomb {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(self.0.clone())))
    }
}

/// About `length` bytes of gzip (RFC 1952) whose deflate block (RFC 1951, 3.2.6: fixed codes) is one zero, and then the
/// copy of 258 zeros before it, in 13 bits each.
fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut pending, mut bits) = (0_u64, 0);
    let mut write = |bytes: &mut Vec<u8>, value: u64, count: u32| {
        pending |= value << bits;
        bits += count;
        while bits >= 8 {
            // The truncation takes the lowest eight bits.
            bytes.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    };
    // The last block, of fixed codes; the literal 0: 00110000, its first bit first.
    write(&mut bytes, 0b011, 3);
    write(&mut bytes, 0b0000_1100, 8);
    while bytes.len() < length {
        // Length 258: 11000101, its first bit first; distance 1: 00000.
        write(&mut bytes, 0b1010_0011, 8);
        write(&mut bytes, 0, 5);
    }
    // The end of the block: 0000000; and what fills the byte.
    write(&mut bytes, 0, 7);
    write(&mut bytes, 0, 7);
    bytes
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
