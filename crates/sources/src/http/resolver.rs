//! Looks names up and lets only checked addresses through, at the very moment of connecting, so that a name cannot be
//! one address for the check and another for the connection.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_global;

/// Answers with the addresses of a name.
pub(crate) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The name has addresses, but none that a stranger's link may lead to.
#[derive(Debug)]
pub(crate) struct NotPublic;

/// A resolver for reqwest.
#[derive(Clone)]
pub(crate) struct Resolver {
    lookup: Lookup,
    is_checked: bool,
}

/// Asks the operating system.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

// === impl Resolver ===

impl Resolver {
    /// Lets only global addresses through.
    pub(crate) fn checked(lookup: Lookup) -> Resolver {
        Resolver { lookup, is_checked: true }
    }

    /// Lets everything through; for the hosts that the operator listed.
    pub(crate) fn open(lookup: Lookup) -> Resolver {
        Resolver { lookup, is_checked: false }
    }

    pub(crate) async fn addresses(&self, name: String) -> Result<Vec<IpAddr>, BoxError> {
        let mut found = (self.lookup)(name).await?;
        if self.is_checked && !found.is_empty() {
            found.retain(|address| is_global(*address));
            if found.is_empty() {
                return Err(Box::new(NotPublic));
            }
        }
        Ok(found)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found = resolver.addresses(name).await?;
            // port 0 stands for the port of the URL
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

// === impl NotPublic ===

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no public address")
    }
}

impl std::error::Error for NotPublic {}
