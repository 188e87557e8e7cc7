//! The outage table, docs/bad-days.md: what the scenarios of this chapter measured.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use simulator::listener::Packet;

use crate::figures;
use crate::process::Process;

/// Its folder under target, and what it is called in docs.
const NAME: &str = "bad-days";

/// What applications make up for.
const INAUDIBLE_MAX: Duration = Duration::from_millis(200);

/// Every row that has to be there, in the order of the table.
const DAYS: [&str; 17] = [
    "MongoDB is down at the start",
    "MongoDB dies in the middle",
    "MongoDB takes 2 s for every operation",
    "MongoDB is not primary",
    "MongoDB refuses the password",
    "MongoDB is too old",
    "the file was written by a newer version",
    "the disk is full",
    "the state directory cannot be written",
    "a bit flips in a chat's record",
    "the file was cut off in the middle",
    "the file was overwritten with rubbish",
    "a second process is started in the same state directory",
    "the clock jumps an hour ahead",
    "the clock jumps an hour back",
    "10,000 tracks wait in one chat",
    "a group becomes a supergroup",
];

const HEAD: &str = "# Bad days

What happens to the state on a bad day, to the music, and to whoever looks after the bot. Drawn by the scenarios
themselves (`tests/scenarios/bad_days`), in a debug build, on whatever machine ran them last: `cargo test --workspace
--test scenarios bad_days`, then `UPDATE=1 cargo test --workspace --test scenarios outage_table`. Those with a MongoDB need
SecantusDB (`.ci/parts`).

The longest pause is between two packets that a listener in the voice chat received, 20 ms on a good day; applications
make up for some 200 ms. A lost write is one that people were told of and that a restart did not find again, unless the
table says otherwise.

| bad day | what the listener noticed | writes lost | what the operator is told |
|---|---|---|---|
";

/// Keeps a row.
pub(super) fn record(day: &str, noticed: &str, lost: &str, told: &str) {
    assert!(DAYS.contains(&day), "{day} has no place in the table");
    let line = serde_json::json!({ "day": day, "noticed": noticed, "lost": lost, "told": told });
    figures::write(&figures::folder(NAME), &figures::name_of("", day), &format!("{line}\n"));
}

/// What reached a listener, between two moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noticed {
    pause: Duration,
    n_received: usize,
    /// What was sent and did not come, and what a clock left out.
    n_missing: u64,
}

// === impl Noticed ===

impl Noticed {
    pub(super) fn between(packets: &[Packet]) -> Noticed {
        let pauses = packets.windows(2).map(|two| two[1].arrival.duration_since(two[0].arrival));
        let gap = |two: &[Packet]| match two[1].seq.wrapping_sub(two[0].seq) {
            gap @ 1..1_000 if two[0].ssrc == two[1].ssrc => u64::from(gap) - 1,
            _ => 0,
        };
        Noticed {
            pause: pauses.max().unwrap_or_default(),
            n_received: packets.len(),
            n_missing: packets.windows(2).map(gap).sum(),
        }
    }

    pub(super) fn n_missing(&self) -> u64 {
        self.n_missing
    }
}

impl fmt::Display for Noticed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_nothing = self.pause <= INAUDIBLE_MAX && self.n_missing == 0;
        let what = if is_nothing { "nothing: " } else { "" };
        let (missing, sent) = (self.n_missing, self.n_received as u64 + self.n_missing);
        let pause = self.pause.as_millis();
        write!(f, "{what}{missing} of {sent} packets missing, longest pause {pause} ms")
    }
}

/// What the log says above INFO that has these words, without times and numbers.
pub(super) fn told(process: &Process, words: &str) -> String {
    let log = process.log();
    let line = log
        .iter()
        .find(|line| line.contains(words) && (line.contains("WARN") || line.contains("ERROR")));
    in_short(line.unwrap_or_else(|| panic!("no word of {words} in {log:#?}")))
}

/// `ERROR: message`, up to the first field.
fn in_short(line: &str) -> String {
    let level = if line.contains("ERROR") { "ERROR" } else { "WARN" };
    let said = line.split_once(level).map_or(line, |(_, said)| said).trim();
    // who says it is one word
    let who = said.split(' ').take_while(|word| word.ends_with(':') && word.len() > 1).count();
    let said = said.splitn(who + 1, ' ').last().unwrap_or_default();
    let is_field = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
    };
    let words: Vec<&str> = said.split(' ').take_while(|word| !is_field(word)).collect();
    format!("{level}: {}", words.join(" ").replace('|', "/"))
}

fn drawn() -> String {
    let rows = figures::rows(NAME);
    let text =
        |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let line = |day: &&str| {
        let row = rows.iter().find(|row| row["day"] == **day)?;
        let cells = ["day", "noticed", "lost", "told"].map(|key| text(row, key));
        Some(format!("| {} |\n", cells.join(" | ")))
    };
    HEAD.to_owned() + &DAYS.iter().filter_map(line).collect::<String>()
}

#[test]
fn the_outage_table_has_a_row_for_every_bad_day() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bad-days.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, drawn()).expect("docs can be written");
    }
    let table = std::fs::read_to_string(&path).expect("docs/bad-days.md is there");
    assert!(table.starts_with(HEAD), "drawn by this test, not by hand");
    let days: Vec<&str> = table[HEAD.len()..]
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .collect();
    assert_eq!(days, DAYS);
}

#[test]
fn a_line_is_told_without_its_time_and_its_fields() {
    let line = "2026-11-23T08:00:00Z ERROR root:store: actors::shelf: state cannot be written: make room fault=no room n=3";
    assert_eq!(in_short(line), "ERROR: state cannot be written: make room");
}
