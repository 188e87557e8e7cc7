use serde_json::json;

use super::{Scene, StandIn, boxed};
use crate::catalogues::deezer::{Deezer, Settings};
use crate::server::{Request, Step, json};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| boxed(Deezer::new(&Settings { base: base.to_owned() }, api)),
    answer,
    own: &[Shape::ErrorIn200, Shape::TooMany],
    spared: &[],
    words: "",
    key: "3135556",
    list: "playlist/908622995",
    live: "",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    let nothing = json!({"error": {"type": "DataException", "message": "no data", "code": 800}});
    if scene.is(Shape::ErrorIn200) {
        return json(&nothing);
    }
    if scene.is(Shape::TooMany) {
        let quota = json!({"type": "Exception", "message": "Quota limit exceeded", "code": 4});
        return json(&json!({"error": quota}));
    }
    let track = json!({"id": 3135556, "readable": true, "title": "Harder, Better, Faster, Stronger",
        "link": "https://www.deezer.com/track/3135556", "duration": 226, "rank": 1, "explicit_lyrics": false,
        "preview": "https://cdns-preview.dzcdn.net/p.mp3", "artist": {"id": 27, "name": "Daft Punk"},
        "album": {"id": 302127, "title": "Discovery"}, "type": "track", "isrc": "GBDUW0000059"});
    json(&match request.place() {
        "/track/3135556" => track,
        "/playlist/908622995" => {
            json!({"id": 908622995, "title": "Mix", "nb_tracks": 2, "tracks": {"data": [track]}})
        }
        "/playlist/908622995/tracks" if request.query("index").as_deref() == Some("1") => {
            json!({"data": [track], "total": 2, "prev": "x"})
        }
        "/album/302127" => {
            json!({"id": 302127, "title": "Discovery", "nb_tracks": 1, "tracks": {"data": [track]}})
        }
        _ => nothing,
    })
}
