//! As much HTTP/1.1 as the services in the box need: one question for each connection, files by ranges.

use std::collections::HashMap;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::music::File;

/// Longer heads are nobody's.
const HEAD_MAX: usize = 16 * 1024;
/// And longer bodies.
const BODY_MAX: usize = 64 * 1024;

pub(super) struct Request {
    /// Without its query.
    pub(super) path: String,
    query: Vec<(String, String)>,
    /// Names in lower case.
    headers: HashMap<String, String>,
}

pub(super) struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

// === impl Request ===

impl Request {
    fn parse(head: &str) -> Option<Request> {
        let mut lines = head.lines();
        let target = lines.next()?.split(' ').nth(1)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        };
        Some(Request {
            path: decoded(path),
            query: query.split('&').map(pair).collect(),
            headers: lines.filter_map(header).collect(),
        })
    }

    /// A value of the query; empty where there is none.
    pub(super) fn query(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    fn range_from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

// === impl Answer ===

impl Answer {
    pub(super) fn json(body: &Value) -> Answer {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Answer { status: "200 OK", headers, body: body.to_string().into_bytes() }
    }

    pub(super) fn redirect(link: &str) -> Answer {
        let headers = vec![("Location", link.to_owned())];
        Answer { status: "302 Found", headers, body: Vec::new() }
    }

    pub(super) fn nothing() -> Answer {
        let body = br#"{"error":"not found"}"#.to_vec();
        Answer { status: "404 Not Found", headers: Vec::new(), body }
    }

    /// From the byte that is asked for.
    pub(super) fn file(file: &File, request: &Request) -> Answer {
        let first = request.range_from();
        let from = first.unwrap_or(0).min(file.bytes.len());
        let mut headers = vec![
            ("Content-Type", file.mime.to_owned()),
            ("Accept-Ranges", "bytes".to_owned()),
            ("ETag", format!("\"{}\"", file.name)),
        ];
        if first.is_some() {
            let (last, all) = (file.bytes.len().saturating_sub(1), file.bytes.len());
            headers.push(("Content-Range", format!("bytes {from}-{last}/{all}")));
        }
        let status = if first.is_some() { "206 Partial Content" } else { "200 OK" };
        Answer { status, headers, body: file.bytes[from..].to_vec() }
    }
}

/// The whole question; what it carries beside its head is taken and forgotten.
pub(super) async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if bytes.len() > HEAD_MAX || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let request = Request::parse(std::str::from_utf8(&bytes[..end]).ok()?)?;
    let length = request.headers.get("content-length").map_or(Ok(0), |it| it.parse());
    let length: usize = length.ok().filter(|length| *length <= BODY_MAX)?;
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

pub(super) async fn write(stream: &mut TcpStream, answer: &Answer) -> Option<()> {
    let headers: String =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        answer.status,
        answer.body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&answer.body).await.ok()?;
    stream.shutdown().await.ok()
}

/// `a+b%20c`, as queries have it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = after;
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_with_what_it_escapes() {
        let request = Request::parse(
            "GET /a%20b/c?q=one+two%26&n=10&empty HTTP/1.1\r\nHost: x\r\nRANGE: bytes=12-\r\n\r\n",
        );
        let request = request.unwrap();
        assert_eq!(request.path, "/a b/c");
        assert_eq!((request.query("q"), request.query("n")), ("one two&", "10"));
        assert_eq!((request.query("empty"), request.query("none")), ("", ""));
        assert_eq!(request.range_from(), Some(12));
        assert_eq!(decoded("50%"), "50%");
    }
}
