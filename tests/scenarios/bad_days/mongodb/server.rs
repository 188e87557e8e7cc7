//! SecantusDB as a process of its own, a slow way to it, and a word with it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use simulator::world::jam;
use storage::Table;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::wire;
use crate::process::{Process, Setup};

/// Names the program, where it is not on the PATH.
const VARIABLE: &str = "ARMEDMUSIC_SECANTUS";
const PROGRAM: &str = "secantusd-py";
/// It is slow to start, and machines are busy.
pub(super) const START_MAX: Duration = Duration::from_secs(120);

pub(super) struct Server {
    program: PathBuf,
    port: u16,
    directory: tempfile::TempDir,
    process: Option<Child>,
}

// === impl Server ===

impl Server {
    /// Finds the program and a port, and starts nothing.
    pub(super) fn find() -> Option<Server> {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        let found = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|at| at.join(PROGRAM)).find(|at| at.is_file())
        };
        let Some(program) = named.or_else(found) else {
            crate::parts::skipped(&format!("no {PROGRAM} here ({VARIABLE}, or on the path)"));
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = free.local_addr().expect("it is bound").port();
        let directory = tempfile::tempdir().expect("the system has a temporary directory");
        Some(Server { program, port, directory, process: None })
    }

    pub(super) async fn begin(&mut self, options: &[&str]) {
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

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is our child");
            process.wait().expect("it is our child");
        }
    }

    fn uri(&self, login: &str) -> String {
        format!("mongodb://{login}127.0.0.1:{}/?directConnection=true", self.port)
    }

    pub(super) fn setup(&self, login: &str) -> Setup {
        let setup = Setup::new().settings("storage.mongodb_timeout_ms = 2000");
        setup.environment("MONGODB_URI", &self.uri(login))
    }

    pub(super) fn is_primary(&self, is_primary: bool) {
        wire::fail(self.port, &["update", "bulkWrite"], !is_primary);
    }

    /// The way to it by which every answer takes as long as it is told to.
    pub(super) async fn behind(&self) -> Way {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (delay_ms, to) = (Arc::new(AtomicU64::new(0)), self.port);
        let (mut accepting, delay) = (JoinSet::new(), delay_ms.clone());
        accepting.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(carry(client, to, delay.clone()));
            }
        });
        Way { port, delay_ms, _accepting: accepting }
    }

    /// Waits until MongoDB has this word of what the group plays.
    pub(super) async fn gets(&self, process: &Process, word: &str) {
        let since = Instant::now();
        while !self.has(word).await {
            let log = || process.log().join("\n");
            assert!(since.elapsed() < START_MAX, "MongoDB has no {word}\n{}", log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The server without a file beside it.
    pub(super) fn alone(&self) -> storage::Settings {
        let address = storage::Address::new(&self.uri(""), "armedmusic", START_MAX);
        storage::Settings::mongo(address.expect("a good address"), None)
    }

    /// An empty directory beside MongoDB is filled with what that has.
    pub(super) async fn has(&self, word: &str) -> bool {
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

/// A way to the server that can be made slow.
pub(super) struct Way {
    port: u16,
    delay_ms: Arc<AtomicU64>,
    _accepting: JoinSet<()>,
}

// === impl Way ===

impl Way {
    /// Patient enough for it.
    pub(super) fn setup(&self) -> Setup {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        Setup::new().environment("MONGODB_URI", &uri)
    }

    pub(super) fn takes(&self, time: Duration) {
        self.delay_ms.store(time.as_millis() as u64, Ordering::Relaxed);
    }
}

async fn carry(client: tokio::net::TcpStream, to: u16, delay_ms: Arc<AtomicU64>) {
    let Ok(server) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
        return;
    };
    let ((mut asked, mut answered), (mut answers, mut asks)) =
        (client.into_split(), server.into_split());
    let back = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = answers.read(&mut buffer).await {
            tokio::time::sleep(Duration::from_millis(delay_ms.load(Ordering::Relaxed))).await;
            if answered.write_all(&buffer[..n]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ended = tokio::io::copy(&mut asked, &mut asks) => {}
        () = back => {}
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
