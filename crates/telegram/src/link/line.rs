//! The line: one data centre's connection, opened when somebody asks, for as long as it holds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use grammers_client::sender::{InvocationError, ReadError, ServerAddr, connect};
use grammers_client::session::Session as _;
use grammers_mtproto::transport::{Error as TransportError, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::wire::Wire;
use super::{Ask, News, again, greeting};
use crate::session::Memory;
use crate::settings::Settings;

/// How long the other side gets to close after us.
const CLOSE_MAX: Duration = Duration::from_millis(500);

/// Between two dials that shall prove that a server does not know a key.
const PROOF_PAUSE: Duration = Duration::from_secs(1);

/// After "too many connections" (-429) nobody dials for this long.
const CROWDED_PAUSE: Duration = Duration::from_secs(5);

const READ: usize = 64 * 1024;

pub(super) struct Line {
    dc: i32,
    memory: Arc<Memory>,
    settings: Settings,
    news: mpsc::Sender<News>,
    /// What is to be added to our clock to have the server's.
    offset: i32,
    /// Until then nobody dials: the server said that there are too many connections.
    not_before: Option<Instant>,
    /// Given back when this line, and its socket with it, is gone.
    _lease: Arc<OwnedSemaphorePermit>,
}

/// How an open connection ended.
enum End {
    /// Nobody can ask any more.
    Quit,
    Failed(ReadError),
}

// === impl Line ===

impl Line {
    pub(super) fn new(
        dc: i32,
        memory: Arc<Memory>,
        settings: Settings,
        news: mpsc::Sender<News>,
        lease: Arc<OwnedSemaphorePermit>,
    ) -> Line {
        Line { dc, memory, settings, news, offset: 0, not_before: None, _lease: lease }
    }

    /// Ends when nobody can ask any more, its socket closed.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        while let Some(first) = asks.recv().await {
            if !first.is_wanted() {
                continue;
            }
            let dialled = self.dial().await;
            let (mut wire, mut stream) = match dialled {
                Ok(dialled) => dialled,
                Err(error) => {
                    // they all wanted the same connection: one attempt is enough
                    first.refuse(again(&error));
                    while let Ok(ask) = asks.try_recv() {
                        ask.refuse(again(&error));
                    }
                    continue;
                }
            };
            wire.ask(first);
            loop {
                let end = self.serve(&mut wire, &mut stream, &mut asks).await;
                // only when it is certain that this one is over may the next one begin
                close(stream).await;
                let error = match end {
                    End::Failed(error) => error,
                    End::Quit => {
                        wire.fail(&InvocationError::Dropped("the connection is closing"));
                        return;
                    }
                };
                match self.with_right_clock(&mut wire).await {
                    Some(next) => (wire, stream) = next,
                    None => break self.lost(&mut wire, error).await,
                }
            }
        }
    }

    /// When our clock was to blame, a new connection that keeps the server's time and is asked everything that the old
    /// one was: the server took none of it.
    async fn with_right_clock(&mut self, wire: &mut Wire) -> Option<(Wire, TcpStream)> {
        self.offset = wire.offset()?;
        tracing::warn!(
            dc = self.dc,
            offset_s = self.offset,
            "our clock is ahead of telegram's, going by theirs"
        );
        let (mut next, stream) = self.dial().await.ok()?;
        next.inherit(wire);
        wire.fail(&InvocationError::Dropped("the connection was replaced"));
        self.tell(vec![News::Closed]).await;
        Some((next, stream))
    }

    async fn lost(&mut self, wire: &mut Wire, error: ReadError) {
        if self.memory.lock().home == self.dc {
            tracing::warn!(dc = self.dc, %error, "the connection was lost, connecting anew");
        } else {
            tracing::debug!(dc = self.dc, %error, "connection lost");
        }
        let error = match broken(error) {
            // said once about a key that worked a moment ago: the next dial proves it, or not
            error if is_status(&error, 404) => {
                InvocationError::Io(io::Error::other("the server did not know the key this time"))
            }
            error => error,
        };
        self.mind(&error);
        wire.fail(&error);
        if self.memory.lock().home == self.dc {
            // nobody hears it when everything is ending
            drop(self.news.send(News::Closed).await);
        }
    }

    fn mind(&mut self, error: &InvocationError) {
        if is_status(error, 429) {
            self.not_before = Some(Instant::now() + CROWDED_PAUSE);
        }
    }

    /// A connection that was greeted. A key that the server does not know is proved by a second dial. At home it is
    /// never replaced, and the error says so.
    async fn dial(&mut self) -> Result<(Wire, TcpStream), InvocationError> {
        if self.not_before.is_some_and(|until| Instant::now() < until) {
            return Err(TransportError::BadStatus { status: 429 }.into());
        }
        let limit = self.settings.call_timeout;
        let mut outcome = timeout(limit, self.dial_once()).await.unwrap_or_else(|_| Err(slow()));
        if outcome.as_ref().is_err_and(|error| is_status(error, 404)) {
            sleep(PROOF_PAUSE).await;
            outcome = timeout(limit, self.dial_once()).await.unwrap_or_else(|_| Err(slow()));
        }
        let is_unknown = outcome.as_ref().is_err_and(|error| is_status(error, 404));
        if is_unknown && self.memory.lock().home != self.dc {
            // a key of a data centre that only lends files is worth nothing
            tracing::info!(dc = self.dc, "the key for files was forgotten there, making another");
            self.memory.lock().forget_key(self.dc);
            outcome = timeout(limit, self.dial_once()).await.unwrap_or_else(|_| Err(slow()));
        }
        if let Err(error) = &outcome {
            self.mind(error);
        }
        outcome
    }

    async fn dial_once(&mut self) -> Result<(Wire, TcpStream), InvocationError> {
        let Ok(option) = self.memory.dc_option(self.dc);
        let option = option.ok_or(InvocationError::InvalidDc)?;
        let address = self.memory.lock().address(self.dc).ok_or(InvocationError::InvalidDc)?;
        let key = match option.auth_key {
            Some(key) => key,
            None => self.make_key(address).await?,
        };
        let mut is_corrected = false;
        loop {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut wire = Wire::new(key, self.offset);
            let Err(error) = self.greet(&mut wire, &mut stream).await else {
                return Ok((wire, stream));
            };
            close(stream).await;
            match wire.offset() {
                Some(offset) if !is_corrected => self.offset = offset,
                _ => return Err(error),
            }
            is_corrected = true;
        }
    }

    /// The first key for this data centre, made on a connection of its own that is closed again.
    async fn make_key(&self, address: SocketAddr) -> Result<[u8; 256], InvocationError> {
        tracing::info!(dc = self.dc, "making a key");
        let key = connect(Full::new(), ServerAddr::Tcp { address }).await?.auth_key();
        self.memory.lock().keep_key(self.dc, key);
        Ok(key)
    }

    async fn greet(&self, wire: &mut Wire, stream: &mut TcpStream) -> Result<(), InvocationError> {
        let (answer, mut answered) = oneshot::channel();
        wire.ask(Ask { body: greeting::words(&self.settings), answer });
        let mut buffer = vec![0; READ];
        loop {
            let news = step(wire, stream, &mut buffer).await.map_err(broken)?;
            self.tell(news).await;
            match answered.try_recv() {
                Ok(answer) => {
                    greeting::learn(&self.memory, &answer?);
                    return Ok(());
                }
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(InvocationError::Dropped("the greeting was lost"));
                }
            }
        }
    }

    async fn serve(
        &self,
        wire: &mut Wire,
        stream: &mut TcpStream,
        asks: &mut mpsc::Receiver<Ask>,
    ) -> End {
        let mut buffer = vec![0; READ];
        loop {
            tokio::select! {
                stepped = step(wire, stream, &mut buffer) => match stepped {
                    Ok(news) => self.tell(news).await,
                    Err(error) => return End::Failed(error),
                },
                ask = asks.recv() => match ask {
                    Some(ask) => wire.ask(ask),
                    None => return End::Quit,
                },
            }
            // those that came meanwhile travel in the same container
            while let Ok(ask) = asks.try_recv() {
                wire.ask(ask);
            }
        }
    }

    /// The pump takes news at once, whatever happens behind it; when it is gone, nobody wants them.
    async fn tell(&self, news: Vec<News>) {
        for one in news {
            drop(self.news.send(one).await);
        }
    }
}

