//! `armedmusic resolve`: one look-up on the command line, with its timeline.

use std::process::ExitCode;

use actors::LookedUp;
use domain::Fault;
use domain::candidate::StreamKind;
use domain::command::{Asked, Command, Parsed, parse};
use domain::timeline::{Came, Hindrance, Row, Then};
use domain::track::{Request, Track};
use serde_json::{Value, json};

use crate::cli::ResolveOptions;
use crate::config::{Config, Environment, Log};
use crate::run::{fail, refuse};
use crate::{assemble, telemetry};

pub fn run(options: &ResolveOptions) -> ExitCode {
    let keys = Environment::of_process().keys();
    let sources = Config::load(options.run.config.as_deref())
        .and_then(|config| Ok((assemble::sources(&config, &keys)?, config.log)));
    let (sources, log) = match sources {
        Ok(sources) => sources,
        Err(mistakes) => return refuse(&mistakes.into()),
    };
    // the answer is on stdout; what the sources say beside it is for stderr, and only when it was asked for
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned());
    if let Err(mistakes) = telemetry::start(&Log { level, ..log }) {
        return refuse(&mistakes.into());
    }
    let query = options.query.join(" ");
    let Some(request) = request(&query) else {
        return fail("there is nothing to look for; give words or a link");
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system gives no threads: {error}")),
    };
    match runtime.block_on(actors::look_up(sources, request)) {
        Ok(looked) => tell(&query, &looked, options.json),
        Err(fault) => fail(&fault.detail),
    }
}

/// The query as /play would read it.
fn request(query: &str) -> Option<Request> {
    match parse(&format!("/play {query}"), "") {
        Parsed::Command(Command::Play(Some(Asked::Query(words)))) => Some(Request::Query(words)),
        Parsed::Command(Command::Play(Some(Asked::Url(url)))) => Some(Request::Url(url)),
        _ => None,
    }
}

#[allow(clippy::print_stdout, reason = "the answer of the command")]
fn tell(query: &str, looked: &LookedUp, is_json: bool) -> ExitCode {
    if is_json {
        println!("{:#}", in_json(query, looked));
    } else {
        println!("{}", in_words(looked));
    }
    let is_playable = looked.tracks.is_ok() && looked.stream.as_ref().is_none_or(Result::is_ok);
    if is_playable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_json(query: &str, looked: &LookedUp) -> Value {
    let fault = |fault: &Fault| json!({ "reason": fault.reason, "detail": fault.detail });
    let track = |track: &Track| {
        json!({
            "title": track.title,
            "artist": track.artist,
            "duration_ms": track.duration.map(|duration| duration.as_millis() as u64),
            "source": track.source,
            "link": track.link,
            "is_live": track.is_live,
        })
    };
    let tracks = looked.tracks.as_ref();
    let stream = looked.stream.as_ref().map(|stream| match stream {
        // the address itself is a key to the bytes: logs and tickets need not have it
        Ok(stream) => json!({
            "kind": kind(stream.kind),
            "lifetime_ms": stream.lifetime.map(|lifetime| lifetime.as_millis() as u64),
        }),
        Err(refused) => json!({ "fault": fault(refused) }),
    });
    json!({
        "query": query,
        "tracks": tracks.map_or_else(|_| Vec::new(), |tracks| tracks.iter().map(track).collect()),
        "has_more": looked.has_more,
        "fault": tracks.err().map(fault),
        "stream": stream,
        "took_ms": looked.took.as_millis() as u64,
        "timeline": looked.timeline,
    })
}

fn kind(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::File => "file",
        StreamKind::Endless => "endless",
        StreamKind::Hls => "hls",
    }
}

fn in_words(looked: &LookedUp) -> String {
    let mut lines: Vec<String> = looked.timeline.0.iter().map(in_a_line).collect();
    match &looked.tracks {
        Ok(tracks) => lines.extend(tracks.iter().map(|track| {
            let duration = track
                .duration
                .map_or(String::new(), |duration| format!(", {} s", duration.as_secs()));
            format!("found: {} ({}{duration})", track.display(), track.source)
        })),
        Err(fault) => lines.push(format!("nothing: {fault}")),
    }
    if looked.has_more {
        lines.push("and more of the list".to_owned());
    }
    match &looked.stream {
        Some(Ok(stream)) => lines.push(format!("opened: {}", kind(stream.kind))),
        Some(Err(fault)) => lines.push(format!("not opened: {fault}")),
        None => {}
    }
    lines.push(format!("took {} ms", looked.took.as_millis()));
    lines.join("\n")
}

fn in_a_line(row: &Row) -> String {
    let step = format!("{:?}", row.step).to_lowercase();
    let came = match &row.came {
        Came::Answer => "answered".to_owned(),
        Came::Nothing => "has nothing that fits".to_owned(),
        Came::Silence => "said nothing".to_owned(),
        Came::Fault { detail, .. } => detail.clone(),
        Came::NotAsked(Hindrance::Failing { for_s }) => {
            format!("not asked, left alone for {for_s} s more")
        }
        Came::NotAsked(Hindrance::AskedToWait { for_s }) => {
            format!("not asked, it wants {for_s} s more")
        }
        Came::NotAsked(Hindrance::Busy) => "not asked, it is at its limit".to_owned(),
    };
    let then = match row.then {
        Then::Taken => "taken",
        Then::NextAsked => "the next was asked",
        Then::AskedAgain => "asked again",
        Then::GivenUp => "given up",
        Then::CalledOff => "called off",
    };
    let slow = if row.is_slow { ", slow" } else { "" };
    format!(
        "{:>6} ms  {:<40} {step:<9} {:>6} ms{slow}  {came}; {then}",
        row.at_ms, row.who, row.took_ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_after_play() {
        assert_eq!(request("some  song"), Some(Request::Query("some song".into())));
        let link = "https://example.org/a";
        assert_eq!(request(&format!("see {link}")), Some(Request::Url(link.into())));
        assert_eq!(request("  "), None);
    }
}
