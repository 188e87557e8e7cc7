//! What a catalogue's link means is looked for where it can be played; what is not allowed here is told.

use simulator::world::ADA;

use super::super::origin::{Origin, answer};
use super::super::world::World;
use super::{gateway, nothing_at_home, serve, working};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_catalogue_is_played_from_a_service() {
    let music = super::music();
    let origin = Origin::start(move |asked, _| match asked.path() {
        "/track/3135556" => answer(
            "200 OK",
            "application/json",
            br#"{"id": 3135556, "readable": true, "title": "Far Away Hills", "duration": 4, "explicit_lyrics": false, "link": "https://www.deezer.com/track/3135556", "preview": "https://cdnt-preview.dzcdn.net/x.mp3", "artist": {"id": 27, "name": "Nobody"}, "type": "track"}"#,
        ),
        _ => serve(asked, &music),
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&format!("extractors.deezer.urls = [\"http://{}\"]", origin.host()))
        .settings(&gateway(&origin, &["gateway", "deezer"]))
        .start()
        .await;
    running.say(ADA, "/play https://www.deezer.com/en/track/3135556");
    let playing = running.sees("Now playing").await;
    // the second hit is the one that it describes
    assert!(playing.text.contains("Far Away Hills"), "{playing:?}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explicit_track_is_refused_where_explicit_tracks_are_not_allowed() {
    let music = super::music();
    let origin = Origin::start(move |asked, _| {
        let track = |id: &str, is_explicit: bool| {
            let body = format!(
                r#"{{"id": {id}, "readable": true, "title": "Far Away Hills", "duration": 4, "explicit_lyrics": {is_explicit}, "link": "https://www.deezer.com/track/{id}", "artist": {{"id": 27, "name": "Nobody"}}, "type": "track"}}"#
            );
            answer("200 OK", "application/json", body.as_bytes())
        };
        match asked.path() {
            "/track/1" => track("1", true),
            "/track/2" => track("2", false),
            _ => serve(asked, &music),
        }
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings("sources.explicit = false")
        .settings(&format!("extractors.deezer.urls = [\"http://{}\"]", origin.host()))
        .settings(&gateway(&origin, &["gateway", "deezer"]))
        .start()
        .await;
    running.say(ADA, "/play https://www.deezer.com/track/1");
    running.sees("Explicit tracks are not played here").await;
    assert!(!origin.asked().iter().any(|asked| asked.path().starts_with("/open")));
    running.say(ADA, "/play https://www.deezer.com/track/2");
    running.sees("Now playing").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_radio_station_is_refused_where_live_streams_are_not_allowed() {
    let origin = Origin::start(|asked, _| {
        let body: &[u8] = match asked.path().starts_with("/json/stations") {
            true => br#"[{"stationuuid": "960e57c5-0601-11e8-ae97-52543be04c81", "name": "Far Away Radio", "url": "http://example.org/a", "url_resolved": "http://example.org/a", "homepage": "", "codec": "MP3", "bitrate": 128, "hls": 0, "lastcheckok": 1}]"#,
            false => b"[]",
        };
        answer("200 OK", "application/json", body)
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings("sources.live = false\nextractors.order = [\"radio\"]")
        .settings(&format!("extractors.radio.urls = [\"http://{}\"]", origin.host()))
        .start()
        .await;
    running.say(ADA, "/play far away radio");
    running.sees("Live streams are not played here").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_service_that_fails_is_played_from_its_sibling() {
    let (breaking, origin, home) = (super::breaking().await, working().await, nothing_at_home());
    let running = World::new()
        .music(home.path())
        .allow_host(&breaking.host())
        .allow_host(&origin.host())
        .settings(&format!("extractors.piped.urls = [\"http://{}\"]", breaking.host()))
        .settings(&gateway(&origin, &["piped", "gateway"]))
        .start()
        .await;
    running.say(ADA, "/play https://www.youtube.com/watch?v=aaaaaaaaaa1");
    running.sees("Now playing").await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_link_is_played_as_what_it_leads_to() {
    let music = super::music();
    let origin = Origin::start(move |asked, _| match asked.path() {
        "/AbCd1" => vec![super::super::origin::head(
            "302 Found",
            &[("Location", "https://www.deezer.com/track/3135556?utm=1"), ("Content-Length", "0")],
        )],
        "/track/3135556" => answer(
            "200 OK",
            "application/json",
            br#"{"id": 3135556, "readable": true, "title": "Far Away Hills", "duration": 4, "explicit_lyrics": false, "link": "https://www.deezer.com/track/3135556", "artist": {"id": 27, "name": "Nobody"}, "type": "track"}"#,
        ),
        "/dead" => answer("404 Not Found", "text/html", b"gone"),
        _ => serve(asked, &music),
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&format!("sources.short_links = [{:?}]", origin.host()))
        .settings(&format!("extractors.deezer.urls = [\"http://{}\"]", origin.host()))
        .settings(&gateway(&origin, &["gateway", "deezer"]))
        .start()
        .await;
    let asked = running.say(ADA, &format!("/play {}", origin.url("/dead")));
    let said = super::answered(&running, asked).await;
    assert!(said.contains("found nothing"), "{said}");
    running.say(ADA, &format!("/play {}", origin.url("/AbCd1")));
    let playing = running.sees("Now playing").await;
    assert!(playing.text.contains("Far Away Hills"), "{playing:?}");
    running.end().await;
}
