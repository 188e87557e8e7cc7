use std::time::Duration;

use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::secret::Secret;
use crate::server::{Request, Step, answer as reply, json};
use crate::services::gateway::{Gateway, Keys, Open, Search, Settings};

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let search = Search {
            url: format!("{base}/api/search?query={{query}}&limit={{limit}}"),
            items: "/results".to_owned(),
            key: "/id".to_owned(),
            title: "/title".to_owned(),
            artist: Some("/channel".to_owned()),
            duration: Some("/duration".to_owned()),
        };
        let open = Open {
            url: format!("{base}/api/track?url={{key}}&api_key={{secret}}"),
            stream: "/cdnurl".to_owned(),
            title: Some("/meta/0/title".to_owned()),
            artist: None,
            duration: None,
            lifetime: Some(Duration::from_secs(300)),
        };
        let settings = Settings {
            search: Some(search),
            open,
            keys: Keys::YouTube,
            secret: Some(Secret::new("SECRET&")),
            secret_header: Some("X-API-Key".to_owned()),
        };
        boxed(Gateway::new(settings, api))
    },
    answer,
    own: &[],
    spared: &[],
    words: "never gonna",
    key: "dQw4w9WgXcQ",
    list: "",
    live: "",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if request.header("x-api-key") != Some("SECRET&") {
        return reply("401 Unauthorized", &[], b"{}");
    }
    match request.place() {
        "/api/search" => json(&json!({"results": [{"title": "Never Gonna", "id": "dQw4w9WgXcQ",
            "url": "https://youtu.be/dQw4w9WgXcQ", "duration": "3:32", "channel": "Rick Astley"}]})),
        "/api/track" if request.query("api_key").as_deref() == Some("SECRET&") => {
            json(&json!({"id": request.query("url"), "cdnurl": format!("{}/media", scene.media),
                "meta": [{"title": "Never Gonna"}], "platform": "youtube"}))
        }
        _ => not_found(),
    }
}
