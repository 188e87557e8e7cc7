//! The lease beside the layout's version: `{_id: "lease", owner, count}`, without an owner when nobody has it.

use domain::Fault;
use domain::lease::{Lease, Owner};
use mongodb::bson::{Bson, Document, doc};

use super::{Mongo, SCHEMA_COLLECTION, documents};

const ID: &str = "lease";

// === impl Mongo ===

impl Mongo {
    /// What lies there. Asked as a change that changes nothing, so that the primary answers.
    pub(crate) async fn lease(&self) -> Result<Lease, Fault> {
        let command = doc! {
            "findAndModify": SCHEMA_COLLECTION,
            "query": { "_id": ID },
            "update": { "$setOnInsert": { "owner": Bson::Null, "count": 0_i64 } },
            "upsert": true,
            "new": true,
            "writeConcern": { "w": "majority" },
        };
        let reply = self.run(command).await?;
        read(&reply).ok_or_else(|| {
            crate::fault::fatal(format!(
                "the collection {SCHEMA_COLLECTION} in MongoDB does not hold our lease: name another database"
            ))
        })
    }

    /// Puts one in place of another, if that is there; whether it was.
    pub(crate) async fn replace_lease(&self, from: Lease, to: Lease) -> Result<bool, Fault> {
        let command = doc! {
            "findAndModify": SCHEMA_COLLECTION,
            "query": { "_id": ID, "owner": owner(from), "count": count(from) },
            "update": { "$set": { "owner": owner(to), "count": count(to) } },
            "new": true,
            "writeConcern": { "w": "majority" },
        };
        // once: a second try would not find what the first one replaced
        let reply = self.run_once(command).await?;
        Ok(read(&reply) == Some(to))
    }

    pub(crate) async fn release_lease(&self, me: Owner) -> Result<(), Fault> {
        let mine = owner(Lease { owner: Some(me), count: 0 });
        let command = doc! {
            "findAndModify": SCHEMA_COLLECTION,
            "query": { "_id": ID, "owner": mine },
            "update": { "$set": { "owner": Bson::Null } },
            "writeConcern": { "w": "majority" },
        };
        self.run(command).await.map(drop)
    }
}

fn owner(lease: Lease) -> Bson {
    lease.owner.map_or(Bson::Null, |Owner(number)| Bson::Int64(number as i64))
}

fn count(lease: Lease) -> i64 {
    lease.count as i64
}

fn read(reply: &Document) -> Option<Lease> {
    let found = reply.get_document("value").ok()?;
    let number = |key| documents::integer(found.get(key)?).and_then(|n| u64::try_from(n).ok());
    let count = number("count")?;
    Some(Lease { owner: number("owner").map(Owner), count })
}
