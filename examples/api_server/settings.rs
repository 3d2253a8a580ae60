//! What can be set, by flags or by variables.

use std::net::IpAddr;

use clap::Parser;
use queue::producer::DEFAULT_URL;

/// A web server that sends SMS through a queue.
///
/// SMS_PROVIDER names who sends them: `salum` (with SALUM_API_KEY, SALUM_PARTNER_ID, SALUM_SHORTCODE and, optionally,
/// SALUM_API_URL), `twilio`, `africastalking`, several of them in the order in which they are asked (`salum,twilio`), or
/// `mock`. The worker is set by QUEUE_CONCURRENCY, QUEUE_RATE_LIMIT,
/// QUEUE_RECIPIENT_LIMIT, QUEUE_TENANT_LIMIT, QUEUE_SEND_TIMEOUT_MS and QUEUE_VISIBILITY_MS.
#[derive(Parser)]
pub(crate) struct Settings {
    /// Where the jobs are kept: `file:FOLDER` or `memory:`
    // An address may hold a password, so `--help` does not show the variable's value.
    #[arg(long, env = "QUEUE_URL", default_value = DEFAULT_URL, hide_env_values = true)]
    pub(crate) url: String,

    /// The address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,

    /// The port to listen on; 0 takes any that is free
    #[arg(long, env = "PORT", default_value_t = 3000)]
    pub(crate) port: u16,
}
