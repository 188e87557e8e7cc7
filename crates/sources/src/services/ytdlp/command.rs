//! One process for one question, where there is no worker.
//!
//! Nothing can be asked of a process that runs on its own, so it gets less: the address is looked up and checked before,
//! and the extractor that opens any page of any host is off, but for hosts that the operator listed. What remains is the
//! word of sites that it knows by name.

use std::ffi::OsString;

use domain::{Fault, Reason};
use tokio::io::{AsyncRead, AsyncReadExt};
use url::Host;

use super::{FORMAT, Inner, Question, Said, program};

/// The most bytes of an answer: the formats of a long list are megabytes.
const ANSWER_MAX: u64 = 32 * 1024 * 1024;
const COMPLAINT_MAX: u64 = 16 * 1024;

pub(super) async fn ask(inner: &Inner, question: &Question) -> Result<Said, Fault> {
    let busy = || Fault::transient(Reason::Internal, "yt-dlp: stopping");
    let _turn = inner.commands.acquire().await.map_err(|_| busy())?;
    let is_listed = check(inner, &question.url).await?;
    let arguments = arguments(inner, question, is_listed);
    let mut group =
        program::start(&inner.program.path, &inner.settings, &arguments).map_err(|e| {
            Fault::transient(Reason::Internal, format!("yt-dlp cannot be started: {}", e.kind()))
        })?;
    drop(group.child.stdin.take());
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let (info, complaint) = tokio::join!(read(stdout, ANSWER_MAX), read(stderr, COMPLAINT_MAX));
    let info = info.ok_or_else(|| {
        Fault::transient(Reason::ServiceRefused, "yt-dlp: an answer without an end")
    })?;
    let complaint = complaint.unwrap_or_default();
    let errors: Vec<_> = std::str::from_utf8(&complaint)
        .unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("ERROR"))
        .collect();
    // its exit code tells nothing that these do not: it is 1 beside a good list of which one entry failed
    Ok(Said {
        info: serde_json::from_slice(&info).ok().filter(|info: &serde_json::Value| !info.is_null()),
        complaint: (!errors.is_empty()).then(|| errors.join(" | ")),
        is_refused: false,
    })
}

/// Whether the address is the operator's own.
async fn check(inner: &Inner, address: &str) -> Result<bool, Fault> {
    if address.starts_with("ytsearch") {
        return Ok(false);
    }
    let url = inner.http.guard().check(address)?;
    let is_listed = inner.http.guard().admit(&url)?;
    if let (false, Some(Host::Domain(name))) = (is_listed, url.host()) {
        inner.http.look_up(&url, name).await?;
    }
    Ok(is_listed)
}

fn arguments(inner: &Inner, question: &Question, is_listed: bool) -> Vec<OsString> {
    let fixed = [
        "--ignore-config",
        "--no-cache-dir",
        "--no-warnings",
        "--socket-timeout",
        "10",
        "--retries",
        "1",
        "--extractor-retries",
        "1",
        "--dump-single-json",
        "--format",
        FORMAT,
    ];
    let mut arguments: Vec<OsString> = fixed.map(OsString::from).to_vec();
    let mut add = |words: &[&std::ffi::OsStr]| {
        arguments.extend(words.iter().map(|word| (*word).to_owned()));
    };
    add(&[if question.is_flat { "--flat-playlist" } else { "--no-playlist" }.as_ref()]);
    if !is_listed {
        add(&["--use-extractors".as_ref(), "default,-generic".as_ref()]);
    }
    if let Some(items) = &question.items {
        add(&["--playlist-items".as_ref(), items.as_ref()]);
    }
    if let Some(cookies) = &inner.settings.cookies {
        add(&["--cookies".as_ref(), cookies.as_os_str()]);
    }
    if let Some(proxy) = &inner.http.settings().proxy {
        add(&["--proxy".as_ref(), proxy.as_ref()]);
    }
    for runtime in &inner.program.runtimes {
        let named = format!("{}:{}", runtime.name, runtime.path.display());
        add(&["--js-runtimes".as_ref(), named.as_ref()]);
    }
    add(&["--".as_ref(), question.url.as_ref()]);
    arguments
}

/// All of it, or `None` when there is more than `max`.
async fn read(from: Option<impl AsyncRead + Unpin>, max: u64) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let n = from?.take(max + 1).read_to_end(&mut all).await.ok()?;
    (n as u64 <= max).then_some(all)
}
