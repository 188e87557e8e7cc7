//! Radio stations, from the directory to a listener's ear: against a real Icecast, where there is one
//! (`ARMEDMUSIC_ICECAST` names the program, or it is on the path), and against a place that speaks as stations do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use simulator::music::{self, Track};
use simulator::world::{ADA, jam};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::super::bad_input::hears;
use super::super::origin::{Origin, Step, answer, head};
use super::super::parts::{self, Killed};
use super::super::world::{PATIENCE, Running, World};
use super::nothing_at_home;

const STATION: &str = "960e57c5-0601-11e8-ae97-52543be04c81";
const FIRST: &str = "Ensemble — It's On";
const SECOND: &str = "Ансамбль — Гавань";

const CONFIGURATION: &str = r#"<icecast>
<limits><sources>4</sources><burst-size>32768</burst-size><source-timeout>20</source-timeout></limits>
<authentication><source-password>word</source-password><relay-password>word</relay-password>
<admin-user>admin</admin-user><admin-password>word</admin-password></authentication>
<hostname>127.0.0.1</hostname>
<listen-socket><port>PORT</port><bind-address>127.0.0.1</bind-address></listen-socket>
<mount type="normal"><mount-name>/live.mp3</mount-name><charset>UTF-8</charset></mount>
<fileserve>0</fileserve>
<paths><basedir>FOLDER</basedir><logdir>FOLDER</logdir><webroot>FOLDER</webroot><adminroot>FOLDER</adminroot></paths>
<logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog><loglevel>2</loglevel></logging>
<security><chroot>0</chroot>OWNER</security>
</icecast>"#;

/// `source:word` and `admin:word`, as HTTP has them.
const SOURCE: &str = "Basic c291cmNlOndvcmQ=";
const ADMIN: &str = "Basic YWRtaW46d29yZA==";

/// Bytes of sound in a second of the demo's MP3, which has 128 kbit/s.
const SECOND_OF_SOUND: usize = 16_000;

/// The frames of the demo's MP3, without the tag before them.
fn frames() -> &'static [u8] {
    let files = music::files().iter();
    let file = files.into_iter().find(|file| file.track == Track::Harbour).expect("it is there");
    let size = file.bytes[6..10].iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
    let tag = if file.bytes.starts_with(b"ID3") { 10 + size } else { 0 };
    &file.bytes[tag..]
}

struct Icecast {
    port: u16,
    folder: TempDir,
    sources: JoinSet<()>,
    _process: Killed,
}

// === impl Icecast ===

