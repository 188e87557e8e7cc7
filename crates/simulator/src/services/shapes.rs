//! What each service says, in the shape of its published interface: strings where it sends strings, its own wrapping
//! around lists, its own way to the bytes.

use serde_json::{Value, json};

use super::Shape;
use super::take::Take;
use super::web::Request;

pub(super) enum Said {
    Json(Value),
    /// The bytes are at another address.
    Elsewhere(String),
}

/// `None` for what is not there. `here` is `http://127.0.0.1:PORT`.
pub(super) fn answer(shape: Shape, here: &str, request: &Request) -> Option<Said> {
    let said = match shape {
        Shape::Invidious => invidious(here, request),
        Shape::Piped => piped(here, request),
        Shape::SoundCloud => return soundcloud(here, request).map(Said::Json),
        Shape::JioSaavn => jiosaavn(here, request),
        Shape::Jamendo => jamendo(here, request),
        Shape::Archive => return archive(here, request),
        Shape::Cobalt => (request.path == "/").then(
            || json!({"status": "error", "error": {"code": "error.api.content.video.unavailable"}}),
        ),
        Shape::Radio => (request.path == "/json/stations/search").then(|| json!([])),
        Shape::Gateway => gateway(here, request),
        Shape::Audius => return audius(here, request),
    };
    said.map(Said::Json)
}

/// What a search found: one hit or none.
fn found(words: &str, hit: impl Fn(Take) -> Value) -> Value {
    Value::Array(Take::of_words(words).map(hit).into_iter().collect())
}

fn media(here: &str, take: Take) -> String {
    format!("{here}/media/{}", take.key())
}

/// The take that the last part of the path names.
fn named(request: &Request, before: &str) -> Option<Take> {
    Take::of_key(request.path.strip_prefix(before)?)
}

fn invidious(here: &str, request: &Request) -> Option<Value> {
    let video = |take: Take| {
        json!({"type": "video", "title": take.title(), "videoId": take.key(), "author": take.artist(),
            "lengthSeconds": take.duration().as_secs(), "liveNow": false})
    };
    if request.path == "/api/v1/search" {
        return Some(found(request.query("q"), video));
    }
    let take = named(request, "/api/v1/videos/")?;
    let mut whole = video(take);
    whole["adaptiveFormats"] = json!([{"bitrate": "133000", "itag": "251", "url": media(here, take),
        "type": "audio/webm; codecs=\"opus\""}]);
    Some(whole)
}

fn piped(here: &str, request: &Request) -> Option<Value> {
    if request.path == "/search" {
        let items = found(request.query("q"), |take| {
            json!({"url": format!("/watch?v={}", take.key()), "type": "stream", "title": take.title(),
                "uploaderName": take.artist(), "duration": take.duration().as_secs()})
        });
        return Some(json!({"items": items, "nextpage": "null"}));
    }
    let take = named(request, "/streams/")?;
    Some(json!({"title": take.title(), "uploader": take.artist(), "livestream": false, "hls": null,
        "duration": take.duration().as_secs(), "videoStreams": [],
        "audioStreams": [{"url": media(here, take), "mimeType": "audio/webm; codecs=\"opus\"",
            "audioTrackType": "ORIGINAL", "videoOnly": false, "bitrate": 133_000}]}))
}

fn soundcloud(here: &str, request: &Request) -> Option<Value> {
    const PAGES: &str = "https://soundcloud.com/armed-ensemble/";
    let track = |take: Take| {
        json!({"id": 1, "kind": "track", "title": take.title(), "full_duration": take.duration().as_millis() as u64,
            "permalink_url": format!("{PAGES}{}", take.key()), "user": {"username": take.artist()},
            "media": {"transcodings": [{"url": format!("{here}/door/{}", take.key()), "snipped": false,
                "format": {"protocol": "progressive", "mime_type": "audio/mpeg"}}]},
            "policy": "ALLOW", "track_authorization": "box"})
    };
    match request.path.as_str() {
        "/search/tracks" => Some(json!({"collection": found(request.query("q"), track)})),
        "/resolve" => request.query("url").strip_prefix(PAGES).and_then(Take::of_key).map(track),
        _ => named(request, "/door/").map(|take| json!({"url": media(here, take)})),
    }
}

