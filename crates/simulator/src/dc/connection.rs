//! Connection — one TCP connection from the first byte to the last.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::calls;
use super::crypto::{FROM_CLIENT, open};
use super::exchange::{Exchange, Step};
use super::inbox::{Effect, Turn};
use super::outbox::{Out, encode};
use super::session::{Class, Session};
use super::state::{At, Cut, Shared};
use super::tl::{Malformed, Put, Reader};
use super::transport::{Decoder, Encoder};
use super::{Caller, KeyId};

/// A client that does not read for this long is gone.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// After a transport error, the client has this long to take it.
const FAREWELL_MAX: Duration = Duration::from_secs(5);
/// How often a mute connection, which cannot be overdue, is looked at again.
const MUTE_LOOK: Duration = Duration::from_secs(1);
const UNKNOWN_KEY: i32 = -404;

/// Why the reading of a connection ended.
enum End {
    /// The client went away.
    Closed,
    /// The client broke the protocol.
    Expelled(&'static str),
    /// A transport error was queued; the writer closes after it.
    Refused,
}

impl From<Malformed> for End {
    fn from(_: Malformed) -> Self {
        Self::Expelled("malformed")
    }
}

/// Serves one client until either side closes.
pub(super) async fn serve(shared: Arc<Shared>, mut stream: TcpStream) {
    let (outbox, queue) = mpsc::channel(shared.settings.outbox_max);
    let (cut, mut cuts) = watch::channel(None);
    let number = shared.lock().add_link(outbox, cut);
    let guard = Registered { shared: shared.clone(), number };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no delay could not be set");
    }
    let (read, write) = stream.split();
    let (know, known) = oneshot::channel();
    let reader = Reading {
        shared: &shared,
        number,
        exchange: Exchange::default(),
        plain: Session::default(),
    };
    tokio::select! {
        end = reader.run(read, know) => match end {
            End::Expelled(reason) => shared.lock().expel(number, reason),
            End::Closed | End::Refused => {}
        },
        () = writing(&shared, write, queue, known) => {}
        _ = cuts.wait_for(Option::is_some) => {}
    }
    let is_reset = *cuts.borrow() == Some(Cut::Rst);
    if is_reset && let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "reset could not be set");
    }
    // off the books first: a client that sees the end may connect anew at once, and that is no overlap
    drop(guard);
    if !is_reset {
        // the socket may already be closed by the client, which is what is wanted
        drop(stream.shutdown().await);
    }
    drop(stream);
}

/// Takes the connection off the books, also when its task is aborted.
struct Registered {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let gone: Vec<Caller> = self.shared.lock().remove_link(self.number);
        gone.iter().for_each(|caller| self.shared.service.disconnected(caller));
    }
}

async fn writing(
    shared: &Shared,
    mut stream: WriteHalf<'_>,
    mut queue: mpsc::Receiver<Out>,
    known: oneshot::Receiver<Encoder>,
) {
    let Ok(mut encoder) = known.await else { return std::future::pending().await };
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 100).await > 0 {
        let (bytes, is_last) = encode(shared, &mut encoder, std::mem::take(&mut batch));
        if !matches!(timeout(WRITE_MAX, stream.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
        if is_last {
            return;
        }
    }
}

struct Reading<'a> {
    shared: &'a Arc<Shared>,
    number: u64,
    exchange: Exchange,
    /// Only numbers the plain messages of the key exchange.
    plain: Session,
}

