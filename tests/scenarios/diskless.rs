//! A machine whose disk does not last, with MongoDB for all that has to. MongoDB is SecantusDB, a server in a process of
//! its own; where it is not installed these tests have nothing to do and say so.

mod instances;
mod late;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use simulator::world::{ADA, BORIS, jam, kitchen};

use super::parts::{Killed, find, free_port, until_open};
use super::process::{Process, Setup};
use super::resume::{goes_on, hears, playing, texts};
use super::world::PATIENCE;

const KEY: &str = "a key of tests that is long enough to be one";

struct Server {
    port: u16,
    _process: Killed,
    _data: tempfile::TempDir,
}

// === impl Server ===

impl Server {
    async fn start() -> Option<Server> {
        Server::start_with(&[]).await
    }

    async fn start_with(options: &[&str]) -> Option<Server> {
        let program = find("ARMEDMUSIC_SECANTUS", "secantusd-py")?;
        let (port, data) = (free_port(), tempfile::tempdir().expect("the system has one"));
        let mut command = Command::new(program);
        command
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--storage-path"])
            .arg(data.path().join("data"))
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Killed(command.spawn().expect("the program starts"));
        until_open(port).await;
        Some(Server { port, _process: process, _data: data })
    }

    fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port)
    }

    /// A bot that keeps everything there.
    fn setup(&self) -> Setup {
        Setup::new()
            .settings("storage.engine = \"mongodb\"\ncache.size_mib = 0")
            .environment("MONGODB_URI", &self.uri())
    }

    /// The same on a machine that has no disk at all.
    fn nowhere(&self) -> Setup {
        let nowhere = Path::new("/dev/null/state");
        self.setup().state_directory(nowhere).environment("STATE_KEY", KEY)
    }

    fn store(&self) -> storage::Settings {
        let address = storage::Address::new(&self.uri(), "armedmusic", PATIENCE);
        storage::Settings::mongo(address.expect("a good address"), None)
    }

    /// What lies there of sessions, by name.
    async fn sessions(&self) -> BTreeMap<String, String> {
        self.table(storage::Table::Sessions).await
    }

    async fn table(&self, table: storage::Table) -> BTreeMap<String, String> {
        let (store, driver) = storage::open(self.store()).await.expect("it is there");
        let reading = async {
            let found = store.scan(table).await.expect("it can be read");
            store.close().await;
            found.into_iter().map(|record| (record.key, record.value.to_string())).collect()
        };
        tokio::join!(driver.run(), reading).1
    }
}

fn handshakes(process: &Process) -> u64 {
    process.telegram.dc().stats().handshakes
}

/// Every key that anybody has connected with.
fn keys(process: &Process) -> BTreeSet<String> {
    process.telegram.dc().stats().keys.keys().map(|key| format!("{key:?}")).collect()
}

fn errors(process: &Process) -> Vec<String> {
    process.log().into_iter().filter(|line| line.contains(" ERROR ")).collect()
}

/// What was said while it was away is done, once.
async fn done_once(process: &Process) {
    process.sees_in(jam(), "Number 2 in the queue").await;
    process.sees_in(kitchen(), "Here. Up").await;
    process.say(ADA, jam(), "/queue");
    process.sees_in(jam(), "1. orchard").await;
    let n =
        |chat, words: &str| texts(process, chat).iter().filter(|text| text.contains(words)).count();
    assert_eq!(n(jam(), "Number 2 in the queue"), 1, "{:#?}", texts(process, jam()));
    assert_eq!(n(kitchen(), "Here. Up"), 1, "{:#?}", texts(process, kitchen()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_a_disk_comes_back_with_the_same_keys_at_the_same_place() {
    let Some(server) = Server::start().await else { return };
    let nowhere = Path::new("/dev/null/state");
    let setup = server.setup().state_directory(nowhere).environment("STATE_KEY", KEY);
    let (mut process, listener) = playing(setup).await;
    hears(&listener, 75).await;
    assert!(!nowhere.exists());
    let (handshakes_before, keys_before) = (handshakes(&process), keys(&process));
    process.kill_9();
    // all that is left of the sign-in is in MongoDB
    process.forget("BOT_SESSION");
    let names = ["assistant-1", "assistant-2", "bot"];
    let kept = server.sessions().await;
    let parts = names.map(|name| [format!("{name}/login"), format!("{name}/place")]).concat();
    assert!(kept.keys().eq(&parts), "{:?}", kept.keys());
    let before = listener.packets().len();
    process.say(ADA, jam(), "/play meridian");
    process.say(BORIS, kitchen(), "/ping");
    process.start_again();
    process.logs("the other instance has ended").await;
    goes_on(&process, &listener, before).await;
    done_once(&process).await;
    assert_eq!(handshakes(&process), handshakes_before, "no new key was made");
    assert_eq!(keys(&process), keys_before);
    assert_eq!(errors(&process), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_place_is_kept_and_no_sign_in_is() {
    let Some(server) = Server::start().await else { return };
    let (mut process, listener) = playing(server.setup()).await;
    process.kill_9();
    let kept = server.sessions().await;
    assert!(kept.keys().eq(&["assistant-1/place", "assistant-2/place", "bot/place"]), "{kept:#?}");
    let state = process.state_file("");
    assert!(state.join("bot.session.json").exists(), "there is a disk, for now");
    std::fs::remove_dir_all(&state).expect("it is ours");
    let before = listener.packets().len();
    process.say(ADA, jam(), "/play meridian");
    process.say(BORIS, kitchen(), "/ping");
    process.start_again();
    process.logs("the other instance has ended").await;
    goes_on(&process, &listener, before).await;
    done_once(&process).await;
    let told = errors(&process);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("set STATE_KEY"), "{told:#?}");
}
