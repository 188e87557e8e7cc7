//! The guarded HTTP client that every outside source shares.
//!
//! Addresses that users type are hostile until proven otherwise: [`guard`] says where a request may go, the resolver
//! enforces it at the moment of connecting, and redirects are followed here, hop by hop, so that each is checked. It
//! keeps no cookies, sends no referrer, unpacks nothing, and knows no proxy but the configured one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Fault, Reason};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode};
use tokio::time::timeout;
use url::Url;

pub(crate) mod address;
pub(crate) mod fault;
pub mod guard;
pub(crate) mod headers;
mod resolver;
mod shoutcast;

pub use guard::{AllowHost, Guard};

use fault::place;
use resolver::{Lookup, Resolver};

/// How many times a request may be sent elsewhere.
const REDIRECTS_MAX: usize = 10;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// How requests are made. Every field is the operator's decision; nothing is read from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sent with every request, for example `ArmedMusic/0.1.0 (+https://…)`.
    pub user_agent: String,
    /// Hosts that may be reached although their address is private, and on ports other than 80 and 443.
    pub allow_hosts: Vec<AllowHost>,
    /// An egress proxy (`http://host:port`) for everything but the allowed hosts. Names are resolved and checked
    /// here first, but the proxy resolves them again and connects, so it has to refuse private addresses itself.
    pub proxy: Option<String>,
    /// Name look-up, TCP and TLS together, for one hop.
    pub connect_timeout: Duration,
    /// From sending one request (connecting included) to the head of its answer, for one hop.
    pub answer_timeout: Duration,
}

/// The client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
    guard: Guard,
}

struct Inner {
    settings: Settings,
    /// Looks names up before a proxy is asked, which does not use the resolver below.
    checked: Resolver,
    /// For everybody: connects to global addresses only.
    public: Client,
    /// For the hosts that the operator listed.
    allowed: Client,
}

// === impl Http ===

impl Http {
    /// Builds the client. The process must have installed a rustls crypto provider before.
    ///
    /// # Errors
    /// `Fatal` when no crypto provider is installed or the proxy is not an address.
    pub fn new(settings: Settings) -> Result<Http, Fault> {
        Http::with_lookup(settings, resolver::system())
    }

