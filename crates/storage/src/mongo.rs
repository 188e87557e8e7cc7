//! MongoDB: a collection for each table, a document for each record.
//!
//! A document is `{_id: key, revision, value, written_at}`; a removed one has `removed_at` in place of its value, and
//! MongoDB forgets it after a month. Whether a write is newer than what is there is decided by the server, within the
//! update, so that two writers and late replays are in order.

mod address;
mod documents;
mod fault;
mod lease;

use std::time::Duration;

use domain::{Fault, Reason};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database};
use tokio::time::{Instant, sleep, timeout_at};

pub use address::Address;

use crate::meter::Meter;
use crate::record::{Row, TOMBSTONE_KEPT};
use crate::request::Page;
use crate::table::Table;

/// The layout of documents that this build writes.
const SCHEMA: i64 = 1;

/// Where the layout's version stands.
pub(crate) const SCHEMA_COLLECTION: &str = "armedmusic";

const PAGE_ROWS_MAX: usize = 512;
const PAGE_BYTES_MAX: usize = 4 << 20;

/// What one command carries; servers take 48 MB.
const COMMAND_BYTES_MAX: usize = 16 << 20;

/// Between two tries of one operation: the first wait, doubled each time.
const AGAIN_FIRST: Duration = Duration::from_millis(50);

/// A database that answers, or did when it was last asked.
pub(crate) struct Mongo {
    client: Client,
    database: Database,
    address: Address,
}

/// What became of writes: how many, and how many of them changed nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) writes: u64,
    pub(crate) outdated: u64,
}

// === impl Mongo ===

impl Mongo {
    /// Prepares the connection; the server is not asked yet (but DNS may be).
    pub(crate) async fn connect(address: &Address) -> Result<Mongo, Fault> {
        let limit = Instant::now() + address.timeout();
        let options = timeout_at(limit, ClientOptions::parse(address.uri()).into_future());
        let mut options = match options.await {
            Ok(Ok(options)) => options,
            Ok(Err(error)) => return Err(address.fault(&error)),
            Err(_) => return Err(fault::late("its name was not found in time")),
        };
        options.app_name.get_or_insert_with(|| "armedmusic".to_owned());
        options.connect_timeout = Some(address.timeout());
        options.server_selection_timeout = Some(address.timeout());
        options.heartbeat_freq.get_or_insert(Duration::from_secs(2));
        let majority = WriteConcern::builder().w(Acknowledgment::Majority).build();
        options.write_concern = Some(majority);
        options.read_concern = Some(ReadConcern::majority());
        let client = Client::with_options(options).map_err(|error| address.fault(&error))?;
        let database = client.database(address.database());
        Ok(Mongo { client, database, address: address.clone() })
    }

    /// Sees that the server answers and may be written, and that collections, indexes and the layout's version are
    /// there.
    pub(crate) async fn prepare(&self) -> Result<(), Fault> {
        self.check_version().await?;
        for table in Table::ALL {
            let removed = doc! {
                "key": { "removed_at": 1 },
                "name": "removed",
                "expireAfterSeconds": TOMBSTONE_KEPT.as_secs() as i64,
            };
            let mut indexes = vec![Bson::from(removed)];
            if let Some(kept) = table.kept() {
                indexes.push(Bson::from(doc! {
                    "key": { "written_at": 1 },
                    "name": "kept",
                    "expireAfterSeconds": kept.as_secs() as i64,
                }));
            }
            let command = doc! { "createIndexes": table.name(), "indexes": indexes };
            self.run(command).await?;
        }
        Ok(())
    }

    async fn check_version(&self) -> Result<(), Fault> {
        let command = doc! {
            "findAndModify": SCHEMA_COLLECTION,
            "query": { "_id": "schema" },
            "update": { "$setOnInsert": { "version": SCHEMA } },
            "upsert": true,
            "new": true,
            "writeConcern": { "w": "majority" },
        };
        let reply = self.run(command).await?;
        let found = reply
            .get_document("value")
            .ok()
            .and_then(|found| documents::integer(found.get("version")?));
        match found {
            Some(version) if version <= SCHEMA => Ok(()),
            Some(version) => Err(crate::fault::fatal(format!(
                "the database in MongoDB was written by a newer version (layout {version}, this one knows {SCHEMA}): \
                 install that version again, or name another database"
            ))),
            None => Err(crate::fault::fatal(format!(
                "the collection {SCHEMA_COLLECTION} in MongoDB does not hold our version: name another database"
            ))),
        }
    }

    /// Writes rows of any tables, each by itself; order is kept within a table. Repeating it changes nothing.
    pub(crate) async fn write(&self, rows: Vec<Row>) -> Result<Outcome, Fault> {
        let mut outcome = Outcome::default();
        for command in documents::updates(rows)? {
            let mut command = command;
            command.insert("writeConcern", doc! { "w": "majority" });
            outcome.add(documents::outcome(&self.run(command).await?)?);
        }
        Ok(outcome)
    }

    /// Writes everything or nothing.
    pub(crate) async fn write_together(&self, rows: Vec<Row>) -> Result<Outcome, Fault> {
        if rows.len() < 2 {
            return self.write(rows).await;
        }
        let commands = documents::updates(rows)?;
        self.again(|| self.transaction(&commands).boxed()).await
    }

