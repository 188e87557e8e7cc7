//! Against a real Icecast with ffmpeg as its source, where both are installed: `ARMEDMUSIC_ICECAST` names the program, or
//! it is on the path as `icecast2`. Elsewhere these say that they were skipped.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use super::*;
use crate::server;

const CONFIGURATION: &str = r#"<icecast>
<limits><sources>4</sources><burst-size>32768</burst-size><source-timeout>5</source-timeout></limits>
<authentication><source-password>word</source-password><relay-password>word</relay-password>
<admin-user>admin</admin-user><admin-password>word</admin-password></authentication>
<hostname>127.0.0.1</hostname>
<listen-socket><port>PORT</port><bind-address>127.0.0.1</bind-address></listen-socket>
<mount type="normal"><mount-name>/live.mp3</mount-name><charset>UTF-8</charset></mount>
<fileserve>0</fileserve>
<paths><basedir>FOLDER</basedir><logdir>FOLDER</logdir><webroot>FOLDER</webroot>
<adminroot>FOLDER</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>2</loglevel></logging>
<security><chroot>0</chroot>OWNER</security>
</icecast>"#;

/// A process that is killed with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill().is_ok() && self.0.wait().is_ok();
    }
}

struct Station {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    icecast: Option<Running>,
}

fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Below what the system hands out by itself, or another test would be given it before Icecast is.
fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Station {
    async fn start() -> Option<Station> {
        let named = std::env::var_os("ARMEDMUSIC_ICECAST").map(PathBuf::from);
        let (Some(program), Some(_)) = (named.or_else(|| found("icecast2")), found("ffmpeg"))
        else {
            server::skipped("no icecast2 with ffmpeg here (ARMEDMUSIC_ICECAST, or on the path)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // root may not be Icecast: it becomes nobody, who must write its log
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let port = free_port();
        let mut station = Station { program, folder, port, icecast: None };
        station.begin().await;
        Some(station)
    }

    async fn begin(&mut self) {
        let owner = if is_root() {
            "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
        } else {
            ""
        };
        let folder = self.folder.path().to_str().unwrap();
        let text = CONFIGURATION.replace("PORT", &self.port.to_string());
        let text = text.replace("FOLDER", folder).replace("OWNER", owner);
        let file = self.folder.path().join("icecast.xml");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        self.icecast = Some(Running(command.spawn().unwrap()));
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// ffmpeg sends a tone.
    fn source(&self, mount: &str, codec: &[&str]) -> Running {
        let to = format!("icecast://source:word@127.0.0.1:{}/{mount}", self.port);
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i"])
            .arg("sine=frequency=440:sample_rate=48000")
            .args(codec)
            .arg(to)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Running(command.spawn().unwrap())
    }

    /// Tells Icecast what is on.
    async fn title(&self, mount: &str, title: &str) {
        let http = server::http(&["127.0.0.1"]);
        let mut url = Url::parse(&self.url("admin/metadata")).unwrap();
        url.query_pairs_mut()
            .append_pair("mount", &format!("/{mount}"))
            .append_pair("mode", "updinfo")
            .append_pair("charset", "UTF-8")
            .append_pair("song", title);
        let mut extra = HeaderMap::new();
        extra.insert("authorization", HeaderValue::from_static("Basic YWRtaW46d29yZA=="));
        let response = http.get(&url, &extra).await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    async fn open(&self, mount: &str) -> Opened {
        let direct = Direct::new(server::http(&["127.0.0.1"]), super::tests::settings());
        loop {
            match direct.open(&self.url(mount)).await {
                Ok(opened) => return opened,
                Err(fault) => {
                    assert!(
                        matches!(fault.reason, Reason::NotFound | Reason::Unreachable),
                        "{fault}"
                    );
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("error.log")).unwrap_or_default()
}

#[tokio::test]
async fn a_real_station_in_mp3_tells_its_titles_and_comes_back_after_a_restart() {
    let Some(mut station) = Station::start().await else { return };
    let mp3 = ["-c:a", "libmp3lame", "-b:a", "128k", "-content_type", "audio/mpeg", "-f", "mp3"];
    let mut source = station.source("live.mp3", &mp3);
    let mut opened = station.open("live.mp3").await;
    assert!(opened.is_live && !opened.has_ranges, "{}", log(station.folder.path()));
    assert_eq!(opened.format, Format::Mp3);
    let mut titles = Vec::new();
    for title in ["One — It's On", "Два"] {
        station.title("live.mp3", title).await;
        while titles.last().map(String::as_str) != Some(title) {
            assert!(opened.download.next().await.unwrap().is_some());
            titles.extend(opened.download.take_title());
        }
    }
    println!("titles heard: {titles:?}");
    // all of it goes away and comes back
    station.icecast = None;
    drop(std::mem::replace(&mut source, Running(Command::new("true").spawn().unwrap())));
    let again = async {
        station.begin().await;
        station.source("live.mp3", &mp3)
    };
    let before = opened.download.offset();
    let hear = async {
        while opened.download.offset() < before + 100_000 {
            assert!(opened.download.next().await.unwrap().is_some());
        }
    };
    let (_source, ()) = tokio::join!(again, hear);
}

#[tokio::test]
async fn a_real_station_in_opus_goes_on_with_a_new_logical_stream() {
    let Some(station) = Station::start().await else { return };
    let opus = ["-c:a", "libopus", "-b:a", "64k", "-content_type", "application/ogg", "-f", "ogg"];
    let source = station.source("live.ogg", &opus);
    let mut opened = station.open("live.ogg").await;
    assert!(opened.is_live, "{}", log(station.folder.path()));
    assert_eq!(opened.format, Format::Ogg);
    let mut heard = Vec::new();
    while heard.len() < 20_000 {
        heard.extend_from_slice(&opened.download.next().await.unwrap().unwrap());
    }
    // the source goes, and with it everybody who listens; another one comes
    drop(source);
    let _source = station.source("live.ogg", &opus);
    let heads = |heard: &[u8]| heard.windows(8).filter(|it| *it == b"OpusHead").count();
    while heads(&heard) < 2 {
        heard.extend_from_slice(&opened.download.next().await.unwrap().unwrap());
    }
}
