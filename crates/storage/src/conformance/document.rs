//! The list as docs/storage.md: its words are kept, its table is drawn from what the engines did.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::SENTENCES;
use super::columns::{Column, On};

/// What is behind it is drawn.
const MARK: &str = "<!-- sentences -->\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_what_every_engine_does_is_what_they_do() {
    let columns =
        tokio::join!(Column::of(On::Embedded), Column::of(On::MongoDb), Column::of(On::Both));
    let columns = [columns.0, columns.1, columns.2];
    if columns.iter().any(Option::is_none) {
        let why = "skipped: no MongoDB here, its columns of docs/storage.md are not looked at";
        let _deaf = writeln!(std::io::stderr(), "{why}").is_err();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/storage.md");
    let kept = fs::read_to_string(&path).unwrap();
    let (words, table) = kept.split_once(MARK).expect("its table has a mark");
    let drawn = drawn(columns, table);
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(&path, format!("{words}{MARK}{drawn}")).unwrap();
    }
    for (kept, drawn) in table.lines().zip(drawn.lines()) {
        assert_eq!(kept, drawn, "UPDATE=1 cargo test --workspace what_every_engine_does");
    }
    assert_eq!(table, drawn, "UPDATE=1 cargo test --workspace what_every_engine_does");
}

/// Where nothing was found out, what was found out before stands.
fn drawn(columns: [Option<&Column>; 3], kept: &str) -> String {
    let mut text = "| | embedded | MongoDB | both |\n|---|---|---|---|\n".to_owned();
    for (number, (sentence, _)) in SENTENCES.iter().enumerate() {
        let sentence = sentence.replace('_', " ");
        let before = kept.lines().find(|line| line.starts_with(&format!("| {sentence} |")));
        let before: Vec<&str> = before.map(|line| line.split(" | ").collect()).unwrap_or_default();
        text += &format!("| {sentence}");
        for (at, column) in columns.iter().enumerate() {
            let cell = match column.map(|column| column.holds(number)) {
                Some(true) => "holds",
                Some(false) => "**does not hold**",
                None => before.get(at + 1).map_or("not tried", |cell| cell.trim_end_matches(" |")),
            };
            text += &format!(" | {cell}");
        }
        text += " |\n";
    }
    text
}
