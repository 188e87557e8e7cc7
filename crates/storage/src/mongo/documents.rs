//! Records as documents.

use std::time::SystemTime;

use domain::Fault;
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::{Number, Value};

use super::{COMMAND_BYTES_MAX, Outcome, fault};
use crate::meter::Meter;
use crate::record::{Prepared, Row};
use crate::table::Table;

/// Values deeper than this, or larger than this as BSON, are kept as text: MongoDB refuses documents of 100 levels or
/// 16 MiB.
const DEPTH_MAX: usize = 80;
const BSON_MAX_BYTES: usize = 12 << 20;

/// Commands that write `rows`, a table after the other.
pub(super) fn updates(rows: Vec<Row>) -> Result<Vec<Document>, Fault> {
    let mut commands = Vec::new();
    for table in Table::ALL {
        let mut updates = Vec::new();
        let mut n_bytes = 0;
        for row in rows.iter().filter(|row| row.table == table) {
            let document = document(row.clone())?;
            let document_bytes = self::n_bytes(&document);
            if !updates.is_empty() && n_bytes + document_bytes > COMMAND_BYTES_MAX {
                commands.push(command(table, std::mem::take(&mut updates)));
                n_bytes = 0;
            }
            n_bytes += document_bytes;
            updates.push(update(document));
        }
        if !updates.is_empty() {
            commands.push(command(table, updates));
        }
    }
    Ok(commands)
}

fn command(table: Table, updates: Vec<Bson>) -> Document {
    doc! { "update": table.name(), "updates": updates, "ordered": true }
}

/// Takes the place of what is there when that is older; the server compares.
fn update(document: Document) -> Bson {
    let key = document.get("_id").cloned().unwrap_or(Bson::Null);
    let revision = document.get("revision").cloned().unwrap_or(Bson::Null);
    let is_newer = doc! { "$lt": [{ "$ifNull": ["$revision", -1_i64] }, revision] };
    let stage = doc! {
        "$replaceWith": { "$cond": [is_newer, { "$literal": document }, "$$ROOT"] }
    };
    Bson::from(doc! { "q": { "_id": key }, "u": [stage], "upsert": true })
}

fn document(row: Row) -> Result<Document, Fault> {
    let value = row.value.clone();
    let Prepared { key, revision, text, .. } = row.prepare()?;
    let now = DateTime::from_system_time(SystemTime::now());
    let mut document = doc! { "_id": key, "revision": revision, "written_at": now };
    let (Some(value), Some(text)) = (value, text) else {
        document.insert("removed_at", now);
        return Ok(document);
    };
    match to_bson(&value, DEPTH_MAX) {
        // its form of a list repeats every index, so only what is large already can become too large
        Some(bson) if text.len() < BSON_MAX_BYTES / 20 || is_small(&bson) => {
            document.insert("value", bson);
        }
        _ => {
            document.insert("json", text);
        }
    }
    Ok(document)
}

fn is_small(bson: &Bson) -> bool {
    n_bytes(&doc! { "value": bson.clone() }) < BSON_MAX_BYTES
}

pub(super) fn n_bytes(document: &Document) -> usize {
    document.to_vec().map_or(0, |bytes| bytes.len())
}

/// `None` for what a document cannot hold as it is: strange names, numbers above 63 bits, too many levels.
fn to_bson(value: &Value, levels: usize) -> Option<Bson> {
    Some(match value {
        Value::Null => Bson::Null,
        Value::Bool(flag) => Bson::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Bson::Int64(number),
            None if number.is_f64() => Bson::Double(number.as_f64()?),
            None => return None,
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(list) => {
            let levels = levels.checked_sub(1)?;
            Bson::Array(list.iter().map(|item| to_bson(item, levels)).collect::<Option<_>>()?)
        }
        Value::Object(fields) => {
            let levels = levels.checked_sub(1)?;
            let mut document = Document::new();
            for (name, field) in fields {
                if name.is_empty() || name.starts_with('$') || name.contains(['.', '\0']) {
                    return None;
                }
                document.insert(name, to_bson(field, levels)?);
            }
            Bson::Document(document)
        }
    })
}

/// `None` when it is nothing that we write.
fn from_bson(bson: Bson) -> Option<Value> {
    Some(match bson {
        Bson::Null => Value::Null,
        Bson::Boolean(flag) => Value::Bool(flag),
        Bson::Int32(number) => Value::from(number),
        Bson::Int64(number) => Value::from(number),
        Bson::Double(number) => Value::Number(Number::from_f64(number)?),
        Bson::String(text) => Value::String(text),
        Bson::Array(list) => Value::Array(list.into_iter().map(from_bson).collect::<Option<_>>()?),
        Bson::Document(document) => {
            let fields = document.into_iter().map(|(name, field)| Some((name, from_bson(field)?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// Anybody's document. What JSON does not know becomes nothing.
pub(super) fn foreign(bson: Bson) -> Value {
    match bson {
        Bson::Array(list) => list.into_iter().map(foreign).collect(),
        Bson::Document(document) => Value::Object(
            document.into_iter().map(|(name, field)| (name, foreign(field))).collect(),
        ),
        other => from_bson(other).unwrap_or(Value::Null),
    }
}

/// The row in a document; one that is not ours is told and left alone.
pub(super) fn row(table: Table, mut document: Document, meter: &Meter) -> Option<Row> {
    let key = document.get_str("_id").ok()?.to_owned();
    let read = || {
        let revision = u64::try_from(integer(document.get("revision")?)?).ok()?;
        let value = match (document.remove("value"), document.remove("json")) {
            (Some(bson), None) => Some(from_bson(bson)?),
            (None, Some(Bson::String(text))) => Some(serde_json::from_str(&text).ok()?),
            (None, None) if document.contains_key("removed_at") => None,
            _ => return None,
        };
        Some(Row { table, key: key.clone(), revision, value })
    };
    let mut read = read;
    let row = read();
    if row.is_none() {
        meter.quarantined();
        tracing::warn!(%table, key, "a document in MongoDB is not one of ours and is passed over");
    }
    row
}

pub(super) fn integer(bson: &Bson) -> Option<i64> {
    match bson {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        // a shell writes numbers like this
        Bson::Double(number) if number.fract() == 0.0 => Some(*number as i64),
        _ => None,
    }
}

/// Errors that stand in an answer that says ok.
pub(super) fn complaints(reply: &Document) -> Result<(), Fault> {
    let first = reply.get_array("writeErrors").ok().and_then(|errors| errors.first());
    let write = first.and_then(Bson::as_document);
    let Some(error) = write.or_else(|| reply.get_document("writeConcernError").ok()) else {
        return Ok(());
    };
    let code = error.get("code").and_then(integer).unwrap_or_default();
    let message = error.get_str("errmsg").unwrap_or_default();
    Err(fault::from_code(i32::try_from(code).unwrap_or_default(), message))
}

/// How many writes an update's answer speaks of, and how many changed nothing.
pub(super) fn outcome(reply: &Document) -> Result<Outcome, Fault> {
    complaints(reply)?;
    let number = |name| {
        let number = reply.get(name).and_then(integer).unwrap_or_default();
        u64::try_from(number).unwrap_or_default()
    };
    let upserted = reply.get_array("upserted").map_or(0, |upserted| upserted.len() as u64);
    let writes = number("n");
    Ok(Outcome { writes, outdated: writes.saturating_sub(number("nModified") + upserted) })
}