impl Icecast {
    async fn start() -> Option<Icecast> {
        let program: PathBuf = parts::find("ARMEDMUSIC_ICECAST", "icecast2")?;
        let folder = tempfile::tempdir().expect("the disk has room");
        // root may not be Icecast: it becomes nobody, who must write its log
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), open).expect("the folder is ours");
        let is_root = std::fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>";
        let port = parts::free_port();
        let text = CONFIGURATION
            .replace("PORT", &port.to_string())
            .replace("FOLDER", folder.path().to_str().expect("it is text"))
            .replace("OWNER", if is_root { owner } else { "" });
        let file = folder.path().join("icecast.xml");
        std::fs::write(&file, text).expect("the disk has room");
        let mut command = Command::new(program);
        command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Killed(command.spawn().expect("it is a program"));
        parts::until_open(port).await;
        Some(Icecast { port, folder, sources: JoinSet::new(), _process: process })
    }

    /// Somebody plays the demo's MP3 into it, over and over, at its own pace.
    async fn on_air(&mut self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        let hello = format!(
            "SOURCE /live.mp3 HTTP/1.0\r\nAuthorization: {SOURCE}\r\nContent-Type: audio/mpeg\r\n\
             ice-name: Box Radio\r\nice-bitrate: 128\r\n\r\n"
        );
        stream.write_all(hello.as_bytes()).await.expect("it reads");
        let mut said = [0; 12];
        stream.read_exact(&mut said).await.expect("it answers");
        assert_eq!(&said, b"HTTP/1.0 200", "{}", self.log());
        self.sources.spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(100));
            for part in frames().chunks(SECOND_OF_SOUND / 10).cycle() {
                beat.tick().await;
                if stream.write_all(part).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Tells it what is on.
    async fn title(&self, title: &str) {
        let song: String = title.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        let question = format!(
            "GET /admin/metadata?mount=/live.mp3&mode=updinfo&charset=UTF-8&song={song} HTTP/1.0\r\n\
             Authorization: {ADMIN}\r\n\r\n"
        );
        stream.write_all(question.as_bytes()).await.expect("it reads");
        let mut said = String::new();
        stream.read_to_string(&mut said).await.expect("it answers");
        assert!(said.contains(" 200 "), "{said}{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

/// The directory, with one station in it.
async fn directory(stream: &str) -> Origin {
    let station = format!(
        r#"[{{"stationuuid": "{STATION}", "name": "Box Radio", "url": "{stream}", "url_resolved": "{stream}", "homepage": "", "codec": "MP3", "bitrate": 128, "hls": 0, "lastcheckok": 1}}]"#
    );
    let click = format!(r#"{{"ok": true, "stationuuid": "{STATION}", "url": "{stream}"}}"#);
    Origin::start(move |asked, _| {
        let body = match asked.path() {
            path if path.starts_with("/json/stations/") => station.as_bytes(),
            path if path.starts_with("/json/url/") => click.as_bytes(),
            _ => return answer("404 Not Found", "text/plain", b""),
        };
        answer("200 OK", "application/json", body)
    })
    .await
}

/// A bot that knows no music but the directory's.
async fn tuned(directory: &Origin, station: &str) -> Running {
    let home = nothing_at_home();
    World::new()
        .music(home.path())
        .allow_host(&directory.host())
        .allow_host(station)
        .settings("chat.linger_s = 1\nextractors.order = [\"radio\"]")
        .settings(&format!("extractors.radio.urls = [\"http://{}\"]", directory.host()))
        .start()
        .await
}

/// The panel, once it shows this.
async fn panel(running: &Running, song: &str) {
    let shows = |shown: &simulator::world::Shown| {
        shown.text.contains("Now playing") && shown.text.contains(song)
    };
    let found = running.world().wait_for_message(jam(), PATIENCE, shows).await;
    let panel = found.unwrap_or_else(|| panic!("no {song:?} in {:#?}", running.texts()));
    assert!(panel.text.contains("Box Radio") && panel.text.contains("· live"), "{panel:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_of_a_real_icecast_is_heard_with_its_changing_titles_and_without_an_end() {
    let Some(mut icecast) = Icecast::start().await else { return };
    icecast.on_air().await;
    let host = format!("127.0.0.1:{}", icecast.port);
    let directory = directory(&format!("http://{host}/live.mp3")).await;
    let running = tuned(&directory, &host).await;
    let listener = running.listener().await;
    icecast.title(FIRST).await;
    running.say(ADA, "/play box radio");
    panel(&running, FIRST).await;
    let (_, report) = hears(&listener, Track::Harbour, Duration::from_secs(5)).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    icecast.title(SECOND).await;
    panel(&running, SECOND).await;
    // longer than the song that goes round there
    let longer = Track::Harbour.duration() + Duration::from_secs(2);
    assert!(listener.wait_for_packets(longer.as_millis() as usize / 20, PATIENCE).await);
    let (_, report) = hears(&listener, Track::Harbour, Track::Harbour.duration()).await;
    assert!(report.correlation_median > 0.95, "{report:?}");
    assert!(!running.texts().iter().any(|text| text.contains("Played")), "{:#?}", running.texts());
    // the click is counted: stations live of that
    let is_click = |path: &str| path == format!("/json/url/{STATION}");
    assert!(directory.asked().iter().any(|asked| is_click(asked.path())));
    running.say(ADA, "/stop");
    running.until_idle().await;
    running.end().await;
}

/// Sound with these words after each `every` bytes of it.
fn woven(sound: &[u8], every: usize, words: &str) -> Vec<u8> {
    let words = format!("StreamTitle='{words}';");
    let count = words.len().div_ceil(16);
    let mut block = vec![count as u8];
    block.extend_from_slice(words.as_bytes());
    block.resize(1 + count * 16, 0);
    sound.chunks_exact(every).flat_map(|part| [part, &block].concat()).collect()
}

/// A place that speaks as stations do: the first connection breaks off, the second stays.
async fn station() -> Origin {
    Origin::start(|_, number| {
        let every = 4_000;
        let half = frames().len() / 2 / every * every;
        let (part, title) = match number {
            0 | 1 => (&frames()[..half], FIRST),
            _ => (&frames()[half..], SECOND),
        };
        let every = every.to_string();
        let headers = [
            ("Content-Type", "audio/mpeg"),
            ("icy-name", "Box Radio"),
            ("icy-metaint", every.as_str()),
        ];
        let start = head("200 OK", &headers);
        let body = Step::Send(woven(part, 4_000, title));
        if number < 2 { vec![start, body] } else { vec![start, body, Step::Hang] }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_breaks_off_is_heard_on_with_its_next_title() {
    let station = station().await;
    let directory = directory(&station.url("/live")).await;
    let running = tuned(&directory, &station.host()).await;
    let listener = running.listener().await;
    running.say(ADA, "/play box radio");
    panel(&running, SECOND).await;
    let (pcm, report) = hears(&listener, Track::Harbour, Duration::from_secs(5)).await;
    assert!(
        report.correlation_median > 0.95,
        "{report:?} in {:#?}",
        simulator::ear::identify(&pcm)
    );
    assert!(!running.texts().iter().any(|text| text.contains("Played")), "{:#?}", running.texts());
    running.say(ADA, "/stop");
    running.until_idle().await;
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_link_is_refused_where_live_streams_are_not_allowed() {
    let station = station().await;
    let running =
        World::new().allow_host(&station.host()).settings("sources.live = false").start().await;
    running.say(ADA, &format!("/play {}", station.url("/live")));
    running.sees("Live streams are not played here").await;
    running.end().await;
}
