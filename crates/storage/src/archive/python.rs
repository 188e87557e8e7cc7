//! What the Python bot kept in MongoDB.
//!
//! Each of its collections is taken document by document, as `mongoexport` writes them (a JSON object on each line) or
//! straight from its database. What has a place here is taken, what has none is counted and told. Everything gets
//! revision 1, so what this bot already knows is never replaced.

use std::collections::BTreeMap;

use domain::Fault;
use domain::permission::Controls;
use serde_json::Value;

use crate::archive::{Counts, keep};
use crate::mongo::{Address, Mongo, SCHEMA_COLLECTION};
use crate::record::Write;
use crate::schema::{
    self, Assignment, Authorised, Block, ChatSettings, Person, PlayMode, Players, Statistic,
    Subject, Sudo,
};
use crate::store::Store;
use crate::table::Table;

/// Its collections, those first that are taken.
pub const COLLECTIONS: [&str; 17] = [
    "adminauth",
    "authuser",
    "assistants",
    "blacklistChat",
    "blockedusers",
    "chats",
    "cplaymode",
    "gban",
    "language",
    "playmode",
    "playtypedb",
    "skipmode",
    "sudoers",
    "tgusersdb",
    "upcount",
    // what only made sense in its process
    "autoend",
    "onoffper",
];

/// Collects documents until all are there: one chat's settings are spread over many collections.
#[derive(Debug, Default)]
pub struct Python {
    chats: BTreeMap<i64, ChatSettings>,
    authorised: BTreeMap<i64, Authorised>,
    assignments: BTreeMap<i64, Assignment>,
    blocks: BTreeMap<i64, Block>,
    sudo: Vec<i64>,
    met: Vec<String>,
    converted: Converted,
}

/// What became of the documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Converted {
    /// Records that came of them, by table.
    pub records: Counts,
    /// Documents that were taken, by collection.
    pub taken: BTreeMap<String, u64>,
    /// Documents of collections that have no place here, or of which nothing was understood, by collection.
    pub left: BTreeMap<String, u64>,
    /// Fields that were passed over, as collection.field.
    pub unknown: BTreeMap<String, u64>,
}

/// A document whose fields are taken one by one, so that the rest is known.
struct Fields(BTreeMap<String, Value>);

// === impl Python ===

impl Python {
    /// Takes one document of `collection`.
    pub fn take(&mut self, collection: &str, document: Value) {
        let mut fields = match document {
            Value::Object(fields) => Fields(fields.into_iter().collect()),
            _ => Fields(BTreeMap::new()),
        };
        fields.0.remove("_id");
        let is_taken = self.understand(collection, &mut fields).is_some();
        let Converted { taken, left, unknown, .. } = &mut self.converted;
        let counted = if is_taken { taken } else { left };
        *counted.entry(collection.to_owned()).or_default() += 1;
        // of a document that is left, everything is left
        for name in fields.0.into_keys().filter(|_| is_taken) {
            *unknown.entry(format!("{collection}.{name}")).or_default() += 1;
        }
    }

    /// Takes everything from the Python bot's own database. It is only read.
    pub async fn take_from(&mut self, address: &Address) -> Result<(), Fault> {
        let mongo = Mongo::connect(address).await?;
        for collection in mongo.collections().await? {
            // both bots may share a database; what is ours is there already
            if Table::named(&collection).is_none() && collection != SCHEMA_COLLECTION {
                mongo.each(&collection, &mut |document| self.take(&collection, document)).await?;
            }
        }
        Ok(())
    }