    async fn transaction(&self, commands: &[Document]) -> Result<Outcome, Fault> {
        let to_fault = |error: mongodb::error::Error| self.address.fault(&error);
        let mut session = self.client.start_session().await.map_err(to_fault)?;
        session.start_transaction().await.map_err(to_fault)?;
        let mut outcome = Outcome::default();
        for command in commands {
            let reply = self.database.run_command(command.clone()).session(&mut session).await;
            let written = reply.map_err(to_fault).and_then(|reply| documents::outcome(&reply));
            match written {
                Ok(written) => outcome.add(written),
                Err(fault) => {
                    // the server aborts by itself when it does not hear of it
                    drop(session.abort_transaction().await);
                    return Err(fault);
                }
            }
        }
        session.commit_transaction().await.map_err(to_fault)?;
        Ok(outcome)
    }

    pub(crate) async fn read(
        &self,
        table: Table,
        key: &str,
        meter: &Meter,
    ) -> Result<Option<Row>, Fault> {
        let found = self.again(|| self.find(table, key).boxed()).await?;
        Ok(found.and_then(|found| documents::row(table, found, meter)))
    }

    async fn find(&self, table: Table, key: &str) -> Result<Option<Document>, Fault> {
        let collection = self.database.collection::<Document>(table.name());
        let found = collection.find_one(doc! { "_id": key }).await;
        found.map_err(|error| self.address.fault(&error))
    }

    pub(crate) async fn page(
        &self,
        table: Table,
        after: Option<&str>,
        meter: &Meter,
    ) -> Result<Page, Fault> {
        let after = after.unwrap_or_default();
        let page = || {
            let page = self.page_once(table, after, meter);
            page.map(|page| page.map_err(|error| self.address.fault(&error))).boxed()
        };
        self.again(page).await
    }

    async fn page_once(
        &self,
        table: Table,
        after: &str,
        meter: &Meter,
    ) -> Result<Page, mongodb::error::Error> {
        let collection = self.database.collection::<Document>(table.name());
        let find = collection.find(doc! { "_id": { "$gt": after } }).sort(doc! { "_id": 1 });
        let mut found = find.limit(PAGE_ROWS_MAX as i64).await?;
        let mut rows = Vec::new();
        let mut last = None;
        let mut n_bytes = 0;
        let mut n_rows = 0;
        while let Some(document) = found.try_next().await? {
            n_bytes += documents::n_bytes(&document);
            n_rows += 1;
            last = document.get_str("_id").ok().map(str::to_owned);
            rows.extend(documents::row(table, document, meter));
            if n_bytes >= PAGE_BYTES_MAX {
                return Ok(Page { rows, after: last });
            }
        }
        Ok(Page { rows, after: last.filter(|_| n_rows == PAGE_ROWS_MAX) })
    }

    /// Documents of any collection, as JSON, each given to `take`; how many it were.
    pub(crate) async fn each(
        &self,
        collection: &str,
        take: &mut (dyn FnMut(serde_json::Value) + Send),
    ) -> Result<u64, Fault> {
        let to_fault = |error: mongodb::error::Error| self.address.fault(&error);
        let collection = self.database.collection::<Document>(collection);
        let mut found = collection.find(doc! {}).await.map_err(to_fault)?;
        let mut n_documents = 0;
        loop {
            let limit = Instant::now() + self.address.timeout();
            let document = match timeout_at(limit, found.try_next()).await {
                Ok(document) => document.map_err(to_fault)?,
                Err(_) => return Err(fault::late("no answer in time")),
            };
            let Some(document) = document else { return Ok(n_documents) };
            n_documents += 1;
            take(documents::foreign(Bson::Document(document)));
        }
    }

    pub(crate) async fn collections(&self) -> Result<Vec<String>, Fault> {
        let names = self.database.list_collection_names().await;
        names.map_err(|error| self.address.fault(&error))
    }

    async fn run(&self, command: Document) -> Result<Document, Fault> {
        self.again(|| self.run_once(command.clone()).boxed()).await
    }

    async fn run_once(&self, command: Document) -> Result<Document, Fault> {
        let reply = self.database.run_command(command).await;
        let reply = reply.map_err(|error| self.address.fault(&error))?;
        documents::complaints(&reply)?;
        Ok(reply)
    }

    /// Tries until it works, as long as an operation may take. Everything here may be repeated.
    async fn again<'a, T>(
        &self,
        operation: impl Fn() -> BoxFuture<'a, Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let limit = Instant::now() + self.address.timeout();
        let mut wait = AGAIN_FIRST;
        loop {
            let fault = match timeout_at(limit, operation()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(fault)) => fault,
                Err(_) => return Err(fault::late("no answer in time")),
            };
            let is_worth_it = fault.is_retryable() && Instant::now() + wait < limit;
            if !is_worth_it || fault.reason == Reason::Timeout {
                return Err(fault);
            }
            sleep(wait).await;
            wait *= 2;
        }
    }
}

// === impl Outcome ===

impl Outcome {
    fn add(&mut self, other: Outcome) {
        self.writes += other.writes;
        self.outdated += other.outdated;
    }
}

#[cfg(test)]
mod tests;
