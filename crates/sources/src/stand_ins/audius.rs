use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::server::{Request, Step, json};
use crate::services::audius::{Audius, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let app_name = "ArmedMusic".to_owned();
        boxed(Audius::new(Settings { base: format!("{base}/v1"), app_name }, api))
    },
    answer,
    own: &[Shape::ErrorIn200],
    spared: &[],
    words: "electronic",
    key: "D7KyD",
    list: "https://audius.co/one/playlist/mix",
    live: "",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return json(&json!({"data": null}));
    }
    let track = |id: &str, is_gated: bool| {
        json!({"id": id, "title": "Paradise", "duration": 245, "genre": "Electronic", "permalink": "/one/paradise",
            "is_streamable": true, "is_stream_gated": is_gated, "artwork": null,
            "user": {"id": "U1", "name": "One", "handle": "one"}})
    };
    match request.place() {
        "/v1/tracks/search" => {
            json(&json!({"data": [track("GATED", true), track("D7KyD", false)]}))
        }
        "/v1/tracks/D7KyD" => json(&json!({"data": track("D7KyD", false)})),
        "/v1/tracks/GATED" => json(&json!({"data": track("GATED", true)})),
        "/v1/tracks/D7KyD/stream" => crate::server::redirect(&format!("{}/media", scene.media)),
        "/v1/resolve" if request.query("url").is_some_and(|url| url.contains("/playlist/")) => {
            json(&json!({"data": [{"id": "PL", "playlist_name": "Mix", "is_album": false}]}))
        }
        "/v1/resolve" => json(&json!({"data": track("D7KyD", false)})),
        "/v1/playlists/PL/tracks" => json(&json!({"data": [track("D7KyD", false)]})),
        _ => not_found(),
    }
}
