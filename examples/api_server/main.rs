//! How do I put the queue into a web server?
//!
//! An axum server whose handlers enqueue SMS, and a worker that sends them, in one process:
//!
//! ```text
//! SMS_PROVIDER=mock cargo run --example api_server
//! curl -i localhost:3000/signup -H 'content-type: application/json' \
//!      -d '{"phone": "0712 345 678", "user_name": "Wanjiru"}'
//! ```
//!
//! When `POST` answers 201 the job is on disk: the process may be killed the next moment, and the next start sends it.
//!
//! It trusts whoever reaches it. In front of it belongs what every server needs: TLS, authentication, a limit on slow and
//! on many connections.

mod answer;
mod health;
mod input;
mod readers;
mod routes;
mod settings;
mod stop;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use queue::provider::provider_from_env;
use queue::{Queue, SmsJob, Worker};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use self::routes::App;
use self::settings::Settings;
use self::stop::Stop;

/// How long requests that are being answered may take after the process was told to stop.
const REQUESTS_GRACE: Duration = Duration::from_secs(5);
/// How long sends that are under way may take then; longer than the send timeout, so that hardly any is cut off.
const WORKER_GRACE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    // Standard error, so that standard output stays for whoever waits for the `listening` line. The library logs ids and
    // kinds, never payloads; this program adds no request bodies either.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_writer(io::stderr)
        .init();
    match run(Settings::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    // Everything that can be wrong with the settings is found before the first request is accepted.
    let providers = provider_from_env()?;
    let queue = Queue::<SmsJob>::open(&settings.url).await?;
    let worker = Worker::new(queue.clone(), providers.clone()).from_env()?;
    let address = SocketAddr::new(settings.host, settings.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("can't listen on {address}: {error}"))?;
    let stop = Stop::on_signals()?;

    // The worker is a task of this runtime. The handle is shared with `/health`; when the last one is dropped, the worker
    // stops taking jobs.
    let worker = Arc::new(worker.spawn());
    let app = App {
        queue: queue.clone(),
        worker: worker.clone(),
        providers,
    };
    announce(&listener)?;
    let server =
        axum::serve(listener, routes::router(app)).with_graceful_shutdown(stop.clone().asked());
    tokio::select! {
        ended = server => ended?,
        () = stop.asked_and(REQUESTS_GRACE) => tracing::warn!("some requests were cut off"),
    }

    // In this order: nobody enqueues any more, so finish what is being sent; then nobody writes any more, so close the
    // store. What is still waiting stays in the store for the next start.
    let worked = worker.shutdown(WORKER_GRACE).await;
    queue.close().await?;
    let report = worked?;
    tracing::info!(
        completed = report.run.completed,
        cut_off = report.cut_off,
        "stopped"
    );
    Ok(())
}

/// Says where the server is: with port 0 only this line knows.
#[expect(clippy::print_stdout, reason = "whoever started us reads this line")]
fn announce(listener: &TcpListener) -> io::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}

/// An error and its causes, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
