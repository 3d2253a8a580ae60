//! Every fault, under every policy, with every provider: what the job is told, how often the message was sent, how many
//! attempts were charged. The result is the table in `docs/delivery.md`.

mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::job::UnknownPolicy;
use queue::provider::stack::{CallOutcome, ProviderStack};
use queue::provider::{Answer, Inquiry, Provider, ProviderError, Receipt, SendContext};
use queue::retry::Backoff;
use queue::sms::SmsMessage;
use queue::testing::gateway::Fault;
use queue::{BoxFuture, Job, PhoneNumber, Queue, State, Template, Worker};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::faults::{Vendor, faults};

/// How long the first call may take when its fault is that there is no answer: so much real time does each cost. Long
/// enough for the request to arrive on a busy machine.
const HURRY: Duration = Duration::from_millis(600);
/// How many cells run at once.
const CELLS_AT_ONCE: usize = 16;
/// With this variable set, the table in the documentation is written instead of compared.
const WRITE: &str = "QUEUE_WRITE_DOCS";
const TABLE_BEGIN: &str =
    "<!-- The table of tests/it/stack/matrix/mod.rs; QUEUE_WRITE_DOCS=1 writes it. -->\n";
const TABLE_END: &str = "<!-- End of the table. -->\n";

#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(source = "Karibu")]
struct Note {
    recipient: PhoneNumber,
}

#[derive(Job, Clone)]
#[job(queue = "matrix", message = SmsMessage)]
enum MatrixJob {
    #[job(unknown = "retry")]
    Repeated(Note),
    #[job(unknown = "stop")]
    Single(Note),
    #[job(unknown = "ask")]
    Asked(Note),
}

fn job(policy: UnknownPolicy) -> MatrixJob {
    let note = Note {
        recipient: "0712345678".parse().unwrap(),
    };
    match policy {
        UnknownPolicy::Retry => MatrixJob::Repeated(note),
        UnknownPolicy::Stop => MatrixJob::Single(note),
        UnknownPolicy::Ask => MatrixJob::Asked(note),
    }
}

/// A provider whose first attempts have little time.
struct Hurried(Arc<dyn Provider<SmsMessage>>, bool);

impl Provider<SmsMessage> for Hurried {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let mut context = context.clone();
            if self.1 && context.attempt == 1 {
                context.timeout = HURRY;
            }
            self.0.send(message, &context).await
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, SmsMessage>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        self.0.inquire(inquiry)
    }
}

/// What one job came to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell {
    /// What its first call was told, and in which words.
    told: &'static str,
    words: String,
    /// Whether the provider accepted the message of that call.
    accepted: bool,
    state: State,
    sends: usize,
    attempts: u16,
}

