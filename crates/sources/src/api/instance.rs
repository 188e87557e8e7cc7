//! One instance of a service: its address, and how it is asked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::candidate::{Stream, StreamKind};
use domain::{Class, Fault, Reason};
use serde_json::Value;
use url::Url;

use super::{Api, Question, Reply, strange};
use crate::service::Answer;

/// Signed links are never believed to live longer.
const LIFETIME_MAX: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    api: Api,
    base: Url,
    label: String,
}

// === impl Instance ===

impl Instance {
    /// # Errors
    /// `Fatal` for an address that may not be asked.
    pub(crate) fn new(api: &Api, base: &str) -> Result<Instance, Fault> {
        let guard = api.http().guard();
        let mut base = guard.check(base).map_err(|it| Fault { class: Class::Fatal, ..it })?;
        base.set_query(None);
        base.set_fragment(None);
        let host = base.host_str().unwrap_or_default();
        let label = match base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Instance { api: api.clone(), base, label })
    }

    /// The host, and the port where it is not the usual one.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// A question to a path below its address; the parts are encoded.
    pub(crate) fn at(&self, path: &[&str]) -> Question {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        Question::new(url)
    }

    /// A link on one of its pages, perhaps relative.
    pub(crate) fn join(&self, link: &str) -> Option<Url> {
        self.base.join(link).ok()
    }

    /// What comes back, whatever its status.
    pub(crate) async fn reply(&self, question: Question) -> Result<Reply, Fault> {
        self.api.ask(question).await
    }

    /// The JSON of a success.
    pub(crate) async fn json(&self, question: Question) -> Result<Value, Fault> {
        self.api.ask(question).await?.json()
    }

    /// Gives a whole answer its deadline.
    pub(crate) fn answer<'a, T, F>(&'a self, answer: F) -> Answer<'a, T>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'a,
    {
        self.api.whole(&self.label, answer)
    }

    /// JSON that is not what this service answers.
    pub(crate) fn strange(&self, missing: &str) -> Fault {
        strange(&self.base, &format!("an answer without {missing}"))
    }

    pub(crate) fn refused(&self, reason: Reason, what: &str) -> Fault {
        Fault::refused(reason, format!("{}: {what}", self.label))
    }

    /// A link that the service gave, perhaps relative to its own address. One that says when it ends is believed.
    ///
    /// # Errors
    /// `BadUrl` and `PrivateAddress` for where nobody may be sent.
    pub(crate) fn stream(&self, link: &str, kind: StreamKind) -> Result<Stream, Fault> {
        let url = self.join(link).ok_or_else(|| self.refused(Reason::BadUrl, "no address"))?;
        let url = self.api.http().guard().for_streams().check(url.as_str())?;
        let lifetime = lifetime(&url, SystemTime::now());
        Ok(Stream { url: url.into(), headers: Vec::new(), lifetime, kind })
    }
}

/// How long a signed link works: `expire` (googlevideo) and `Expires` (CloudFront) are seconds of Unix time, `exp`
/// (cobalt) is milliseconds.
pub(crate) fn lifetime(url: &Url, now: SystemTime) -> Option<Duration> {
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    let end = url.query_pairs().find_map(|(name, value)| match name.as_ref() {
        "expire" | "expires" | "Expires" => value.parse().ok().map(Duration::from_secs),
        "exp" => value.parse().ok().map(Duration::from_millis),
        _ => None,
    })?;
    Some(end.saturating_sub(now).min(LIFETIME_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_link_says_how_long_it_works() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let check = |query: &str, expected: Option<u64>| {
            let url = Url::parse(&format!("https://cdn.test/a?{query}")).unwrap();
            assert_eq!(lifetime(&url, now), expected.map(Duration::from_secs), "{query}");
        };
        check("expire=1003600&id=1", Some(3600));
        check("Expires=1000060", Some(60));
        check("id=1&exp=1000090000", Some(90));
        check("expire=999", Some(0));
        check("expire=99999999999", Some(6 * 3600));
        check("expire=soon", None);
        check("id=1", None);
    }
}
