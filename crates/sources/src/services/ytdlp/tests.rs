//! Against a stand-in: a zip archive that Python runs, as yt-dlp itself is shipped, with a `yt_dlp` inside that does what
//! the address says. And against the real one, where it is installed, on local pages.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::server::{self, Server, Step, answer, flac, redirect};

/// The stand-in's `yt_dlp/__init__.py`.
const STAND_IN: &str = r#"
import os, sys, threading, time, urllib.request
class YoutubeDL:
    def __init__(self, params):
        self.params = params
    def sanitize_info(self, info):
        return info
    def extract_info(self, url, download):
        if url.startswith("ytsearch"):
            n, words = url[8:].split(":", 1)
            if words == "nothing":
                self.params["logger"].error("ERROR: [youtube:search] nothing: Unable to download API page")
                return {"_type": "playlist", "entries": []}
            return {"_type": "playlist", "entries": [entry(i, words) for i in range(int(n))]}
        path = url.split("/", 3)[3]
        if path.startswith("list"):
            first, last = map(int, self.params["playlist_items"].split("-"))
            return {"_type": "playlist", "title": "A list", "playlist_count": 70,
                    "entries": [entry(i, "song") for i in range(first, min(last, 70) + 1)]}
        if path == "die":
            os._exit(3)
        if path.startswith("leave"):
            if os.fork() == 0:
                os.closerange(0, 100)
                time.sleep(600)
            os._exit(3)
        if path == "hang":
            time.sleep(600)
        if path == "slow":
            time.sleep(1)
        if path == "null":
            self.params["logger"].error("ERROR: [generic] null: Unable to download webpage: HTTP Error 404: Not Found")
            return None
        if path == "fetch":
            urllib.request.urlopen(url + "ed").read()
        if path == "shell":
            import subprocess
            subprocess.run(["/bin/sh", "-c", "true"])
        return {"_type": "video", "id": "1", "title": path, "webpage_url": url, "protocol": "http",
                "url": "http://1.1.1.1/a.mp3", "uploader": str(os.getpid()), "duration": 3.5,
                "artists": [os.environ.get("SECRET", "nobody")]}
def entry(i, words):
    return {"_type": "url", "ie_key": "Youtube", "id": f"v{i}", "url": f"https://www.youtube.com/watch?v=v{i}", "title": f"{words} {i}"}
"#;

/// The stand-in's `__main__.py`: the command.
const COMMAND: &str = r#"
import json, os, sys
sys.path.insert(0, sys.argv[0])
if sys.argv[1:] == ["--version"]:
    print("2026.10.26"); sys.exit(0)
assert sys.argv[-2] == "--" and "--ignore-config" in sys.argv, sys.argv
import yt_dlp
class Logger:
    errors = []
    def error(self, text): self.errors.append(text)
items = sys.argv[sys.argv.index("--playlist-items") + 1] if "--playlist-items" in sys.argv else None
info = yt_dlp.YoutubeDL({"logger": Logger(), "playlist_items": items}).extract_info(sys.argv[-1], False)
if info and "uploader" in info:
    info["uploader"] = "command"
    info["title"] = " ".join(sys.argv[1:])
print(json.dumps(info))
print("\n".join(Logger.errors), file=sys.stderr)
sys.exit(1 if Logger.errors else 0)
"#;

fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect()
}

/// The stand-in, as an executable zip archive; `None`, said aloud, where there is no Python to run it.
fn stand_in(folder: &Path) -> Option<PathBuf> {
    let tree = folder.join("tree");
    std::fs::create_dir_all(tree.join("yt_dlp")).unwrap();
    std::fs::write(tree.join("yt_dlp/__init__.py"), STAND_IN).unwrap();
    std::fs::write(tree.join("yt_dlp/version.py"), "__version__ = '2026.10.26'\n").unwrap();
    std::fs::write(tree.join("__main__.py"), COMMAND).unwrap();
    let program = folder.join("yt-dlp");
    let made = std::process::Command::new("python3")
        .args(["-m", "zipapp", "-p", "/usr/bin/env python3", "-o"])
        .args([&program, &tree])
        .status();
    if !made.is_ok_and(|status| status.success()) {
        server::skipped("no python3 here to run the stand-in for yt-dlp");
        return None;
    }
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(program)
}

