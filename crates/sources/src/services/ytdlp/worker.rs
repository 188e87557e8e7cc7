//! The process that imported yt-dlp once and answers many questions, and what keeps it alive.
//!
//! A worker that hangs, dies, grows or gets old is replaced; what it was working on goes to the command. Its protocol is
//! described where its program is, in `worker.py`.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Fault, Reason};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use url::{Host, Url};

use super::program::{Group, start};
use super::roll::{Roll, THREADS};
use super::{Asked, FORMAT, Inner, Said, Unsaid};

const PROGRAM: &str = include_str!("worker.py");

/// How long a worker may take to import what it needs; a cold disk and a busy processor make it many seconds.
const HELLO_MAX: Duration = Duration::from_secs(60);

/// How long it may take to say that it is there, and to take a line.
const PONG_MAX: Duration = Duration::from_secs(5);

/// How long one connection of its may be silent.
const SOCKET_TIMEOUT: u64 = 10;

/// The longest line: the entries of a long list.
const LINE_MAX: usize = 32 * 1024 * 1024;

/// Workers that may fail one after the other, none of which ever answered.
const FAILURES_MAX: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

type Back = oneshot::Sender<Result<Said, Unsaid>>;
type Verdict = (u64, bool);

/// Says that a worker is there, until it is dropped.
struct Presence<'a>(&'a AtomicBool);

/// One life of a worker.
struct Life<'a> {
    inner: &'a Inner,
    group: Group,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// The part of a line that was read.
    line: Vec<u8>,
    roll: Roll<Back>,
    verdicts: FuturesUnordered<BoxFuture<'a, Verdict>>,
    /// When it must have answered a ping.
    pong_until: Option<Instant>,
}

/// How a life ended.
struct Death {
    fault: Option<Fault>,
    has_answered: bool,
}

pub(super) async fn run(inner: &Inner) -> Result<(), Fault> {
    let Some(python) = inner.program.python.as_deref().filter(|_| inner.settings.has_worker) else {
        return std::future::pending().await;
    };
    let mut questions = inner.waiting.lock().await;
    let mut failures = 0;
    loop {
        let death = {
            let _presence = Presence::of(&inner.has_worker);
            Life::lead(inner, python, &mut questions).await
        };
        if death.has_answered {
            failures = 0;
        }
        let Some(fault) = death.fault else { continue };
        failures += 1;
        if failures >= FAILURES_MAX {
            release(&mut questions);
            return Err(fault);
        }
        let pause = BACKOFF.saturating_mul(1 << failures.min(10)).min(BACKOFF_MAX);
        tracing::warn!(%fault, attempt = failures, pause_ms = pause.as_millis() as u64, "the yt-dlp worker ended, starting another");
        let until = Instant::now() + pause;
        while let Ok(Some(asked)) = tokio::time::timeout_at(until, questions.recv()).await {
            answer(asked.reply, Err(Unsaid::Lost));
        }
    }
}

/// Sends those who wait elsewhere.
fn release(questions: &mut mpsc::Receiver<Asked>) {
    while let Ok(asked) = questions.try_recv() {
        answer(asked.reply, Err(Unsaid::Lost));
    }
}

fn answer(back: Back, said: Result<Said, Unsaid>) {
    // whoever asked may have given up
    let _gone = back.send(said).is_err();
}

// === impl Presence ===

impl Presence<'_> {
    fn of(flag: &AtomicBool) -> Presence<'_> {
        flag.store(true, Ordering::Release);
        Presence(flag)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

// === impl Life ===

impl<'a> Life<'a> {
    /// From the start of a worker to its end.
    async fn lead(inner: &'a Inner, python: &Path, questions: &mut mpsc::Receiver<Asked>) -> Death {
        let started = match timeout(HELLO_MAX, Life::begin(inner, python)).await {
            Ok(started) => started,
            Err(_) => Err(Fault::transient(Reason::Timeout, "the yt-dlp worker did not start")),
        };
        let mut life = match started {
            Ok(life) => life,
            Err(fault) => return Death { fault: Some(fault), has_answered: false },
        };
        let outcome = life.serve(questions).await;
        life.group.kill();
        for back in life.roll.take_all() {
            answer(back, Err(Unsaid::Lost));
        }
        Death { fault: outcome.err(), has_answered: life.roll.has_answered() }
    }

