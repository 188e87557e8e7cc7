use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::server::{Request, Step, answer as reply, json};
use crate::services::invidious::{Invidious, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let region = Some("DE".to_owned());
        boxed(Invidious::new(Settings { base: base.to_owned(), region, is_proxied: true }, api))
    },
    answer,
    own: &[Shape::ErrorIn200, Shape::StackTrace],
    spared: &[],
    words: "daft punk",
    key: "dQw4w9WgXcQ",
    list: "PL1",
    live: "jfKfPfyJRdk",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return json(&json!({"error": "Video unavailable"}));
    }
    if scene.is(Shape::StackTrace) {
        let body = br#"{"error":"Sign in to confirm you're not a bot"}"#;
        return reply("500 Internal Server Error", &[], body);
    }
    let video = |id: &str, title: &str, seconds: u32| {
        json!({"type": "video", "title": title, "videoId": id, "author": "Rick Astley", "authorId": "UC1",
            "lengthSeconds": seconds, "liveNow": seconds == 0, "viewCount": 1, "paid": false, "premium": false})
    };
    let song = video("dQw4w9WgXcQ", "Never Gonna\u{202e} Give You Up", 212);
    let format = |itag: &str, bitrate: &str, kind: &str| {
        json!({"index": "0-0", "bitrate": bitrate, "init": "0-265", "itag": itag, "type": kind, "clen": "3433514",
            "url": format!("{}/media?itag={itag}&expire=4102444800", scene.media)})
    };
    match request.place() {
        "/api/v1/search" => json(&json!([
            {"type": "channel", "author": "Rick Astley", "authorId": "UC1"},
            song,
            video("jfKfPfyJRdk", "lofi radio", 0),
        ])),
        "/api/v1/videos/dQw4w9WgXcQ" => {
            let mut song = song;
            song["adaptiveFormats"] = json!([
                format("137", "4400000", "video/mp4; codecs=\"avc1.640028\""),
                format("140", "130000", "audio/mp4; codecs=\"mp4a.40.2\""),
                format("249", "52000", "audio/webm; codecs=\"opus\""),
                format("251", "133000", "audio/webm; codecs=\"opus\""),
            ]);
            song["formatStreams"] =
                json!([{"url": "x", "itag": "18", "type": "video/mp4; codecs=\"avc1, mp4a\""}]);
            json(&song)
        }
        "/api/v1/videos/jfKfPfyJRdk" => {
            let mut live = video("jfKfPfyJRdk", "lofi radio", 0);
            live["hlsUrl"] = json!(format!("{}/media/live.m3u8", scene.media));
            live["adaptiveFormats"] = json!([]);
            json(&live)
        }
        "/api/v1/videos/soon" => {
            let mut video = video("soon", "Premiere", 0);
            video["liveNow"] = json!(false);
            video["isUpcoming"] = json!(true);
            json(&video)
        }
        "/api/v1/playlists/PL1" => {
            let page = request.query("page").unwrap_or("1".to_owned());
            let mut first = song;
            first["index"] = json!(if page == "1" { 0 } else { 1 });
            json(&json!({"type": "playlist", "title": "Mix", "videoCount": 2, "videos": [first]}))
        }
        _ => not_found(),
    }
}
