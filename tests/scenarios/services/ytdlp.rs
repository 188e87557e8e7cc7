//! yt-dlp, as a stand-in that is shipped as the real one is: a zip archive that Python runs, with a `yt_dlp` inside.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use simulator::world::ADA;

use super::super::origin::{Origin, answer, ranged};
use super::super::parts;
use super::super::world::{PATIENCE, Running, World};
use super::{gateway, music, nothing_at_home, working};

/// The actor that keeps its process.
const PLACE: &str = "root/extractors/yt-dlp";

/// `__init__.py` of the stand-in: it writes its number down, and either answers or hangs.
const STAND_IN: &str = r#"
import os, time
with open(@FOLDER@ + "/pid", "w") as file:
    file.write(str(os.getpid()))
class YoutubeDL:
    def __init__(self, params):
        self.params = params
    def sanitize_info(self, info):
        return info
    def extract_info(self, url, download):
        if @HANGS@:
            time.sleep(600)
        page = {"title": "Far Away", "artist": "Nobody", "duration": 9, "id": "aaaaaaaaaa1"}
        if url.startswith("ytsearch"):
            at = "https://www.youtube.com/watch?v=aaaaaaaaaa1"
            return {"_type": "playlist", "entries": [{**page, "_type": "url", "ie_key": "Youtube", "url": at}]}
        return {**page, "_type": "video", "webpage_url": url, "protocol": "http", "url": @MUSIC@}
"#;

/// The stand-in in a folder of its own.
struct StandIn {
    folder: tempfile::TempDir,
    path: PathBuf,
}

// === impl StandIn ===

impl StandIn {
    /// `None`, said aloud, where there is no Python to run it.
    fn new(music: &str, hangs: bool) -> Option<StandIn> {
        let folder = tempfile::tempdir().expect("the disk has room");
        let tree = folder.path().join("tree");
        let package = tree.join("yt_dlp");
        std::fs::create_dir_all(&package).expect("the disk has room");
        let init = STAND_IN
            .replace("@FOLDER@", &format!("{:?}", folder.path()))
            .replace("@HANGS@", if hangs { "True" } else { "False" })
            .replace("@MUSIC@", &format!("{music:?}"));
        std::fs::write(package.join("__init__.py"), init).expect("the disk has room");
        std::fs::write(package.join("version.py"), "__version__ = '2026.10.26'\n")
            .expect("the disk has room");
        // the command, for a question that comes while there is no process
        let command = "import sys; print('2026.10.26'); sys.exit(0)\n";
        std::fs::write(tree.join("__main__.py"), command).expect("the disk has room");
        let path = folder.path().join("yt-dlp");
        let made = std::process::Command::new("python3")
            .args(["-m", "zipapp", "-p", "/usr/bin/env python3", "-o"])
            .args([&path, &tree])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            parts::skipped("no python3 here to run the stand-in for yt-dlp");
            return None;
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("the file is ours");
        Some(StandIn { folder, path })
    }

    /// The number of its latest process.
    fn process(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.path().join("pid")).ok()?.parse().ok()
    }

    /// It is on the search path, as the operator's own would be.
    fn on_path(&self, world: World) -> World {
        let own = std::env::var_os("PATH").expect("there is a search path");
        let all = [self.folder.path().to_owned()].into_iter().chain(std::env::split_paths(&own));
        let all = std::env::join_paths(all).expect("it was one before");
        world.environment("PATH", all.to_str().expect("it is text"))
    }
}

fn runs(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

/// Waits until a process that was killed is reaped too.
async fn until_gone(process: u32) {
    let gone = async {
        while runs(process) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, gone).await.is_ok(), "{process} runs on");
}

async fn plays(running: &Running, what: &str) {
    let listener = running.listener().await;
    running.say(ADA, what);
    running.sees("Now playing").await;
    assert!(listener.wait_for_packets(10, PATIENCE).await, "it plays");
}

fn source(running: &Running, service: &str) -> u64 {
    let services = running.inside.tree.stats().services;
    services.iter().filter(|line| line.service == service).map(|line| line.n_wins).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_looked_for_by_yt_dlp_and_its_process_ends_with_the_bot() {
    let (origin, home) = (working().await, nothing_at_home());
    let Some(stand_in) = StandIn::new(&origin.url("/music.mp3"), false) else { return };
    let world = World::new().music(home.path()).allow_host(&origin.host());
    let running = stand_in.on_path(world).settings("extractors.order = [\"ytdlp\"]").start().await;
    plays(&running, "/play far away nobody").await;
    assert!(source(&running, "yt-dlp") >= 2, "the search and the opening");
    let first = stand_in.process().expect("it was started");
    assert!(runs(first));
    // whatever ends the actor ends the process; the next life starts another
    assert!(running.inside.tree.root().tree().kill(PLACE));
    until_gone(first).await;
    let second = || stand_in.process().filter(|process| *process != first);
    running.until("another process is started", || second().is_some()).await;
    let second = second().expect("it was seen");
    assert!(runs(second));
    running.end().await;
    until_gone(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_knows_is_asked_of_yt_dlp_and_a_file_is_not() {
    let (bytes, home) = (music(), nothing_at_home());
    let origin = Origin::start(move |asked, _| match asked.path() {
        "/page" => answer("200 OK", "text/html", b"<html><body>words</body></html>"),
        _ => ranged(asked, &bytes, None),
    })
    .await;
    let Some(stand_in) = StandIn::new(&origin.url("/music.mp3"), false) else { return };
    let program = format!("extractors.ytdlp.program = {:?}", stand_in.path);
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .environment("PATH", std::env::var("PATH").expect("there is a search path"))
        .settings("extractors.order = [\"ytdlp\"]")
        .settings(&program)
        .start()
        .await;
    let asked = running.say(ADA, &format!("/play {}", origin.url("/plain.mp3")));
    running.sees("Now playing").await;
    assert_eq!(source(&running, "yt-dlp"), 0, "a file is played as it is ({asked})");
    running.say(ADA, "/stop");
    running.until_idle().await;
    running.say(ADA, &format!("/play {}", origin.url("/page")));
    running.sees("Far Away").await;
    running.until("it is opened", || source(&running, "yt-dlp") >= 2).await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_yt_dlp_the_others_are_asked() {
    let (origin, home) = (working().await, nothing_at_home());
    let running = World::new()
        .music(home.path())
        .allow_host(&origin.host())
        .environment("PATH", home.path().display())
        .settings(&gateway(&origin, &["ytdlp", "gateway"]))
        .start()
        .await;
    assert!(running.inside.tree.root().snapshot().find(PLACE).is_none(), "its service is off");
    plays(&running, "/play far away nobody").await;
    assert!(source(&running, "gateway") >= 2);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_yt_dlp_hangs_the_others_answer() {
    let (origin, home) = (working().await, nothing_at_home());
    let Some(stand_in) = StandIn::new("", true) else { return };
    let world = World::new().music(home.path()).allow_host(&origin.host());
    let running =
        stand_in.on_path(world).settings(&gateway(&origin, &["ytdlp", "gateway"])).start().await;
    running.until("its process is there", || stand_in.process().is_some()).await;
    let process = stand_in.process().expect("it was seen");
    plays(&running, "/play far away nobody").await;
    assert_eq!(source(&running, "yt-dlp"), 0);
    assert!(source(&running, "gateway") >= 2);
    running.end().await;
    until_gone(process).await;
}
