//! Playlists come into the queue page by page, up to what one list may bring.

use simulator::world::ADA;

use super::super::origin::{Origin, answer, ranged};
use super::super::world::World;
use super::{music, nothing_at_home};

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_comes_page_by_page_up_to_its_limit() {
    let music = music();
    // as a Piped back end pages its playlists; a page names the next one
    let origin = Origin::start(move |asked, _| {
        let host = asked.header("host").unwrap_or_default();
        let path = asked.path();
        let videos = |from: usize| {
            let one = |n: usize| {
                format!(
                    r#"{{"type": "stream", "url": "/watch?v=aaaaaaaaa{n:02}", "title": "Part {n}", "uploaderName": "Nobody", "duration": 60}}"#
                )
            };
            (from..from + 3).map(one).collect::<Vec<_>>().join(", ")
        };
        let body = if path.starts_with("/playlists/") {
            format!(r#"{{"name": "Parts", "relatedStreams": [{}], "nextpage": "two"}}"#, videos(1))
        } else if path.starts_with("/nextpage/playlists/") {
            format!(r#"{{"relatedStreams": [{}], "nextpage": "three"}}"#, videos(4))
        } else if path.starts_with("/streams/") {
            format!(
                r#"{{"title": "Part 1", "uploader": "Nobody", "duration": 60, "livestream": false, "audioStreams": [
                    {{"url": "http://{host}/music.mp3", "mimeType": "audio/mpeg", "bitrate": 128000, "format": "MP3", "codec": "mp3", "quality": "128 kbps", "videoOnly": false}}
                ], "videoStreams": [], "relatedStreams": []}}"#
            )
        } else {
            return ranged(asked, &music, None);
        };
        answer("200 OK", "application/json", body.as_bytes())
    })
    .await;
    let home = nothing_at_home();
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .settings(&format!(
            "extractors.order = [\"piped\"]\nextractors.piped.urls = [\"http://{}\"]\nsources.playlist_max = 5",
            origin.host()
        ))
        .start()
        .await;
    running
        .say(ADA, "/play https://www.youtube.com/playlist?list=PLabcdefghijklmnopqrstuvwxyz012345");
    running.sees("Now playing").await;
    let n_waiting = || running.inside.tree.stats().chats.pop().map_or(0, |chat| chat.n_waiting);
    running.until("four of five wait", || n_waiting() == 4).await;
    running.say(ADA, "/queue");
    let queue = running.sees("4. ").await;
    for part in 2..=5 {
        assert!(queue.text.contains(&format!("Part {part}")), "{queue:?}");
    }
    assert!(!queue.text.contains("Part 6"), "{queue:?}");
    running.end().await;
}