/// Reads or writes once, whatever is possible first; what was read by then. Loses nothing when it is dropped.
async fn step(
    wire: &mut Wire,
    stream: &mut TcpStream,
    buffer: &mut [u8],
) -> Result<Vec<News>, ReadError> {
    let (mut reader, mut writer) = stream.split();
    let pending = wire.pending();
    tokio::select! {
        n = writer.write(pending), if !pending.is_empty() => {
            let n = n?;
            wire.sent(n);
            Ok(Vec::new())
        }
        n = reader.read(buffer) => match n? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "closed by the server").into()),
            n => wire.take(&buffer[..n]),
        },
    }
}

/// Closes and waits for the other side to have noticed: only then is it certain that two connections never overlap.
async fn close(mut stream: TcpStream) {
    if let Err(error) = stream.shutdown().await {
        tracing::debug!(%error, "the connection was closed already");
        return;
    }
    let mut rest = vec![0; READ];
    let emptied = async { while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    if timeout(CLOSE_MAX, emptied).await.is_err() {
        tracing::debug!("the other side did not close in time");
    }
}

/// The end of a connection is nobody's unreadable answer, whatever in the bytes was to blame.
fn broken(error: ReadError) -> InvocationError {
    match error {
        ReadError::Io(error) => InvocationError::Io(error),
        ReadError::Transport(error @ TransportError::BadStatus { .. }) => {
            InvocationError::Transport(error)
        }
        other => InvocationError::Io(io::Error::new(io::ErrorKind::InvalidData, other.to_string())),
    }
}

fn slow() -> InvocationError {
    io::Error::new(io::ErrorKind::TimedOut, "no connection in time").into()
}

fn is_status(error: &InvocationError, status: u32) -> bool {
    matches!(error, InvocationError::Transport(TransportError::BadStatus { status: got }) if *got == status)
}
