//! Settings that are missing or wrong: told whole, with their fixes, before anything is touched, and never repeated.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::world::PATIENCE;

/// sysexits.h EX_CONFIG.
const EX_CONFIG: i32 = 78;

/// How a process ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the bot with this environment alone, in an empty directory.
fn run(command: &[&str], environment: &[(&str, &str)], config: &str) -> Ended {
    let directory = tempfile::tempdir().expect("the disk has room");
    std::fs::create_dir(directory.path().join("config")).expect("the disk has room");
    std::fs::write(directory.path().join("config/armedmusic.toml"), config)
        .expect("the disk has room");
    run_in(directory.path(), command, environment)
}

fn run_in(directory: &Path, command: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_armedmusic"))
        .args(command)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo built it");
    let deadline = Instant::now() + PATIENCE;
    // it says little enough to fit the pipes
    while child.try_wait().expect("it is our child").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("it is our child");
            let output = child.wait_with_output().expect("it is our child");
            panic!("it runs on: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it is our child");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it writes text"),
        stderr: String::from_utf8(output.stderr).expect("it writes text"),
    }
}

/// An environment that looks right in every part.
fn good() -> Vec<(&'static str, String)> {
    vec![
        ("API_ID", "7654321".to_owned()),
        ("API_HASH", "0123456789abcdef0123456789abcdef".to_owned()),
        ("BOT_TOKEN", "7001:AAHqwertyuiopasdfghjklzxcvbnm1234567".to_owned()),
        ("STRING_SESSION", session()),
    ]
}

/// As Telethon writes it: version 1, then datacenter, address, port and key, in Base64.
fn session() -> String {
    // 263 bytes: 2 as the datacenter, then whatever follows
    format!("1{}AwQ=", &"AgECAwQFBgcICQoL".repeat(22)[..348])
}

fn without(name: &str) -> Vec<(&'static str, String)> {
    good().into_iter().filter(|(key, _)| *key != name).collect()
}

fn with(name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    without(name).into_iter().chain([(name, value.to_owned())]).collect()
}

fn borrowed<'a>(environment: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    environment.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

/// The settings are refused, on stderr and in these words.
fn is_refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(EX_CONFIG), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in:\n{}", ended.stderr);
    }
}

#[test]
fn without_an_environment_every_missing_key_is_named_with_its_fix() {
    for command in [&["run"][..], &["check"], &[]] {
        let ended = run(command, &[], "");
        is_refused(
            &ended,
            &[
                "API_ID: is not set; it is the number of your application from https://my.telegram.org",
                "API_HASH: is not set",
                "BOT_TOKEN: is not set; it is the token from @BotFather",
                "STRING_SESSION: is not set; it is a session string",
                "config/env.example",
            ],
        );
    }
}

#[test]
fn each_missing_key_is_named_alone() {
    for (name, _) in good() {
        let ended = run(&["run"], &borrowed(&without(name)), "");
        is_refused(&ended, &[&format!("{name}: is not set")]);
        let n_mistakes = ended.stderr.lines().count() - 1;
        assert_eq!(n_mistakes, 1, "{}", ended.stderr);
    }
}