fn settings(program: Option<PathBuf>) -> Settings {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let standard = Settings::standard(search_path(), home);
    Settings { program, answer_max: Duration::from_secs(60), ..standard }
}

fn made(settings: Settings, allow: &[&str]) -> Ytdlp {
    Ytdlp::find(server::http(allow), settings).unwrap().unwrap()
}

/// Runs `test` beside the worker.
async fn beside<T>(ytdlp: &Ytdlp, test: impl Future<Output = T>) -> T {
    let ready = async {
        while !ytdlp.inner.has_worker.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        test.await
    };
    tokio::select! {
        ended = ytdlp.run() => panic!("the worker's keeper gave up: {ended:?}"),
        done = ready => done,
    }
}

async fn artist(ytdlp: &Ytdlp, url: &str) -> Result<String, Fault> {
    ytdlp.describe(url).await.map(|found| found.artist.unwrap())
}

/// Which process answered.
async fn uploader(ytdlp: &Ytdlp, url: &str) -> Result<String, Fault> {
    let question = Question { url: url.to_owned(), is_flat: false, items: None };
    ytdlp.ask(question).await.map(|info| info["uploader"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn one_worker_answers_many_questions_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let ytdlp = made(settings(Some(program)), &[]);
    beside(&ytdlp, async {
        let first = uploader(&ytdlp, "http://8.8.8.8/a").await.unwrap();
        assert!(first.parse::<u32>().is_ok(), "the worker answered: {first}");
        let order = std::sync::Mutex::new(Vec::new());
        let note = |which: &'static str| order.lock().unwrap().push(which);
        let (slow, quick) = tokio::join!(
            async { uploader(&ytdlp, "http://8.8.8.8/slow").await.inspect(|_| note("slow")) },
            async { uploader(&ytdlp, "http://8.8.8.8/b").await.inspect(|_| note("quick")) },
        );
        assert_eq!((slow.unwrap(), quick.unwrap()), (first.clone(), first), "one process");
        assert_eq!(*order.lock().unwrap(), ["quick", "slow"]);
        let (found, stream) = ytdlp.open("http://8.8.8.8/c").await.unwrap();
        assert_eq!((found.title.as_str(), stream.url.as_str()), ("c", "http://1.1.1.1/a.mp3"));
    })
    .await;
}

#[tokio::test]
async fn searches_and_lists_come_from_the_worker_and_from_the_command_alike() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let ytdlp = made(settings(Some(program)), &[]);
    let look = async || {
        let found = ytdlp.search("some words", 3).await.unwrap();
        let titles: Vec<&str> = found.iter().map(|it| it.title.as_str()).collect();
        assert_eq!(titles, ["some words 0", "some words 1", "some words 2"]);
        let first = ytdlp.list("http://8.8.8.8/list", None).await.unwrap();
        assert_eq!((first.entries.len(), first.title.as_deref()), (50, Some("A list")));
        let last = ytdlp.list("http://8.8.8.8/list", first.next.as_deref()).await.unwrap();
        assert_eq!((last.entries.len(), last.next), (20, None));
        assert_eq!(last.entries[0].title, "song 51");
        for _ in 0..2 {
            let fault = ytdlp.open("http://8.8.8.8/null").await.unwrap_err();
            assert_eq!(fault.reason, Reason::NotFound, "null with an exit code of 1: {fault}");
            let fault = ytdlp.search("nothing", 3).await.unwrap_err();
            assert_eq!(
                fault.reason,
                Reason::Unreachable,
                "an empty list with a complaint: {fault}"
            );
        }
    };
    look().await;
    beside(&ytdlp, look()).await;
}

#[tokio::test]
async fn a_worker_that_dies_of_a_question_leaves_it_to_the_command_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let ytdlp = made(settings(Some(program)), &[]);
    beside(&ytdlp, async {
        let before = uploader(&ytdlp, "http://8.8.8.8/a").await.unwrap();
        let fault = uploader(&ytdlp, "http://8.8.8.8/die").await.unwrap_err();
        assert!(fault.is_retryable(), "the command died of it too: {fault}");
        let after = loop {
            let after = uploader(&ytdlp, "http://8.8.8.8/a").await.unwrap();
            if after != "command" {
                break after;
            }
        };
        assert_ne!(before, after);
    })
    .await;
}

