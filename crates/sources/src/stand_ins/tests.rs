//! What each service makes of the healthy answers of its stand-in, and of the odd ones.

use std::time::Duration;

use domain::Reason;
use domain::candidate::{Candidate, StreamKind};
use url::Url;

use super::*;
use crate::api::Settings;
use crate::server::{self, Server};
use crate::service::Known;

mod catalogues;

struct Stage {
    service: Box<dyn Service>,
    server: Server,
}

async fn served(stand_in: &'static StandIn) -> (Server, Api) {
    let server = Server::start(|request, number| {
        let here = format!("http://{}", request.header("host").unwrap());
        let scene = Scene { shape: None, number, media: here.clone(), here };
        (stand_in.answer)(&scene, request)
    })
    .await;
    (server, Api::new(server::http(&["127.0.0.1"]), Settings::STANDARD))
}

async fn stage(stand_in: &'static StandIn) -> Stage {
    let (server, api) = served(stand_in).await;
    let service = (stand_in.build)(&server.url(""), &api).unwrap();
    Stage { service, server }
}

impl Stage {
    /// Where the bytes of a key are, without the host.
    async fn place(&self, key: &str) -> (String, StreamKind, Option<u64>) {
        let (_, stream) = self.service.open(key).await.unwrap();
        let place = stream.url.strip_prefix(&self.server.url("")).unwrap_or(&stream.url);
        (place.to_owned(), stream.kind, stream.lifetime.map(|it| it.as_secs()))
    }

    async fn reason(&self, key: &str) -> (bool, Reason) {
        let fault = self.service.open(key).await.unwrap_err();
        (fault.is_retryable(), fault.reason)
    }