    async fn begin(inner: &'a Inner, python: &Path) -> Result<Life<'a>, Fault> {
        let unable = |what: String| {
            Fault::transient(
                Reason::Internal,
                format!("the yt-dlp worker cannot be started: {what}"),
            )
        };
        let arguments = [OsString::from("-c"), PROGRAM.into(), settings(inner).to_string().into()];
        let mut group =
            start(python, &inner.settings, &arguments).map_err(|e| unable(e.kind().to_string()))?;
        let pipes =
            (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(unable("no pipes".to_owned()));
        };
        let roll = Roll::new(inner.settings.questions_max, inner.settings.memory_max);
        let (mut stdout, mut line) = (BufReader::new(stdout), Vec::new());
        let Ok(hello) = read(&mut stdout, &mut line).await else {
            return Err(unable(last_words(stderr).await));
        };
        let version = hello.pointer("/hello/version").and_then(Value::as_str);
        let Some(version) = version else { return Err(unable("a strange greeting".to_owned())) };
        tracing::info!(version, "the yt-dlp worker is ready");
        let verdicts = FuturesUnordered::new();
        Ok(Life { inner, group, stdin, stdout, line, roll, verdicts, pong_until: None })
    }

    async fn serve(&mut self, questions: &mut mpsc::Receiver<Asked>) -> Result<(), Fault> {
        loop {
            if self.roll.is_retiring() && self.roll.is_idle() {
                tracing::debug!("a yt-dlp worker did its share");
                return Ok(());
            }
            let now = Instant::now();
            let wake = [self.roll.next_deadline(), self.pong_until].into_iter().flatten().min();
            let far = now + Duration::from_secs(3600);
            tokio::select! {
                Some(asked) = questions.recv(), if self.roll.has_room() => self.put(asked).await?,
                Some((number, may)) = self.verdicts.next() => {
                    self.write(&json!({"leave": number, "may": may})).await?;
                }
                message = read(&mut self.stdout, &mut self.line) => {
                    let message = message?;
                    self.heard(message).await?;
                }
                () = sleep_until(wake.unwrap_or(far)) => self.time_passed().await?,
            }
        }
    }

    async fn put(&mut self, asked: Asked) -> Result<(), Fault> {
        let Asked { question, deadline, reply } = asked;
        if reply.is_closed() {
            return Ok(());
        }
        let number = self.roll.ask(deadline, reply);
        let (url, flat, items) = (question.url, question.is_flat, question.items);
        self.write(&json!({"id": number, "url": url, "flat": flat, "items": items})).await
    }

    async fn heard(&mut self, message: Value) -> Result<(), Fault> {
        if let Some(number) = message.get("ask").and_then(Value::as_u64) {
            let verdict = verdict(self.inner, message);
            self.verdicts.push(Box::pin(async move { (number, verdict.await) }));
        } else if message.get("pong").is_some() {
            self.pong_until = None;
        } else if let Some(number) = message.get("id").and_then(Value::as_u64) {
            let memory = message.get("rss").and_then(Value::as_u64).unwrap_or(0).max(1);
            if let Some(back) = self.roll.answered(number, memory) {
                answer(back, Ok(said(message)));
            }
        }
        Ok(())
    }

    async fn time_passed(&mut self) -> Result<(), Fault> {
        let now = Instant::now();
        let late = self.roll.expired(now);
        let is_late = !late.is_empty();
        for back in late {
            answer(back, Err(Unsaid::Late));
        }
        let is_silent = self.pong_until.is_some_and(|until| until <= now);
        if self.roll.is_stuck() || is_silent {
            return Err(Fault::transient(Reason::Timeout, "the yt-dlp worker hangs"));
        }
        if is_late && self.pong_until.is_none() {
            self.write(&json!({"ping": 1})).await?;
            self.pong_until = Some(now + PONG_MAX);
        }
        Ok(())
    }

    async fn write(&mut self, message: &Value) -> Result<(), Fault> {
        let line = format!("{message}\n");
        match timeout(PONG_MAX, self.stdin.write_all(line.as_bytes())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(gone()),
            Err(_) => {
                Err(Fault::transient(Reason::Timeout, "the yt-dlp worker takes no questions"))
            }
        }
    }
}

/// The next line. Cancel safe: what was read of it stays in `line`.
async fn read(stdout: &mut BufReader<ChildStdout>, line: &mut Vec<u8>) -> Result<Value, Fault> {
    let strange =
        |what: &str| Fault::transient(Reason::Internal, format!("the yt-dlp worker {what}"));
    loop {
        let bytes = stdout.fill_buf().await.map_err(|_| gone())?;
        if bytes.is_empty() {
            return Err(gone());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let n = end.map_or(bytes.len(), |end| end + 1);
        line.extend_from_slice(&bytes[..n]);
        stdout.consume(n);
        if line.len() > LINE_MAX {
            return Err(strange("never ends a line"));
        }
        if end.is_some() {
            let whole = std::mem::take(line);
            return serde_json::from_slice(&whole).map_err(|_| strange("speaks no JSON"));
        }
    }
}

fn gone() -> Fault {
    Fault::transient(Reason::Internal, "the yt-dlp worker died")
}

/// The last line of what a process that did not start complained of: the error behind a traceback.
async fn last_words(stderr: ChildStderr) -> String {
    let mut all = Vec::new();
    let read = timeout(PONG_MAX, stderr.take(64 * 1024).read_to_end(&mut all)).await;
    let all = String::from_utf8_lossy(&all);
    let last = all.lines().rfind(|line| !line.trim().is_empty()).filter(|_| read.is_ok());
    last.unwrap_or("it said nothing").chars().take(200).collect()
}

fn settings(inner: &Inner) -> Value {
    let runtimes: serde_json::Map<String, Value> = inner
        .program
        .runtimes
        .iter()
        .map(|runtime| (runtime.name.to_owned(), json!({"path": runtime.path})))
        .collect();
    json!({
        "import_from": inner.program.path,
        "threads": THREADS,
        "format": FORMAT,
        "socket_timeout": SOCKET_TIMEOUT,
        "js_runtimes": runtimes,
        "cookies": inner.settings.cookies,
        "proxy": inner.http.settings().proxy,
    })
}

fn said(mut message: Value) -> Said {
    let info = message.get_mut("info").map(Value::take).filter(|info| !info.is_null());
    let complaint = message.get("error").and_then(Value::as_str).map(str::to_owned);
    let is_refused = message.get("refused").and_then(Value::as_bool) == Some(true);
    Said { info, complaint, is_refused }
}

/// Whether the worker may ask an address or make a connection: the guard's rules, and the operator's proxy.
async fn verdict(inner: &Inner, ask: Value) -> bool {
    let text = |key: &str| ask.get(key).and_then(Value::as_str);
    let proxy = inner.http.settings().proxy.as_deref().and_then(|proxy| Url::parse(proxy).ok());
    let guard = inner.http.guard();
    if let Some(url) = text("url") {
        let Ok(url) = Url::parse(url) else { return false };
        return match (guard.admit(&url), url.host()) {
            // a proxy looks names up where nobody can watch it
            (Ok(false), Some(Host::Domain(name))) if proxy.is_some() => {
                inner.http.look_up(&url, name).await.is_ok()
            }
            (admitted, _) => admitted.is_ok(),
        };
    }
    let (Some(host), Some(address), Some(port)) =
        (text("host"), text("address"), ask.get("port").and_then(Value::as_u64))
    else {
        return false;
    };
    let (Ok(address), Ok(port)) = (address.parse(), u16::try_from(port)) else { return false };
    let is_proxy = proxy.is_some_and(|proxy| {
        proxy.host_str() == Some(host) && proxy.port_or_known_default() == Some(port)
    });
    is_proxy || guard.admits(host, address, port)
}
