//! The ceiling for `nats://`: async-nats itself on a stream with the same settings, and nothing else.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;

/// Publishes and takes messages of the size of a job.
#[derive(Clone)]
pub struct RawNats {
    context: Context,
    consumer: Consumer<pull::Config>,
    payload: Vec<u8>,
}

/// What is written for each message that is taken.
#[derive(Clone, Copy, Debug)]
pub enum Records {
    /// Nothing.
    None,
    /// One message, as a durable start needs.
    Started,
    /// Two messages, in any case.
    Appended,
    /// Two messages that replace each other by compare-and-set, so that no two workers can start the same job.
    Fenced,
}

/// How long a record and a job may stay.
const RECORDS_AGE: Duration = Duration::from_secs(8 * 24 * 3600);
const WORK_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

fn consumer_of(priority: &str) -> pull::Config {
    pull::Config {
        durable_name: Some(format!("send-{priority}")),
        filter_subject: format!("raw.send.{priority}.>"),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 10_000,
        ..pull::Config::default()
    }
}

/// How many publishes are on their way at once in bulk.
const WINDOW: usize = 1000;

impl RawNats {
    /// A fresh work queue on a server, with a stream for records beside it.
    ///
    /// # Panics
    /// When the server fails: a benchmark has no better answer.
    pub async fn open(url: &str, payload_bytes: usize) -> Self {
        let client = async_nats::connect(url).await.expect("a connection");
        let context = jetstream::new(client);
        for name in ["RAW", "RAW_EVENTS"] {
            // It may not be there.
            let _ = context.delete_stream(name).await;
        }
        let records = Config {
            name: "RAW_EVENTS".to_owned(),
            subjects: vec!["raw.status.>".to_owned()],
            max_messages_per_subject: 1,
            allow_direct: true,
            allow_message_ttl: true,
            allow_atomic_publish: true,
            max_age: RECORDS_AGE,
            ..Config::default()
        };
        context.create_stream(records).await.expect("a stream");
        let work = Config {
            name: "RAW".to_owned(),
            subjects: vec!["raw.send.>".to_owned(), "raw.key.>".to_owned()],
            retention: RetentionPolicy::WorkQueue,
            allow_direct: true,
            allow_message_schedules: true,
            allow_message_ttl: true,
            allow_atomic_publish: true,
            allow_rollup: true,
            max_messages_per_subject: 1,
            max_age: WORK_AGE,
            ..Config::default()
        };
        let stream = context.create_stream(work).await.expect("a stream");
        // One for each priority; the messages here are all of one.
        for priority in ["low", "high", "critical"] {
            let config = consumer_of(priority);
            stream.create_consumer(config).await.expect("a consumer");
        }
        let consumer = stream.create_consumer(consumer_of("normal")).await;
        let consumer = consumer.expect("a consumer");
        Self {
            context,
            consumer,
            payload: vec![b'x'; payload_bytes],
        }
    }

    /// Publishes one message with a message id; resolves when it is acknowledged.
    pub async fn publish(&self) {
        self.send("send").await.await.expect("an acknowledgement");
    }

    /// Publishes one message under a key that nobody has: first the key, on condition that it is free, then the message, on
    /// condition that the key is still the last word.
    pub async fn publish_under_key(&self) {
        let id = self.context.client().new_inbox();
        let id = id.rsplit('.').next().unwrap_or_default();
        let key = format!("raw.key.{id}");
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        headers.insert("Nats-TTL", "never");
        let payload = self.payload[..100].to_vec();
        let sent = (self.context).publish_with_headers(key.clone(), headers, payload.into());
        let taken = sent.await.expect("a publish").await;
        let taken = taken.expect("an acknowledgement").sequence.to_string();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        headers.insert("Nats-Expected-Last-Subject-Sequence", taken.as_str());
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", key.as_str());
        let subject = format!("raw.send.normal.0.none.{id}");
        let payload = self.payload.clone().into();
        let sent = (self.context).publish_with_headers(subject, headers, payload);
        let stored = sent.await.expect("a publish").await;
        stored.expect("an acknowledgement");
    }

    /// Publishes many, a window of them at once.
    pub async fn publish_many(&self, count: u64) -> u64 {
        let mut window = Vec::with_capacity(WINDOW);
        for _ in 0..count {
            window.push(self.send("send").await);
            if window.len() == WINDOW {
                for ack in window.drain(..) {
                    ack.await.expect("an acknowledgement");
                }
            }
        }
        for ack in window {
            ack.await.expect("an acknowledgement");
        }
        count
    }

