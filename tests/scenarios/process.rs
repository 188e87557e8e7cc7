//! The program as a process of its own, started as an operator starts it, beside a simulated Telegram in this one:
//! signals, the service manager's socket and the log are as they are in earnest.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use armedmusic::simulated::secrets;
use simulator::sfu::SfuSettings;
use simulator::world::{Population, Shown, Telegram};

use super::world::PATIENCE;

/// What is set up before the process starts.
pub(crate) struct Setup {
    population: Population,
    settings: String,
    environment: Vec<(String, String)>,
    music: fn(&Path),
    /// Another one than the installation's own.
    state: Option<PathBuf>,
}

/// The process, the Telegram it lives in, and what it wrote so far.
pub(crate) struct Process {
    pub(crate) telegram: Arc<Telegram>,
    command: Command,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    pub(crate) log: Vec<String>,
    /// What lies in its temporary directory.
    pub(crate) left_behind: Vec<PathBuf>,
}

// === impl Setup ===

impl Setup {
    pub(crate) fn new() -> Setup {
        Setup {
            population: Population::small(),
            settings: String::new(),
            environment: Vec::new(),
            music: |_| {},
            state: None,
        }
    }

    pub(crate) fn population(mut self, change: impl FnOnce(&mut Population)) -> Setup {
        change(&mut self.population);
        self
    }

    /// More settings, as in `config/armedmusic.toml`.
    pub(crate) fn settings(mut self, toml: &str) -> Setup {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lays more into the music folder.
    pub(crate) fn music(mut self, lay: fn(&Path)) -> Setup {
        self.music = lay;
        self
    }

    pub(crate) fn state_directory(mut self, path: &Path) -> Setup {
        self.state = Some(path.to_owned());
        self
    }

    /// Telegram alone; [`Setup::start_in`] starts the bot in it.
    pub(crate) async fn telegram(&self) -> Telegram {
        let dc = simulator::dc::Settings::loopback();
        let telegram = Telegram::assemble(self.population.clone(), dc, SfuSettings::loopback());
        telegram.await.expect("the box starts")
    }

    /// Starts the bot, and waits until it has signed in.
    pub(crate) async fn start(self) -> Process {
        let telegram = self.telegram().await;
        let process = self.start_in(telegram);
        for _ in 0..2 {
            process.logs("assistant signed in").await;
        }
        process.logs("bot signed in").await;
        process
    }

    /// Starts the bot, and waits for nothing.
    pub(crate) fn start_in(self, telegram: impl Into<Arc<Telegram>>) -> Process {
        let program = Path::new(env!("CARGO_BIN_EXE_armedmusic"));
        self.start_as(telegram, program, |command, config| {
            command.args([Path::new("run"), Path::new("--config"), config]);
        })
    }

    /// Starts another program in place of the bot; `arrange` tells it where its settings are.
    pub(crate) fn start_as(
        self,
        telegram: impl Into<Arc<Telegram>>,
        program: &Path,
        arrange: impl FnOnce(&mut Command, &Path),
    ) -> Process {
        let telegram = telegram.into();
        let folder = tempfile::tempdir().expect("the system has a temporary directory");
        let at = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("the directory is ours");
            path
        };
        let (music, state, tmp) = (at("music"), at("state"), at("tmp"));
        let state = self.state.unwrap_or(state);
        simulator::music::write_to(&music).expect("the directory is ours");
        (self.music)(&music);
        let config = folder.path().join("armedmusic.toml");
        let settings = format!(
            "{}\nchat.refresh_s = 1\nextractors.order = []\nstate.directory = {state:?}\nsources.music_dir = {music:?}\n",
            self.settings
        );
        std::fs::write(&config, settings).expect("the directory is ours");
        let mut command = Command::new(program);
        command.env_clear();
        arrange(&mut command, &config);
        command
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TMPDIR", &tmp)
            .envs(secrets(&telegram))
            .envs(self.environment);
        let log = Arc::default();
        let (child, reading) = spawn(&mut command, &log);
        Process { telegram, command, child, log, reading: Some(reading), folder }
    }
}

/// Starts it, and reads its log as it comes.
fn spawn(command: &mut Command, log: &Arc<Mutex<Vec<String>>>) -> (Child, JoinHandle<()>) {
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = started.expect("the program was built for this test");
    let err = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
    let written = log.clone();
    let reading = std::thread::spawn(move || {
        for line in err.lines().map_while(Result::ok) {
            written.lock().expect("nobody panics with it").push(line);
        }
    });
    (child, reading)
}

// === impl Process ===

