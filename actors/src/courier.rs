//! The courier: carries sessions between their accounts and the store, on machines whose disk does not last.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Fault;
use storage::schema::{self, SealedSession};
use storage::{Table, Write};
use telegram::{Carried, Carrier, Parcel, Part};

use crate::shelf::Shelf;

/// How long the store may take to open before whoever asks is told, and asks again.
const OPEN_MAX: Duration = Duration::from_secs(60);
/// How long one commit is tried; the session tries again with its next change.
const COMMIT_MAX: Duration = Duration::from_secs(8);

/// Carries one account's session.
pub(crate) struct Courier {
    shelf: Shelf,
    /// Of the account; its records' keys begin with it.
    name: String,
}

// === impl Courier ===

impl Courier {
    pub(crate) fn new(shelf: Shelf, name: String) -> Courier {
        Courier { shelf, name }
    }

    fn key(&self, part: Part) -> String {
        let part = match part {
            Part::Login => "login",
            Part::Place => "place",
        };
        format!("{}/{part}", self.name)
    }

    async fn read(&self) -> Result<Vec<Parcel>, Fault> {
        let store = self.shelf.open(OPEN_MAX).await?;
        let mut parcels = Vec::new();
        for part in [Part::Login, Part::Place] {
            let Some(record) = store.read(Table::Sessions, &self.key(part)).await? else {
                continue;
            };
            let revision = record.revision;
            let SealedSession { bytes } = schema::read(record.value)?;
            // whoever reads the bytes says what is wrong with them
            let bytes = STANDARD.decode(bytes).unwrap_or_default();
            parcels.push(Parcel { part, revision, bytes });
        }
        Ok(parcels)
    }
}

impl Carrier for Courier {
    fn fetch(&self) -> Carried<'_, Vec<Parcel>> {
        Box::pin(self.read())
    }

    fn put(&self, parcels: Vec<Parcel>) -> Carried<'_, ()> {
        let write = |Parcel { part, revision, bytes }: Parcel| {
            let sealed = SealedSession { bytes: STANDARD.encode(bytes) };
            Write::put(Table::Sessions, self.key(part), revision, schema::write(&sealed))
        };
        let writes = parcels.into_iter().map(write).collect();
        Box::pin(self.shelf.commit(writes, COMMIT_MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_was_carried_to_the_store_is_brought_back() {
        let folder = tempfile::tempdir().expect("the system has a temporary directory");
        let opened = storage::open(storage::Settings::embedded(folder.path())).await;
        let (store, driver) = opened.expect("the directory is ours");
        let shelf = Shelf::new();
        let courier = Arc::new(Courier::new(shelf.clone(), "assistant-3".to_owned()));
        let one_more = courier.clone();
        let early = async move { one_more.fetch().await };
        let working = async {
            shelf.put(Some(store.clone()));
            let login = Parcel { part: Part::Login, revision: 4, bytes: vec![0, 255, 7] };
            let place = Parcel { part: Part::Place, revision: 4, bytes: vec![1] };
            courier.put(vec![login.clone(), place.clone()]).await.expect("it is kept");
            let older = Parcel { revision: 3, bytes: vec![9], ..place.clone() };
            courier.put(vec![older]).await.expect("it changes nothing");
            assert_eq!(courier.fetch().await, Ok(vec![login, place]));
            let other = Courier::new(shelf.clone(), "assistant-33".to_owned());
            assert_eq!(other.fetch().await, Ok(Vec::new()), "another account's");
            store.close().await;
        };
        let all = async { tokio::join!(early, driver.run(), working) };
        let (asked_early, ended, ()) = tokio::time::timeout(PATIENCE, all).await.expect("it ends");
        assert!(asked_early.is_ok(), "who asks early waits for the store: {asked_early:?}");
        assert_eq!(ended, Ok(()));
    }
}
