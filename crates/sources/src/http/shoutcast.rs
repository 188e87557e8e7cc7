//! Stations of SHOUTcast 1 answer `ICY 200 OK` where HTTP has its version, and go on as HTTP would. The client hands
//! such an answer on as one of HTTP/0.9, which has no head: all of it is body. Here it becomes what was meant, and
//! whatever else is no HTTP is refused.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::{Fault, Reason};
use futures_util::stream;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Response, ResponseBuilderExt as _, StatusCode, Version};
use url::Url;

use super::fault::{of_body, place};

/// The longest head of such an answer.
const HEAD_MAX: usize = 16 * 1024;

/// What the first line begins with.
const STATUS: &str = "ICY ";

/// An answer with its head in its place.
///
/// # Errors
/// `Unsupported` for what speaks neither HTTP nor as a station, and where no station is meant.
pub(super) async fn understood(
    url: &Url,
    mut response: Response,
    is_station_meant: bool,
) -> Result<Response, Fault> {
    if response.version() != Version::HTTP_09 {
        return Ok(response);
    }
    let strange = || Fault::refused(Reason::Unsupported, format!("{}: speaks no HTTP", place(url)));
    if !is_station_meant {
        return Err(strange());
    }
    let mut read = Vec::new();
    let end = loop {
        let begins_well = read.iter().zip(STATUS.as_bytes()).all(|(one, other)| one == other);
        match end_of_head(&read) {
            _ if !begins_well || read.len() > HEAD_MAX => return Err(strange()),
            Some(end) => break end,
            None => match response.chunk().await.map_err(|error| of_body(url, &error))? {
                Some(bytes) => read.extend_from_slice(&bytes),
                None => return Err(strange()),
            },
        }
    };
    let (status, headers) = head(&read[..end]).ok_or_else(strange)?;
    let sound = Bytes::from(read.split_off(end));
    let mut answer = ::http::Response::builder().status(status).url(response.url().clone());
    if let Some(own) = answer.headers_mut() {
        *own = headers;
    }
    // what was read beyond the head, then the rest
    let rest = stream::unfold(
        (VecDeque::from([sound]), response),
        |(mut known, mut response)| async move {
            let next = match known.pop_front() {
                Some(bytes) => Ok(Some(bytes)),
                None => response.chunk().await,
            };
            next.transpose().map(|bytes| (bytes, (known, response)))
        },
    );
    answer.body(Body::wrap_stream(rest)).map(Response::from).map_err(|_| strange())
}

/// Where the sound begins. Lines end as the station's author liked.
fn end_of_head(read: &[u8]) -> Option<usize> {
    let find =
        |end: &[u8]| read.windows(end.len()).position(|it| it == end).map(|at| at + end.len());
    [find(b"\r\n\r\n"), find(b"\n\n")].into_iter().flatten().min()
}

/// `ICY 200 OK`, then names and values; what is no header is left out.
fn head(text: &[u8]) -> Option<(StatusCode, HeaderMap)> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = std::str::from_utf8(lines.next()?).ok()?.strip_prefix(STATUS)?;
    let status = StatusCode::from_bytes(status.split(' ').next()?.as_bytes()).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    Some((status, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stations_head_is_read_however_it_is_written() {
        for text in [
            "ICY 200 OK\r\nicy-name:Box Radio\r\nicy-metaint: 8192\r\n\r\n",
            "ICY 200 OK\nicy-name : Box Radio\nno header\nicy-metaint:8192\n\n",
        ] {
            assert_eq!(end_of_head(format!("{text}\u{1}sound").as_bytes()), Some(text.len()));
            let (status, headers) = head(text.as_bytes()).unwrap();
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers["icy-name"], "Box Radio");
            assert_eq!(headers["icy-metaint"], "8192");
        }
        assert_eq!(head(b"ICY 401 Service Unavailable\r\n\r\n").unwrap().0.as_u16(), 401);
        for text in ["ICY OK\r\n\r\n", "ICY\r\n\r\n", "SSH-2.0-x\r\n\r\n", "ICY 99999 OK\r\n\r\n"] {
            assert!(head(text.as_bytes()).is_none(), "{text}");
        }
        assert_eq!(end_of_head(b"ICY 200 OK\r\nicy-name:x\r\n"), None);
    }
}
