//! Against a real nginx, where there is one: `ARMEDMUSIC_NGINX` names the program, or it is on the path. Elsewhere these
//! say that they were skipped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use simulator::music::{self, Track};
use simulator::world::ADA;
use sources::direct::{Direct, Opened, Settings};
use tempfile::TempDir;

use domain::{Class, Fault, Reason};

use super::super::bad_input::hears;
use super::super::origin::{Origin, answer};
use super::super::parts::{self, Killed};
use super::super::world::{PATIENCE, World};

/// One process that serves `www` and writes down what it answered.
const CONFIGURATION: &str = r"
daemon off;
master_process off;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 64; }
http {
    log_format told '$status [$http_range] $body_bytes_sent $uri';
    access_log FOLDER/access.log told;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    types { audio/mpeg mp3; }
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    server {
        listen 127.0.0.1:PORT;
        root FOLDER/www;
        location /whole/ { alias FOLDER/www/; max_ranges 0; }
        # killed long before its last byte, however slow the machine
        location /creeping/ { alias FOLDER/www/; max_ranges 0; limit_rate 24k; }
        location /packed/ { alias FOLDER/www/; add_header Content-Encoding gzip; }
        # a little faster than it plays, so that most of it is still to come when something happens
        location /near/ { alias FOLDER/www/; limit_rate 24k; }
        location /enough/ { alias FOLDER/www/; limit_rate 60k; }
        location /slow/ { alias FOLDER/www/; limit_rate 500; }
        location /dropped/ { return 444; }
        location /busy/ { add_header Retry-After 7 always; return 429; }
        location /inward/ { return 302 INSIDE; }
        location /round/ { return 302 /round/; }
    }
}
";

struct Nginx {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    process: Option<Killed>,
}

// === impl Nginx ===

impl Nginx {
    /// Serves the demo's MP3; `inside` is where a redirect of its leads.
    async fn start(inside: &str) -> Option<Nginx> {
        let program = parts::find("ARMEDMUSIC_NGINX", "nginx")?;
        let folder = tempfile::tempdir().expect("the disk has room");
        let www = folder.path().join("www");
        std::fs::create_dir(&www).expect("the disk has room");
        std::fs::write(www.join("song.mp3"), song()).expect("the disk has room");
        let port = parts::free_port();
        let text = CONFIGURATION
            .replace("FOLDER", folder.path().to_str().expect("it is text"))
            .replace("PORT", &port.to_string())
            .replace("INSIDE", inside);
        std::fs::write(folder.path().join("nginx.conf"), text).expect("the disk has room");
        let mut nginx = Nginx { program, folder, port, process: None };
        nginx.begin().await;
        Some(nginx)
    }

    async fn begin(&mut self) {
        let folder = self.folder.path();
        let mut command = Command::new(&self.program);
        command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log"));
        command.arg("-c").arg(folder.join("nginx.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let process: Child = command.spawn().expect("it is a program");
        self.process = Some(Killed(process));
        parts::until_open(self.port).await;
    }

    /// From its next start on it sends as fast as it can.
    fn hurry(&self) {
        let file = self.folder.path().join("nginx.conf");
        let text = std::fs::read_to_string(&file).expect("it was written");
        let text = text.replace("limit_rate 24k;", "");
        std::fs::write(file, text).expect("the disk has room");
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.host())
    }

    /// What it answered so far, a line for each.
    fn answered(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("access.log"));
        log.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The bot's own way of opening links, with limits of the test's.
    fn direct(&self, rate_min: u64) -> Direct {
        World::install_provider();
        let http = sources::http::Settings {
            user_agent: "ArmedMusic".to_owned(),
            allow_hosts: vec![self.host().parse().expect("it is a host")],
            proxy: None,
            connect_timeout: PATIENCE,
            answer_timeout: PATIENCE,
        };
        let settings = Settings {
            bytes_max: 64 << 20,
            stall_timeout: Duration::from_secs(20),
            rate_min,
            rate_window: Duration::from_secs(2),
            open_max: Duration::from_secs(600),
            attempts_max: 8,
            backoff: Duration::from_millis(50),
        };
        Direct::new(sources::http::Http::new(http).expect("it can be made"), settings)
    }

    async fn fault(&self, path: &str) -> Fault {
        self.direct(1).open(&self.url(path)).await.expect_err(path)
    }
}

fn song() -> &'static [u8] {
    music::files().iter().find(|file| file.track == Track::Harbour).expect("it is there").bytes
}

