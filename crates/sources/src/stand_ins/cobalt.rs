use serde_json::{Value, json};

use super::{Scene, StandIn, boxed};
use crate::secret::Secret;
use crate::server::{Request, Step, answer as reply, json};
use crate::services::cobalt::{Cobalt, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let key = Some(Secret::new("SECRET-key"));
        boxed(Cobalt::new(Settings { base: base.to_owned(), key }, api))
    },
    answer,
    own: &[Shape::CodeIn400, Shape::Denied, Shape::TooMany],
    spared: &[],
    words: "",
    key: "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    list: "",
    live: "",
};

fn error(status: &str, headers: &[(&str, &str)], code: &str) -> Vec<Step> {
    let body =
        json!({"status": "error", "error": {"code": code, "context": {"service": "youtube"}}});
    reply(status, headers, body.to_string().as_bytes())
}

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    match scene.shape {
        Some(Shape::CodeIn400) => {
            return error("400 Bad Request", &[], "error.api.content.video.unavailable");
        }
        Some(Shape::Denied) => {
            return error("401 Unauthorized", &[], "error.api.auth.key.not_found");
        }
        Some(Shape::TooMany) => {
            let wait = [("RateLimit-Limit", "20"), ("RateLimit-Reset", "7")];
            return error("429 Too Many Requests", &wait, "error.api.rate_exceeded");
        }
        _ => {}
    }
    if request.method != "POST" || request.place() != "/" {
        return error("404 Not Found", &[], "error.api.generic");
    }
    if request.header("accept") != Some("application/json") {
        return error("400 Bad Request", &[], "error.api.header.accept");
    }
    if request.header("content-type") != Some("application/json") {
        return error("400 Bad Request", &[], "error.api.header.content_type");
    }
    if request.header("authorization") != Some("Api-Key SECRET-key") {
        return error("401 Unauthorized", &[], "error.api.auth.key.invalid");
    }
    let wish: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let known = ["url", "downloadMode", "audioFormat", "filenameStyle", "localProcessing"];
    let is_known =
        wish.as_object().is_some_and(|it| it.keys().all(|key| known.contains(&key.as_str())));
    if !is_known || wish["downloadMode"] != "audio" {
        return error("400 Bad Request", &[], "error.api.invalid_body");
    }
    let url = format!("{}/media?id=abcdefghijklmnopqrstu&exp=4102444800000", scene.media);
    let url = url.as_str();
    json(&match wish["url"].as_str().unwrap_or_default() {
        link if link.contains("redirect") => {
            json!({"status": "redirect", "url": url, "filename": "a.mp3"})
        }
        link if link.contains("pictures") => {
            json!({"status": "picker", "picker": [{"type": "photo", "url": url}]})
        }
        link if link.contains("slides") => {
            json!({"status": "picker", "picker": [], "audio": url, "audioFilename": "slides.mp3"})
        }
        link if link.contains("local") => json!({"status": "local-processing", "type": "audio",
            "service": "vimeo", "tunnel": [url], "audio": {"copy": true},
            "output": {"type": "audio/ogg", "filename": "f.ogg", "metadata": {"title": "T", "artist": "A"}}}),
        link if link.contains("merge") => json!({"status": "local-processing", "type": "merge",
            "service": "vimeo", "tunnel": [url, url], "output": {"type": "video/mp4", "filename": "f.mp4"}}),
        _ => {
            json!({"status": "tunnel", "url": url, "filename": "Never Gonna Give You Up - Rick Astley.opus"})
        }
    })
}
