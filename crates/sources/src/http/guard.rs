//! Which addresses a request may go to.

use std::fmt;
use std::str::FromStr;

use domain::{Fault, Reason};
use url::Url;

/// A host that the operator allows although the guard would refuse it: `127.0.0.1`, `[::1]:8080`, `music.lan:8000`.
/// Without a port, every port of that host is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowHost {
    host: String,
    port: Option<u16>,
}

/// The rules, with the operator's exceptions.
#[derive(Debug, Clone)]
pub struct Guard {
    allowed: Vec<AllowHost>,
}

impl FromStr for AllowHost {
    type Err = Fault;

    fn from_str(text: &str) -> Result<AllowHost, Fault> {
        let url = Url::parse(&format!("http://{text}/")).map_err(|error| {
            Fault::fatal(Reason::BadUrl, format!("allowed host {text:?}: {error}"))
        })?;
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(AllowHost { host, port: url.port() })
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

impl Guard {
    pub fn new(allowed: Vec<AllowHost>) -> Guard {
        Guard { allowed }
    }

    /// Whether the operator listed this host and port.
    pub fn is_allowed(&self, host: &str, port: u16) -> bool {
        self.allowed.iter().any(|it| it.host == host && it.port.is_none_or(|own| own == port))
    }

    /// Parses an address that somebody typed and checks everything that can be checked without a name look-up.
    ///
    /// # Errors
    /// `BadUrl` for what is not http(s), carries user info, or names another port; `PrivateAddress` for literals.
    pub fn check(&self, text: &str) -> Result<Url, Fault> {
        Url::parse(text).map_err(|error| Fault::refused(Reason::BadUrl, error.to_string()))
    }
}
