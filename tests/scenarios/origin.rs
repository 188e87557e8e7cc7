//! A web server on loopback that answers as it is told to, and misbehaves as it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longer heads are nobody's.
const HEAD_MAX: usize = 16 * 1024;

/// One piece of an answer; after the last one the connection is closed.
pub(crate) enum Step {
    Send(Vec<u8>),
    /// The same bytes again and again, until the other end has enough.
    Endless(Vec<u8>),
    /// Nothing, with the connection open.
    Hang,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// With its query.
    path: String,
    /// Names in lower case.
    headers: HashMap<String, String>,
}

/// Serves until it is dropped; one request for each connection.
pub(crate) struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    n_sent: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

// === impl Origin ===

impl Origin {
    /// `answer` gets each request and its number, from 0.
    pub(crate) async fn start(
        answer: impl Fn(&Asked, usize) -> Vec<Step> + Send + Sync + 'static,
    ) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let (asked, n_sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
        let (answer, seen, counter) = (Arc::new(answer), asked.clone(), n_sent.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen, counter) = (answer.clone(), seen.clone(), counter.clone());
                connections.spawn(async move {
                    serve(stream, &*answer, &seen, &counter).await;
                });
            }
        });
        Origin { address, asked, n_sent, _tasks: tasks }
    }

    /// `127.0.0.1:PORT`, as in the settings.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panics with it").clone()
    }

    /// Bytes handed to the system so far, in all answers together.
    pub(crate) fn n_sent(&self) -> u64 {
        self.n_sent.load(Ordering::Relaxed)
    }
}

// === impl Asked ===

impl Asked {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte that is asked for by a range.
    pub(crate) fn range_from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(impl Fn(&Asked, usize) -> Vec<Step> + ?Sized),
    seen: &Mutex<Vec<Asked>>,
    n_sent: &AtomicU64,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_MAX {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let asked = Asked { path, headers };
    let number = {
        let mut seen = seen.lock().expect("nobody panics with it");
        seen.push(asked.clone());
        seen.len() - 1
    };
    let mut send = async |bytes: &[u8]| {
        stream.write_all(bytes).await.ok()?;
        n_sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Some(())
    };
    for step in answer(&asked, number) {
        match step {
            Step::Send(bytes) => send(&bytes).await?,
            Step::Endless(bytes) => loop {
                send(&bytes).await?;
            },
            Step::Hang => std::future::pending().await,
        }
    }
    stream.shutdown().await.ok()
}

/// The head of an answer.
pub(crate) fn head(status: &str, headers: &[(&str, &str)]) -> Step {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    Step::Send(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes())
}

/// A whole answer, its length announced.
pub(crate) fn answer(status: &str, mime: &str, body: &[u8]) -> Vec<Step> {
    let length = body.len().to_string();
    let headers = [("Content-Type", mime), ("Content-Length", length.as_str())];
    vec![head(status, &headers), Step::Send(body.to_vec())]
}

/// A file from the byte that is asked for, with an entity tag; the connection breaks after `cut` bytes of it.
pub(crate) fn ranged(asked: &Asked, body: &[u8], cut: Option<usize>) -> Vec<Step> {
    let first = asked.range_from().unwrap_or(0).min(body.len());
    let status = if asked.range_from().is_some() { "206 Partial Content" } else { "200 OK" };
    let range = format!("bytes {first}-{}/{}", body.len() - 1, body.len());
    let length = (body.len() - first).to_string();
    let mut headers = vec![
        ("Content-Type", "audio/mpeg"),
        ("ETag", "\"one\""),
        ("Accept-Ranges", "bytes"),
        ("Content-Length", &length),
    ];
    if asked.range_from().is_some() {
        headers.push(("Content-Range", &range));
    }
    let part = &body[first..];
    let part = &part[..cut.unwrap_or(part.len()).min(part.len())];
    vec![head(status, &headers), Step::Send(part.to_vec())]
}
