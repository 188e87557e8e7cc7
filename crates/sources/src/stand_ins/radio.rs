use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::server::{Request, Step, json};
use crate::services::radio::{Radio, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        boxed(Radio::new(Settings { base: base.to_owned(), country: Some("FR".to_owned()) }, api))
    },
    answer,
    own: &[Shape::ErrorIn200],
    spared: &[],
    words: "fip",
    key: "960761d5-0601-11e8-ae97-52543be04c81",
    list: "",
    live: "960761d5-0601-11e8-ae97-52543be04c81",
};

/// Another one, whose stream comes in segments, and whose click is answered with a boolean.
pub(super) const SEGMENTED: &str = "aaaaaaaa-0601-11e8-ae97-52543be04c81";

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    let uuid = STAND_IN.key;
    let station = |uuid: &str, hls: u8| {
        json!({"changeuuid": "x", "stationuuid": uuid, "name": "FIP\t", "url": "http://old.example/fip.m3u",
            "url_resolved": format!("{}/media/live", scene.media), "homepage": "https://www.fip.fr/",
            "tags": "eclectic", "countrycode": "FR", "votes": 1, "codec": "MP3", "bitrate": 128, "hls": hls,
            "lastcheckok": 1, "clickcount": 1, "ssl_error": 0, "geo_lat": null})
    };
    let is_ok = if scene.is(Shape::ErrorIn200) { "false" } else { "true" };
    let uuids = request.query("uuids").unwrap_or_default();
    match request.place() {
        "/json/stations/search" if request.query("hidebroken").as_deref() == Some("true") => {
            let mut closed = station("cccccccc-0601-11e8-ae97-52543be04c81", 0);
            closed["url_resolved"] = json!("http://radio.example:6379/fip");
            json(&json!([closed, station(uuid, 0)]))
        }
        "/json/stations/byuuid" if uuids == uuid => json(&json!([station(uuid, 0)])),
        "/json/stations/byuuid" if uuids == SEGMENTED => json(&json!([station(SEGMENTED, 1)])),
        "/json/stations/byuuid" => json(&json!([])),
        place if place == format!("/json/url/{uuid}") => json(&json!({"ok": is_ok,
            "message": "retrieved station url", "stationuuid": uuid, "name": "FIP", "url": "http://x/"})),
        place if place == format!("/json/url/{SEGMENTED}") => json(&json!({"ok": true})),
        _ => not_found(),
    }
}
