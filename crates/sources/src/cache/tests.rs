use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::candidate::{Stream, StreamKind};

use super::*;
use crate::direct::{self, Direct, Opened};
use crate::server::{self, Request, Server, Step, file, flac};

mod broken;
mod resumed;

const MIB: usize = 1024 * 1024;

/// What happens to the directory while the bot is down.
type Damage = (&'static str, fn(&Path));

fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.to_owned(),
        bytes_max: 16 * MIB as u64,
        entry_bytes_max: 8 * MIB as u64,
        link_fresh_for: Duration::from_secs(3_600),
        part_age_max: Duration::from_secs(3_600),
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn direct() -> Direct {
    let settings = direct::Settings {
        bytes_max: 64 * MIB as u64,
        stall_timeout: Duration::from_secs(10),
        rate_min: 1,
        rate_window: Duration::from_secs(10),
        open_max: Duration::from_secs(600),
        attempts_max: 4,
        backoff: Duration::from_millis(1),
    };
    Direct::new(server::http(&["127.0.0.1"]), settings)
}

/// A track of a service; where its bytes are is another address every time.
fn track(key: &str) -> Track {
    let location = Location::Page { service: "somewhere", key: key.to_owned() };
    Track { location, ..direct::track("http://somewhere/", "A song".to_owned()) }
}

/// Serves files by their paths, cut after `cut` bytes.
async fn serve(bodies: Vec<(&'static str, Arc<Vec<u8>>)>, cut: Option<usize>) -> Server {
    Server::start(move |request: &Request, _| {
        let found = bodies.iter().find(|(path, _)| *path == request.place());
        let (path, body) = found.unwrap_or_else(|| panic!("{}", request.path));
        file(request, body, &format!("\"{path}\""), cut)
    })
    .await
}

static N_LINKS: AtomicUsize = AtomicUsize::new(0);

/// Where the bytes are now.
fn stream(server: &Server, path: &str) -> Stream {
    let n = N_LINKS.fetch_add(1, Ordering::Relaxed);
    let url = server.url(&format!("{path}?link={n}"));
    Stream { url, headers: Vec::new(), lifetime: None, kind: StreamKind::File }
}

/// Plays a track, up to so many bytes of it, as a player does: from the disk, from where it was broken off, or from its
/// start. What was heard, and whether it came from the disk alone.
async fn play(cache: &Cache, track: &Track, stream: &Stream, n_bytes: usize) -> (Vec<u8>, bool) {
    let wanted = cache.wants(track).expect("it may be kept");
    let begun = match cache.look(wanted) {
        Look::Whole(whole) if whole.is_fresh => {
            let mut all = fs::read(&whole.path).unwrap();
            all.truncate(n_bytes);
            return (all, true);
        }
        Look::Whole(whole) => {
            let opened = open(track, stream, None).await;
            if whole.is_same(opened.identity.as_ref()) {
                whole.confirm(true);
                return (fs::read(&whole.path).unwrap(), true);
            }
            whole.outdated();
            return (listen(cache, wanted, None, opened, n_bytes).await, false);
        }
        Look::Begun(begun) => Some(*begun),
        Look::Nothing => None,
    };
    let opened = open(track, stream, begun.as_ref().map(|begun| &begun.resume)).await;
    (listen(cache, wanted, begun, opened, n_bytes).await, false)
}

async fn open(track: &Track, stream: &Stream, resume: Option<&direct::Resume>) -> Opened {
    match &track.location {
        Location::Http(url) => direct().open_from(url, resume).await.unwrap(),
        _ => direct().open_stream_from(stream, resume).await.unwrap(),
    }
}

async fn listen(
    cache: &Cache,
    wanted: Wanted,
    begun: Option<Begun>,
    mut opened: Opened,
    n_bytes: usize,
) -> Vec<u8> {
    let head = begun.as_ref().map(|begun| begun.head.clone());
    let mut recorder = cache.record(wanted, begun, &opened, Some("flac".to_owned()));
    let mut heard = Vec::new();
    if let Some(head) = head.filter(|_| opened.download.offset() > 0) {
        while (heard.len() as u64) < head.bytes() {
            heard.extend(head.read(heard.len() as u64).unwrap());
        }
        assert_eq!(opened.download.offset(), heard.len() as u64);
    }
    while heard.len() < n_bytes {
        let Ok(Some(bytes)) = opened.download.next().await else { break };
        let job = recorder.as_mut().and_then(|it| it.offer(heard.len() as u64, &bytes));
        job.into_iter().for_each(Job::run);
        heard.extend_from_slice(&bytes);
    }
    heard
}

/// What lies in the directory, by the kind of file.
fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|it| it == kind)).collect()
}

