use serde_json::json;

use super::{Scene, StandIn, boxed, not_found};
use crate::server::{Request, Step, json};
use crate::services::archive::{Archive, Settings};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| boxed(Archive::new(&Settings { base: base.to_owned() }, api)),
    answer,
    own: &[Shape::ErrorIn200, Shape::Preview],
    spared: &[],
    words: "grateful dead 1977",
    key: "gd1977",
    list: "gd1977",
    live: "",
};

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if scene.is(Shape::ErrorIn200) {
        return json(&json!({}));
    }
    let files = match scene.is(Shape::Preview) {
        true => json!([
            {"name": "a.flac", "source": "original", "format": "Flac", "private": "true", "length": "100"},
            {"name": "a_sample.mp3", "source": "derivative", "format": "MP3 Sample", "original": "a.flac"},
        ]),
        false => json!([
            {"name": "__ia_thumb.jpg", "source": "original", "format": "Item Tile", "size": "9028"},
            {"name": "CD 1/01 Bertha.flac", "source": "original", "format": "Flac", "size": "45310034",
                "length": "419.51", "title": "Bertha", "track": "01", "md5": "0"},
            {"name": "CD 1/01 Bertha.mp3", "source": "derivative", "format": "VBR MP3", "length": "06:59",
                "original": "CD 1/01 Bertha.flac", "size": "9028000"},
            {"name": "CD 1/02.shn", "source": "original", "format": "Shorten", "size": "1"},
            {"name": "CD 1/02.mp3", "source": "derivative", "format": "VBR MP3", "length": "05:00",
                "original": "CD 1/02.shn"},
        ]),
    };
    match request.place() {
        "/advancedsearch.php" => json(&json!({"responseHeader": {"status": 0, "QTime": 12},
        "response": {"numFound": 2, "start": 0, "docs": [
            {"identifier": "gd1977", "title": "Barton Hall", "creator": "Grateful Dead"},
            {"identifier": "two", "title": "Two", "creator": ["One", "Other"]},
        ]}})),
        "/metadata/gd1977" => {
            json(&json!({"created": 1, "d1": "ia600.us.archive.org", "dir": "/1/items/gd1977",
            "files": files, "files_count": 5, "item_size": 1, "server": "ia600.us.archive.org",
            "metadata": {"identifier": "gd1977", "title": "Barton Hall", "creator": ["Grateful Dead"]}}))
        }
        "/metadata/gone" => json(&json!([])),
        "/metadata/dark" => json(&json!({"is_dark": true, "metadata": {}})),
        place if place.starts_with("/metadata/") => json(&json!({})),
        place if place.starts_with("/download/gd1977/") => {
            crate::server::redirect(&format!("{}/media", scene.media))
        }
        _ => not_found(),
    }
}