    /// All pages, as titles.
    async fn pages(&self, key: &str) -> Vec<(Option<String>, usize)> {
        let (mut pages, mut next) = (Vec::new(), None);
        while pages.len() < 5 {
            let page = self.service.list(key, next.as_deref()).await.unwrap();
            pages.push((page.title, page.entries.len()));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        pages
    }

    fn knows(&self, link: &str) -> Option<Known> {
        self.service.knows(&Url::parse(link).unwrap())
    }
}

/// Title, artist, seconds.
fn shown(candidate: &Candidate) -> (&str, Option<&str>, Option<u64>) {
    let seconds = candidate.duration.map(|it| it.as_secs());
    (&candidate.title, candidate.artist.as_deref(), seconds)
}

fn track(key: &str) -> Option<Known> {
    Some(Known::Track(key.to_owned()))
}

fn list(key: &str) -> Option<Known> {
    Some(Known::List(key.to_owned()))
}

#[tokio::test]
async fn invidious_gives_the_best_opus() {
    let stage = stage(&invidious::STAND_IN).await;
    let found = stage.service.search("rick", 5).await.unwrap();
    assert_eq!(shown(&found[0]), ("Never Gonna Give You Up", Some("Rick Astley"), Some(212)));
    assert_eq!(found[0].link.as_deref(), Some("https://www.youtube.com/watch?v=dQw4w9WgXcQ"));
    assert!(found[1].is_live && found[1].duration.is_none() && found.len() == 2);
    assert_eq!(stage.service.search("rick", 1).await.unwrap().len(), 1);
    let (place, kind, lifetime) = stage.place("dQw4w9WgXcQ").await;
    assert!(place.contains("itag=251"), "{place}");
    assert_eq!((kind, lifetime), (StreamKind::File, Some(6 * 3600)));
    let live = stage.place("jfKfPfyJRdk").await;
    assert_eq!(live, ("/media/live.m3u8".to_owned(), StreamKind::Hls, None));
    assert_eq!(stage.reason("gone").await, (false, Reason::NotFound));
    assert_eq!(stage.reason("soon").await, (false, Reason::NotFound));
    let mix = || (Some("Mix".to_owned()), 1);
    assert_eq!(stage.pages("PL1").await, [mix(), mix()]);
    let seen = stage.server.seen();
    assert_eq!(seen[0].query("region").as_deref(), Some("DE"));
    assert!(seen.iter().any(|it| it.query("local").as_deref() == Some("true")));
}

#[tokio::test]
async fn piped_gives_the_best_opus_that_is_not_dubbed() {
    let stage = stage(&piped::STAND_IN).await;
    let found = stage.service.search("rick", 5).await.unwrap();
    assert_eq!(shown(&found[0]), ("Never Gonna Give You Up", Some("Rick Astley"), Some(212)));
    assert!(found[1].is_live && found[1].duration.is_none() && found.len() == 2);
    assert!(stage.place("dQw4w9WgXcQ").await.0.contains("itag=250"));
    assert_eq!(stage.place("jfKfPfyJRdk").await.1, StreamKind::Hls);
    assert_eq!(stage.reason("gone").await, (false, Reason::NotFound));
    assert_eq!(stage.pages("PL1").await, [(Some("Mix".to_owned()), 1), (None, 1)]);
}

#[tokio::test]
async fn cobalt_is_asked_as_it_wants_and_answers_in_five_ways() {
    let stage = stage(&cobalt::STAND_IN).await;
    let (found, stream) = stage.service.open(cobalt::STAND_IN.key).await.unwrap();
    assert_eq!(shown(&found), ("Never Gonna Give You Up", Some("Rick Astley"), None));
    assert_eq!(stream.lifetime, Some(Duration::from_secs(90)), "whatever the link says");
    let (found, _) = stage.service.open("https://vimeo.com/local").await.unwrap();
    assert_eq!(shown(&found), ("T", Some("A"), None));
    assert_eq!(stage.service.describe("https://x.com/slides").await.unwrap().title, "slides");
    assert!(stage.service.open("https://x.com/redirect").await.is_ok());
    assert_eq!(stage.reason("https://x.com/pictures").await, (false, Reason::NotAudio));
    assert_eq!(stage.reason("https://x.com/merge").await, (false, Reason::Unsupported));
    let long = format!("https://x.com/{}", "a".repeat(1024));
    let before = stage.server.seen().len();
    assert_eq!(stage.reason(&long).await, (false, Reason::BadUrl));
    assert_eq!(stage.server.seen().len(), before);
    for (link, expected) in [
        ("https://youtu.be/dQw4w9WgXcQ", track("https://www.youtube.com/watch?v=dQw4w9WgXcQ")),
        ("https://www.youtube.com/playlist?list=PL1", None),
        ("https://vm.tiktok.com/ZM1/", track("https://vm.tiktok.com/ZM1/")),
        ("https://x.com/", None),
        ("https://fox.com/a", None),
        ("https://vimeo.com.evil.test/1", None),
    ] {
        assert_eq!(stage.knows(link), expected, "{link}");
    }
}

#[tokio::test]
async fn soundcloud_gives_one_file_rather_than_segments() {
    let stage = stage(&soundcloud::STAND_IN).await;
    let key = soundcloud::STAND_IN.key;
    let found = stage.service.search("flickermood", 5).await.unwrap();
    assert_eq!(shown(&found[0]), ("Flickermood", Some("Forss"), Some(213)));
    assert_eq!((found[0].key.as_str(), found[0].is_preview), (key, false));
    let (place, kind, lifetime) = stage.place(key).await;
    assert_eq!((place.as_str(), kind, lifetime), ("/media?Policy=x", StreamKind::File, Some(600)));
    let sets = stage.pages(soundcloud::STAND_IN.list).await;
    assert_eq!(sets, [(Some("Soulhack".to_owned()), 50), (Some("Soulhack".to_owned()), 10)]);
    let page = stage.service.list(soundcloud::STAND_IN.list, None).await.unwrap();
    assert_eq!((&*page.entries[0].title, &*page.entries[49].title), ("Flickermood", "Track 49"));
    let scripts = stage.server.seen().into_iter().filter(|it| it.place().starts_with("/assets"));
    assert_eq!(scripts.count(), 2, "the key is kept");
    for (link, expected) in [
        ("https://m.soundcloud.com/forss/flickermood?in=x", track(key)),
        ("https://soundcloud.com/forss/sets/soulhack", list(soundcloud::STAND_IN.list)),
        ("https://soundcloud.com/forss", None),
        ("https://soundcloud.com/forss/tracks", None),
        ("https://soundcloud.com/discover/sets", None),
    ] {
        assert_eq!(stage.knows(link), expected, "{link}");
    }
}

#[tokio::test]
async fn jiosaavn_gives_the_highest_rate_and_readable_names() {
    let stage = stage(&jiosaavn::STAND_IN).await;
    let found = stage.service.search("tum hi ho", 5).await.unwrap();
    let names = ("Tum Hi Ho (From \"Aashiqui 2\")", Some("Mithoon, Arijit Singh"), Some(262));
    assert_eq!(shown(&found[0]), names);
    assert_eq!(found[0].is_explicit, Some(false));
    assert_eq!(stage.place("3IoDK8qI").await.0, "/media/320kbps.mp4");
    let link = "https://www.jiosaavn.com/song/tum-hi-ho/EToxUyFpcwQ";
    assert_eq!(stage.knows(link), track(link));
    assert_eq!(stage.place(link).await.0, "/media/320kbps.mp4");
    let title = || Some("Best & more".to_owned());
    assert_eq!(stage.pages(jiosaavn::STAND_IN.list).await, [(title(), 50), (title(), 1)]);
    let album = "https://www.jiosaavn.com/album/aashiqui-2/abc";
    assert_eq!(stage.knows(album), list(album));
    assert_eq!(stage.pages(album).await, [(Some("Aashiqui 2".to_owned()), 1)]);
}

#[tokio::test]
async fn audius_refuses_what_is_behind_a_gate() {
    let stage = stage(&audius::STAND_IN).await;
    let found = stage.service.search("electronic", 5).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(shown(&found[0]), ("Paradise", Some("One"), Some(245)));
    assert_eq!(stage.place("D7KyD").await.0, "/v1/tracks/D7KyD/stream?app_name=ArmedMusic");
    assert_eq!(stage.place("https://audius.co/one/paradise").await.0, stage.place("D7KyD").await.0);
    assert_eq!(stage.reason("GATED").await, (false, Reason::ServiceRefused));
    assert_eq!(stage.pages(audius::STAND_IN.list).await, [(Some("Mix".to_owned()), 1)]);
    assert_eq!(stage.knows("https://audius.co/one/playlist/mix"), list(audius::STAND_IN.list));
    assert_eq!(stage.knows("https://audius.co/trending"), None);
}

#[tokio::test]
async fn jamendo_is_read_with_its_strings_and_numbers() {
    let stage = stage(&jamendo::STAND_IN).await;
    let found = stage.service.search("acoustic", 5).await.unwrap();
    assert_eq!(shown(&found[0]), ("J'm'e FPM", Some("TriFace"), Some(183)));
    assert_eq!(stage.place("168").await.0, "/media?trackid=168");
    assert_eq!(stage.reason("9").await, (false, Reason::NotFound));
    let album = || Some("Premiers Jets".to_owned());
    assert_eq!(stage.pages("album/24").await, [(album(), 100), (album(), 1)]);
    let entries = stage.service.list("playlist/5", None).await.unwrap().entries;
    assert_eq!(shown(&entries[0]), ("J'm'e FPM", Some("TriFace"), Some(183)));
    assert_eq!(stage.knows("https://www.jamendo.com/track/168/j-m-e-fpm"), track("168"));
    assert_eq!(stage.knows("https://www.jamendo.com/album/24"), list("album/24"));
    assert_eq!(stage.knows("https://www.jamendo.com/track/../x"), None);
}

#[tokio::test]
async fn the_archive_gives_each_track_once() {
    let stage = stage(&archive::STAND_IN).await;
    let found = stage.service.search("grateful (dead)", 5).await.unwrap();
    assert_eq!(shown(&found[1]), ("Two", Some("One, Other"), None));
    let asked = stage.server.seen()[0].query("q");
    assert_eq!(asked.as_deref(), Some("mediatype:audio AND (grateful AND dead)"));
    let first = "/download/gd1977/CD%201/01%20Bertha.flac";
    assert_eq!(stage.place("gd1977").await.0, first);
    assert_eq!(stage.place("gd1977/CD 1/01 Bertha.mp3").await.0, first);
    let page = stage.service.list("gd1977", None).await.unwrap();
    let entries: Vec<_> = page.entries.iter().map(shown).collect();
    let dead = Some("Grateful Dead");
    assert_eq!(entries, [("Bertha", dead, Some(419)), ("02", dead, Some(300))]);
    assert_eq!(stage.place(&page.entries[1].key).await.0, "/download/gd1977/CD%201/02.mp3");
    for key in ["nothing", "gone", "dark", "gd1977/other.mp3"] {
        assert_eq!(stage.reason(key).await, (false, Reason::NotFound), "{key}");
    }
    assert_eq!(stage.knows("https://archive.org/details/gd1977"), list("gd1977"));
    let file = stage.knows("https://archive.org/download/gd1977/CD%201/01%20Bertha.mp3");
    assert_eq!(file, track("gd1977/CD 1/01 Bertha.mp3"));
}

#[tokio::test]
async fn a_station_is_clicked_when_it_is_opened() {
    let stage = stage(&radio::STAND_IN).await;
    let key = radio::STAND_IN.key;
    let found = stage.service.search("fip", 5).await.unwrap();
    assert_eq!(found.len(), 1, "the one on port 8000 may not be opened");
    assert_eq!(shown(&found[0]), ("FIP", None, None));
    assert_eq!((found[0].key.as_str(), found[0].is_live), (key, true));
    stage.service.describe(key).await.unwrap();
    let n_clicks =
        || stage.server.seen().iter().filter(|it| it.place().starts_with("/json/url/")).count();
    assert_eq!(n_clicks(), 0);
    assert_eq!(stage.place(key).await, ("/media/live".to_owned(), StreamKind::Endless, None));
    assert_eq!(n_clicks(), 1);
    assert_eq!(stage.place(radio::SEGMENTED).await.1, StreamKind::Hls);
    assert_eq!(stage.reason("bbbbbbbb").await, (false, Reason::NotFound));
    assert_eq!(stage.server.seen()[0].query("countrycode").as_deref(), Some("FR"));
}

#[tokio::test]
async fn a_gateway_is_read_by_its_pointers() {
    let stage = stage(&gateway::STAND_IN).await;
    let found = stage.service.search("never & gonna", 5).await.unwrap();
    assert_eq!(shown(&found[0]), ("Never Gonna", Some("Rick Astley"), Some(212)));
    assert_eq!(stage.server.seen()[0].query("query").as_deref(), Some("never & gonna"));
    let (found, stream) = stage.service.open(&found[0].key).await.unwrap();
    assert_eq!(found.title, "Never Gonna");
    assert_eq!(stream.lifetime, Some(Duration::from_secs(300)));
    assert!(!stage.service.instance().contains("SECRET"));
    assert_eq!(stage.knows("https://youtu.be/dQw4w9WgXcQ"), track("dQw4w9WgXcQ"));
    assert_eq!(stage.knows("https://example.test/dQw4w9WgXcQ"), None);
}