/// Who is in a process group, and not dead.
fn members(group: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        // behind the name, which may be anything: state, parent, group
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let is_one = fields.get(2) == Some(&group) && fields.first() != Some(&"Z");
        is_one.then(|| stat.split(' ').next().unwrap().to_owned())
    });
    processes.collect()
}

#[tokio::test]
async fn what_a_worker_started_does_not_outlive_one_that_died_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let ytdlp = made(settings(Some(program)), &[]);
    beside(&ytdlp, async {
        let worker = uploader(&ytdlp, "http://8.8.8.8/a").await.unwrap();
        assert_eq!(members(&worker), [worker.as_str()], "it leads a group");
        // the command is asked the same, and leaves somebody behind too
        let fault = uploader(&ytdlp, "http://8.8.8.8/leave").await.unwrap_err();
        assert!(fault.is_retryable(), "{fault}");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !members(&worker).is_empty() {
            assert!(Instant::now() < deadline, "{:?} are left", members(&worker));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_hangs_is_killed_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let quick = Settings { answer_max: Duration::from_secs(3), ..settings(Some(program.clone())) };
    let ytdlp = made(quick, &[]);
    beside(&ytdlp, async {
        let before: i32 = loop {
            // the first answer may take longer than three seconds on a busy machine
            if let Ok(who) = uploader(&ytdlp, "http://8.8.8.8/a").await {
                break who.parse().unwrap();
            }
        };
        let (one, two) = tokio::join!(
            uploader(&ytdlp, "http://8.8.8.8/hang"),
            uploader(&ytdlp, "http://8.8.8.8/hang"),
        );
        assert_eq!(one.unwrap_err().reason, Reason::Timeout);
        assert_eq!(two.unwrap_err().reason, Reason::Timeout);
        loop {
            let after = uploader(&ytdlp, "http://8.8.8.8/a").await;
            if after.is_ok_and(|after| after.parse().is_ok_and(|after: i32| after != before)) {
                break;
            }
        }
        let is_gone =
            rustix::process::test_kill_process(rustix::process::Pid::from_raw(before).unwrap());
        assert!(is_gone.is_err(), "the one that hung was killed and reaped");
    })
    .await;
}

#[tokio::test]
async fn a_worker_is_replaced_after_its_share_and_nobody_notices() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let ytdlp = made(Settings { questions_max: 3, ..settings(Some(program)) }, &[]);
    beside(&ytdlp, async {
        let mut workers = std::collections::BTreeMap::new();
        for _ in 0..9 {
            let who = uploader(&ytdlp, "http://8.8.8.8/a").await.unwrap();
            *workers.entry(who).or_insert(0) += 1;
        }
        workers.remove("command");
        assert!(workers.len() >= 2 && workers.values().all(|n| *n <= 3), "{workers:?}");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_kept_alive_is_given_up_and_the_command_answers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    // a Python that ends at once, in the place of the one that runs the archive
    let broken = folder.path().join("python3");
    std::fs::write(&broken, "#!/bin/sh\necho 'ImportError: no luck' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut ytdlp = made(settings(Some(program)), &[]);
    Arc::get_mut(&mut ytdlp.inner).unwrap().program.python = Some(broken);
    let fault = ytdlp.run().await.unwrap_err();
    assert!(fault.is_retryable() && fault.detail.contains("no luck"), "{fault}");
    assert_eq!(uploader(&ytdlp, "http://8.8.8.8/a").await.unwrap(), "command");
}

#[tokio::test]
async fn neither_worker_nor_command_goes_where_the_guard_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let inside = Server::start(|_, _| answer("200 OK", &[], b"secret")).await;
    let to = inside.url("/secret");
    let outside = Server::start(move |_, _| redirect(&to)).await;
    let ytdlp = made(settings(Some(program)), &[&outside.address.to_string()]);
    for url in [
        "http://127.0.0.1/a",
        "file:///etc/passwd",
        "http://[::1]/",
        "--exec=id",
        "http://a:b@8.8.8.8/",
    ] {
        let fault = ytdlp.open(url).await.unwrap_err();
        assert!(matches!(fault.reason, Reason::PrivateAddress | Reason::BadUrl), "{url}: {fault}");
    }
    beside(&ytdlp, async {
        let fault = ytdlp.describe(&outside.url("/fetch")).await.unwrap_err();
        assert_eq!(fault.reason, Reason::PrivateAddress, "a redirect inside: {fault}");
        assert_eq!(outside.seen().len(), 1, "the operator's own host may be asked");
        assert!(inside.seen().is_empty(), "but not the one that it points at");
        let fault = ytdlp.describe("http://8.8.8.8/shell").await.unwrap_err();
        assert!(!fault.detail.is_empty(), "no program is started: {fault}");
        // the environment of this process holds the bot's secrets
        assert_eq!(artist(&ytdlp, "http://8.8.8.8/x").await.unwrap(), "nobody");
    })
    .await;
    let arguments = async |url: String| {
        let info = ytdlp.ask(Question { url, is_flat: false, items: None }).await.unwrap();
        info["title"].as_str().unwrap().to_owned()
    };
    let anywhere = arguments("http://8.8.8.8/x".to_owned()).await;
    assert!(anywhere.contains("--use-extractors default,-generic"), "{anywhere}");
    let listed = arguments(outside.url("/x")).await;
    assert!(!listed.contains("-generic"), "{listed}");
}

#[tokio::test]
async fn a_frozen_program_has_no_worker_and_still_answers() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("yt-dlp");
    let script =
        "#!/bin/sh\necho '{\"title\": \"frozen\", \"webpage_url\": \"http://8.8.8.8/a\"}'\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ytdlp = made(settings(Some(program)), &[]);
    assert_eq!(ytdlp.inner.program.python, None);
    assert_eq!(ytdlp.describe("http://8.8.8.8/a").await.unwrap().title, "frozen");
}

#[tokio::test]
async fn the_doctor_names_the_version_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(program) = stand_in(folder.path()) else { return };
    let cookies = Some(folder.path().join("no-such-cookies.txt"));
    let ytdlp = made(Settings { cookies, ..settings(Some(program.clone())) }, &[]);
    let doctor = ytdlp.doctor().await;
    assert_eq!((doctor.path, doctor.version.as_deref()), (program, Some("2026.10.26")));
    assert!(doctor.python.is_some());
    assert_eq!(doctor.cookies, Some(false));
}

#[test]
fn a_missing_program_is_no_error_and_a_wrong_one_is() {
    let empty = tempfile::tempdir().unwrap();
    let nowhere = Settings::standard(vec![empty.path().to_owned()], None);
    assert!(Ytdlp::find(server::http(&[]), nowhere.clone()).unwrap().is_none());
    let wrong = Settings { program: Some(empty.path().join("yt-dlp")), ..nowhere };
    let fault = Ytdlp::find(server::http(&[]), wrong).unwrap_err();
    assert_eq!(fault.class, domain::Class::Fatal);
}

#[test]
fn links_of_known_sites_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("yt-dlp");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ytdlp = made(settings(Some(program)), &[]);
    let known = |link: &str| ytdlp.knows(&Url::parse(link).unwrap());
    let track = |key: &str| Some(Known::Track(key.to_owned()));
    let list = |key: &str| Some(Known::List(key.to_owned()));
    let watch = "https://www.youtube.com/watch?v=dQw4w9WgXcQ";
    assert_eq!(known("https://youtu.be/dQw4w9WgXcQ?t=3"), track(watch));
    let album = "https://www.youtube.com/playlist?list=PL1";
    assert_eq!(known(album), list(album));
    assert_eq!(known("https://vimeo.com/1"), track("https://vimeo.com/1"));
    assert_eq!(
        known("https://somebody.bandcamp.com/album/x"),
        list("https://somebody.bandcamp.com/album/x")
    );
    assert_eq!(known("https://notvimeo.com/1"), None);
    assert_eq!(known("https://example.org/a.mp3"), None);
}