impl Reading<'_> {
    async fn run(mut self, stream: ReadHalf<'_>, know: oneshot::Sender<Encoder>) -> End {
        match self.read(stream, know).await {
            Err(End::Refused) => {
                tokio::time::sleep(FAREWELL_MAX).await;
                End::Refused
            }
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    async fn read(
        &mut self,
        mut stream: ReadHalf<'_>,
        know: oneshot::Sender<Encoder>,
    ) -> Result<std::convert::Infallible, End> {
        let mut know = Some(know);
        let mut decoder = Decoder::new(self.shared.settings.frame_bytes_max);
        let mut buffer = vec![0; 64 << 10];
        let mut heard = Instant::now();
        loop {
            let n = match timeout(self.patience(heard), stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return Err(End::Closed),
                Ok(Ok(n)) => n,
                Err(_) if self.is_mute() => continue,
                Err(_) if self.patience(heard).is_zero() => return Err(End::Expelled("overdue")),
                Err(_) => continue,
            };
            if let Some(encoder) = decoder.feed(&buffer[..n]).map_err(End::Expelled)?
                && let Some(know) = know.take()
            {
                // The writer lives as long as the reader.
                drop(know.send(encoder));
            }
            while let Some(frame) = decoder.next().map_err(End::Expelled)? {
                heard = Instant::now();
                self.frame(&frame)?;
            }
        }
    }

    /// How long to wait for more bytes.
    fn patience(&self, heard: Instant) -> Duration {
        let idle = heard + self.shared.settings.idle_max;
        let state = self.shared.lock();
        let Some(link) = state.links.get(&self.number) else { return Duration::ZERO };
        if link.is_mute {
            return MUTE_LOOK;
        }
        link.deadline
            .map_or(idle, |deadline| deadline.min(idle))
            .saturating_duration_since(Instant::now())
    }

    fn is_mute(&self) -> bool {
        self.shared.lock().links.get(&self.number).is_some_and(|link| link.is_mute)
    }

    fn frame(&mut self, frame: &[u8]) -> Result<(), End> {
        if self.is_mute() {
            self.shared.lock().stats.frames_unheard += 1;
            return Ok(());
        }
        let refusal = self.shared.lock().knobs.refusal;
        if let Some(code) = refusal {
            return Err(self.refuse(code));
        }
        let (key, rest) = frame.split_first_chunk::<8>().ok_or(Malformed)?;
        match KeyId(u64::from_le_bytes(*key)) {
            KeyId(0) => self.plain(rest),
            key => self.encrypted(key, rest),
        }
    }

    fn refuse(&self, code: i32) -> End {
        let mut state = self.shared.lock();
        state.put(self.number, Out::Frame(code.to_le_bytes().to_vec()));
        state.put(self.number, Out::End);
        End::Refused
    }

    /// An unencrypted message of the key exchange: id, length, body.
    fn plain(&mut self, rest: &[u8]) -> Result<(), End> {
        let mut reader = Reader::new(rest);
        let (_id, length) = (reader.i64()?, reader.u32()? as usize);
        let body = reader.raw(length)?;
        let mut fate = self.shared.lock().knobs.fate.take();
        let now = self.shared.lock().clock().0;
        let step = self.exchange.handle(body, now, &mut fate);
        let mut state = self.shared.lock();
        state.knobs.fate = state.knobs.fate.or(fate);
        let said = match step? {
            Step::Nothing => return Ok(()),
            Step::Say(said) => said,
            Step::Done(said, new) => {
                let id = state.add_key(&new.auth_key);
                state.set_first_salt(id, new.salt, new.expires_in);
                state.stats.handshakes += 1;
                said
            }
        };
        let id = self.plain.next_id(state.clock(), Class::Answer);
        let frame = Vec::new().put_i64(0).put_i64(id).put_i32(said.len() as i32).put(&said);
        state.put(self.number, Out::Frame(frame));
        Ok(())
    }

    fn encrypted(&mut self, key: KeyId, rest: &[u8]) -> Result<(), End> {
        let auth_key = self.shared.lock().key(key).map(|key| key.auth_key.clone());
        let Some(auth_key) = auth_key else { return Err(self.refuse(UNKNOWN_KEY)) };
        let plain = open(&auth_key, FROM_CLIENT, rest).ok_or(End::Expelled("undecryptable"))?;
        let (salt, session, message) = Turn::read(&plain)?;
        let mut state = self.shared.lock();
        let mut turn = Turn {
            at: At { key, session },
            state: &mut state,
            link: self.number,
            is_strict: self.shared.settings.is_strict,
            effects: Vec::new(),
            acks: Vec::new(),
        };
        let result = turn.handle(salt, message);
        let effects = turn.effects;
        drop(state);
        for effect in effects {
            match effect {
                Effect::Connected(caller) => self.shared.service.connected(&caller),
                Effect::Disconnected(caller) => self.shared.service.disconnected(&caller),
                Effect::Call(call) => calls::start(self.shared, *call),
            }
        }
        Ok(result?)
    }
}