impl Process {
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// Waits until it has written a line with these words.
    pub(crate) async fn logs(&self, words: &str) {
        self.until(words, || self.log().iter().any(|line| line.contains(words))).await;
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let since = Instant::now();
        while !is_so() {
            assert!(since.elapsed() < PATIENCE, "not so: {what}\n{}", self.log().join("\n"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn say(&self, user: i64, chat: i64, text: &str) {
        self.telegram.world().say(user, chat, text).expect("people may write in their group");
    }

    pub(crate) async fn sees_in(&self, chat: i64, words: &str) -> Shown {
        let has = |shown: &Shown| shown.text.contains(words);
        let found = self.telegram.world().wait_for_message(chat, PATIENCE, has).await;
        found.unwrap_or_else(|| {
            let shown = self.telegram.world().messages(chat).into_iter();
            let texts: Vec<String> = shown.map(|shown| shown.text).collect();
            panic!("nobody said {words:?} in {texts:#?}:\n{}", self.log().join("\n"))
        })
    }

    pub(crate) fn state_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("state").join(name)
    }

    /// Ends it as no handler can hear, and waits until it is gone.
    pub(crate) fn kill_9(&mut self) {
        self.child.kill().expect("it is our child");
        self.gone();
    }

    /// Waits for an end that it was asked for.
    pub(crate) async fn is_gone(&mut self) {
        self.until("it ends", || self.is_dead()).await;
        self.gone();
    }

    fn gone(&mut self) {
        self.child.wait().expect("it is our child");
        if let Some(reading) = self.reading.take() {
            reading.join().expect("reading lines does not panic");
        }
    }

    /// The next start knows nothing of this variable.
    pub(crate) fn forget(&mut self, name: &str) {
        self.command.env_remove(name);
    }

    /// The same installation once more, with a log of its own.
    pub(crate) fn start_again(&mut self) {
        self.log.lock().expect("nobody panics with it").clear();
        let (child, reading) = spawn(&mut self.command, &self.log);
        (self.child, self.reading) = (child, Some(reading));
    }

    /// A second process of the same installation, until `is_enough` of its log or its own end; what it wrote, and its exit
    /// code if it ended by itself.
    pub(crate) async fn again(&self, is_enough: &str) -> (Option<i32>, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_armedmusic"))
            .args([
                Path::new("run"),
                Path::new("--config"),
                &self.folder.path().join("armedmusic.toml"),
            ])
            .env_clear()
            .envs(secrets(&self.telegram))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built for this test");
        let err = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let is_enough = is_enough.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            for line in err.lines().map_while(Result::ok) {
                text += &line;
                if line.contains(&is_enough) {
                    child.kill().expect("it is our child");
                }
            }
            (child.wait().expect("it is our child").code(), text)
        });
        tokio::time::timeout(PATIENCE, reading).await.expect("it ends").expect("it is read")
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("every system has kill").success(), "{name}");
    }

    /// Whether it has ended, with all of its threads, though nobody has asked how. A kill takes its time.
    pub(crate) fn is_dead(&self) -> bool {
        let place = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{place}/status")).unwrap_or_default();
        let n_threads = std::fs::read_dir(format!("{place}/task")).map_or(0, Iterator::count);
        status.lines().any(|line| line.starts_with("State:\tZ")) && n_threads == 1
    }

    /// Whether its own handlers are in place for SIGINT (2) and SIGTERM (15).
    pub(crate) fn hears_signals(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let both = 1 << (2 - 1) | 1 << (15 - 1);
        caught.is_some_and(|caught| caught & both == both)
    }

    /// Waits for its end; the time counts from now.
    pub(crate) async fn ends(mut self, within: Duration) -> (End, Arc<Telegram>) {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            if since.elapsed() > within {
                panic!("it did not end within {within:?}:\n{}", self.log().join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        let took = since.elapsed();
        if let Some(reading) = self.reading.take() {
            reading.join().expect("reading lines does not panic");
        }
        let left_behind = std::fs::read_dir(self.folder.path().join("tmp"))
            .expect("the directory is ours")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        let end = End { status, took, log: self.log(), left_behind };
        // the box outlives the process: what it saw last is still to be looked at
        let telegram = self.telegram.clone();
        (end, telegram)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it has ended, unless a test failed
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A service manager's socket, and what came to it.
pub(crate) struct ServiceManager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

// === impl ServiceManager ===

impl ServiceManager {
    pub(crate) fn new() -> ServiceManager {
        let folder = tempfile::tempdir().expect("the system has a temporary directory");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("the path is free");
        socket.set_nonblocking(true).expect("sockets may be asked");
        ServiceManager { socket, folder }
    }

    pub(crate) fn address(&self) -> String {
        self.folder.path().join("notify").display().to_string()
    }

    /// What has come since the last look, one message each.
    pub(crate) fn heard(&self) -> Vec<String> {
        let mut buffer = [0; 4_096];
        let mut heard = Vec::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        heard
    }
}
