//! MongoDB beside the state directory, on its bad days. It is SecantusDB, a server in a process of its own; where it is
//! not installed these tests have nothing to do and say so.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use simulator::music::Track;
use simulator::world::{ADA, BORIS, jam};
use storage::Table;

use super::{hears, lines, playing};
use crate::process::{Process, Setup};
use crate::world::heard;

/// Names the program, where it is not on the PATH.
const VARIABLE: &str = "ARMEDMUSIC_SECANTUS";
const PROGRAM: &str = "secantusd-py";
/// It is slow to start, and machines are busy.
const START_MAX: Duration = Duration::from_secs(120);

struct Server {
    program: PathBuf,
    port: u16,
    directory: tempfile::TempDir,
    process: Option<Child>,
}

// === impl Server ===

impl Server {
    /// Finds the program and a port, and starts nothing.
    fn find() -> Option<Server> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let found = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|at| at.join(PROGRAM)).find(|at| at.is_file())
        };
        let Some(program) = named.or_else(found) else {
            println!("skipped: no {PROGRAM} (see {VARIABLE})");
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = free.local_addr().expect("it is bound").port();
        let directory = tempfile::tempdir().expect("the system has a temporary directory");
        Some(Server { program, port, directory, process: None })
    }

    async fn begin(&mut self, options: &[&str]) {
        let process = Command::new(&self.program)
            .args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--storage-path"])
            .arg(self.directory.path().join("data"))
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.expect("the program starts"));
        let (since, address) = (Instant::now(), SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)));
        while TcpStream::connect(address).is_err() {
            assert!(since.elapsed() < START_MAX, "{PROGRAM} does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is our child");
            process.wait().expect("it is our child");
        }
    }

    fn uri(&self, login: &str) -> String {
        format!("mongodb://{login}127.0.0.1:{}/?directConnection=true", self.port)
    }

    fn setup(&self, login: &str) -> Setup {
        let setup = Setup::new().settings("storage.mongodb_timeout_ms = 2000");
        setup.environment("MONGODB_URI", &self.uri(login))
    }

    /// Waits until MongoDB has this word of what the group plays.
    async fn gets(&self, process: &Process, word: &str) {
        let since = Instant::now();
        while !self.has(word).await {
            let log = || process.log().join("\n");
            assert!(since.elapsed() < START_MAX, "MongoDB has no {word}\n{}", log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// An empty directory beside MongoDB is filled with what that has.
    async fn has(&self, word: &str) -> bool {
        let empty = tempfile::tempdir().expect("the system has a temporary directory");
        let address = storage::Address::new(&self.uri(""), "armedmusic", START_MAX);
        let directory = Some(empty.path().to_owned());
        let settings = storage::Settings::mongo(address.expect("a good address"), directory);
        let (store, driver) = storage::open(settings).await.expect("the directory is ours");
        let looking = async {
            let found = store.read(Table::Playback, &jam().to_string()).await.expect("it is read");
            store.close().await;
            found.is_some_and(|record| record.value.to_string().contains(word))
        };
        tokio::join!(driver.run(), looking).1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_is_down_at_the_start_gets_everything_later() {
    let Some(mut server) = Server::find() else { return };
    let (process, listener) = playing(server.setup("")).await;
    process.logs("MongoDB is away").await;
    server.begin(&[]).await;
    process.logs("MongoDB is there and gets what it has missed").await;
    server.gets(&process, "northbound").await;
    hears(&process, &listener, 50).await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_dies_in_the_middle_stops_nothing_and_gets_what_it_missed() {
    let Some(mut server) = Server::find() else { return };
    server.begin(&["--sync-on-commit"]).await;
    let (process, listener) = playing(server.setup("")).await;
    server.gets(&process, "northbound").await;
    server.kill();
    let before = listener.packets().len();
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    process.logs("MongoDB is away").await;
    hears(&process, &listener, 100).await;
    let pcm = heard(&listener.packets()[before..]).pcm;
    assert!(simulator::ear::report(&pcm, Track::Northbound).is_some(), "the music went on");
    server.begin(&["--sync-on-commit"]).await;
    server.gets(&process, "orchard").await;
    assert_eq!(lines(&process, "ERROR"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongodb_that_refuses_the_password_is_for_the_operator_and_the_directory_keeps_the_state()
{
    let Some(mut server) = Server::find() else { return };
    server.begin(&["--auth"]).await;
    let (mut process, _) = playing(server.setup("dj:hunter2@")).await;
    process.logs("MongoDB does not get what is kept").await;
    let told = lines(&process, "ERROR");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("MONGODB_URI") && !told[0].contains("hunter2"), "{told:#?}");
    process.say(BORIS, jam(), "/play orchard");
    process.sees_in(jam(), "Number 1 in the queue").await;
    process.kill_9();
    process.start_again();
    process.logs("in the voice chat").await;
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "1. orchard").await;
}
