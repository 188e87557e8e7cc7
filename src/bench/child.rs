//! The media server as its parent sees it: a child process that is asked and answers.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::server::{Answer, Ask, Counts};

/// It has nothing slow to do; a busy machine has.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A running media server; killed with the value.
pub(super) struct MediaServer {
    child: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

// === impl MediaServer ===

impl MediaServer {
    pub(super) async fn start() -> Result<MediaServer> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut child = Command::new(program)
            .args(["bench", "sfu"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the media server cannot be started")?;
        let asks = child.stdin.take().context("the media server has no stdin")?;
        let out = child.stdout.take().context("the media server has no stdout")?;
        let mut server = MediaServer { child, asks, answers: BufReader::new(out).lines() };
        match server.answer().await? {
            Answer::Ready => Ok(server),
            other => bail!("the media server began with {other:?}"),
        }
    }

    /// Its process, for /proc.
    pub(super) fn process(&self) -> Option<String> {
        self.child.id().map(|id| id.to_string())
    }

    /// Admits a client; the answer is for its transport.
    pub(super) async fn join(&mut self, room: u16, payload: String) -> Result<Value> {
        match self.ask(&Ask::Join { room, payload }).await? {
            Answer::Joined(answer) => Ok(answer),
            other => bail!("the media server admits nobody: {other:?}"),
        }
    }

    pub(super) async fn count(&mut self, rooms: u16) -> Result<Counts> {
        match self.ask(&Ask::Count { rooms }).await? {
            Answer::Counted(counts) => Ok(counts),
            other => bail!("the media server does not count: {other:?}"),
        }
    }

    /// Where datagrams are received and forgotten.
    pub(super) async fn drain(&mut self) -> Result<SocketAddr> {
        match self.ask(&Ask::Drain).await? {
            Answer::Draining(address) => Ok(address),
            other => bail!("the media server receives nothing more: {other:?}"),
        }
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Answer> {
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        self.asks.write_all(line.as_bytes()).await.context("the media server is gone")?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        let line = timeout(ANSWER_MAX, self.answers.next_line())
            .await
            .context("the media server does not answer")??
            .context("the media server is gone")?;
        Ok(serde_json::from_str(&line)?)
    }
}
