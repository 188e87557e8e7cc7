use domain::Reason;

use super::*;
use crate::direct::{Direct, Settings};
use crate::http::guard::AllowHost;
use crate::server::{self, Server, answer, redirect};

/// All names lead to the test's server.
fn http(server: &Server) -> Http {
    server::install_crypto();
    let port = server.address.port();
    let allow = HOSTS.iter().map(|host| format!("{host}:{port}").parse::<AllowHost>().unwrap());
    let settings = crate::http::Settings { allow_hosts: allow.collect(), ..server::settings(&[]) };
    let here = |_| Box::pin(async { Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()]) }) as _;
    Http::with_lookup(settings, Arc::new(here)).unwrap()
}

async fn led(server: &Server, path: &str) -> Result<String, Fault> {
    let link = format!("http://on.soundcloud.com:{}{path}", server.address.port());
    ShortLinks::default().destination(&http(server), &link).await.map(String::from)
}

#[test]
fn links_that_apps_share_are_known_and_others_are_not() {
    let own = ShortLinks::new(vec!["Bit.ly".to_owned(), "127.0.0.1:8080".to_owned()]);
    for link in [
        "https://on.soundcloud.com/AbCd1",
        "https://spotify.link/AbCd1",
        "https://link.deezer.com/s/30AbCd",
        "https://deezer.page.link/AbCd1",
        "HTTPS://GEO.MUSIC.APPLE.COM/us/album/x/1?i=2",
        "http://bit.ly/x",
        "http://127.0.0.1:8080/x",
    ] {
        assert!(own.is_one(link), "{link}");
    }
    for link in [
        "https://soundcloud.com/a/b",
        "https://open.spotify.com/track/x",
        "https://music.apple.com/us/album/x/1?i=2",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://on.soundcloud.com.example.org/x",
        "https://non.soundcloud.com/x",
        "http://127.0.0.1:8081/x",
        "ftp://bit.ly/x",
        "spotify.link",
        "words",
    ] {
        assert!(!own.is_one(link), "{link}");
    }
}

#[tokio::test]
async fn a_short_link_is_followed_to_the_first_page_that_is_none_and_that_is_not_asked() {
    let server = Server::start(|request, _| match request.place() {
        "/one" => redirect("https://soundcloud.com/somebody/a-song?si=1"),
        // from one of them to the next, and to a path of its own
        "/two" => {
            let (_, port) = request.header("host").unwrap().rsplit_once(':').unwrap();
            redirect(&format!("http://spotify.link:{port}/three"))
        }
        "/three" => redirect("/four"),
        "/four" => redirect("https://open.spotify.com/track/4PTG3Z6ehGkBFwjybzWkR8?si=1"),
        _ => answer("404 Not Found", &[], b""),
    })
    .await;
    assert_eq!(led(&server, "/one").await.unwrap(), "https://soundcloud.com/somebody/a-song?si=1");
    assert_eq!(
        led(&server, "/two").await.unwrap(),
        "https://open.spotify.com/track/4PTG3Z6ehGkBFwjybzWkR8?si=1"
    );
    let asked: Vec<String> = server.seen().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/one", "/two", "/three", "/four"]);
}

#[tokio::test]
async fn a_short_link_that_leads_nowhere_or_inside_is_refused() {
    let inside = Server::start(|_, _| answer("200 OK", &[], b"secret")).await;
    let to = inside.url("/secret");
    let server = Server::start(move |request, _| match request.place() {
        "/page" => answer("200 OK", &[("Content-Type", "text/html")], b"<html>an app</html>"),
        "/round" => redirect("/round"),
        "/inside" => redirect(&to),
        "/file" => redirect("file:///etc/passwd"),
        "/port" => redirect("http://8.8.8.8:22/"),
        "/busy" => answer("429 Too Many Requests", &[("Retry-After", "7")], b""),
        "/broken" => answer("500 Oops", &[], b""),
        _ => answer("404 Not Found", &[], b""),
    })
    .await;
    for (path, reason) in [
        ("/page", Reason::NotFound),
        ("/missing", Reason::NotFound),
        ("/round", Reason::NotFound),
        ("/inside", Reason::PrivateAddress),
        ("/file", Reason::BadUrl),
        ("/port", Reason::BadUrl),
        ("/busy", Reason::ServiceRefused),
        ("/broken", Reason::ServiceRefused),
    ] {
        let fault = led(&server, path).await.expect_err(path);
        assert_eq!(fault.reason, reason, "{path}: {fault}");
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn what_opens_links_follows_short_ones() {
    let server = Server::start(|_, _| redirect("https://soundcloud.com/a/b")).await;
    let limits = Settings {
        bytes_max: 1,
        stall_timeout: std::time::Duration::from_secs(1),
        rate_min: 1,
        rate_window: std::time::Duration::from_secs(1),
        open_max: std::time::Duration::from_secs(1),
        attempts_max: 1,
        backoff: std::time::Duration::ZERO,
    };
    let direct = Direct::new(http(&server), limits);
    let link = format!("http://spotify.link:{}/x", server.address.port());
    let led = direct.destination(&ShortLinks::default(), &link).await.unwrap();
    assert_eq!(led, "https://soundcloud.com/a/b");
}
