//! The server's own HTTP answers: `/varz`, `/jsz` and so on.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{NatsServer, NatsServerError};

impl NatsServer {
    /// What the server answers over HTTP to a path such as `/varz`: JSON.
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: it does not answer.
    pub async fn monitor(&self, path: &str) -> Result<String, NatsServerError> {
        self.get(path)
            .await
            .map_err(NatsServerError::io("nats-server does not answer over HTTP"))
    }

    /// A number at the top level of what the server answers to `path`: `server.figure("/varz", "in_msgs")`.
    ///
    /// # Errors
    /// [`NatsServerError::Io`]: it does not answer, or not with such a number.
    pub async fn figure(&self, path: &str, name: &str) -> Result<u64, NatsServerError> {
        let answer = self.monitor(path).await?;
        serde_json::from_str::<serde_json::Value>(&answer)
            .ok()
            .and_then(|value| value.get(name)?.as_u64())
            .ok_or_else(|| {
                NatsServerError::io("nats-server did not answer with that number")(
                    std::io::ErrorKind::InvalidData.into(),
                )
            })
    }

    async fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.monitor)).await?;
        // 1.0, so that the answer ends with the connection and comes in one piece.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        match answer.split_once("\r\n\r\n") {
            Some((_, body)) => Ok(body.to_owned()),
            None => Err(std::io::ErrorKind::InvalidData.into()),
        }
    }
}