async fn rest(opened: &mut Opened) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(bytes) = opened.download.next().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_real_nginx_is_taken_whole_from_any_byte_and_only_as_it_is() {
    let Some(nginx) = Nginx::start("http://127.0.0.1:1/").await else { return };
    let direct = nginx.direct(1);
    let mut opened = direct.open(&nginx.url("song.mp3")).await.expect("it is music");
    assert!(opened.has_ranges && !opened.is_live, "{opened:?}");
    assert_eq!(opened.content_length, Some(song().len() as u64), "it was not packed on the way");
    opened.download.seek(200_000).expect("it has ranges");
    assert!(rest(&mut opened).await.expect("it comes") == song()[200_000..]);
    let answered = nginx.answered();
    let is_part = |line: &String| line.starts_with("206 [bytes=200000-]");
    assert!(answered.iter().any(is_part), "{answered:#?}");
    let mut opened = direct.open(&nginx.url("whole/song.mp3")).await.expect("it is music");
    assert!(!opened.has_ranges, "{opened:?}");
    assert!(rest(&mut opened).await.expect("it comes") == song());
    // unpacking is how small answers grow huge
    assert_eq!(nginx.fault("packed/song.mp3").await.reason, Reason::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_it_was_when_nginx_is_killed_and_comes_back() {
    for (path, status) in [("near/song.mp3", "206 "), ("creeping/song.mp3", "200 ")] {
        let Some(mut nginx) = Nginx::start("http://127.0.0.1:1/").await else { return };
        let direct = nginx.direct(1);
        let mut opened = direct.open(&nginx.url(path)).await.expect("it is music");
        let mut all = Vec::new();
        let first = opened.download.next().await.expect("it comes").expect("it begins");
        all.extend_from_slice(&first);
        nginx.process = None;
        let begin = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            nginx.hurry();
            nginx.begin().await;
        };
        let (rest, ()) = tokio::join!(rest(&mut opened), begin);
        all.extend(rest.expect("it goes on"));
        assert!(all == song(), "{path}: {} of {} bytes", all.len(), song().len());
        let answered = nginx.answered();
        assert!(answered.iter().any(|line| line.starts_with(status)), "{path}: {answered:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nginx_below_the_least_rate_is_given_up_and_one_above_it_is_not() {
    let Some(nginx) = Nginx::start("http://127.0.0.1:1/").await else { return };
    let took = async |path: &str| {
        let mut opened = nginx.direct(20_000).open(&nginx.url(path)).await?;
        rest(&mut opened).await
    };
    let (enough, slow) = tokio::join!(took("enough/song.mp3"), took("slow/song.mp3"));
    assert!(enough.expect("it is fast enough") == song());
    let fault = slow.expect_err("it is too slow");
    assert_eq!((fault.reason, fault.class), (Reason::Timeout, Class::Transient), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nginx_refuses_or_sends_elsewhere_is_understood() {
    let inside = Origin::start(|_, _| answer("200 OK", "audio/mpeg", song())).await;
    let Some(nginx) = Nginx::start(&inside.url("/secret.mp3")).await else { return };
    assert_eq!(nginx.fault("missing.mp3").await.reason, Reason::NotFound);
    assert_eq!(nginx.fault("dropped/song.mp3").await.reason, Reason::Unreachable);
    assert_eq!(nginx.fault("busy/song.mp3").await.class, Class::FloodWait(Duration::from_secs(7)));
    assert_eq!(nginx.fault("round/song.mp3").await.reason, Reason::NotFound);
    assert_eq!(nginx.fault("inward/song.mp3").await.reason, Reason::PrivateAddress);
    assert!(inside.asked().is_empty(), "nobody came through");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_song_is_heard_whole_though_its_nginx_dies_in_the_middle() {
    let Some(mut nginx) = Nginx::start("http://127.0.0.1:1/").await else { return };
    let running =
        World::new().allow_host(&nginx.host()).settings("chat.linger_s = 1").start().await;
    let listener = running.listener().await;
    running.say(ADA, &format!("/play {}", nginx.url("near/song.mp3")));
    assert!(listener.wait_for_packets(100, PATIENCE).await, "it plays");
    nginx.process = None;
    nginx.begin().await;
    running.sees("That was the last track").await;
    let (_, report) = hears(&listener, Track::Harbour, Duration::from_secs(15)).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    let end = Track::Harbour.duration() - Duration::from_secs(1);
    assert!(report.first < Duration::from_secs(1) && report.last > end, "{report:?}");
    assert!(report.jumps == 0 || running.has_stalled(), "{report:?}");
    let answered = nginx.answered();
    assert!(answered.iter().any(|line| line.starts_with("206 ")), "{answered:#?}");
    assert!(!running.texts().iter().any(|text| text.contains("⚠️")), "{:#?}", running.texts());
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nginx_that_is_too_slow_for_music_is_told_in_words() {
    let Some(nginx) = Nginx::start("http://127.0.0.1:1/").await else { return };
    let running =
        World::new().allow_host(&nginx.host()).settings("chat.linger_s = 1").start().await;
    running.say(ADA, &format!("/play {}", nginx.url("slow/song.mp3")));
    // the least rate is averaged over 20 s
    let told = running.world().wait_for_message(simulator::world::jam(), PATIENCE * 3, |shown| {
        shown.text.contains("answers too slowly")
    });
    assert!(told.await.is_some(), "{:#?}", running.texts());
    running.until_idle().await;
    running.end().await;
}
