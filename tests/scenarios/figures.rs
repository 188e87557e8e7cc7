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
    write(&folder(), &name_of(row, fault), &format!("{line}\n"));
}

fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.expect("the folder for tests lies in target").join("faults")
}

fn name_of(row: &str, fault: &str) -> String {
    let plain = |text: &str| -> String {
        let letters = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        letters.collect::<String>().to_lowercase()
    };
    format!("{:0>3}-{}.jsonl", plain(row), plain(fault))
}

fn write(folder: &Path, name: &str, line: &str) {
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
