//! The guarded HTTP client that every outside source shares.
//!
//! Addresses that users type are hostile until proven otherwise: [`guard`] says where a request may go, the resolver
//! enforces it at the moment of connecting, and redirects are followed here, hop by hop, so that each is checked.

use std::sync::Arc;
use std::time::Duration;

use domain::Fault;

pub mod guard;

pub use guard::{AllowHost, Guard};

/// How requests are made. Every field is the operator's decision; nothing is read from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sent with every request, for example `ArmedMusic/0.1.0 (+https://…)`.
    pub user_agent: String,
    /// Hosts that may be reached although their address is private, and on ports other than 80 and 443.
    pub allow_hosts: Vec<AllowHost>,
    /// An egress proxy (`http://host:port`). Names are still resolved and checked here first, but the proxy is the
    /// one that connects, so it has to refuse private addresses itself.
    pub proxy: Option<String>,
    /// Name look-up, TCP and TLS together, for one hop.
    pub connect_timeout: Duration,
    /// From sending one request to the head of its answer, for one hop.
    pub answer_timeout: Duration,
}

/// The client. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
}

// === impl Http ===

impl Http {
    /// Builds the client. The process must have installed a rustls crypto provider before.
    ///
    /// # Errors
    /// `Fatal` when no crypto provider is installed, no root certificates are found, or the proxy is not an address.
    pub fn new(settings: Settings) -> Result<Http, Fault> {
        Ok(Http { inner: Arc::new(Inner { settings }) })
    }

    /// What this client was built with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}
