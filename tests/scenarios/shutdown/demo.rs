//! The demo as a process of its own: what an operator's terminal or service manager does to it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::DRAIN_MAX;

/// The demo as a process of its own, with its ready line.
struct Demo {
    child: Child,
    ready: serde_json::Value,
    out: BufReader<std::process::ChildStdout>,
}

impl Demo {
    fn start() -> Demo {
        let mut child = Command::new(env!("CARGO_BIN_EXE_armedmusic"))
            .args(["demo", "--serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built for this test");
        let mut out = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the demo says that it is ready");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Demo { child, ready, out }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.expect("every system has kill").success(), "{name}");
    }

    /// How it ended, and what else it wrote to stdout and stderr.
    fn wait(mut self, within: Duration) -> (ExitStatus, String, String) {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            if since.elapsed() > within {
                self.child.kill().expect("it is our child");
                panic!("it did not end within {within:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("stdout is text");
        let stderr = self.child.stderr.as_mut().expect("stderr is a pipe");
        stderr.read_to_string(&mut err).expect("stderr is text");
        (status, out, err)
    }
}

#[test]
fn sigterm_ends_the_process_well() {
    let demo = Demo::start();
    assert_eq!(demo.ready["event"], "ready");
    assert!(demo.ready["port"].as_u64().is_some_and(|port| port > 0), "{}", demo.ready);
    demo.signal("-TERM");
    let (status, out, err) = demo.wait(DRAIN_MAX);
    assert_eq!(status.code(), Some(0), "{err}");
    assert_eq!(out, "", "stdout is for JSON lines");
    assert!(!err.contains("ERROR") && !err.contains("panicked"), "{err}");
}

#[test]
fn sigint_ends_the_process_well_too() {
    let demo = Demo::start();
    demo.signal("-INT");
    let (status, _, err) = demo.wait(DRAIN_MAX);
    assert_eq!(status.code(), Some(0), "{err}");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let demo = Demo::start();
    // both are there when it wakes up: draining has begun and cannot be over
    demo.signal("-STOP");
    demo.signal("-TERM");
    demo.signal("-INT");
    demo.signal("-CONT");
    let (status, _, err) = demo.wait(DRAIN_MAX);
    assert_eq!(status.code(), Some(130), "{err}");
}
