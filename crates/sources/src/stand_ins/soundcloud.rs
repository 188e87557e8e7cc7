use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::server::{Request, Step, answer as reply, json};
use crate::services::soundcloud::{Settings, SoundCloud};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let site = format!("{base}/site");
        boxed(SoundCloud::new(Settings { base: base.to_owned(), site, client_id: None }, api))
    },
    answer,
    own: &[Shape::Denied, Shape::DeniedOnce, Shape::Preview],
    spared: &["/site", "/assets/"],
    words: "flickermood",
    key: "https://soundcloud.com/forss/flickermood",
    list: "https://soundcloud.com/forss/sets/soulhack",
    live: "",
};

const OLD: &str = "0LD0000000000000000000000000SECR";
const NEW: &str = "NEW1111111111111111111111111SECR";

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if request.place() == "/site" {
        let page = r#"<!doctype html><script crossorigin src="/assets/0-a.js"></script>
            <script crossorigin src="/assets/49-b.js"></script><script>var x=1</script>"#;
        return reply("200 OK", &[("Content-Type", "text/html")], page.as_bytes());
    }
    if request.place() == "/assets/0-a.js" {
        // of the first visit, an old one
        let id = if scene.number < 3 { OLD } else { NEW };
        return reply("200 OK", &[], format!("!function(){{t={{client_id:\"{id}\"}}}}").as_bytes());
    }
    if request.place() == "/assets/49-b.js" {
        return reply("200 OK", &[], b"console.log('client_id')");
    }
    let id = request.query("client_id").unwrap_or_default();
    let is_good = match scene.shape {
        Some(Shape::Denied) => false,
        Some(Shape::DeniedOnce) => id == NEW,
        _ => id == NEW || id == OLD,
    };
    if !is_good {
        return reply("401 Unauthorized", &[], b"{}");
    }
    let is_snipped = scene.is(Shape::Preview);
    let transcoding = |preset: &str, protocol: &str, media_type: &str| {
        json!({"url": format!("{}/media-door/{preset}", scene.here), "preset": preset, "duration": 213886,
            "snipped": is_snipped, "format": {"protocol": protocol, "mime_type": media_type}, "quality": "sq"})
    };
    let track = json!({"id": 293, "kind": "track", "title": "Flickermood", "duration": 213886,
        "full_duration": 213886, "permalink_url": "https://soundcloud.com/forss/flickermood",
        "user": {"id": 183, "username": "Forss", "permalink_url": "https://soundcloud.com/forss"},
        "media": {"transcodings": [
            transcoding("opus_0_0", "hls", "audio/ogg; codecs=\"opus\""),
            transcoding("mp3_1_0", "progressive", "audio/mpeg"),
            transcoding("aac_160k", "ctr-encrypted-hls", "audio/mp4; codecs=\"mp4a.40.2\""),
        ]},
        "policy": if is_snipped { "SNIP" } else { "ALLOW" },
        "publisher_metadata": {"artist": "Forss", "explicit": false},
        "streamable": true, "track_authorization": "SECRET-auth"});
    match (request.place(), request.query("url").as_deref()) {
        ("/search/tracks", _) => {
            json(&json!({"collection": [track], "next_href": null, "total_results": 1}))
        }
        ("/resolve", Some("https://soundcloud.com/forss/flickermood")) => json(&track),
        ("/resolve", Some("https://soundcloud.com/forss/sets/soulhack")) => {
            let stubs: Vec<_> = (1..60).map(|id| json!({"id": id, "kind": "track"})).collect();
            let tracks = [vec![track], stubs].concat();
            json(&json!({"kind": "playlist", "title": "Soulhack", "tracks": tracks}))
        }
        ("/tracks", _) => {
            let ids = request.query("ids").unwrap_or_default();
            // not in the order of the question
            let described = ids.rsplit(',').map(|id| {
                let mut track = track.clone();
                track["id"] = json!(id.parse::<u32>().unwrap());
                track["title"] = json!(format!("Track {id}"));
                track
            });
            json(&described.collect())
        }
        ("/media-door/mp3_1_0", _) if request.query("track_authorization").is_some() => {
            json(&json!({"url": format!("{}/media?Policy=x", scene.media)}))
        }
        ("/media-door/opus_0_0", _) => {
            json(&json!({"url": format!("{}/media/x.m3u8", scene.media)}))
        }
        _ => not_found(),
    }
}
