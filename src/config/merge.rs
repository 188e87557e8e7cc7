//! The operator's file over the defaults, key by key: what the defaults do not have is a mistake, not a wish.

use toml::{Table, Value};

use super::Mistake;

/// `own` over `defaults`, or every key that does not fit.
pub(super) fn over(mut defaults: Table, own: Table) -> Result<Table, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    merge("", &mut defaults, own, &mut mistakes);
    if mistakes.is_empty() { Ok(defaults) } else { Err(mistakes) }
}

fn merge(at: &str, defaults: &mut Table, own: Table, mistakes: &mut Vec<Mistake>) {
    for (name, value) in own {
        let key = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let known: Vec<String> = defaults.keys().cloned().collect();
        match (defaults.get_mut(&name), value) {
            (None, _) => mistakes.push(Mistake { fix: unknown(&name, &known), key }),
            (Some(Value::Table(inner)), Value::Table(own)) => merge(&key, inner, own, mistakes),
            (Some(default), value) if same_kind(default, &value) => *default = value,
            (Some(default), value) => mistakes.push(Mistake {
                key,
                fix: format!("must be {}, but is {}", kind(default), kind(&value)),
            }),
        }
    }
}

fn unknown(name: &str, known: &[String]) -> String {
    match known
        .iter()
        .min_by_key(|candidate| distance(candidate, name))
        .filter(|near| distance(near, name) <= 3)
    {
        Some(near) => format!("there is no such key; did you mean {near:?}?"),
        None => format!("there is no such key here; known are {}", known.join(", ")),
    }
}

fn same_kind(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list in brackets",
        Value::Table(_) => "a section",
    }
}

/// Levenshtein's distance; names are short.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
