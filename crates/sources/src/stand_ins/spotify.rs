use serde_json::{Value, json};

use super::{Scene, StandIn, boxed, not_found};
use crate::catalogues::spotify::{Credentials, Settings, Spotify};
use crate::secret::Secret;
use crate::server::{Request, Step, answer as reply, json};
use crate::table::Shape;

pub(super) const STAND_IN: StandIn = StandIn {
    build: |base, api| {
        let credentials =
            Credentials { client_id: "id".to_owned(), client_secret: Secret::new("SECRET") };
        boxed(Spotify::new(settings(base, Some(credentials)), api))
    },
    answer,
    own: &[Shape::Denied, Shape::DeniedOnce],
    spared: &["/accounts"],
    words: "",
    key: "11dFghVXANMlKmJXsNCbNl",
    list: "playlist/37i9dQZF1DXcBWIGoYBM5M",
    live: "",
};

/// Without credentials, too.
pub(crate) fn settings(base: &str, credentials: Option<Credentials>) -> Settings {
    Settings {
        base: format!("{base}/v1"),
        accounts: format!("{base}/accounts"),
        site: base.to_owned(),
        credentials,
    }
}

fn answer(scene: &Scene, request: &Request) -> Vec<Step> {
    if request.place() == "/accounts/api/token" {
        // base64 of id:SECRET
        let is_known = request.header("authorization") == Some("Basic aWQ6U0VDUkVU");
        if !is_known || request.body != b"grant_type=client_credentials" {
            return reply("400 Bad Request", &[], br#"{"error":"invalid_client"}"#);
        }
        let token = format!("SECRET-token-{}", scene.number);
        return json(&json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}));
    }
    if request.place() == "/oembed" {
        return json(&json!({"html": "<iframe>", "version": "1.0", "provider_name": "Spotify",
            "type": "rich", "title": "Cut To The Feeling", "thumbnail_width": 300}));
    }
    let token = request.header("authorization").unwrap_or_default();
    let is_good = match scene.shape {
        Some(Shape::Denied) => false,
        Some(Shape::DeniedOnce) => !token.ends_with("-0"),
        _ => token.starts_with("Bearer SECRET-token-"),
    };
    if !is_good {
        let body = br#"{"error":{"status":401,"message":"The access token expired"}}"#;
        return reply("401 Unauthorized", &[], body);
    }
    let track = json!({"id": "11dFghVXANMlKmJXsNCbNl", "name": "Cut To The Feeling", "duration_ms": 207959,
        "explicit": false, "artists": [{"id": "6", "name": "Carly Rae Jepsen"}, {"id": "7", "name": "Other"}],
        "album": {"name": "Cut To The Feeling", "images": []}, "external_ids": {"isrc": "USUM71703861"},
        "external_urls": {"spotify": "https://open.spotify.com/track/11dFghVXANMlKmJXsNCbNl"}});
    let page =
        |items: Value, next: Option<&str>| json(&json!({"items": items, "next": next, "total": 3}));
    let is_first = request.query("offset").as_deref() == Some("0");
    let next = is_first.then_some("https://api.spotify.com/v1/next");
    match request.place() {
        "/v1/tracks/11dFghVXANMlKmJXsNCbNl" => json(&track),
        "/v1/playlists/37i9dQZF1DXcBWIGoYBM5M" | "/v1/playlists/old" => {
            json(&json!({"name": "Hits"}))
        }
        "/v1/playlists/37i9dQZF1DXcBWIGoYBM5M/items" => {
            page(json!([{"item": track}, {"item": null}]), next)
        }
        "/v1/playlists/old/tracks" => page(json!([{"track": track}]), None),
        "/v1/albums/1" => json(&json!({"name": "Album", "tracks": {"items": []}})),
        "/v1/albums/1/tracks" => page(json!([track]), None),
        _ => not_found(),
    }
}
