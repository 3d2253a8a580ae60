//! [`ReportPush`]: how delivery reports are pushed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::desk::{Account, Desk, Post, PushTo, Stage};

/// Where and how reports are pushed. Nothing about them is promised: not their order, not their number.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReportPush {
    /// Where to: an address on this machine.
    pub to: SocketAddr,
    /// The path, with the token that protects it.
    pub path: String,
    /// Each one comes twice.
    pub duplicate: bool,
    /// The last one comes first.
    pub reordered: bool,
    /// The first one comes before the answer to the send.
    pub early: bool,
    /// One about an unknown message comes first.
    pub unknown_id: bool,
}

impl ReportPush {
    /// Well-behaved reports to `http://{to}{path}`.
    ///
    /// Twilio's messages name an address of their own (`StatusCallback`): reports then go to that path and are signed
    /// for that address, but are brought to `to`, as by a proxy in front of the application.
    pub fn new(to: SocketAddr, path: impl Into<String>) -> Self {
        Self {
            to,
            path: path.into(),
            duplicate: false,
            reordered: false,
            early: false,
            unknown_id: false,
        }
    }
}

/// The reports about one message.
pub(super) struct Round {
    /// One that comes before the answer to the send.
    pub(super) early: Option<Post>,
    /// The others, each with its time after the acceptance.
    pub(super) posts: Vec<(Duration, Post)>,
}

impl Round {
    /// The reports about the message with `id`, in the order and number that `push` says.
    pub(super) fn of(
        account: &Account,
        desk: &dyn Desk,
        push: Option<&ReportPush>,
        id: &str,
    ) -> Option<Self> {
        let sent = account.sent.get(id)?;
        let to = push.map(|push| PushTo {
            address: push.to,
            path: push.path.clone(),
        });
        let post = |id: &str, stage: &Stage| desk.report(id, Some(sent), to.as_ref(), stage);
        let stages = account.stages(sent);
        let has = |flag: fn(&ReportPush) -> bool| push.is_some_and(flag);
        let early = match stages.first() {
            Some(first) if has(|push| push.early) => post(id, first),
            _ => None,
        };
        let mut posts = Vec::new();
        if has(|push| push.unknown_id)
            && let Some(last) = stages.last()
        {
            posts.extend(
                desk.report(STRANGER, None, to.as_ref(), last)
                    .map(|post| (Duration::ZERO, post)),
            );
        }
        let mut words: Vec<&Stage> = stages.iter().collect();
        if has(|push| push.reordered) {
            words.reverse();
        }
        for (word, time) in words.into_iter().zip(&stages) {
            for _ in 0..=usize::from(has(|push| push.duplicate)) {
                let stage = Stage {
                    after: time.after,
                    word: word.word.clone(),
                };
                posts.extend(post(id, &stage).map(|post| (time.after, post)));
            }
        }
        Some(Self { early, posts })
    }

    /// Posts each report when its time has come.
    pub(super) async fn post_all(self) {
        let started = Instant::now();
        for (after, post) in self.posts {
            tokio::time::sleep(after.saturating_sub(started.elapsed())).await;
            post.send().await;
        }
    }
}

/// The id of a message that nobody sent.
const STRANGER: &str = "18446744073709551615";

impl Post {
    /// Posts it. What comes back does not matter, as with the real gateways.
    pub(super) async fn send(&self) {
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\n{headers}Content-Length: {}\r\n\
             Connection: close\r\n\r\n{}",
            self.path,
            self.host,
            self.content_type,
            self.body.len(),
            self.body,
        );
        let post = async {
            let mut stream = TcpStream::connect(self.to).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = [0; 512];
            stream.read(&mut answer).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), post).await;
    }
}
