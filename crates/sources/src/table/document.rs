//! docs/extractors.md: drawn from the rows, and compared with what is in the repository.

use std::fs;
use std::path::Path;

use super::play::{check, play, row, shown};
use super::ytdlp::{self, WAYS, Ytdlps};
use super::{Row, SHAPES, Shape};
use crate::stand_ins::ALL;

const HEAD: &str = "\
# Extractors

What each outside service can do, and what comes of each way in which services fail. Drawn by a test that plays all of
it with local stand-ins: `UPDATE=1 cargo test --workspace extractors_table`.

";

const FAILURES: &str = "
## When it fails

*retry* is worth asking again, or another instance; *wait* says how long; *refused* holds for this track; *fatal* is for
the operator: a key or an address is wrong. *renewed* means that a key or a token was fetched again and the answer came.
";

const OF_A_PROGRAM: &str = "
## When yt-dlp fails

It is a program and no host: it is kept loaded as a worker, and while there is no worker it is started for each question.
What a process does by itself, only the worker did here and the command was well; what a site does, both met.

";

#[tokio::test(flavor = "multi_thread")]
async fn the_extractors_table_is_what_the_services_do() {
    let hosts = futures_util::future::join_all(ALL.iter().map(row));
    let (ytdlp, rows) = tokio::join!(ytdlp::rows(), hosts);
    let drawn = drawn(&ytdlp, &rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/extractors.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    for (line, (kept, drawn)) in kept.lines().zip(drawn.lines()).enumerate() {
        assert_eq!(kept, drawn, "line {} of docs/extractors.md", line + 1);
    }
    assert_eq!(kept, drawn, "UPDATE=1 cargo test --workspace extractors_table");
}

fn drawn(ytdlp: &Ytdlps, rows: &[Row]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let rule = |width: usize| format!("|{}\n", "---|".repeat(width));
    let mut text = HEAD.to_owned();
    text += &line(vec!["service", "search", "resolve", "playlist", "live"]);
    text += &rule(5);
    let hosts = rows.iter().map(|row| (row.service.as_str(), &row.abilities));
    for (name, abilities) in [(ytdlp.name, &ytdlp.abilities)].into_iter().chain(hosts) {
        let cells = abilities.iter().map(String::as_str);
        text += &line([name].into_iter().chain(cells).collect());
    }
    text += FAILURES;
    // as many services side by side as fit
    for rows in rows.chunks(5) {
        text += "\n";
        let names = rows.iter().map(|row| row.service.as_str());
        text += &line(["what happens"].into_iter().chain(names).collect());
        text += &rule(rows.len() + 1);
        for (at, (_, words)) in SHAPES.iter().enumerate() {
            let cells = rows.iter().map(|row| row.failures[at].as_str());
            text += &line([*words].into_iter().chain(cells).collect());
        }
    }
    text += OF_A_PROGRAM;
    text += &line(vec!["what happens", "kept loaded", "started for each question"]);
    text += &rule(3);
    for ((_, words), [worker, command]) in WAYS.iter().zip(&ytdlp.failures) {
        text += &line(vec![words, worker, command]);
    }
    text
}

#[tokio::test]
async fn nothing_is_asked_of_a_service_twice_for_one_answer() {
    for stand_in in &ALL {
        let play = play(stand_in, Some(Shape::StackTrace)).await;
        let place = play.service.name().to_owned();
        let fault = match play.service.abilities().open {
            true => play.service.open(stand_in.key).await.expect_err(&place),
            false => play.service.describe(stand_in.key).await.expect_err(&place),
        };
        check(&place, &fault);
        let asked = play.seen().into_iter().filter(|request| {
            !stand_in.spared.iter().any(|path| request.place().starts_with(path))
        });
        assert_eq!(asked.count(), 1, "{place}: {}", shown(&fault));
    }
}
