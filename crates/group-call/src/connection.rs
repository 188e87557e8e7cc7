//! One join of one call: its payload, its answer, its events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::fault::{Fault, Reason};
use tokio::sync::oneshot;

use crate::answer;
use crate::leg::{Leg, Setup, Way};
use crate::packetizer::Packetizer;
use crate::payload::payload;
use crate::reactor::Reactors;
use crate::reception::Reception;
use crate::sender::{Sender, queued, wired};
use crate::shared::Shared;
use crate::stack::Identity;
use crate::transport::{Settings, Style};

/// Why the server's answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// `{"stream":true}`: the call is too large to speak in, parts are fetched instead.
    #[error("the call is in broadcast mode")]
    Broadcast,
    /// `{"rtmp":…}`: the call is fed by a live stream.
    #[error("the call is a live stream")]
    Rtmp,
    /// No candidate that can be reached over UDP.
    #[error("no usable candidate: {0}")]
    NoCandidate(String),
    /// Not what a media server answers.
    #[error("unreadable answer: {0}")]
    Malformed(String),
    /// The answer was applied already; a connection serves one join.
    #[error("an answer was applied before")]
    AlreadyApplied,
    /// The WebRTC stack refused.
    #[error("webrtc: {0}")]
    Stack(String),
}

impl From<AnswerFault> for Fault {
    fn from(fault: AnswerFault) -> Fault {
        let detail = fault.to_string();
        match fault {
            AnswerFault::Broadcast | AnswerFault::Rtmp => {
                Fault::refused(Reason::BroadcastOnly, detail)
            }
            AnswerFault::NoCandidate(_) => Fault::transient(Reason::CallUnreachable, detail),
            AnswerFault::Malformed(_) => Fault::transient(Reason::Unreadable, detail),
            AnswerFault::AlreadyApplied | AnswerFault::Stack(_) => {
                Fault::transient(Reason::Internal, detail)
            }
        }
    }
}

/// What a connection reports. Handlers run on the reactor thread and must only forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// Packets can flow now.
    Connected,
    /// Could not connect, or the server is gone. The last event.
    Lost(Fault),
    /// The server closed the connection. The last event.
    Closed,
    /// A text from the server's data channel (JSON with `colibriClass`), at most 16 KiB.
    ServerMessage(String),
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The payload exists, no answer yet.
    Prepared,
    /// The answer is applied, checks and handshakes run.
    Connecting,
    /// Packets can flow.
    Connected,
    /// Failed or vanished.
    Lost,
    /// Closed by either side.
    Closed,
}

/// The DTLS handshake's state, for /stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtlsState {
    New,
    Connecting,
    Connected,
    Closed,
    Failed,
}

/// Numbers of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// RTP packets handed to the network.
    pub packets_sent: u64,
    /// Opus bytes in them.
    pub bytes_sent: u64,
    /// Frames lost because the socket or the queue was full, the frame too large, or the connection not up yet.
    pub packets_dropped: u64,
    /// Datagrams that arrived, RTP of other speakers included.
    pub datagrams_received: u64,
    /// How long ago the last datagram arrived.
    pub last_inbound: Option<Duration>,
    /// Local and remote address in use.
    pub selected_pair: Option<(SocketAddr, SocketAddr)>,
    pub dtls: DtlsState,
    /// The last ICE round trip.
    pub round_trip: Option<Duration>,
    /// What the server said last about the packets that it gets from us.
    pub reception: Option<Reception>,
}

/// One join: made by [`crate::Transport::prepare`], brought up by [`Connection::apply`].
///
/// Dropping it says goodbye to the server and ends everything that runs for it, in the background and within about a
/// second.
pub struct Connection {
    payload: String,
    ssrc: u32,
    shared: Arc<Shared>,
    sender: Sender,
    /// Until the answer is applied.
    leg: Option<Leg>,
    running: Option<Running>,
    /// Keeps the threads alive on which the leg runs.
    reactors: Arc<Reactors>,
}

