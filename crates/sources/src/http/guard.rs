//! Which addresses a request may go to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use domain::{Fault, Reason};
use url::{Host, Url};

use super::address::is_global;
use super::fault::place;

/// No link that people exchange is longer.
const URL_BYTES_MAX: usize = 4096;

/// Where stations are, beside the ports of the web: Icecast and SHOUTcast begin at 8000. Above it printers begin, which
/// print whatever they are sent.
const STREAM_PORTS: RangeInclusive<u16> = 8_000..=9_099;

/// A host that the operator allows although the guard would refuse it: `127.0.0.1`, `[::1]:8080`, `music.lan:8000`.
/// Without a port, every port of that host is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowHost {
    /// As [`Url`] writes it: lower case, IPv6 in brackets.
    host: String,
    port: Option<u16>,
}

/// The rules, with the operator's exceptions.
#[derive(Debug, Clone)]
pub struct Guard {
    allowed: Vec<AllowHost>,
    is_for_streams: bool,
}

// === impl AllowHost ===

impl FromStr for AllowHost {
    type Err = Fault;

    fn from_str(text: &str) -> Result<AllowHost, Fault> {
        let bad =
            |why: String| Fault::fatal(Reason::BadUrl, format!("allowed host {text:?}: {why}"));
        let parse = |scheme: &str| {
            Url::parse(&format!("{scheme}://{text}/")).map_err(|error| bad(error.to_string()))
        };
        let (http, https) = (parse("http")?, parse("https")?);
        let host = http
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| bad("no host".to_owned()))?;
        if !http.username().is_empty()
            || http.path() != "/"
            || http.query().is_some()
            || http.fragment().is_some()
        {
            return Err(bad("give a host and perhaps a port".to_owned()));
        }
        // a scheme hides its own port, so ask two of them
        Ok(AllowHost { host: host.to_owned(), port: http.port().or(https.port()) })
    }
}

impl fmt::Display for AllowHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

// === impl Guard ===

impl Guard {
    pub fn new(allowed: Vec<AllowHost>) -> Guard {
        Guard { allowed, is_for_streams: false }
    }

    /// The same rules for what is played: the ports of stations are open too. Addresses are as closed as ever.
    pub(crate) fn for_streams(&self) -> Guard {
        Guard { is_for_streams: true, ..self.clone() }
    }

    pub(crate) fn is_for_streams(&self) -> bool {
        self.is_for_streams
    }

    /// Whether the operator listed this host (as [`Url::host_str`] writes it) and port.
    pub fn is_allowed(&self, host: &str, port: u16) -> bool {
        self.allowed.iter().any(|it| it.host == host && it.port.is_none_or(|own| own == port))
    }

    /// Parses an address that somebody typed and checks everything that can be checked without a name look-up. The
    /// parser writes decimal, octal, hexadecimal and shortened IPv4 forms as four numbers, so they are literals too.
    ///
    /// # Errors
    /// `BadUrl` for what is not http(s), carries user info, or names another port; `PrivateAddress` for literals.
    pub fn check(&self, text: &str) -> Result<Url, Fault> {
        if text.len() > URL_BYTES_MAX {
            return Err(Fault::refused(Reason::BadUrl, "the address is too long"));
        }
        let url = Url::parse(text.trim())
            .map_err(|error| Fault::refused(Reason::BadUrl, format!("not an address: {error}")))?;
        self.admit(&url).map(|_| url)
    }

    /// Checks a parsed address; says whether it goes to a host that the operator listed.
    pub(crate) fn admit(&self, url: &Url) -> Result<bool, Fault> {
        let bad = |why: &str| Err(Fault::refused(Reason::BadUrl, format!("{}: {why}", place(url))));
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Fault::refused(
                Reason::BadUrl,
                format!("scheme {:?} is not http(s)", url.scheme()),
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return bad("user info is not allowed");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return bad("no host");
        };
        if self.is_allowed(&host.to_string(), port) {
            return Ok(true);
        }
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if literal.is_some_and(|address| !is_global(address)) {
            return Err(Fault::refused(
                Reason::PrivateAddress,
                format!("{}: not a public address", place(url)),
            ));
        }
        if !self.is_open(port) {
            return bad("the port is not one of the web or of stations");
        }
        Ok(false)
    }

    /// Whether a connection may be made: to `address`, which `host` (a name, or the address itself) was looked up to.
    /// For connections that another program makes and asks about.
    pub(crate) fn admits(&self, host: &str, address: IpAddr, port: u16) -> bool {
        let written = match host.parse::<Ipv6Addr>() {
            Ok(literal) => Host::<&str>::Ipv6(literal).to_string(),
            Err(_) => host.to_ascii_lowercase(),
        };
        self.is_allowed(&written, port) || is_global(address) && self.is_open(port)
    }

    /// Whether strangers' links may name this port.
    fn is_open(&self, port: u16) -> bool {
        matches!(port, 80 | 443) || self.is_for_streams && STREAM_PORTS.contains(&port)
    }
}

#[cfg(test)]
mod tests;
