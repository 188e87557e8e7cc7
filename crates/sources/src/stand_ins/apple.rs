use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::catalogues::apple::{Apple, Settings};
use crate::server::{Request, Step, json};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        boxed(Apple::new(Settings { base: base.to_owned(), country: "us".to_owned() }, api))
    },
    answer,
    own: &[Shape::ErrorIn200],
    spared: &[],
    words: "",
    key: "de/1440818839",
    list: "us/1440818588",
    live: "",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return json(&json!({"resultCount": 0, "results": []}));
    }
    let song = |id: u32| {
        json!({"wrapperType": "track", "kind": "song", "artistId": 1, "collectionId": 1440818588, "trackId": id,
            "artistName": "Jack Johnson", "collectionName": "In Between Dreams", "trackName": "Better Together",
            "trackViewUrl": "https://music.apple.com/us/album/x/1?i=2", "previewUrl": "https://audio-ssl/p.m4a",
            "trackTimeMillis": 207679, "country": "USA", "isStreamable": true, "trackExplicitness": "notExplicit"})
    };
    let album = json!({"wrapperType": "collection", "collectionType": "Album", "artistName": "Jack Johnson",
        "collectionName": "In Between Dreams", "collectionExplicitness": "notExplicit", "trackCount": 2});
    match (request.place(), request.query("id").as_deref()) {
        ("/lookup", Some("1440818839")) if request.query("country").as_deref() == Some("de") => {
            json(&json!({"resultCount": 1, "results": [song(1_440_818_839)]}))
        }
        ("/lookup", Some("1440818588")) => {
            json(&json!({"resultCount": 3, "results": [album, song(1), song(2)]}))
        }
        ("/lookup", _) => json(&json!({"resultCount": 0, "results": []})),
        _ => not_found(),
    }
}
