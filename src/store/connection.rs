//! A connection whose statements are compiled once: whatever the rooms of the store execute by its
//! methods stays prepared for the next time.

use std::ops::Deref;

use rusqlite::{Params, Row};

/// Statements kept compiled: more than the store has.
const STATEMENTS: usize = 256;

/// A connection to the database file.
pub(super) struct Connection(rusqlite::Connection);

impl Connection {
    /// Whatever `connection` is set to stays.
    pub(super) fn new(connection: rusqlite::Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Self(connection)
    }

    /// [`rusqlite::Connection::execute`], compiled once.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.0.prepare_cached(sql)?.execute(params)
    }

    /// [`rusqlite::Connection::query_row`], compiled once.
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        take: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.0.prepare_cached(sql)?.query_row(params, take)
    }
}

impl Deref for Connection {
    type Target = rusqlite::Connection;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