fn jiosaavn(here: &str, request: &Request) -> Option<Value> {
    let song = |take: Take| {
        json!({"id": take.key(), "name": take.title(), "duration": take.duration().as_secs(),
            "artists": {"primary": [{"id": "1", "name": take.artist()}], "featured": [], "all": []},
            "url": format!("https://www.jiosaavn.com/song/take/{}", take.key()),
            "downloadUrl": [{"quality": "160kbps", "url": media(here, take)}]})
    };
    let data = match request.path.as_str() {
        "/api/search/songs" => json!({"results": found(request.query("query"), song)}),
        _ => json!([song(named(request, "/api/songs/")?)]),
    };
    Some(json!({"success": true, "data": data}))
}

fn jamendo(here: &str, request: &Request) -> Option<Value> {
    let track = |take: Take| {
        json!({"id": take.key(), "name": take.title(), "duration": take.duration().as_secs(),
            "artist_name": take.artist(), "audio": media(here, take),
            "shareurl": format!("https://www.jamendo.com/track/{}", take.key())})
    };
    let results = match (request.path.as_str(), request.query("id")) {
        ("/v3.0/tracks/", "") => found(request.query("search"), track),
        ("/v3.0/tracks/", id) => Take::of_key(id).map(track).into_iter().collect(),
        _ => return None,
    };
    Some(json!({"headers": {"status": "success", "code": 0}, "results": results}))
}

fn archive(here: &str, request: &Request) -> Option<Said> {
    if request.path == "/advancedsearch.php" {
        let docs = found(
            request.query("q"),
            |take| json!({"identifier": take.key(), "title": take.title(), "creator": take.artist()}),
        );
        return Some(Said::Json(json!({"response": {"numFound": 1, "start": 0, "docs": docs}})));
    }
    if let Some(take) = named(request, "/metadata/") {
        let file = json!({"name": take.file().name, "source": "original", "format": "VBR MP3",
            "length": take.duration().as_secs().to_string()});
        let about =
            json!({"identifier": take.key(), "title": take.title(), "creator": take.artist()});
        return Some(Said::Json(json!({"files": [file], "metadata": about})));
    }
    let key = request.path.strip_prefix("/download/")?.split('/').next()?;
    Take::of_key(key).map(|take| Said::Elsewhere(media(here, take)))
}

fn gateway(here: &str, request: &Request) -> Option<Value> {
    match request.path.as_str() {
        "/search" => Some(json!({"hits": found(request.query("q"), |take| {
            json!({"id": take.key(), "title": take.title(), "artist": take.artist(),
                "seconds": take.duration().as_secs()})
        })})),
        "/open" => Take::of_key(request.query("id"))
            .map(|take| json!({"url": media(here, take), "title": take.title()})),
        _ => None,
    }
}

fn audius(here: &str, request: &Request) -> Option<Said> {
    let track = |take: Take| {
        json!({"id": take.key(), "title": take.title(), "duration": take.duration().as_secs(),
            "permalink": format!("/armed-ensemble/{}", take.key()), "is_streamable": true,
            "is_stream_gated": false, "user": {"name": take.artist()}})
    };
    if request.path == "/v1/tracks/search" {
        return Some(Said::Json(json!({"data": found(request.query("query"), track)})));
    }
    let rest = request.path.strip_prefix("/v1/tracks/")?;
    match rest.strip_suffix("/stream") {
        Some(key) => Take::of_key(key).map(|take| Said::Elsewhere(media(here, take))),
        None => Take::of_key(rest).map(|take| Said::Json(json!({"data": track(take)}))),
    }
}
