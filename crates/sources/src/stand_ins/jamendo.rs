use serde_json::{Value, json};

use super::{Scene, StandIn, boxed, not_found};
use crate::secret::Secret;
use crate::server::{Request, Step, json};
use crate::services::jamendo::{Jamendo, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let client_id = Secret::new("SECRET");
        boxed(Jamendo::new(Settings { base: format!("{base}/v3.0"), client_id }, api))
    },
    answer,
    own: &[Shape::ErrorIn200, Shape::Denied],
    spared: &[],
    words: "acoustic",
    key: "168",
    list: "album/24",
    live: "",
};

fn failed(code: u32) -> Vec<Step> {
    json(&json!({"headers": {"status": "failed", "code": code, "results_count": 0, "warnings": "",
        "error_message": "Jamendo Api Access Error: SECRET"}, "results": []}))
}

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return failed(1);
    }
    if scene.is(Shape::Denied) || request.query("client_id").as_deref() != Some("SECRET") {
        return failed(5);
    }
    let track = |id: u32, duration: Value| {
        json!({"id": id.to_string(), "name": "J'm'e FPM", "duration": duration, "artist_id": "7",
            "artist_name": "TriFace", "album_id": "24", "album_name": "Premiers Jets", "license_ccurl": "x",
            "position": 1, "releasedate": "2004-12-28", "audio": format!("{}/media?trackid={id}", scene.media),
            "audiodownload_allowed": true, "shareurl": format!("https://www.jamendo.com/track/{id}")})
    };
    let results = |results: Value| {
        json(
            &json!({"headers": {"status": "success", "code": 0, "error_message": "", "warnings": "",
            "results_count": results.as_array().map_or(0, Vec::len)}, "results": results}),
        )
    };
    match request.place() {
        "/v3.0/tracks/" if request.query("id").is_some_and(|id| id != "168") => results(json!([])),
        "/v3.0/tracks/" if request.query("album_id").is_some() => {
            let offset: u32 = request.query("offset").and_then(|it| it.parse().ok()).unwrap_or(0);
            let count = if offset == 0 { 100 } else { 1 };
            results((offset..offset + count).map(|id| track(id, json!(61))).collect())
        }
        "/v3.0/tracks/" => results(json!([track(168, json!(183))])),
        // here the numbers are strings
        "/v3.0/playlists/tracks/" => {
            results(json!([{"id": "5", "name": "List", "tracks": [track(168, json!("183"))]}]))
        }
        _ => not_found(),
    }
}