fn figures(cache: &Cache) -> Figures {
    cache.figures().expect("it is on")
}

#[tokio::test]
async fn what_was_heard_once_is_played_without_a_request_by_whoever_asks_and_after_a_restart() {
    let (folder, body) = (folder(), Arc::new(flac(2 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let cache = Cache::new(settings(folder.path()));
    let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body && !is_here);
    let other = cache.clone();
    let (heard, is_here) = play(&other, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body && is_here);
    assert!(cache.has(&track("a")) && !cache.has(&track("b")));
    drop((cache, other));
    let cache = Cache::new(settings(folder.path()));
    let (heard, is_here) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body && is_here);
    assert_eq!(server.seen().len(), 1, "the address was never asked again");
    let Figures { entries, bytes, hits, misses, .. } = figures(&cache);
    assert_eq!((entries, bytes, hits, misses), (1, body.len() as u64, 1, 0));
}

#[tokio::test]
async fn the_same_bytes_under_two_names_are_kept_once() {
    let (folder, body) = (folder(), Arc::new(flac(MIB)));
    let server = serve(vec![("/a", body.clone()), ("/b", body.clone())], None).await;
    let cache = Cache::new(settings(folder.path()));
    for (key, path) in [("a", "/a"), ("b", "/b")] {
        play(&cache, &track(key), &stream(&server, path), usize::MAX).await;
    }
    assert_eq!(files(folder.path(), "body").len(), 1);
    assert_eq!((figures(&cache).entries, figures(&cache).bytes), (2, MIB as u64));
}

#[tokio::test]
async fn the_directory_never_holds_more_than_it_may() {
    let folder = folder();
    let names = ["/0", "/1", "/2", "/3", "/4", "/5"];
    let bodies = names.iter().enumerate().map(|(n, name)| (*name, Arc::new(flac(MIB + n))));
    let server = serve(bodies.collect(), None).await;
    let cache =
        Cache::new(Settings { bytes_max: 3 * MIB as u64 + 1_000, ..settings(folder.path()) });
    for name in names {
        // the first one is played again and again
        for name in [name, "/0"] {
            play(&cache, &track(name), &stream(&server, name), usize::MAX).await;
        }
        let on_disk = ["body", "part"].map(|kind| files(folder.path(), kind)).concat();
        let bytes: u64 = on_disk.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(bytes <= 3 * MIB as u64 + 1_000, "{bytes}");
    }
    assert_eq!(figures(&cache).entries, 3);
    let is_there: Vec<bool> = names.iter().map(|name| cache.has(&track(name))).collect();
    assert_eq!(is_there, [true, false, false, false, true, true]);
    assert_eq!(files(folder.path(), "entry").len(), 3);
}

#[tokio::test]
async fn what_plays_is_not_removed_to_make_room() {
    let folder = folder();
    let server =
        serve(vec![("/a", Arc::new(flac(MIB))), ("/b", Arc::new(flac(MIB + 1)))], None).await;
    let cache = Cache::new(Settings { bytes_max: MIB as u64 + 1_000, ..settings(folder.path()) });
    play(&cache, &track("/a"), &stream(&server, "/a"), usize::MAX).await;
    let Look::Whole(playing) = cache.look(cache.wants(&track("/a")).unwrap()) else {
        panic!("it is there")
    };
    let (heard, _) = play(&cache, &track("/b"), &stream(&server, "/b"), usize::MAX).await;
    assert_eq!(heard.len(), MIB + 1, "it streams");
    assert!(playing.path.is_file() && !cache.has(&track("/b")));
    assert_eq!(figures(&cache).given_up, 1);
    drop(playing);
    play(&cache, &track("/b"), &stream(&server, "/b"), usize::MAX).await;
    assert!(cache.has(&track("/b")) && !cache.has(&track("/a")));
}

#[tokio::test]
async fn two_never_write_the_same_track_at_a_time() {
    let (folder, body) = (folder(), Arc::new(flac(2 * MIB)));
    let server = serve(vec![("/a", body.clone())], None).await;
    let cache = Cache::new(settings(folder.path()));
    let wanted = cache.wants(&track("a")).unwrap();
    assert!(matches!(cache.look(wanted), Look::Nothing));
    let first = open(&track("a"), &stream(&server, "/a"), None).await;
    let recorder = cache.record(wanted, None, &first, None);
    assert!(recorder.is_some());
    let second = open(&track("a"), &stream(&server, "/a"), None).await;
    assert!(cache.record(wanted, None, &second, None).is_none(), "somebody writes it");
    let (heard, _) = play(&cache, &track("a"), &stream(&server, "/a"), usize::MAX).await;
    assert!(heard == *body, "and it streams all the same");
    drop(recorder);
    assert!(cache.record(wanted, None, &second, None).is_some());
}

#[tokio::test]
async fn what_has_no_end_or_no_length_or_is_too_long_or_must_not_be_kept_is_not_kept() {
    let (folder, body) = (folder(), Arc::new(flac(MIB)));
    let served = body.clone();
    let server = Server::start(move |request: &Request, _| match request.place() {
        "/radio" => vec![
            Step::Send(server::head("200 OK", &[("icy-name", "Station")])),
            Step::Send(served.to_vec()),
        ],
        "/unknown" => {
            vec![Step::Send(server::head("200 OK", &[])), Step::Send(served.to_vec())]
        }
        "/secret" => server::answer("200 OK", &[("Cache-Control", "private, no-store")], &served),
        _ => file(request, &served, "\"1\"", None),
    })
    .await;
    let small = Settings { entry_bytes_max: MIB as u64 - 1, ..settings(folder.path()) };
    let (cache, strict) = (Cache::new(settings(folder.path())), Cache::new(small));
    let wanted = cache.wants(&track("a")).unwrap();
    for (cache, path, is_kept) in [
        (&cache, "/radio", false),
        (&cache, "/unknown", false),
        (&cache, "/secret", false),
        (&strict, "/a", false),
        (&cache, "/a", true),
    ] {
        let opened = open(&track("a"), &stream(&server, path), None).await;
        assert_eq!(cache.record(wanted, None, &opened, None).is_some(), is_kept, "{path}");
    }
    let live = Track { is_live: true, ..track("a") };
    let local = Track { location: Location::File("/music/a.flac".into()), ..track("a") };
    for never in [live, local, track("")] {
        assert!(cache.wants(&never).is_none(), "{never:?}");
    }
    assert!(Cache::off().wants(&track("a")).is_none());
}

#[tokio::test]
async fn a_link_is_asked_again_after_a_while_and_fetched_again_only_when_it_changed() {
    let (folder, old, new) = (folder(), Arc::new(flac(MIB)), Arc::new(flac(MIB + 1)));
    let (before, after) = (old.clone(), new.clone());
    let server = Server::start(move |request: &Request, n| match n {
        0..2 => file(request, &before, "\"1\"", None),
        _ => file(request, &after, "\"2\"", None),
    })
    .await;
    let link = direct::track(&server.url("/news.flac?token=canary"), "News".to_owned());
    let at = stream(&server, "/unused");
    let fresh = Cache::new(settings(folder.path()));
    assert!(play(&fresh, &link, &at, usize::MAX).await.0 == *old);
    assert_eq!(play(&fresh, &link, &at, usize::MAX).await, (old.to_vec(), true));
    assert_eq!(server.seen().len(), 1);
    let known = fresh.track(link.link.as_deref().unwrap()).expect("it need not be asked");
    assert_eq!((known.title, known.location), ("news".to_owned(), link.location.clone()));
    drop(fresh);
    let cache = Cache::new(Settings { link_fresh_for: Duration::ZERO, ..settings(folder.path()) });
    assert_eq!(cache.track(link.link.as_deref().unwrap()), None, "its server has to be asked");
    assert_eq!(play(&cache, &link, &at, usize::MAX).await, (old.to_vec(), true), "the same");
    assert_eq!(play(&cache, &link, &at, usize::MAX).await, (new.to_vec(), false), "changed");
    assert_eq!(server.seen().len(), 3);
    assert_eq!(files(folder.path(), "body").len(), 1, "the old one is gone");
    // what a link carries is nobody's business, and no name is a path
    for path in fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("canary"), "{}", path.display());
    }
}

#[tokio::test]
async fn a_kept_link_is_called_as_its_file_said() {
    let folder = folder();
    let tag = b"ID3\x04\0\0\0\0\0\x1dTIT2\0\0\0\x05\0\0\x03NameTPE1\0\0\0\x04\0\0\x03Who";
    let body = [tag.as_slice(), &[0; 1_000]].concat();
    let server = Server::start(move |request, _| file(request, &body, "\"1\"", None)).await;
    let link = direct::track(&server.url("/track01.mp3"), "Name".to_owned());
    let at = stream(&server, "/unused");
    play(&Cache::new(settings(folder.path())), &link, &at, usize::MAX).await;
    let later = Cache::new(settings(folder.path()));
    let known = later.track(link.link.as_deref().unwrap()).expect("it need not be asked");
    assert_eq!((known.title.as_str(), known.artist.as_deref()), ("Name", Some("Who")));
}
