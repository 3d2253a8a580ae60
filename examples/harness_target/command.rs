//! A line of standard input, understood.

use std::time::Duration;

use queue::job::KindInfo;
use queue::{Job, Priority, SmsJob};
use serde_json::{Map, Value};

pub(crate) enum Command {
    Enqueue {
        id: String,
        job: Result<Order, &'static str>,
    },
    Bulk {
        count: usize,
        prefix: String,
    },
    Cancel {
        id: String,
    },
    Stats,
    Dump,
    Caps,
    Deliveries,
    Stop,
}

/// A job and its options.
pub(crate) struct Order {
    pub(crate) job: SmsJob,
    pub(crate) delay: Option<Duration>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) priority: Option<Priority>,
    pub(crate) tenant: Option<String>,
}

#[derive(Debug)]
pub(crate) struct UnknownCommand(String);

impl std::fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "not a command: `{}`; expected enqueue, bulk, cancel, stats, dump, caps, deliveries or stop",
            self.0
        )
    }
}

impl std::error::Error for UnknownCommand {}

impl Command {
    pub(crate) fn parse(line: &str) -> Result<Self, UnknownCommand> {
        let mut words = line.trim().splitn(4, ' ');
        let (name, first, second, rest) = (words.next(), words.next(), words.next(), words.next());
        match (name, first, second, rest) {
            (Some("enqueue"), Some(id), Some(kind), Some(json)) => Ok(Self::Enqueue {
                id: id.to_owned(),
                job: order(id, kind, json),
            }),
            (Some("bulk"), Some(count), Some(prefix), None) => match count.parse() {
                Ok(count) => Ok(Self::Bulk {
                    count,
                    prefix: prefix.to_owned(),
                }),
                Err(_) => Err(UnknownCommand("bulk".to_owned())),
            },
            (Some("cancel"), Some(id), None, None) => Ok(Self::Cancel { id: id.to_owned() }),
            (Some("stats"), None, None, None) => Ok(Self::Stats),
            (Some("dump"), None, None, None) => Ok(Self::Dump),
            (Some("caps"), None, None, None) => Ok(Self::Caps),
            (Some("deliveries"), None, None, None) => Ok(Self::Deliveries),
            (Some("stop"), None, None, None) => Ok(Self::Stop),
            (name, ..) => Err(UnknownCommand(name.unwrap_or_default().to_owned())),
        }
    }
}

/// One notification of a bulk.
pub(crate) fn notification(id: &str, number: usize) -> Result<SmsJob, &'static str> {
    let json = serde_json::json!({
        "recipient": format!("+254712{:06}", number % 1_000_000),
        "message": "bulk",
    });
    order(id, "notification", &json.to_string()).map(|order| order.job)
}

fn order(id: &str, kind: &str, json: &str) -> Result<Order, &'static str> {
    let mut fields: Map<String, Value> =
        serde_json::from_str(json).map_err(|_| "malformed_json")?;
    let millis = |value: Option<Value>| match value {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .map(|ms| Some(Duration::from_millis(ms)))
            .ok_or("bad_option"),
    };
    let delay = millis(fields.remove("_delay_ms"))?;
    let expires_in = millis(fields.remove("_expires_in_ms"))?;
    let priority = match fields.remove("_priority") {
        None => None,
        Some(value) => Some(
            value
                .as_str()
                .and_then(|name| name.parse().ok())
                .ok_or("bad_option")?,
        ),
    };
    let tenant = match fields.remove("_tenant") {
        None => None,
        Some(value) => Some(value.as_str().ok_or("bad_option")?.to_owned()),
    };
    mark(&mut fields, id, kind);
    let info: &KindInfo = SmsJob::KINDS
        .iter()
        .find(|info| info.name == kind)
        .ok_or("unknown_kind")?;
    fields.insert("type".to_owned(), Value::from(kind));
    let payload = Value::Object(fields).to_string();
    let job =
        SmsJob::decode(kind, info.version, payload.as_bytes()).map_err(|_| "invalid_payload")?;
    Ok(Order {
        job,
        delay,
        expires_in,
        priority,
        tenant,
    })
}

/// Makes the text tell which job it is: the gateway sees no id in a single send.
fn mark(fields: &mut Map<String, Value>, id: &str, kind: &str) {
    let field = match kind {
        "notification" => "message",
        "welcome" => "user_name",
        _ => return,
    };
    if let Some(Value::String(text)) = fields.get_mut(field)
        && (kind == "notification" || !text.contains(id))
    {
        *text = format!("{text} #{id}");
    }
}
