//! From the network's failures to the project's.

use std::error::Error;
use std::time::Duration;

use domain::{Class, Fault, Reason};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use url::Url;

use super::headers::retry_after;
use super::resolver::NotPublic;

/// How many characters of a path are shown; tokens are longer.
const SHOWN_MAX: usize = 16;

/// A link for the log: the host and the end of the path, shortened, without user info, query and fragment.
pub(crate) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let mut parts = url.path().rsplit('/').filter(|part| !part.is_empty());
    let Some(last) = parts.next() else {
        return host.to_owned();
    };
    let shown: String = last.chars().take(SHOWN_MAX).collect();
    let more = if last.chars().count() > SHOWN_MAX { "…" } else { "" };
    let before = if parts.next().is_some() { "/…/" } else { "/" };
    format!("{host}{before}{shown}{more}")
}

/// An error with its causes, innermost last, on one line. Never contains the URL of a request.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    for error in causes_of(error) {
        let text = match error.downcast_ref::<reqwest::Error>() {
            // its own text ends with the URL
            Some(error) => kind(error).to_owned(),
            None => error.to_string(),
        };
        if causes.last() != Some(&text) {
            causes.push(text);
        }
    }
    causes.join(": ")
}

/// What a request that got no answer failed of.
pub(crate) fn of_request(url: &Url, error: &reqwest::Error) -> Fault {
    let detail = format!("{}: {}", place(url), chain(error));
    if causes_of(error).any(|cause| cause.is::<NotPublic>()) {
        Fault::refused(Reason::PrivateAddress, detail)
    } else if error.is_timeout() {
        Fault::transient(Reason::Timeout, detail)
    } else if error.is_builder() {
        Fault::refused(Reason::BadUrl, detail)
    } else {
        Fault::transient(Reason::Unreachable, detail)
    }
}

/// What a look-up failed of.
pub(crate) fn of_look_up(url: &Url, error: &(dyn Error + 'static)) -> Fault {
    let detail = format!("{}: {error}", place(url));
    if error.is::<NotPublic>() {
        Fault::refused(Reason::PrivateAddress, detail)
    } else {
        Fault::transient(Reason::Unreachable, detail)
    }
}

/// What a body that broke off failed of.
pub(crate) fn of_body(url: &Url, error: &reqwest::Error) -> Fault {
    Fault::transient(Reason::Unreachable, format!("{}: broke off: {}", place(url), chain(error)))
}

/// What an answer with a status other than success means.
pub(crate) fn of_status(url: &Url, status: StatusCode, headers: &HeaderMap) -> Fault {
    let detail = format!("{}: status {}", place(url), status.as_u16());
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Fault::refused(Reason::NotFound, detail),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            match retry_after(headers) {
                Some(wait) => {
                    Fault { class: Class::FloodWait(wait), reason: Reason::ServiceRefused, detail }
                }
                None => Fault::transient(Reason::ServiceRefused, detail),
            }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            Fault::transient(Reason::Timeout, detail)
        }
        status if status.is_server_error() => Fault::transient(Reason::ServiceRefused, detail),
        _ => Fault::refused(Reason::ServiceRefused, detail),
    }
}

/// What silence longer than allowed means.
pub(crate) fn of_silence(url: &Url, silence: Duration) -> Fault {
    Fault::transient(
        Reason::Timeout,
        format!("{}: silent for {} ms", place(url), silence.as_millis()),
    )
}

fn causes_of<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn kind(error: &reqwest::Error) -> &'static str {
    if error.is_dns() {
        "name look-up failed"
    } else if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "cannot connect"
    } else if error.is_body() || error.is_decode() {
        "the body broke off"
    } else if error.is_builder() {
        "cannot be asked"
    } else {
        "request failed"
    }
}
