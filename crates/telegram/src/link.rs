//! The link: this account's sockets, one per data centre, opened by the first request to it.
//!
//! grammers gives the protocol (encryption, containers, salts); the sockets are ours, because what arrives has to be
//! kept when it cannot be read, a panic in the library must cost one connection and no more, no data centre may keep
//! the others waiting, and a key must never be replaced unasked. It never retries a request by itself, except where
//! the protocol says that it had no effect (a wrong salt, a wrong clock).

mod greeting;
mod line;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use grammers_client::sender::InvocationError;
use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};

use crate::session::Memory;
use crate::settings::Settings;
use line::Line;

/// How many requests may wait for their connection, all data centres together and each.
const WISHES_MAX: usize = 4_096;

/// How much may lie between the sockets and the pump, which never waits.
const NEWS_MAX: usize = 1_024;

/// The longest request; Telegram's limit is a container of about one MiB.
const REQUEST_MAX: usize = 512 * 1024;

pub(crate) type Answer = Result<Vec<u8>, InvocationError>;

/// What arrives without being asked for.
#[derive(Debug)]
pub(crate) enum News {
    Updates(Box<UpdatesLike>),
    /// This build cannot read it. What an own request brought back is reported by whoever asked; here it only tells
    /// that something may be missing.
    Unreadable {
        bytes: Vec<u8>,
        error: tl::deserialize::Error,
        is_answer: bool,
    },
    /// The connection to the home data centre ended.
    Closed,
}

/// Asks for things over the sockets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Link {
    wishes: mpsc::Sender<Wish>,
    quit: Arc<Notify>,
}

/// Drives the sockets; everything ends with the future of [`run`](Sockets::run).
pub(crate) struct Sockets {
    wishes: mpsc::Receiver<Wish>,
    quit: Arc<Notify>,
    news: mpsc::Sender<News>,
    memory: Arc<Memory>,
    settings: Settings,
}

/// One request on its way.
struct Ask {
    body: Vec<u8>,
    answer: oneshot::Sender<Answer>,
}

enum Wish {
    Ask(i32, Ask),
    /// Closes the connection to this data centre.
    Leave(i32),
}

/// Sockets that do nothing yet, the handle that asks over them, and what they hear.
pub(crate) fn sockets(
    memory: Arc<Memory>,
    settings: Settings,
) -> (Link, Sockets, mpsc::Receiver<News>) {
    let (wish, wishes) = mpsc::channel(WISHES_MAX);
    let (tell, news) = mpsc::channel(NEWS_MAX);
    let quit = Arc::new(Notify::new());
    let link = Link { wishes: wish, quit: Arc::clone(&quit) };
    (link, Sockets { wishes, quit, news: tell, memory, settings }, news)
}

// === impl Link ===

impl Link {
    /// One request, one answer; waits until the sockets run. The caller brings the timeout: a request that nobody
    /// waits for any more is not sent.
    pub(crate) async fn invoke(&self, dc: i32, body: Vec<u8>) -> Answer {
        if body.len() > REQUEST_MAX {
            return Err(InvocationError::Dropped("the request is too long"));
        }
        let (answer, answered) = oneshot::channel();
        let wish = Wish::Ask(dc, Ask { body, answer });
        match self.wishes.try_send(wish) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(InvocationError::Dropped("too many requests wait"));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(InvocationError::Dropped("the connection is gone"));
            }
        }
        answered.await.unwrap_or(Err(InvocationError::Dropped("the connection went away")))
    }

    /// Closes the connection to this data centre, if there is one.
    pub(crate) fn leave(&self, dc: i32) {
        if self.wishes.try_send(Wish::Leave(dc)).is_err() {
            tracing::debug!(dc, "connection left to its idle end");
        }
    }

    /// Asks the sockets to close, each in the polite way.
    pub(crate) fn quit(&self) {
        self.quit.notify_one();
    }
}

// === impl Sockets ===

impl Sockets {
    /// Runs until [`Link::quit`], or fails with a panic. `lease` is the right to be connected: every socket holds it to
    /// its end.
    pub(crate) async fn run(mut self, lease: Arc<OwnedSemaphorePermit>) -> Result<(), JoinError> {
        let mut lines: HashMap<i32, mpsc::Sender<Ask>> = HashMap::new();
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = self.quit.notified() => break,
                Some(ended) = running.join_next() => ended?,
                wish = self.wishes.recv() => match wish {
                    Some(Wish::Ask(dc, ask)) => {
                        let line = lines.entry(dc).or_insert_with(|| {
                            let (line, asks) = mpsc::channel(WISHES_MAX);
                            running.spawn(self.line(dc, Arc::clone(&lease)).run(asks));
                            line
                        });
                        if let Err(refused) = line.try_send(ask) {
                            let error = InvocationError::Dropped("too many requests wait");
                            refused.into_inner().refuse(error);
                        }
                    }
                    Some(Wish::Leave(dc)) => drop(lines.remove(&dc)),
                    None => break,
                },
            }
        }
        drop(lines);
        drop(lease);
        while let Some(ended) = running.join_next().await {
            ended?;
        }
        Ok(())
    }

    fn line(&self, dc: i32, lease: Arc<OwnedSemaphorePermit>) -> Line {
        Line::new(dc, Arc::clone(&self.memory), self.settings.clone(), self.news.clone(), lease)
    }
}

// === impl Ask ===

impl Ask {
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn refuse(self, error: InvocationError) {
        // whoever asked may have given up meanwhile
        drop(self.answer.send(Err(error)));
    }
}

/// The same failure for one more request.
fn again(error: &InvocationError) -> InvocationError {
    match error {
        InvocationError::Rpc(rpc) => InvocationError::Rpc(rpc.clone()),
        InvocationError::Io(io) => {
            InvocationError::Io(std::io::Error::new(io.kind(), io.to_string()))
        }
        InvocationError::Deserialize(error) => InvocationError::Deserialize(error.clone()),
        InvocationError::Transport(error) => InvocationError::Transport(error.clone()),
        InvocationError::Dropped(why) => InvocationError::Dropped(why),
        InvocationError::InvalidDc => InvocationError::InvalidDc,
        InvocationError::Session(error) => InvocationError::Session(error.to_string().into()),
        InvocationError::Authentication(error) => InvocationError::Authentication(error.clone()),
    }
}
