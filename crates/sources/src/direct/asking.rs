//! The first request for a file, and every one after it: which answers are bytes, and which of them are the rest of what
//! is here already.

use std::time::Duration;

use domain::{Class, Fault, Reason};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use tokio::time::sleep;
use url::Url;

use super::identity::Identity;
use super::{Resume, Settings};
use crate::http::fault::{of_status, place};
use crate::http::{Http, headers};

/// The longest pause between attempts.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(4);

/// The answer to the first request, and whether it is the rest of what `resume` tells of.
pub(super) async fn first(
    http: &Http,
    url: &Url,
    settings: &Settings,
    extra: &HeaderMap,
    mut resume: Option<&Resume>,
) -> Result<(Response, bool), Fault> {
    let mut failures = 0;
    loop {
        let mut wanted = extra.clone();
        if let Some(resume) = resume {
            wanted.extend(resume.identity.range_from(resume.offset));
        }
        let fault = match (ask(http, url, &wanted).await, resume) {
            (Ok(answer), Some(resume)) if is_rest(&answer, resume) => return Ok((answer, true)),
            (Ok(answer), Some(_)) if answer.status() == StatusCode::PARTIAL_CONTENT => {
                Fault::refused(Reason::Corrupt, format!("{}: sent another part", place(url)))
            }
            (Ok(answer), _) => return Ok((answer, false)),
            (Err(fault), _) => fault,
        };
        if resume.is_some() && !fault.is_retryable() {
            tracing::debug!(place = %place(url), %fault, "asking for all of it");
            resume = None;
            continue;
        }
        failures += 1;
        if !fault.is_retryable() || failures >= settings.attempts_max {
            return Err(fault);
        }
        let pause = pause(settings, failures, &fault)?;
        tracing::debug!(place = %place(url), attempt = failures, %fault, "asking again");
        sleep(pause).await;
    }
}

/// Whether an answer is the rest of the same file.
fn is_rest(answer: &Response, resume: &Resume) -> bool {
    let part = headers::content_range(answer.headers());
    answer.status() == StatusCode::PARTIAL_CONTENT
        && part.is_some_and(|part| part.first == resume.offset)
        && resume.identity.is_surely(&Identity::of(answer))
}

pub(super) async fn ask(http: &Http, url: &Url, wanted: &HeaderMap) -> Result<Response, Fault> {
    let response = http.get(url, wanted).await?;
    match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT => {
            Err(Fault::refused(Reason::Empty, format!("{}: no content", place(url))))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            Err(Fault::refused(Reason::Corrupt, format!("{}: shrank", place(url))))
        }
        status => Err(of_status(url, status, response.headers())),
    }
}

/// How long to wait before the next attempt, or the fault itself when its service asks for more patience than that.
pub(super) fn pause(settings: &Settings, failures: u32, fault: &Fault) -> Result<Duration, Fault> {
    let doubled =
        settings.backoff.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    match fault.class {
        Class::FloodWait(wait) if wait > BACKOFF_MAX => Err(fault.clone()),
        Class::FloodWait(wait) => Ok(doubled.max(wait)),
        _ => Ok(doubled),
    }
}