#[test]
fn good_settings_pass_the_check() {
    // without this the others would prove little
    let ended = run(&["check"], &borrowed(&good()), "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, "The settings are good.\n");
}

#[test]
fn wrong_values_are_named_and_never_repeated() {
    let rows = [
        ("API_ID", "seven-secret-million"),
        ("API_ID", "-5550123"),
        ("API_HASH", "0123456789abcdef-secret-0123456789"),
        ("BOT_TOKEN", "secret-without-a-number-AAHqwertyuiopasdfghjkl"),
        ("STRING_SESSION", "1secret-but-much-too-short"),
        ("STRING_SESSION3", "another-short-secret"),
        ("OWNER_ID", "@secret_owner"),
        ("LOGGER_ID", "@secret_group"),
        ("BOT_SESSION", "secret-that-is-no-session"),
    ];
    for (name, value) in rows {
        let ended = run(&["run"], &borrowed(&with(name, value)), "");
        is_refused(&ended, &[&format!("{name}: ")]);
        assert!(!ended.stderr.contains(value), "{name} is repeated:\n{}", ended.stderr);
        for (other, value) in with(name, value) {
            let is_repeated = ended.stderr.contains(&value);
            assert!(!is_repeated, "{other} is repeated:\n{}", ended.stderr);
        }
    }
}

#[test]
fn a_session_string_that_only_looks_right_is_refused_and_never_repeated() {
    let string = "x-secret-".repeat(60);
    let ended = run(&["run"], &borrowed(&with("STRING_SESSION", &string)), "");
    is_refused(&ended, &["STRING_SESSION: "]);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

#[test]
fn an_unknown_key_is_answered_with_the_one_that_was_meant() {
    let ended = run(&["run"], &borrowed(&good()), "[chat]\nqueue_maxx = 3\nzzzzzzzzzz = 1\n");
    is_refused(
        &ended,
        &["chat.queue_maxx: ", "did you mean \"queue_max\"?", "chat.zzzzzzzzzz: ", "known are"],
    );
}

#[test]
fn mistakes_of_file_and_environment_are_told_together() {
    let ended = run(&["run"], &borrowed(&without("BOT_TOKEN")), "[audio]\nbitrate_kbps = 9000\n");
    is_refused(&ended, &["BOT_TOKEN: is not set", "audio.bitrate_kbps: must be from"]);
}

#[test]
fn a_secret_in_the_wrong_file_is_not_repeated() {
    // what people do: the lines of the environment in the settings file, with quotes and without
    let rows = [
        "BOT_TOKEN = 7001:AAH-secret",
        "BOT_TOKEN = \"7001:AAH-secret\"",
        "BOT_TOKEN=7001:AAH-secret",
        "STRING_SESSION = \"AAH-secret",
        "[telegram]\napi_hash = 'AAH-secret'\n",
        "language = \"AAH-secret\n",
    ];
    for config in rows {
        let ended = run(&["run"], &borrowed(&good()), config);
        is_refused(&ended, &[]);
        assert!(!ended.stderr.contains("AAH-secret"), "{config:?} is repeated:\n{}", ended.stderr);
    }
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let ended = run(&["run"], &borrowed(&good()), "language = \"en\"\n\n[chat\nqueue_max = 3\n");
    is_refused(&ended, &["line 3"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ended = run(&["run", "--config", "nowhere.toml"], &borrowed(&good()), "");
    is_refused(&ended, &["nowhere.toml: cannot be read", "--config"]);
}

#[test]
fn wrong_settings_touch_neither_the_network_nor_the_disk() {
    let telegram = TcpListener::bind("127.0.0.1:0").unwrap();
    telegram.set_nonblocking(true).unwrap();
    let address = telegram.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("own.toml");
    let datacenters = format!("[telegram]\ndatacenters = [\"2={address}\", \"4={address}\"]\n");
    std::fs::write(&config, datacenters).unwrap();
    let ended =
        run_in(directory.path(), &["run", "--config", "own.toml"], &borrowed(&without("API_HASH")));
    is_refused(&ended, &["API_HASH: is not set"]);
    let knocked = telegram.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(knocked, Err(std::io::ErrorKind::WouldBlock));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_check_tells_how_yt_dlp_is_installed_and_refuses_one_that_is_not_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("the disk has room");
    let program = folder.path().join("yt-dlp");
    std::fs::write(&program, "#!/bin/sh\necho 2026.10.26\n").expect("the disk has room");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
        .expect("the file is ours");
    let settings = |program: &Path| {
        let state = folder.path().join("state");
        format!(
            "state.directory = {state:?}\nextractors.order = [\"ytdlp\"]\nextractors.ytdlp.program = {program:?}\n"
        )
    };
    let ended = run(&["check"], &borrowed(&good()), &settings(&program));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for word in ["version 2026.10.26", "no JavaScript", "no cookies"] {
        assert!(ended.stdout.contains(word), "{word:?} is not in:\n{}", ended.stdout);
    }
    let ended = run(&["check"], &borrowed(&good()), &settings(Path::new("/no/such/yt-dlp")));
    is_refused(
        &ended,
        &["extractors.ytdlp.program: ", "/no/such/yt-dlp", "set \"auto\" or \"off\""],
    );
}

#[test]
fn one_login_in_two_keys_is_refused() {
    for (key, other) in [("STRING_SESSION2", "STRING_SESSION"), ("BOT_SESSION", "BOT_SESSION")] {
        let ended = run(&["run"], &borrowed(&with(key, &session())), "");
        is_refused(&ended, &[": is the same login as ", other, "another account"]);
        assert!(!ended.stderr.contains(&session()), "{}", ended.stderr);
    }
}
