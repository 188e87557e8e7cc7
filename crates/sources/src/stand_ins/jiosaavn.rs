use serde_json::{Value, json};

use super::{Scene, StandIn, boxed};
use crate::server::{Request, Step, answer as reply, json};
use crate::services::jiosaavn::{JioSaavn, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| boxed(JioSaavn::new(&Settings { base: base.to_owned() }, api)),
    answer,
    own: &[Shape::ErrorIn200],
    spared: &[],
    words: "tum hi ho",
    key: "3IoDK8qI",
    list: "https://www.jiosaavn.com/featured/best/abc",
    live: "",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return json(&json!({"success": false, "message": "song not found SECRET"}));
    }
    let download = |quality: &str| json!({"quality": quality, "url": format!("{}/media/{quality}.mp4", scene.media)});
    let song = json!({"id": "3IoDK8qI", "name": "Tum Hi Ho (From &quot;Aashiqui 2&quot;)", "type": "song",
        "year": "2013", "releaseDate": null, "duration": 262, "explicitContent": false, "playCount": 1,
        "url": "https://www.jiosaavn.com/song/tum-hi-ho/EToxUyFpcwQ",
        "album": {"id": "1139549", "name": "Aashiqui 2"},
        "artists": {"primary": [{"id": "1", "name": "Mithoon"}, {"id": "2", "name": "Arijit Singh"}],
            "featured": [], "all": []},
        "downloadUrl": [download("12kbps"), download("96kbps"), download("320kbps"), download("160kbps")]});
    let success = |data: Value| json(&json!({"success": true, "data": data}));
    match request.place() {
        "/api/search/songs" => success(json!({"total": 1, "start": 0, "results": [song]})),
        "/api/songs" | "/api/songs/3IoDK8qI" => success(json!([song])),
        "/api/playlists" => {
            let is_first = request.query("page").as_deref() == Some("0");
            let songs = vec![song; if is_first { 50 } else { 1 }];
            success(json!({"id": "1", "name": "Best &amp; more", "songCount": 51, "songs": songs}))
        }
        "/api/albums" => {
            success(json!({"id": "1", "name": "Aashiqui 2", "songCount": 1, "songs": [song]}))
        }
        _ => reply("404 Not Found", &[], br#"{"success":false,"message":"route not found"}"#),
    }
}
