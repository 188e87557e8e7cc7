use domain::{Class, Reason};

use super::*;
use crate::catalogues::spotify::{Credentials, Spotify};
use crate::secret::Secret;

#[tokio::test]
async fn spotify_names_tracks_albums_and_both_kinds_of_playlists() {
    let stage = stage(&spotify::STAND_IN).await;
    let found = stage.service.describe(spotify::STAND_IN.key).await.unwrap();
    let names = ("Cut To The Feeling", Some("Carly Rae Jepsen, Other"), Some(207));
    assert_eq!(shown(&found), names);
    assert_eq!(found.is_explicit, Some(false));
    let hits = Some("Hits".to_owned());
    assert_eq!(stage.pages(spotify::STAND_IN.list).await, [(hits.clone(), 1), (None, 1)]);
    assert_eq!(stage.pages("playlist/old").await, [(hits, 1)]);
    assert_eq!(stage.pages("album/1").await, [(Some("Album".to_owned()), 1)]);
    let tokens = stage.server.seen().into_iter().filter(|it| it.method == "POST");
    assert_eq!(tokens.count(), 1, "the token is kept");
    for (link, expected) in [
        ("https://open.spotify.com/intl-de/track/11dFgh?si=1", track("11dFgh")),
        ("https://open.spotify.com/album/1", list("album/1")),
        ("https://open.spotify.com/artist/1", None),
        ("https://open.spotify.com/track/a%2Fb", None),
    ] {
        assert_eq!(stage.knows(link), expected, "{link}");
    }
}

#[tokio::test]
async fn spotify_without_credentials_knows_titles_only() {
    let (server, api) = served(&spotify::STAND_IN).await;
    let bare = Spotify::new(spotify::settings(&server.url(""), None), &api).unwrap();
    let found = bare.describe("11dFghVXANMlKmJXsNCbNl").await.unwrap();
    assert_eq!(shown(&found), ("Cut To The Feeling", None, None));
    assert!(!bare.abilities().list);
    assert_eq!(bare.list("album/1", None).await.unwrap_err().reason, Reason::ServiceRefused);
    let wrong = Credentials { client_id: "id".to_owned(), client_secret: Secret::new("WRONG") };
    let wrong = Spotify::new(spotify::settings(&server.url(""), Some(wrong)), &api).unwrap();
    let fault = wrong.describe("11dFghVXANMlKmJXsNCbNl").await.unwrap_err();
    assert_eq!((fault.class, fault.reason), (Class::Fatal, Reason::ServiceRefused));
    assert!(!fault.detail.contains("WRONG"));
}

#[tokio::test]
async fn apple_is_asked_in_the_country_of_the_link() {
    let stage = stage(&apple::STAND_IN).await;
    let Some(Known::Track(key)) = stage.knows("https://music.apple.com/de/album/x/1?i=1440818839")
    else {
        panic!("a link to a song of an album is a track");
    };
    let found = stage.service.describe(&key).await.unwrap();
    assert_eq!(shown(&found), ("Better Together", Some("Jack Johnson"), Some(207)));
    assert_eq!(stage.knows("https://music.apple.com/de/song/x/1440818839"), track(&key));
    let album = stage.knows("https://music.apple.com/us/album/in-between-dreams/1440818588");
    assert_eq!(album, list(apple::STAND_IN.list));
    let title = Some("In Between Dreams".to_owned());
    assert_eq!(stage.pages(apple::STAND_IN.list).await, [(title, 2)]);
    assert_eq!(stage.knows("https://music.apple.com/us/playlist/x/pl.u-1"), None);
    let fault = stage.service.describe("us/1440818839").await.unwrap_err();
    assert_eq!(fault.reason, Reason::NotFound);
}

#[tokio::test]
async fn deezer_is_listed_to_its_end() {
    let stage = stage(&deezer::STAND_IN).await;
    let found = stage.service.describe("3135556").await.unwrap();
    let names = ("Harder, Better, Faster, Stronger", Some("Daft Punk"), Some(226));
    assert_eq!(shown(&found), names);
    let pages = stage.pages(deezer::STAND_IN.list).await;
    assert_eq!(pages, [(Some("Mix".to_owned()), 1), (None, 1)]);
    assert_eq!(stage.pages("album/302127").await, [(Some("Discovery".to_owned()), 1)]);
    assert_eq!(stage.knows("https://www.deezer.com/en/track/3135556"), track("3135556"));
    assert_eq!(
        stage.knows("https://www.deezer.com/playlist/908622995"),
        list(deezer::STAND_IN.list)
    );
    assert_eq!(stage.knows("https://www.deezer.com/en/artist/27"), None);
}

#[tokio::test]
async fn youtube_names_a_video_by_oembed() {
    let stage = stage(&youtube::STAND_IN).await;
    let found = stage.service.describe("dQw4w9WgXcQ").await.unwrap();
    assert_eq!(shown(&found), ("Never Gonna Give You Up", Some("Rick Astley"), None));
    let fault = stage.service.describe("gone").await.unwrap_err();
    assert_eq!((fault.is_retryable(), fault.reason), (false, Reason::NotFound));
}
