//! Short links: addresses that apps hand out for sharing and that only say where to go.
//!
//! They are followed hop by hop, each under the URL policy, as far as the first address that is no short link itself;
//! that one is not asked.

use std::sync::Arc;

use domain::Fault;
use url::Url;

use crate::http::Http;

/// Hosts that hand out nothing else, and that services know their own pages behind.
const HOSTS: [&str; 9] = [
    "on.soundcloud.com",
    "spotify.link",
    "spotify.app.link",
    "link.deezer.com",
    "deezer.page.link",
    "dzr.page.link",
    "geo.music.apple.com",
    "apple.co",
    "youtube.app.link",
];

/// Which hosts hand out short links. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ShortLinks {
    /// The operator's: a host, perhaps with a port.
    more: Arc<[String]>,
}

// === impl ShortLinks ===

impl ShortLinks {
    /// Beside those that are known, links of these hosts are followed: `bit.ly`, `127.0.0.1:8080`.
    pub fn new(more: Vec<String>) -> ShortLinks {
        ShortLinks { more: more.iter().map(|host| host.to_lowercase()).collect() }
    }

    pub fn is_one(&self, link: &str) -> bool {
        Url::parse(link.trim()).is_ok_and(|link| self.has(&link))
    }

    fn has(&self, link: &Url) -> bool {
        let Some(host) = link.host_str().filter(|_| matches!(link.scheme(), "http" | "https"))
        else {
            return false;
        };
        let with_port = link.port().map(|port| format!("{host}:{port}"));
        let is_own = |own: &String| own == host || Some(own) == with_port.as_ref();
        HOSTS.contains(&host) || self.more.iter().any(is_own)
    }

    /// Where a short link leads.
    ///
    /// # Errors
    /// `NotFound` when it leads nowhere; `BadUrl` and `PrivateAddress` from the guard, for every hop and for the end.
    pub(crate) async fn destination(&self, http: &Http, link: &str) -> Result<Url, Fault> {
        let link = http.guard().check(link)?;
        http.destination(&link, |hop| self.has(hop)).await
    }
}

#[cfg(test)]
mod tests;
