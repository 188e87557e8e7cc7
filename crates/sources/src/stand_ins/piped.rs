use serde_json::json;

use super::{Scene, StandIn, boxed};
use crate::server::{Request, Step, answer as reply, json};
use crate::services::piped::{Piped, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| boxed(Piped::new(&Settings { base: base.to_owned() }, api)),
    answer,
    own: &[Shape::ErrorIn200],
    spared: &[],
    words: "daft punk",
    key: "dQw4w9WgXcQ",
    list: "PL1",
    live: "jfKfPfyJRdk",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return json(
            &json!({"error": "org.schabi.newpipe…", "message": "This video is private video"}),
        );
    }
    let item = |id: &str, title: &str, duration: i32| {
        json!({"url": format!("/watch?v={id}"), "type": "stream", "title": title, "uploaderName": "Rick Astley",
            "duration": duration, "views": 1, "uploaded": 1, "uploaderVerified": true, "isShort": false})
    };
    let song = item("dQw4w9WgXcQ", "Never Gonna Give You Up", 212);
    let audio = |itag: u32, bitrate: u32, kind: &str, track: &str| {
        json!({"url": format!("{}/media?itag={itag}&expire=4102444800", scene.media), "format": "WEBMA_OPUS",
            "quality": "133 kbps", "mimeType": kind, "codec": "opus", "audioTrackType": track, "videoOnly": false,
            "itag": itag, "bitrate": bitrate, "contentLength": 3433514})
    };
    let stream = |title: &str, livestream: bool| {
        json!({"title": title, "uploader": "Rick Astley", "duration": if livestream { 0 } else { 212 },
            "livestream": livestream, "hls": format!("{}/media/live.m3u8", scene.media), "dash": null,
            "audioStreams": [
                audio(140, 130_000, "audio/mp4", "ORIGINAL"),
                audio(251, 160_000, "audio/webm; codecs=\"opus\"", "DUBBED"),
                audio(250, 70_000, "audio/webm; codecs=\"opus\"", "ORIGINAL"),
            ],
            "videoStreams": [{"url": "x", "mimeType": "video/mp4", "videoOnly": true, "bitrate": 4400000}]})
    };
    match request.place() {
        "/search" => json(&json!({"items": [
            {"url": "/channel/UC1", "type": "channel", "name": "Rick Astley"}, song, item("jfKfPfyJRdk", "lofi", -1),
        ], "nextpage": "null", "suggestion": null, "corrected": false})),
        "/streams/dQw4w9WgXcQ" => json(&stream("Never Gonna Give You Up", false)),
        "/streams/jfKfPfyJRdk" => json(&stream("lofi", true)),
        "/playlists/PL1" => {
            json(&json!({"name": "Mix", "uploader": "me", "videos": 2, "relatedStreams": [song],
            "nextpage": "{\"url\":\"https://www.youtube.com/youtubei/v1/browse?key=1\"}"}))
        }
        "/nextpage/playlists/PL1" if request.query("nextpage").is_some() => {
            json(&json!({"relatedStreams": [song], "nextpage": null}))
        }
        _ => reply(
            "500 Internal Server Error",
            &[],
            br#"{"error":"x","message":"Video unavailable"}"#,
        ),
    }
}
