//! A web server on loopback for the tests: it answers as it is told to, and misbehaves as it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http::{AllowHost, Http, Settings};

/// One piece of an answer.
pub(crate) enum Step {
    Send(Vec<u8>),
    /// One byte now and then, for ever.
    Drip(Duration),
    /// The same bytes again and again.
    Endless(Vec<u8>),
    /// Nothing, with the connection open.
    Hang,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Serves until dropped; one request for each connection.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

// === impl Server ===

impl Server {
    /// `answer` gets the request and its number, from 0.
    pub(crate) async fn start<F>(answer: F) -> Server
    where
        F: Fn(&Request, usize) -> Vec<Step> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, requests) = (Arc::new(answer), Arc::clone(&seen));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
                connections.spawn(async move { serve(stream, &*answer, &requests).await });
            }
        });
        Server { address, seen, _tasks: tasks }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The path without its query.
    pub(crate) fn place(&self) -> &str {
        self.path.split('?').next().unwrap()
    }

    /// A value of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse("http://here/").unwrap().join(&self.path).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The first byte that is asked for.
    pub(crate) fn range_from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

async fn serve<F>(mut stream: TcpStream, answer: &F, seen: &Mutex<Vec<Request>>) -> Option<()>
where
    F: Fn(&Request, usize) -> Vec<Step>,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut line = head.split(' ').map(str::to_owned);
    let (method, path) = (line.next().unwrap(), line.next().unwrap());
    let headers: HashMap<String, String> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let request = Request { method, path, headers, body };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    for step in answer(&request, number) {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await.ok()?,
            Step::Drip(pause) => loop {
                stream.write_all(&[0]).await.ok()?;
                tokio::time::sleep(pause).await;
            },
            Step::Endless(bytes) => loop {
                stream.write_all(&bytes).await.ok()?;
            },
            Step::Hang => std::future::pending().await,
        }
    }
    stream.shutdown().await.ok()
}

/// The head of an answer; the connection is closed after it.
pub(crate) fn head(status: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// A whole answer.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    let length = body.len().to_string();
    let headers = [headers, &[("Content-Length", length.as_str())]].concat();
    vec![Step::Send(head(status, &headers)), Step::Send(body.to_vec())]
}

pub(crate) fn json(body: &serde_json::Value) -> Vec<Step> {
    answer("200 OK", &[("Content-Type", "application/json")], body.to_string().as_bytes())
}

pub(crate) fn redirect(to: &str) -> Vec<Step> {
    answer("302 Found", &[("Location", to)], b"")
}

/// A file with an entity tag, whole or from the byte that is asked for, cut after `cut` bytes of body.
pub(crate) fn file(request: &Request, body: &[u8], etag: &str, cut: Option<usize>) -> Vec<Step> {
    let (first, status) = match request.range_from() {
        Some(first) if request.header("if-range").is_none_or(|tag| tag == etag) => {
            (first, "206 Partial Content")
        }
        _ => (0, "200 OK"),
    };
    let range = format!("bytes {first}-{}/{}", body.len() - 1, body.len());
    let length = (body.len() - first).to_string();
    let mut headers = vec![("ETag", etag), ("Accept-Ranges", "bytes"), ("Content-Length", &length)];
    if status.starts_with("206") {
        headers.push(("Content-Range", &range));
    }
    let part = &body[first..];
    let part = &part[..cut.unwrap_or(part.len()).min(part.len())];
    vec![Step::Send(head(status, &headers)), Step::Send(part.to_vec())]
}

/// A file that looks like FLAC and differs everywhere.
pub(crate) fn flac(length: usize) -> Vec<u8> {
    let noise = (4..length).scan(7u32, |state, _| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 24) as u8)
    });
    b"fLaC".iter().copied().chain(noise).collect()
}

/// Says that a test did not happen. Straight to the error output: what passing tests print is shown to nobody.
pub(crate) fn skipped(why: &str) {
    use std::io::Write as _;
    let _deaf = writeln!(std::io::stderr(), "skipped: {why}").is_err();
}

pub(crate) fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

pub(crate) fn settings(allow: &[&str]) -> Settings {
    Settings {
        user_agent: "ArmedMusic/test".to_owned(),
        allow_hosts: allow.iter().map(|host| host.parse::<AllowHost>().unwrap()).collect(),
        proxy: None,
        connect_timeout: Duration::from_secs(10),
        answer_timeout: Duration::from_secs(10),
    }
}

/// A client that may talk to these hosts and to the outside, where no test goes.
pub(crate) fn http(allow: &[&str]) -> Http {
    install_crypto();
    Http::new(settings(allow)).unwrap()
}
