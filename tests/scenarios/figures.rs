//! What the scenarios measure, kept for docs/faults.md.
//!
//! One fault is one file of one JSON line under `target/faults`: a later run replaces an earlier one, and scenarios
//! that run at the same time never write into each other.

use std::fs;
use std::path::{Path, PathBuf};

/// Keeps a figure: the row of the fault table ("9", "9a"), the fault in words, what was measured and what was promised.
pub(crate) fn record(row: &str, fault: &str, measured: &str, target: &str) {
    let line =
        serde_json::json!({ "row": row, "fault": fault, "measured": measured, "target": target });
    write(&folder("faults"), &name_of(row, fault), &format!("{line}\n"));
}

/// Where the figures of one table wait.
pub(crate) fn folder(table: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.expect("the folder for tests lies in target").join(table)
}

pub(crate) fn name_of(row: &str, fault: &str) -> String {
    let plain = |text: &str| -> String {
        let letters = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        letters.collect::<String>().to_lowercase()
    };
    format!("{:0>3}-{}.jsonl", plain(row), plain(fault))
}

pub(crate) fn write(folder: &Path, name: &str, line: &str) {
    fs::create_dir_all(folder).expect("cargo's own folder can be written");
    fs::write(folder.join(name), line).expect("cargo's own folder can be written");
}

#[test]
fn a_later_figure_of_the_same_fault_replaces_the_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let name = name_of("9", "a storm of 10,000 a second");
    write(folder.path(), &name, "1\n");
    write(folder.path(), &name, "2\n");
    write(folder.path(), &name_of("10", "a storm of 10,000 a second"), "3\n");
    assert_eq!(fs::read_to_string(folder.path().join(&name)).unwrap(), "2\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Rows of the fault table that are measured here; the others need a store or services that are not there yet.
const ROWS: [&str; 17] =
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "18", "19", "22", "24", "25", "26", "34"];

const HEAD: &str = "# Faults

What the scenarios did to the bot and what came of it. Drawn by the scenarios themselves, in a debug build, on whatever
machine ran them last: `cargo test --workspace --test scenarios`, then `UPDATE=1 cargo test --workspace --test scenarios
fault_table`.

| row | fault | measured | promised |
|---|---|---|---|
";

/// The number in front of a row's name, so that 10 comes after 9.
fn number(row: &str) -> u32 {
    row.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(u32::MAX)
}

/// What was kept for one table.
pub(crate) fn rows(table: &str) -> Vec<serde_json::Value> {
    let files = fs::read_dir(folder(table)).into_iter().flatten().flatten();
    let lines = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
}

fn drawn() -> String {
    let mut rows = rows("faults");
    let text =
        |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.sort_by_key(|row| (number(&text(row, "row")), text(row, "row"), text(row, "fault")));
    let line = |row: &serde_json::Value| {
        let cells = ["row", "fault", "measured", "target"].map(|key| text(row, key));
        format!("| {} |\n", cells.join(" | "))
    };
    HEAD.to_owned() + &rows.iter().map(line).collect::<String>()
}

#[test]
fn the_fault_table_has_a_figure_for_every_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, drawn()).expect("docs can be written");
    }
    let table = fs::read_to_string(&path).expect("docs/faults.md is there");
    assert!(table.starts_with(HEAD), "drawn by this test, not by hand");
    for row in ROWS {
        let has =
            |line: &str| line.strip_prefix("| ").is_some_and(|rest| number(rest) == number(row));
        assert!(table.lines().any(has), "row {row} has no figure");
    }
}