/// A leg at work.
struct Running {
    /// Sent or dropped: both ask the leg to end.
    ask: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn new(
        identity: Identity,
        fingerprint: &str,
        settings: Settings,
        reactors: Arc<Reactors>,
    ) -> Connection {
        let shared = Arc::new(Shared::new());
        let packetizer = Packetizer::new(rand::random(), rand::random());
        let (sender, way) = match identity.style {
            Style::Native => {
                let (sender, switch) = wired(packetizer, Arc::clone(&shared));
                (sender, Way::Wire(switch))
            }
            Style::Web => {
                let (sender, outlet) =
                    queued(settings.queue_bytes, packetizer, Arc::clone(&shared));
                (sender, Way::Queue(outlet))
            }
        };
        let payload = payload(&identity.credentials, fingerprint, identity.style);
        let ssrc = identity.credentials.ssrc;
        let setup = Setup {
            identity,
            settings,
            shared: Arc::clone(&shared),
            signals: Arc::default(),
            reactor: reactors.pick(),
        };
        let leg = Leg { setup, way };
        Connection { payload, ssrc, shared, sender, leg: Some(leg), running: None, reactors }
    }

    /// Offers only these SRTP profiles; none means all.
    #[cfg(test)]
    pub(crate) fn restrict_profiles(
        &mut self,
        profiles: &[webrtc::peer_connection::SrtpProtectionProfile],
    ) {
        let leg = self.leg.as_mut().expect("before the answer");
        if !profiles.is_empty() {
            leg.setup.identity.profiles = profiles.to_vec();
        }
    }

    /// The JSON for the `params` of `phone.joinGroupCall`.
    pub fn payload(&self) -> String {
        self.payload.clone()
    }

    /// The SSRC declared in the payload; 31 bits, not zero. Telegram calls it `source`.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes the server's answer (the `params` of `updateGroupCallConnection`) and starts connecting.
    ///
    /// Returns as soon as the answer is accepted; whether the connection comes up is told by `on_event` before the connect
    /// deadline: [`ConnectionEvent::Connected`] or [`ConnectionEvent::Lost`]. `on_event` runs on a reactor thread that
    /// carries other calls too, so it must only forward. Works on any executor.
    ///
    /// # Errors
    /// [`AnswerFault`]; the connection is of no use afterwards.
    pub async fn apply(
        &mut self,
        answer_json: &str,
        on_event: impl Fn(ConnectionEvent) + Send + Sync + 'static,
    ) -> Result<(), AnswerFault> {
        let leg = self.leg.take().ok_or(AnswerFault::AlreadyApplied)?;
        let answer =
            answer::parse(answer_json).inspect_err(|_| self.shared.set_state(State::Lost))?;
        let expected = match leg.setup.identity.style {
            Style::Native => "active",
            Style::Web => "passive",
        };
        if answer.setup.as_deref().is_some_and(|setup| setup != expected) {
            tracing::info!(
                setup = answer.setup,
                expected,
                "the answer's DTLS role is not the opposite of ours; ignored"
            );
        }
        self.shared.set_state(State::Connecting);
        let (ask, asked) = oneshot::channel();
        let (accept, accepted) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let reactors = Arc::clone(&self.reactors);
        self.running = Some(Running { ask, ended });
        leg.setup.reactor.clone().spawn(async move {
            let _end = end;
            leg.run(answer, Arc::new(on_event), accept, asked).await;
            drop(reactors);
        });
        accepted.await.unwrap_or_else(|_| Err(AnswerFault::Stack("the reactor is gone".into())))
    }

    /// The hot path of this connection. Several may exist; they share one RTP stream.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    pub fn state(&self) -> State {
        self.shared.state()
    }

    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Says goodbye to the server and ends everything; no event follows. Takes at most about a second.
    pub async fn close(mut self) {
        self.shared.set_state(State::Closed);
        if let Some(Running { ask, ended }) = self.running.take() {
            drop(ask);
            // An error is what is waited for: it says that the leg has ended.
            ended.await.unwrap_or_default();
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The payload holds a password.
        f.debug_struct("Connection")
            .field("ssrc", &self.ssrc)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Its senders must know at once; the leg hears it from the dropped `ask`.
        self.shared.set_state(State::Closed);
    }
}