async fn run(vendor: Vendor, fault: Fault, policy: UnknownPolicy) -> Cell {
    let (gateway, provider) = vendor.start().await;
    let hangs = matches!(fault.name(), "hang" | "slow" | "stall" | "trickle");
    gateway.next(1, fault);
    let first: Arc<Mutex<Option<(CallOutcome, usize)>>> = Arc::default();
    let (told, watched) = (first.clone(), Arc::new(gateway));
    let gateway = watched.clone();
    let stack = ProviderStack::builder()
        .provider(Hurried(provider, hangs))
        .on_call(move |record| {
            let accepted = watched.accepted_count();
            let mut told = told.lock().unwrap();
            told.get_or_insert((record.outcome.clone(), accepted));
        })
        .build();
    let queue = Queue::<MatrixJob>::open("memory:").await.unwrap();
    let id = queue.enqueue(job(policy)).await.unwrap().job_id;
    let worker = Worker::new(queue.clone(), stack)
        .unlimited()
        .send_timeout(Duration::from_secs(30))
        .backoff(Backoff {
            base: Duration::from_millis(1),
            ..Backoff::default()
        })
        .spawn();
    let view = loop {
        let view = queue.job(id).await.unwrap().expect("it is kept");
        let put_off = view.state == State::Snoozed
            && view.due_at.since(view.created_at) > Duration::from_secs(5);
        if view.state.is_terminal() || put_off {
            break view;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    drop(worker);
    let (outcome, accepted) = first.lock().unwrap().take().expect("it was called");
    Cell {
        told: outcome.as_str(),
        words: match outcome {
            CallOutcome::Failed(error) => error.to_string(),
            CallOutcome::Accepted(_) | CallOutcome::Abandoned => String::new(),
        },
        accepted: accepted > 0,
        state: view.state,
        sends: gateway.accepted_count(),
        attempts: view.attempt,
    }
}

/// The cells of each fault of a vendor's, by policy, and what the fault is called.
type Rows = BTreeMap<(Vendor, usize), (String, BTreeMap<&'static str, Cell>)>;

/// What must hold in every cell, whatever the table says.
fn check(cell: &Cell, policy: UnknownPolicy) -> Result<(), &'static str> {
    let surely_not_sent = !matches!(cell.told, "unknown" | "accepted" | "abandoned");
    let wrong = [
        (
            surely_not_sent && cell.accepted,
            "it was sent, and called surely not sent",
        ),
        (
            cell.told == "accepted" && !cell.accepted,
            "it was not sent, and called accepted",
        ),
        (
            policy != UnknownPolicy::Retry && cell.sends > 1,
            "it was sent twice, and the policy allows no doubles",
        ),
        (cell.sends > 2, "it was sent more than once for a doubt"),
        (
            cell.state == State::Completed && cell.sends == 0,
            "it was completed and never sent",
        ),
        (
            matches!(cell.state, State::Dead | State::Expired) && cell.sends > 0,
            "it was sent, and is given up as not sent",
        ),
        (
            cell.told == "unknown" && policy == UnknownPolicy::Stop && cell.state != State::Unknown,
            "the doubt is not to be seen",
        ),
        (
            cell.told == "throttled" && cell.state == State::Snoozed && cell.attempts > 0,
            "an attempt was charged for a wait",
        ),
    ];
    wrong
        .into_iter()
        .find(|(is, _)| *is)
        .map_or(Ok(()), |(_, words)| Err(words))
}

fn words(cell: &Cell) -> String {
    let state = cell.state.as_str();
    format!("{state}, {}, {}", cell.sends, cell.attempts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_under_every_policy_with_every_provider_comes_to_what_the_table_says() {
    let permits = Arc::new(Semaphore::new(CELLS_AT_ONCE));
    let mut running = JoinSet::new();
    for vendor in Vendor::ALL {
        for (number, (name, fault)) in faults(vendor).into_iter().enumerate() {
            for policy in [
                UnknownPolicy::Retry,
                UnknownPolicy::Stop,
                UnknownPolicy::Ask,
            ] {
                let (permits, name, fault) = (permits.clone(), name.clone(), fault.clone());
                running.spawn(async move {
                    let _permit = permits.acquire_owned().await.unwrap();
                    let cell = run(vendor, fault, policy).await;
                    ((vendor, number), name, policy, cell)
                });
            }
        }
    }
    let cells = running.join_all().await;
    assert!(cells.len() >= 300, "{}", cells.len());
    let mut rows = Rows::new();
    let mut wrong = Vec::new();
    for (row, name, policy, cell) in cells {
        if let Err(words) = check(&cell, policy) {
            wrong.push(format!("{row:?} {name} {policy:?}: {words}: {cell:?}"));
        }
        let (_, policies) = rows.entry(row).or_insert_with(|| (name, BTreeMap::new()));
        policies.insert(policy.as_str(), cell);
    }
    for (row, (name, policies)) in &rows {
        let told: BTreeSet<&str> = policies.values().map(|cell| cell.told).collect();
        if told.len() > 1 {
            wrong.push(format!("{row:?} {name}: told differently: {policies:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let mut table = String::from(
        "| Provider | What happens | It was sent | The job is told | `retry` | `stop` | `ask` |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for ((vendor, _), (name, policies)) in &rows {
        let stop = &policies["stop"];
        let sent = if stop.accepted { "yes" } else { "no" };
        let [retry, stop_words, ask] = ["retry", "stop", "ask"].map(|p| words(&policies[p]));
        writeln!(
            table,
            "| {} | {name} | {sent} | {} | {retry} | {stop_words} | {ask} |",
            vendor.name(),
            stop.told,
        )
        .unwrap();
    }
    compare(&table);
}

/// Compares the table with the one in the documentation, or writes it there.
fn compare(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/delivery.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(TABLE_BEGIN).expect("the table begins") + TABLE_BEGIN.len();
    let end = text.find(TABLE_END).expect("the table ends");
    if std::env::var_os(WRITE).is_some() {
        let new = format!("{}{table}{}", &text[..begin], &text[end..]);
        std::fs::write(&path, new).unwrap();
        return;
    }
    let documented = &text[begin..end];
    for (now, then) in table.lines().zip(documented.lines()) {
        assert_eq!(
            now, then,
            "docs/delivery.md: run with {WRITE}=1 and look at the change"
        );
    }
    assert_eq!(table, documented);
}
