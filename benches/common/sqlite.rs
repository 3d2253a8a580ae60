//! The ceiling for a durable drain: bare SQLite, one table, jobs in and out in transactions of 32.

use std::path::Path;

use rusqlite::{Connection, params};

/// Passes `jobs` through the table over a standing backlog, 32 in and 32 out in turn, each a synced transaction.
///
/// # Panics
/// When SQLite fails: a benchmark has no better answer.
pub fn churn(folder: &Path, backlog: u64, jobs: u64) -> u64 {
    let mut connection = open(folder);
    let payload = vec![b'x'; 214];
    let mut seq = 0;
    let mut put = |connection: &mut Connection, count: u64| {
        let transaction = connection.transaction().expect("begin");
        for _ in 0..count {
            seq += 1;
            transaction
                .prepare_cached("INSERT INTO jobs VALUES (?1, ?2, ?3)")
                .and_then(|mut statement| statement.execute(params![seq / 7, seq, payload]))
                .expect("insert");
        }
        transaction.commit().expect("commit");
    };
    put(&mut connection, backlog);
    for _ in 0..jobs / 32 {
        put(&mut connection, 32);
        let transaction = connection.transaction().expect("begin");
        let taken: Vec<(i64, i64)> = {
            let mut statement = transaction
                .prepare_cached("SELECT due, seq, payload FROM jobs ORDER BY due, seq LIMIT 32")
                .expect("select");
            let rows = statement.query_map([], |row| {
                let _: Vec<u8> = row.get(2)?;
                Ok((row.get(0)?, row.get(1)?))
            });
            rows.expect("select")
                .collect::<Result<_, _>>()
                .expect("select")
        };
        for (due, seq) in taken {
            transaction
                .prepare_cached("DELETE FROM jobs WHERE due = ?1 AND seq = ?2")
                .and_then(|mut statement| statement.execute([due, seq]))
                .expect("delete");
        }
        transaction.commit().expect("commit");
    }
    jobs / 32 * 32
}

fn open(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("bare.db")).expect("open");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;
             CREATE TABLE jobs (due INTEGER, seq INTEGER, payload BLOB, PRIMARY KEY (due, seq)) WITHOUT ROWID;",
        )
        .expect("configure");
    connection
}