    /// As [`Http::new`], with another way to look names up.
    pub(crate) fn with_lookup(settings: Settings, lookup: Lookup) -> Result<Http, Fault> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(Fault::fatal(Reason::Internal, "no crypto provider is installed"));
        }
        let checked = Resolver::checked(Arc::clone(&lookup));
        let open = Resolver::open(lookup);
        let proxy = settings.proxy.as_ref().map(reqwest::Proxy::all).transpose();
        let proxy = proxy.map_err(|error| {
            Fault::fatal(Reason::BadUrl, format!("proxy: {}", fault::chain(&error)))
        })?;
        let public = match proxy {
            Some(proxy) => {
                build(&|| builder(&settings).dns_resolver(open.clone()).proxy(proxy.clone()))?
            }
            None => build(&|| builder(&settings).dns_resolver(checked.clone()))?,
        };
        let allowed = build(&|| builder(&settings).dns_resolver(open.clone()))?;
        let guard = Guard::new(settings.allow_hosts.clone());
        Ok(Http { inner: Arc::new(Inner { settings, checked, public, allowed }), guard })
    }

    /// The same client for what is played and not asked: it goes to the ports of stations too, and understands them.
    pub(crate) fn for_streams(&self) -> Http {
        Http { inner: self.inner.clone(), guard: self.guard.for_streams() }
    }

    /// What this client was built with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Which addresses it may go to.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Asks for an address and follows redirects, each hop checked. The answer may have any status but a redirect's.
    /// Header values that are marked as sensitive stay with the first host.
    ///
    /// # Errors
    /// `BadUrl` and `PrivateAddress` from the guard, `Unreachable` and `Timeout` from the network, `Unsupported` for
    /// a packed body.
    pub(crate) async fn get(&self, url: &Url, extra: &HeaderMap) -> Result<Response, Fault> {
        let mut url = url.clone();
        let mut extra = extra.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.hop(&url, &extra, None).await?;
            match next_hop(&url, &response)? {
                Some(next) => {
                    if next.origin() != url.origin() {
                        extra = without_secrets(extra);
                    }
                    url = next;
                }
                None => return unpacked(&url, response),
            }
        }
        Err(too_many_redirects(&url))
    }

    /// Where redirects lead, as far as the first address that is not followed; that one is checked, and not asked.
    ///
    /// # Errors
    /// As [`Http::get`]; `NotFound` when there is no redirect.
    pub(crate) async fn destination(
        &self,
        url: &Url,
        is_followed: impl Fn(&Url) -> bool,
    ) -> Result<Url, Fault> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.hop(&url, &HeaderMap::new(), None).await?;
            let Some(next) = next_hop(&url, &response)? else {
                let status = response.status();
                return Err(match status.is_success() {
                    true => {
                        Fault::refused(Reason::NotFound, format!("{}: leads nowhere", place(&url)))
                    }
                    false => fault::of_status(&url, status, response.headers()),
                });
            };
            if !is_followed(&next) {
                return self.guard.admit(&next).map(|_| next);
            }
            url = next;
        }
        Err(too_many_redirects(&url))
    }

    /// Sends a body to an address, once and to nowhere else: a redirect is a refusal.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub(crate) async fn post(
        &self,
        url: &Url,
        extra: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, Fault> {
        let response = self.hop(url, extra, Some(body)).await?;
        match next_hop(url, &response)? {
            Some(_) => Err(Fault::refused(
                Reason::BadUrl,
                format!("{}: what was sent is not sent on", place(url)),
            )),
            None => unpacked(url, response),
        }
    }

    /// Looks a name up as for a connection; for connections that another program makes.
    ///
    /// # Errors
    /// `PrivateAddress` when it leads nowhere public; `Unreachable` and `Timeout` when it leads nowhere.
    pub(crate) async fn look_up(&self, url: &Url, name: &str) -> Result<(), Fault> {
        let slow = |_| Fault::transient(Reason::Timeout, format!("{}: no look-up", place(url)));
        let look_up = self.inner.checked.addresses(name.to_owned());
        let found = timeout(self.inner.settings.connect_timeout, look_up).await.map_err(slow)?;
        found.map(drop).map_err(|error| fault::of_look_up(url, &*error))
    }

    async fn hop(
        &self,
        url: &Url,
        extra: &HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response, Fault> {
        let inner = &self.inner;
        let is_allowed = self.guard.admit(url)?;
        let client = if is_allowed { &inner.allowed } else { &inner.public };
        let slow =
            |_| Fault::transient(Reason::Timeout, format!("{}: no answer in time", place(url)));
        if let (Some(_), false, Some(url::Host::Domain(name))) =
            (&inner.settings.proxy, is_allowed, url.host())
        {
            self.look_up(url, name).await?;
        }
        let request = match body {
            None => client.get(url.clone()),
            Some(body) => client.post(url.clone()).body(body),
        };
        let answer = async {
            let response = request.headers(extra.clone()).send().await;
            let response = response.map_err(|error| fault::of_request(url, &error))?;
            shoutcast::understood(url, response, self.guard.is_for_streams()).await
        };
        timeout(inner.settings.answer_timeout, answer).await.map_err(slow)?
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

fn builder(settings: &Settings) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Client::builder()
        .user_agent(settings.user_agent.clone())
        .default_headers(headers)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http09_responses()
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2)
}

/// A machine without root certificates still plays what needs none; its https links fail one by one.
fn build(recipe: &dyn Fn() -> reqwest::ClientBuilder) -> Result<Client, Fault> {
    let error = match recipe().build() {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    let bare = recipe().tls_certs_only([]).build().map_err(|_| unbuilt(error))?;
    tracing::warn!("no root certificates found, https links will fail");
    Ok(bare)
}

fn unbuilt(error: reqwest::Error) -> Fault {
    Fault::fatal(Reason::Internal, format!("http: {}", fault::chain(&error)))
}

fn too_many_redirects(url: &Url) -> Fault {
    let detail = format!("{}: more than {REDIRECTS_MAX} redirects", place(url));
    Fault::refused(Reason::NotFound, detail)
}

/// Where a redirect points, made absolute.
fn next_hop(url: &Url, response: &Response) -> Result<Option<Url>, Fault> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !redirects.contains(&response.status()) {
        return Ok(None);
    }
    let bad =
        |what: &str| Fault::refused(Reason::BadUrl, format!("{}: redirect {what}", place(url)));
    let target = response.headers().get(LOCATION).ok_or_else(|| bad("without a target"))?;
    let target =
        std::str::from_utf8(target.as_bytes()).map_err(|_| bad("to something unreadable"))?;
    url.join(target).map(Some).map_err(|_| bad("to something that is no address"))
}

/// What may be told to a host that nobody chose.
fn without_secrets(headers: HeaderMap) -> HeaderMap {
    let open = headers.iter().filter(|(_, value)| !value.is_sensitive());
    open.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Refuses bodies that are packed although we asked for them as they are: unpacking is how small answers grow huge.
fn unpacked(url: &Url, response: Response) -> Result<Response, Fault> {
    match response.headers().get(CONTENT_ENCODING) {
        Some(packed)
            if !packed.is_empty() && !packed.as_bytes().eq_ignore_ascii_case(b"identity") =>
        {
            Err(Fault::refused(Reason::Unsupported, format!("{}: the body is packed", place(url))))
        }
        _ => Ok(response),
    }
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
