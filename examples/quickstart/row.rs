//! A row becomes a job, or a reason why not. Pure.

use std::str::FromStr;
use std::time::Duration;

use queue::sms::{OtpCode, PhoneNumber};
use queue::{Job, NotificationSms, OtpSms, SmsJob, WelcomeSms};

use crate::csv_file::Fields;
use crate::error::chain;
use crate::hash::digest;

/// How long a code is valid when the row doesn't say.
const EXPIRY_MINUTES: u16 = 10;
/// The longest delay: a run waits for every job, and should end soon.
const DELAY_SECONDS_MAX: u64 = 10;

/// What a row asks for.
pub(crate) struct Planned {
    pub(crate) job: SmsJob,
    pub(crate) delay: Option<Duration>,
    pub(crate) expires_in: Option<Duration>,
    /// What the gateway's log will know it by.
    pub(crate) digest: String,
}

impl Planned {
    /// Reads a row.
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        let kind = required(fields, "kind")?.trim();
        let recipient: PhoneNumber = parsed(fields, "phone")?;
        let job = match kind {
            "welcome" => SmsJob::Welcome(WelcomeSms {
                recipient,
                user_name: required(fields, "name")?.trim().to_owned(),
            }),
            "otp" => SmsJob::Otp(OtpSms {
                recipient,
                code: parsed::<OtpCode>(fields, "code")?,
                expiry_minutes: match fields.get("expiry_minutes") {
                    None => EXPIRY_MINUTES,
                    Some(minutes) => minutes.trim().parse().map_err(|_| {
                        "`expiry_minutes` is no whole number of minutes from 0 to 65535".to_owned()
                    })?,
                },
            }),
            "notification" => SmsJob::Notification(NotificationSms {
                recipient,
                message: required(fields, "message")?.to_owned(),
            }),
            other => return Err(format!("no kind of job is called `{}`", shown(other))),
        };
        let message = job.render().map_err(|error| chain(&error))?;
        let delay = seconds(fields, "delay_seconds")?;
        if delay.is_some_and(|delay| delay > Duration::from_secs(DELAY_SECONDS_MAX)) {
            return Err(format!(
                "`delay_seconds` is more than {DELAY_SECONDS_MAX}, and this example waits for every job"
            ));
        }
        Ok(Self {
            delay,
            expires_in: seconds(fields, "expires_in_seconds")?,
            digest: digest(message.recipient.digits(), message.text.as_str()),
            job,
        })
    }
}

fn required<'f>(fields: &'f Fields, column: &str) -> Result<&'f str, String> {
    let value = fields.get(column);
    value.ok_or_else(|| format!("`{column}` is missing"))
}

fn parsed<T: FromStr<Err: std::error::Error>>(fields: &Fields, column: &str) -> Result<T, String> {
    let text = required(fields, column)?.trim();
    text.parse()
        .map_err(|error| format!("`{column}`: {}", chain(&error)))
}

fn seconds(fields: &Fields, column: &str) -> Result<Option<Duration>, String> {
    let Some(text) = fields.get(column) else {
        return Ok(None);
    };
    let seconds: Option<f64> = text.trim().parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match duration {
        Some(duration) => Ok(Some(duration)),
        None => Err(format!("`{column}` is no number of seconds")),
    }
}

/// A few characters of a text that somebody else wrote, harmless in a terminal.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 24;
    let mut shown: String = text.chars().take(CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}