    /// Publishes many, in batches of `batch_size` that are each stored whole or not at all.
    pub async fn publish_whole(&self, count: u64, batch_size: u64) -> u64 {
        let client = self.context.client();
        let mut left = count;
        while left > 0 {
            let size = left.min(batch_size);
            let batch = client.new_inbox();
            let batch = batch.rsplit('.').next().unwrap_or_default();
            for place in 1..=size {
                let id = client.new_inbox();
                let id = id.rsplit('.').next().unwrap_or_default();
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Msg-Id", id);
                // As a job's: it outlives the stream's own age.
                headers.insert("Nats-TTL", "never");
                headers.insert("Nats-Batch-Id", batch);
                headers.insert("Nats-Batch-Sequence", place.to_string());
                let subject = format!("raw.send.normal.0.none.{id}");
                let payload = self.payload.clone().into();
                if place < size {
                    let sent = client.publish_with_headers(subject, headers, payload);
                    sent.await.expect("a publish");
                } else {
                    headers.insert("Nats-Batch-Commit", "1");
                    let sent = self.context.publish_with_headers(subject, headers, payload);
                    sent.await
                        .expect("a publish")
                        .await
                        .expect("an acknowledgement");
                }
            }
            left -= size;
        }
        count
    }

    /// Takes `count` messages, `at_once` at a time, and acknowledges each. With records, one is published and awaited before
    /// and after, as a durable start and end need.
    pub async fn drain(&self, count: u64, at_once: usize, records: Records) -> u64 {
        let mut done = 0;
        while done < count {
            let batch = self.consumer.batch().max_messages(at_once);
            let batch = batch.expires(Duration::from_secs(2)).messages().await;
            let mut batch = batch.expect("a pull");
            let mut taken = Vec::with_capacity(at_once);
            while taken.len() < at_once && done + (taken.len() as u64) < count {
                match batch.next().await {
                    Some(message) => taken.push(message.expect("a message")),
                    None => break,
                }
            }
            match records {
                Records::None => {}
                Records::Started => self.record(taken.len()).await,
                Records::Appended => {
                    self.record(taken.len()).await;
                    self.record(taken.len()).await;
                }
                Records::Fenced => self.record_fenced(taken.len()).await,
            }
            for message in &taken {
                message.ack().await.expect("an answer");
            }
            done += taken.len() as u64;
        }
        done
    }

    /// Takes `count` messages, up to `at_once` beside each other, with a fenced record before and after each.
    pub async fn drain_flowing(&self, count: u64, at_once: usize) -> u64 {
        let messages = self.consumer.messages().await.expect("a pull");
        let messages = messages.take(usize::try_from(count).unwrap_or(usize::MAX));
        let work = messages.for_each_concurrent(at_once, |message| async move {
            let message = message.expect("a message");
            self.record_fenced(1).await;
            message.ack().await.expect("an answer");
        });
        work.await;
        count
    }

    /// Waits for one message; what is recorded for it, is before this returns. Acknowledges it.
    pub async fn take_one(&self, records: Records) {
        self.drain(1, 1, records).await;
    }

    async fn record(&self, count: usize) {
        let mut acks = Vec::with_capacity(count);
        for _ in 0..count {
            acks.push(self.send("status").await);
        }
        for ack in acks {
            ack.await.expect("an acknowledgement");
        }
    }

    /// A start and an end for each of `count` jobs: two messages of one subject, each on condition that the one before it is
    /// still the last, and each with an age.
    async fn record_fenced(&self, count: usize) {
        let jobs: Vec<String> = (0..count)
            .map(|_| self.context.client().new_inbox().replace('.', "-"))
            .collect();
        let mut lasts = vec![0; count];
        for age in ["never", "86400"] {
            let mut acks = Vec::with_capacity(count);
            for (job, last) in jobs.iter().zip(&lasts) {
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Expected-Last-Subject-Sequence", last.to_string());
                headers.insert("Nats-TTL", age);
                let (subject, payload) = (format!("raw.status.{job}"), self.payload.clone());
                let sent = self
                    .context
                    .publish_with_headers(subject, headers, payload.into());
                acks.push(sent.await.expect("a publish"));
            }
            for (last, ack) in lasts.iter_mut().zip(acks) {
                *last = ack.await.expect("an acknowledgement").sequence;
            }
        }
    }

    async fn send(&self, part: &str) -> jetstream::context::PublishAckFuture {
        let id = self.context.client().new_inbox();
        let id = id.rsplit('.').next().unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let subject = format!("raw.{part}.normal.0.none.{id}");
        let payload = self.payload.clone().into();
        let sent = self.context.publish_with_headers(subject, headers, payload);
        sent.await.expect("a publish")
    }
}