    /// `None` when nothing of it has a place here.
    fn understand(&mut self, collection: &str, fields: &mut Fields) -> Option<()> {
        match collection {
            "chats" => drop(self.chat(fields)?),
            // in these chats everybody controls the music
            "adminauth" => self.chat(fields)?.controls = Some(Controls::Everyone),
            "language" => {
                let language = fields.text(&["lang", "language"])?;
                self.chat(fields)?.language = Some(language);
            }
            "cplaymode" => {
                let channel = fields.number(&["mode", "channel"])?;
                self.chat(fields)?.channel = Some(channel);
            }
            "playmode" => {
                let mode = match fields.text(&["mode"])?.to_lowercase().as_str() {
                    "direct" => PlayMode::Direct,
                    _ => PlayMode::Choice,
                };
                self.chat(fields)?.play_mode = Some(mode);
            }
            "playtypedb" => {
                let players = match fields.text(&["mode"])?.to_lowercase().as_str() {
                    "everyone" => Players::Everyone,
                    _ => Players::Admins,
                };
                self.chat(fields)?.players = Some(players);
            }
            // a chat in this collection has switched voting off
            "skipmode" => self.chat(fields)?.skip_votes = Some(0),
            "upcount" => {
                let votes = u16::try_from(fields.number(&["mode", "count"])?).ok()?;
                let chat = self.chat(fields)?;
                // off stays off
                chat.skip_votes.get_or_insert(votes);
            }
            "assistants" => {
                let assistant =
                    u32::try_from(fields.number(&["assistant"])?).ok().filter(|n| *n > 0)?;
                let chat = fields.number(&["chat_id"])?;
                self.assignments.insert(chat, Assignment { assistant });
            }
            "authuser" => self.authorise(fields)?,
            "blacklistChat" => self.block(fields.number(&["chat_id"])?, Subject::Chat),
            "blockedusers" => self.block(fields.number(&["user_id"])?, Subject::User),
            "gban" => self.block(fields.number(&["user_id"])?, Subject::UserEverywhere),
            "sudoers" => {
                fields.0.remove("sudo");
                let people = fields.0.remove("sudoers")?;
                self.sudo.extend(people.as_array()?.iter().filter_map(number).filter(|id| *id > 0));
            }
            "tgusersdb" => {
                let user = fields.number(&["user_id"])?;
                self.met.push(format!("user:{user}"));
            }
            _ => return None,
        }
        Some(())
    }

    fn chat(&mut self, fields: &mut Fields) -> Option<&mut ChatSettings> {
        let chat = fields.number(&["chat_id"])?;
        Some(self.chats.entry(chat).or_default())
    }

    fn block(&mut self, id: i64, subject: Subject) {
        let block = self.blocks.entry(id).or_insert(Block { subject, why: None, since: 0 });
        if subject == Subject::UserEverywhere {
            block.subject = subject;
        }
    }

    fn authorise(&mut self, fields: &mut Fields) -> Option<()> {
        let notes = fields.0.remove("notes")?;
        let chat = fields.number(&["chat_id"])?;
        let people = notes.as_object()?.values().filter_map(|note| {
            Some(Person {
                user: number(note.get("auth_user_id")?)?,
                name: note.get("auth_name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                by: note.get("admin_id").and_then(number),
            })
        });
        self.authorised.entry(chat).or_default().people.extend(people);
        Some(())
    }

    /// Writes what was taken; what `store` knows already stays as it is.
    pub async fn import(self, store: &Store) -> Result<Converted, Fault> {
        let (writes, mut converted) = self.finish();
        for write in &writes {
            *converted.records.entry(write.table().name()).or_default() += 1;
        }
        keep(store, writes).await?;
        Ok(converted)
    }

    fn finish(self) -> (Vec<Write>, Converted) {
        let Python { chats, authorised, assignments, blocks, sudo, met, converted } = self;
        let mut writes = Vec::new();
        let mut put = |table: Table, key: String, value: Value| {
            writes.push(Write::put(table, key, 1, value));
        };
        for (chat, settings) in chats {
            put(Table::Settings, chat.to_string(), schema::write(&settings));
        }
        for (chat, people) in authorised {
            put(Table::Authorised, chat.to_string(), schema::write(&people));
        }
        for (chat, assignment) in assignments {
            put(Table::Assignments, chat.to_string(), schema::write(&assignment));
        }
        for (id, block) in blocks {
            put(Table::Blocks, id.to_string(), schema::write(&block));
        }
        for user in sudo {
            put(Table::Sudo, user.to_string(), schema::write(&Sudo::default()));
        }
        for subject in met {
            put(Table::Statistics, subject, schema::write(&Statistic::default()));
        }
        (writes, converted)
    }
}

// === impl Fields ===

impl Fields {
    fn number(&mut self, names: &[&str]) -> Option<i64> {
        names.iter().find_map(|name| self.0.remove(*name)).as_ref().and_then(number)
    }

    fn text(&mut self, names: &[&str]) -> Option<String> {
        let value = names.iter().find_map(|name| self.0.remove(*name))?;
        value.as_str().map(str::to_owned)
    }
}

/// A whole number in any of the forms that MongoDB's tools write.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.parse().ok(),
        Value::Object(wrapped) => {
            ["$numberLong", "$numberInt", "$numberDouble"].iter().find_map(|name| {
                let text = wrapped.get(*name)?.as_str()?;
                text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
            })
        }
        _ => None,
    }
}

/// A number that was typed into MongoDB's shell is one with a fraction; beyond 2^53 it is no id but an accident.
fn whole(number: f64) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
}
