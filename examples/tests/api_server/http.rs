//! The smallest HTTP client that can fail in every way: one connection for each request.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    head: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("every answer is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut headers = lines.filter_map(|line| line.split_once(": "));
        headers
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

pub(crate) async fn get(server: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(server, format!("GET {path} HTTP/1.1\r\n"), "").await
}

pub(crate) async fn post(
    server: SocketAddr,
    path: &str,
    body: &str,
    key: Option<&str>,
) -> io::Result<Answer> {
    let key = key.map(|key| format!("idempotency-key: {key}\r\n"));
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{}",
        key.unwrap_or_default()
    );
    exchange(server, head, body).await
}

async fn exchange(server: SocketAddr, head: String, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!("{head}host: {server}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// `None` when the connection was cut before the end.
fn parse(answer: &str) -> Option<Answer> {
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let answer = Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        text: text.to_owned(),
        head: head.to_owned(),
    };
    let length: usize = answer.header("content-length")?.parse().ok()?;
    (length == text.len()).then_some(answer)
}
