//! The budgets of recipients and tenants, while jobs are leased: a job over one of them is put off, the next one is looked at.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use rusqlite::{OptionalExtension, params};

use super::options::MAINTENANCE_ROWS_MAX;
use super::settle::{self, ROW_COLUMNS, Row};
use super::txn::{QueueId, Txn};
use crate::backend::rate::{Window, period_ms};
use crate::backend::{BackendError, KeyedLimit, LeaseRequest, LimitScope};
use crate::clock::Timestamp;
use crate::job::State;

/// How many jobs one lease puts off at most, besides four for each job that is asked for.
const PUT_OFF_MIN: usize = 64;

/// How many jobs that wait for one budget are counted; those beyond come back together and are put off anew.
const BOOKED_MAX: usize = 10_000;

/// Who has a budget: a recipient's key, a tenant's name.
type Key = Vec<u8>;

/// What the budgets say of a job.
pub(super) enum Admission {
    /// It may start; its start is taken.
    Admitted,
    /// It was put off.
    PutOff,
    /// It would be put off, and enough were: it stays for the next look.
    Enough,
}

/// The budgets that one lease looks at. Nothing is written before [`store`](Self::store).
pub(super) struct Budgets {
    queue: QueueId,
    limits: Vec<KeyedLimit>,
    known: HashMap<(LimitScope, Key), Budget>,
    /// What the job admitted last took.
    taken: Vec<(LimitScope, Key)>,
    put_off_max: usize,
}

struct Budget {
    limit: KeyedLimit,
    window: Window,
    is_changed: bool,
    /// When the jobs come back that wait for this budget, in order; read when the first one is put off.
    booked: Option<Vec<i64>>,
    /// How many of those come back in time for the starts they are booked for; none of them moves during a lease.
    passed: usize,
}

impl Budgets {
    pub(super) fn new(queue: QueueId, request: &LeaseRequest) -> Self {
        let first = LimitScope::ALL
            .into_iter()
            .filter_map(|scope| request.limits.iter().find(|limit| limit.scope == scope));
        Self {
            queue,
            limits: first.copied().collect(),
            known: HashMap::new(),
            taken: Vec::new(),
            put_off_max: request.max.saturating_mul(4).saturating_add(PUT_OFF_MIN),
        }
    }

    /// How many more jobs than it needs a look should see, because some of them may be put off.
    pub(super) fn spare(&self) -> usize {
        if self.limits.is_empty() {
            0
        } else {
            PUT_OFF_MIN
        }
    }

    /// Takes the start of the ready job `seq` from all of its budgets, or puts it off.
    pub(super) fn admit(&mut self, txn: &mut Txn<'_>, seq: i64) -> Result<Admission, BackendError> {
        self.taken.clear();
        if self.limits.is_empty() {
            return Ok(Admission::Admitted);
        }
        let (job, keys) = txn.with(&FIND, |statement| {
            statement.query_row([seq], |row| {
                let recipient: Option<Key> = row.get("recipient")?;
                let tenant: Option<String> = row.get("tenant")?;
                Ok((Row::read(row)?, (recipient, tenant.map(String::into_bytes))))
            })
        })?;
        let now = now_ms(txn);
        for limit in self.limits.clone() {
            let key = match limit.scope {
                LimitScope::Recipient => keys.0.clone(),
                LimitScope::Tenant => keys.1.clone(),
            };
            let Some(key) = key else { continue };
            let name = (limit.scope, key);
            let budget = self.budget(txn, limit, &name)?;
            if budget.window.take(limit.rate, now, 1).is_ok() {
                budget.is_changed = true;
                self.taken.push(name);
                continue;
            }
            self.give_back();
            return self.put_off(txn, &job, &name);
        }
        Ok(Admission::Admitted)
    }

    /// Gives back what the job admitted last took: it does not start after all.
    pub(super) fn give_back(&mut self) {
        for name in self.taken.drain(..) {
            if let Some(budget) = self.known.get_mut(&name) {
                let window = &mut budget.window;
                window.give_back(window.newest(), 1);
            }
        }
    }

