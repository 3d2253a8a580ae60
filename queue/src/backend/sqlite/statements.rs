//! [`Statements`]: the statements that a transaction uses again and again.

use std::cell::RefCell;

use rusqlite::{CachedStatement, Connection};

use super::error::translate;
use crate::backend::BackendError;

/// Statements kept at hand for one transaction. The connection's own cache hashes the whole text at each use, which for a
/// job costs as much as the statement itself.
pub(super) struct Statements<'a> {
    connection: &'a Connection,
    kept: RefCell<Vec<(&'static str, CachedStatement<'a>)>>,
}

impl<'a> Statements<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            kept: RefCell::default(),
        }
    }

    /// Runs `work` with the statement `sql`, prepared when it is new. The statement must not be left in the middle of its
    /// rows.
    pub(super) fn with<T>(
        &self,
        sql: &'static str,
        work: impl FnOnce(&mut CachedStatement<'a>) -> rusqlite::Result<T>,
    ) -> Result<T, BackendError> {
        // Taken out while it works, because the work may need other statements.
        let known = {
            let mut kept = self.kept.borrow_mut();
            let place = kept.iter().position(|(text, _)| *text == sql);
            place.map(|place| kept.swap_remove(place).1)
        };
        let mut statement = match known {
            Some(statement) => statement,
            None => self.connection.prepare_cached(sql).map_err(translate)?,
        };
        let result = work(&mut statement).map_err(translate);
        self.kept.borrow_mut().push((sql, statement));
        result
    }
}