/// The real program, where it is installed: `ARMEDMUSIC_YTDLP`, or on the path.
fn real() -> Option<Settings> {
    let named = std::env::var_os("ARMEDMUSIC_YTDLP").map(PathBuf::from);
    let found = Settings { program: named, ..settings(None) };
    match Program::find(&found) {
        Ok(Some(_)) => Some(found),
        _ => {
            server::skipped("no real yt-dlp here (ARMEDMUSIC_YTDLP, or on the path)");
            None
        }
    }
}

#[tokio::test]
async fn the_real_program_opens_a_page_follows_no_redirect_inside_and_reads_a_live_list() {
    let Some(settings) = real() else { return };
    let inside = Server::start(|_, _| vec![Step::Hang]).await;
    let (secret, length) = (inside.url("/secret"), flac(60_000));
    let page = Server::start(move |request, _| match request.place() {
        "/page" => answer("200 OK", &[("Content-Type", "text/html")],
            b"<html><head><title>A song</title></head><body><audio src=\"/a.mp3\"></audio></body></html>"),
        "/empty" => answer("200 OK", &[("Content-Type", "text/html")], b"<html><body>words</body></html>"),
        "/away" => redirect(&secret),
        "/live.m3u8" => answer("200 OK", &[("Content-Type", "application/vnd.apple.mpegurl")],
            b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4,\na.ts\n"),
        "/a.mp3" => answer("200 OK", &[("Content-Type", "audio/mpeg")], &length),
        _ => answer("404 Not Found", &[], b""),
    })
    .await;
    let ytdlp = made(settings, &[&page.address.to_string()]);
    let look = async || {
        let (found, stream) = ytdlp.open(&page.url("/page")).await.unwrap();
        assert!(found.title.starts_with("A song"), "{}", found.title);
        assert_eq!(
            (stream.url, stream.kind),
            (page.url("/a.mp3"), domain::candidate::StreamKind::File)
        );
        let (found, stream) = ytdlp.open(&page.url("/live.m3u8")).await.unwrap();
        assert_eq!(stream.kind, domain::candidate::StreamKind::Hls);
        assert!(found.is_live, "a list without an end is live");
        for (path, reason) in [("/missing", Reason::NotFound), ("/empty", Reason::NotAudio)] {
            assert_eq!(ytdlp.open(&page.url(path)).await.unwrap_err().reason, reason, "{path}");
        }
    };
    beside(&ytdlp, async {
        look().await;
        let fault = ytdlp.open(&page.url("/away")).await.unwrap_err();
        assert_eq!(fault.reason, Reason::PrivateAddress, "{fault}");
        assert!(inside.seen().is_empty());
    })
    .await;
    look().await;
}

#[tokio::test]
async fn figures_of_the_real_program() {
    let Some(settings) = real() else { return };
    let page = Server::start(move |_, _| {
        answer("200 OK", &[("Content-Type", "text/html")],
            b"<html><head><title>A song</title></head><body><audio src=\"/a.mp3\"></audio></body></html>")
    })
    .await;
    let ytdlp = made(settings, &[&page.address.to_string()]);
    let measure = async |n: usize| {
        let mut took = Vec::new();
        for i in 0..n {
            let began = Instant::now();
            ytdlp.open(&page.url(&format!("/page{i}"))).await.unwrap();
            took.push(began.elapsed().as_millis());
        }
        took.sort_unstable();
        (took[n / 2], took[n - 1])
    };
    let command = measure(5).await;
    let worker = beside(&ytdlp, async {
        measure(8).await;
        measure(40).await
    })
    .await;
    println!(
        "median and worst in ms: a start for each question {command:?}, the worker {worker:?}"
    );
    assert!(worker.0 * 4 < command.0, "a worker is worth having");
}
