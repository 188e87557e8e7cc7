//! A MongoDB for tests: SecantusDB, a server of its own process that speaks the wire protocol.
//!
//! It is never linked and never shipped. Tests that want one have nothing to do where it is not installed, and say so.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::Address;

/// Names the program, where it is not on the PATH.
const VARIABLE: &str = "ARMEDMUSIC_SECANTUS";
const PROGRAM: &str = "secantusd-py";

/// A loaded machine takes its time.
const START_MAX: Duration = Duration::from_secs(240);

pub(crate) struct Secantus {
    program: PathBuf,
    options: Vec<String>,
    port: u16,
    directory: TempDir,
    process: Option<Child>,
}

// === impl Secantus ===

impl Secantus {
    /// `None`, with a word about it, when it is not installed.
    pub(crate) async fn start(options: &[&str]) -> Option<Secantus> {
        let Some(program) = program() else {
            println!(
                "skipped: no {PROGRAM} (pip install --pre SecantusDB==0.7.0b3, and {VARIABLE} or PATH)"
            );
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let mut server = Secantus {
            program,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            port,
            directory: TempDir::new().expect("there is room for a directory"),
            process: None,
        };
        server.begin().await;
        Some(server)
    }

    /// Starts it, the first time or again.
    pub(crate) async fn begin(&mut self) {
        let log = std::fs::File::create(self.directory.path().join("log")).expect("room for a log");
        let process = Command::new(&self.program)
            .args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--storage-path"])
            .arg(self.directory.path().join("data"))
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.process = Some(process);
        let limit = Instant::now() + START_MAX;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < limit, "{PROGRAM} did not listen: {}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a child can be killed");
            process.wait().expect("a child can be waited for");
        }
    }

    /// Ends it and starts it with other options.
    pub(crate) async fn begin_with(&mut self, options: &[&str]) {
        self.kill();
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self.begin().await;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self, database: &str) -> Address {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        Address::new(&uri, database, Duration::from_secs(240)).expect("a good address")
    }

    /// The same with less patience, for tests in which it does not answer.
    pub(crate) fn hasty(&self, database: &str, timeout: Duration) -> Address {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        Address::new(&uri, database, timeout).expect("a good address")
    }

    /// A connection of the test's own.
    pub(crate) async fn client(&self) -> Client {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        Client::with_uri_str(uri).await.expect("a good address")
    }

    /// Lets `commands` go wrong as `data` says (`mode` as MongoDB's own tests write it).
    pub(crate) async fn fail(&self, mode: Bson, commands: &[&str], data: Document) {
        let mut data = data;
        data.insert("failCommands", commands.to_vec());
        self.failpoint(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data })
            .await;
    }

    pub(crate) async fn mend(&self) {
        self.failpoint(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
    }

    async fn failpoint(&self, command: Document) {
        let admin = self.client().await.database("admin");
        admin.run_command(command).await.expect("test commands are enabled");
    }
}

impl Drop for Secantus {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os(VARIABLE).filter(|program| !program.is_empty()) {
        return Some(PathBuf::from(program));
    }
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(PROGRAM)).find(|path| path.is_file())
}