    /// Lets the job wait for the first start of the budget that no other job waits for.
    fn put_off(
        &mut self,
        txn: &mut Txn<'_>,
        job: &Row,
        name: &(LimitScope, Key),
    ) -> Result<Admission, BackendError> {
        let Some(left) = self.put_off_max.checked_sub(1) else {
            return Ok(Admission::Enough);
        };
        let Some(budget) = self.known.get_mut(name) else {
            return Ok(Admission::Enough);
        };
        self.put_off_max = left;
        let booked = match &mut budget.booked {
            Some(booked) => booked,
            None => budget.booked.insert(booked(txn, self.queue, name)?),
        };
        let now = now_ms(txn);
        let free = |others: usize| {
            let at = budget.window.free_at(budget.limit.rate, others as u64, now);
            i64::try_from(at).unwrap_or(i64::MAX)
        };
        // Each of those that come back before it takes a start, and so does each that comes back with it.
        let mut others = budget.passed;
        while booked.get(others).is_some_and(|at| *at <= free(others)) {
            others += 1;
        }
        let at = free(others);
        budget.passed = others;
        let place = booked.partition_point(|other| *other <= at);
        booked.insert(place, at);
        let reason = match name.0 {
            LimitScope::Recipient => "the limit of its recipient is reached",
            LimitScope::Tenant => "the limit of its tenant is reached",
        };
        settle::postpone(txn, job, State::Snoozed, Timestamp::from_millis(at), reason)?;
        Ok(Admission::PutOff)
    }

    /// The budget called `name`, as it is stored.
    fn budget(
        &mut self,
        txn: &Txn<'_>,
        limit: KeyedLimit,
        name: &(LimitScope, Key),
    ) -> Result<&mut Budget, BackendError> {
        let budget = match self.known.entry(name.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let stored: Option<Vec<u8>> = txn.with(
                    "SELECT starts FROM queue_limits WHERE queue = ?1 AND scope = ?2 AND key = ?3 AND period = ?4",
                    |statement| {
                        statement
                            .query_row(
                                params![self.queue, code(name.0), name.1, period(limit)],
                                |row| row.get(0),
                            )
                            .optional()
                    },
                )?;
                let window = match stored {
                    Some(starts) => Window::decode(limit.rate, &starts),
                    None => Window::new(limit.rate),
                };
                place.insert(Budget {
                    limit,
                    window,
                    is_changed: false,
                    booked: None,
                    passed: 0,
                })
            }
        };
        Ok(budget)
    }

    /// Writes what was taken.
    pub(super) fn store(self, txn: &Txn<'_>) -> Result<(), BackendError> {
        for ((scope, key), budget) in self.known {
            if budget.is_changed {
                let idle_at = i64::try_from(budget.window.idle_at()).unwrap_or(i64::MAX);
                txn.execute(
                    "INSERT INTO queue_limits (queue, scope, key, period, starts, idle_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (queue, scope, key, period) DO UPDATE
                     SET starts = excluded.starts, idle_at = excluded.idle_at",
                    params![
                        self.queue,
                        code(scope),
                        key,
                        period(budget.limit),
                        budget.window.encode(),
                        idle_at
                    ],
                )?;
            }
        }
        Ok(())
    }
}

static FIND: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {ROW_COLUMNS}, recipient, tenant FROM queue_jobs WHERE seq = ?1")
});

/// When the snoozed jobs come back that count against this budget, the soonest first: at most [`BOOKED_MAX`].
fn booked(
    txn: &Txn<'_>,
    queue: QueueId,
    (scope, key): &(LimitScope, Key),
) -> Result<Vec<i64>, BackendError> {
    let sql = match scope {
        LimitScope::Recipient => {
            "SELECT due_at FROM queue_jobs WHERE queue = ?1 AND state = 4 AND recipient = ?2 ORDER BY due_at LIMIT ?3"
        }
        LimitScope::Tenant => {
            "SELECT due_at FROM queue_jobs WHERE queue = ?1 AND state = 4 AND tenant = CAST(?2 AS TEXT)
             ORDER BY due_at LIMIT ?3"
        }
    };
    txn.with(sql, |statement| {
        statement
            .query_map(params![queue, key, BOOKED_MAX as i64], |row| row.get(0))?
            .collect()
    })
}

/// Deletes budgets that nobody has taken from for a while, a bounded number of them.
pub(super) fn sweep(txn: &Txn<'_>) -> Result<(), BackendError> {
    txn.execute(
        "DELETE FROM queue_limits WHERE (queue, scope, key, period) IN (
             SELECT queue, scope, key, period FROM queue_limits WHERE idle_at <= ?1 ORDER BY idle_at LIMIT ?2)",
        params![txn.now, MAINTENANCE_ROWS_MAX as i64],
    )?;
    Ok(())
}

/// A scope as it is stored.
fn code(scope: LimitScope) -> i64 {
    match scope {
        LimitScope::Recipient => 1,
        LimitScope::Tenant => 2,
    }
}

fn period(limit: KeyedLimit) -> i64 {
    i64::try_from(period_ms(limit.rate)).unwrap_or(i64::MAX)
}

/// These budgets may be as long as days, so they outlive a reboot: they are counted on the wall clock.
fn now_ms(txn: &Txn<'_>) -> u64 {
    u64::try_from(txn.now.as_millis()).unwrap_or(0)
}
