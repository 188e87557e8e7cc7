//! The log: what passes by itself is a warning, what needs somebody is an error and says what to do.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use simulator::dc::{Envelope, Rule, Target};
use simulator::world::{
    ADA, ASSISTANT, BOT, CHANNEL_FULL_OF_LAYER_200 as UNKNOWN, Population, Refusal, Settings,
    Telegram, jam,
};

use crate::world::PATIENCE;

const SEND_MESSAGE: u32 = 0xfef4_8f62;

/// The program as its own process, its log as JSON.
struct Process {
    child: Child,
    secrets: Vec<String>,
}

impl Process {
    fn start(telegram: &Telegram, folder: &std::path::Path) -> Process {
        let config = folder.join("armedmusic.toml");
        let text = format!(
            "state.directory = {:?}\ntelegram.datacenters = [\"2={}\"]\ntelegram.retry_first_s = 1\n\
             telegram.retry_max_s = 1\nlog.format = \"json\"\nlog.level = \"info\"\n",
            folder.join("state").display().to_string(),
            telegram.address(),
        );
        std::fs::write(&config, text).expect("the folder can be written");
        let token = format!("{BOT}:SIMULATED-TOKEN-OF-TELEGRAM-IN-A-BOX");
        let (bot, assistant) = (telegram.session_string(BOT), telegram.session_string(ASSISTANT));
        let child = Command::new(env!("CARGO_BIN_EXE_armedmusic"))
            .args(["run", "--config"])
            .arg(&config)
            .env_clear()
            .envs([("API_ID", "12345"), ("API_HASH", "0123456789abcdef0123456789abcdef")])
            .envs([("BOT_TOKEN", &token), ("BOT_SESSION", &bot), ("STRING_SESSION", &assistant)])
            .env("LOGGER_ID", "-1009999999999")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo built it");
        Process { child, secrets: vec![token, bot, assistant] }
    }

    /// Drains it; every line of its log: level and text with fields.
    async fn end(mut self) -> Vec<(String, String)> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("every system has kill").success());
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            let stderr = self.child.stderr.as_mut().expect("stderr is a pipe");
            stderr.read_to_string(&mut text).expect("it writes text");
            self.child.wait().expect("it is our child");
            (text, self.secrets)
        });
        let (text, secrets) =
            tokio::time::timeout(PATIENCE, read).await.expect("it ends").expect("it is read");
        for secret in secrets {
            assert!(!text.contains(&secret), "a secret is in the log");
        }
        let lines = text.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((line["level"].as_str()?.to_owned(), line["fields"].to_string()))
        });
        lines.collect()
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "it did not come true that {what}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_by_itself_is_a_warning_and_an_error_says_what_to_do() {
    let settings = Settings { population: Population::small(), ..Settings::loopback() };
    let telegram = Telegram::start(settings).await.expect("the box starts");
    let folder = tempfile::tempdir().expect("the disk has room");
    let process = Process::start(&telegram, folder.path());
    let answers = |n: usize| {
        let shown = telegram.world().messages(jam());
        shown.iter().filter(|one| one.text.contains("Here. Up")).count() >= n
    };
    until("both are there", || {
        [BOT, ASSISTANT].iter().all(|user| telegram.dc().sessions_of(*user).len() == 1)
    })
    .await;
    let ping = || telegram.world().say(ADA, jam(), "/ping").expect("she may");
    until("it answers", || {
        ping();
        answers(1)
    })
    .await;
    // warnings
    for _ in 0..1_000 {
        let body = UNKNOWN.to_le_bytes().to_vec();
        telegram.dc().faults().push_raw(Target::User(BOT), body, Envelope::Plain);
    }
    telegram.dc().faults().arrange(Rule::error(SEND_MESSAGE, 420, "FLOOD_WAIT_4").of_user(BOT));
    until("it has to wait", || {
        ping();
        telegram.dc().stats().errors.contains_key("FLOOD_WAIT_4")
    })
    .await;
    // errors
    telegram.world().lock_account(ASSISTANT, Some(Refusal::new(401, "SESSION_REVOKED")));
    telegram.dc().faults().reset(Target::User(ASSISTANT));
    until("the assistant is refused", || {
        telegram.dc().stats().errors.contains_key("SESSION_REVOKED")
    })
    .await;
    telegram.dc().faults().refuse_connects().await;
    telegram.dc().faults().reset(Target::All);
    tokio::time::sleep(Duration::from_secs(13)).await;
    telegram.dc().faults().accept_connects().await;
    let lines = process.end().await;
    telegram.stop().await;

    let of = |level: &str, words: &[&str]| {
        let meant = |line: &&(String, String)| {
            line.0 == level && words.iter().all(|word| line.1.contains(word))
        };
        lines.iter().filter(meant).count()
    };
    assert_eq!(of("WARN", &["0x52d6806b", "unreadable"]), 1, "one line for a thousand: {lines:#?}");
    assert!(of("WARN", &["telegram asks to wait", "sendMessage"]) >= 1, "{lines:#?}");
    assert!(of("WARN", &["connection was lost"]) >= 1, "{lines:#?}");
    assert!(of("WARN", &["will be restarted", "root/bot"]) >= 1, "{lines:#?}");
    assert_eq!(of("ERROR", &["SESSION_REVOKED", "new session string"]), 1, "{lines:#?}");
    assert_eq!(of("ERROR", &["parked", "root/assistants/1"]), 1, "{lines:#?}");
    assert_eq!(of("ERROR", &["keeps failing", "root/bot", "\"failures\":5"]), 1, "{lines:#?}");
    assert_eq!(of("ERROR", &["LOGGER_ID"]).min(1), 1, "{lines:#?}");
    let errors: Vec<_> = lines.iter().filter(|line| line.0 == "ERROR").collect();
    let is_meant = |line: &&(String, String)| {
        ["SESSION_REVOKED", "keeps failing", "LOGGER_ID"].iter().any(|word| line.1.contains(word))
    };
    assert!(errors.iter().all(is_meant), "{errors:#?}");
}
