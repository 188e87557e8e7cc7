//! One connection at work: a single task on the reactor that brings it up, feeds it, watches it and ends it.
//!
//! webrtc keeps silent about a refused certificate, a peer that says goodbye and a driver that died, so all of that is
//! watched from here: by deadlines, by looking at the DTLS state, and by counting inbound datagrams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::fault::{Fault, Reason};
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::statistics::StatsSelector;
use tokio::sync::oneshot;
use tokio::time::timeout;
use webrtc::data_channel::DataChannelEvent;
use webrtc::peer_connection::transport::DtlsTransport;
use webrtc::runtime::Runtime;

use crate::answer::Answer;
use crate::connection::{AnswerFault, ConnectionEvent, DtlsState, State};
use crate::nomination::nominate;
use crate::pump::{Press, pump};
use crate::reactor::ConnectionRuntime;
use crate::sender::Outlet;
use crate::shared::{Path, Shared};
use crate::socket::{Tap, routes};
use crate::stack::{Identity, Stack, bring_up};
use crate::transport::{Settings, Style};

/// How often a connecting leg looks around.
const LOOK_CONNECTING: Duration = Duration::from_millis(50);
/// How often a connected leg does.
const LOOK_CONNECTED: Duration = Duration::from_secs(1);
/// Looks (of a connected leg) between two questions for the round trip: the report behind it is not free.
const LOOKS_PER_ROUND_TRIP: u32 = 5;
/// A lite server is taken for lite when it sent no check of its own this long after it answered ours…
const LITE_AFTER: Duration = Duration::from_millis(100);
/// …and one that sends checks but nominates nothing is not waited for longer than this.
const NOMINATION_PATIENCE: Duration = Duration::from_millis(2500);
/// Local work only: binding sockets, reading descriptions.
const BRING_UP_DEADLINE: Duration = Duration::from_secs(5);
/// For close_notify to reach the socket.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);
/// Longer texts from the server are not passed on.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// What a client that wants no video says when its data channel opens (colibri, as native clients send it).
const NO_VIDEO: &str = concat!(
    r#"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":0},"#,
    r#""constraints":{},"onStageEndpoints":[]}"#
);

pub(crate) type OnEvent = Arc<dyn Fn(ConnectionEvent) + Send + Sync>;

/// Everything a leg starts with.
pub(crate) struct Leg {
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) outlet: Outlet,
    pub(crate) reactor: tokio::runtime::Handle,
}

/// How a leg ended.
enum End {
    /// The owner closed or dropped the connection.
    Asked,
    Lost(Fault),
    /// The server said goodbye.
    Closed,
}

// === impl Leg ===

impl Leg {
    /// Runs to the end; `accepted` hears first whether the answer could be used. `asked` resolves when the owner wants it
    /// to end, which includes that the owner is gone.
    pub(crate) async fn run(
        self,
        answer: Answer,
        on_event: OnEvent,
        accepted: oneshot::Sender<Result<(), AnswerFault>>,
        asked: oneshot::Receiver<()>,
    ) {
        let shared = Arc::clone(&self.shared);
        let routes = routes(answer.candidates.iter().map(|candidate| candidate.address));
        let tap = Arc::new(Tap::new(Arc::clone(&shared), routes.clone()));
        let (runtime, driver_gone) = ConnectionRuntime::new(self.reactor.clone(), Arc::clone(&tap));
        let runtime: Arc<dyn Runtime> = Arc::new(runtime);
        let mut locals: Vec<_> = routes.iter().map(|route| (route.local, 0).into()).collect();
        locals.sort_unstable();
        locals.dedup();
        if locals.is_empty() {
            let detail = format!("no route to any of {} candidates", answer.candidates.len());
            report(accepted, Err(AnswerFault::NoCandidate(detail)));
            return shared.set_state(State::Lost);
        }
        let built = timeout(
            BRING_UP_DEADLINE,
            bring_up(&self.identity, &self.settings, &answer, locals, runtime),
        )
        .await;
        let stack = match built {
            Ok(Ok(stack)) => stack,
            Ok(Err(fault)) => {
                report(accepted, Err(AnswerFault::Stack(fault.to_string())));
                return shared.set_state(State::Lost);
            }
            Err(_) => {
                report(accepted, Err(AnswerFault::Stack("did not start in time".into())));
                return shared.set_state(State::Lost);
            }
        };
        report(accepted, Ok(()));
        let press = Press::new(self.identity.credentials.ssrc, &answer);
        let Leg { identity, settings, outlet, .. } = self;
        let watch = Watch { identity, settings, answer, shared: Arc::clone(&shared), tap, stack };
        let track = Arc::clone(&watch.stack.track) as Arc<_>;
        let end = tokio::select! {
            biased;
            _ = asked => End::Asked,
            end = watch.run(&on_event) => end,
            () = pump(outlet, press, track, Arc::clone(&shared)) => driver_died(),
            () = watch.converse(&on_event) => driver_died(),
            _ = driver_gone => driver_died(),
        };
        watch.finish(end, &on_event).await;
    }
}

fn driver_died() -> End {
    End::Lost(Fault::transient(Reason::Internal, "the media connection stopped by itself"))
}

fn report(accepted: oneshot::Sender<Result<(), AnswerFault>>, result: Result<(), AnswerFault>) {
    if accepted.send(result).is_err() {
        tracing::debug!("nobody waits for the answer any more");
    }
}

/// A connection that is up or coming up.
struct Watch {
    identity: Identity,
    settings: Settings,
    answer: Answer,
    shared: Arc<Shared>,
    tap: Arc<Tap>,
    stack: Stack,
}

// === impl Watch ===

impl Watch {
    async fn run(&self, on_event: &OnEvent) -> End {
        if let Err(end) = self.connect().await {
            return end;
        }
        self.shared.set_state(State::Connected);
        on_event(ConnectionEvent::Connected);
        self.guard().await
    }

    /// Until packets can flow.
    async fn connect(&self) -> Result<(), End> {
        let started = Instant::now();
        let mut secured: Option<Instant> = None;
        let mut nominated: Option<Instant> = None;
        loop {
            let dtls = self.dtls().await;
            match dtls {
                DtlsState::Connected => {
                    let since = *secured.get_or_insert_with(Instant::now);
                    if self.stack.signals.is_channel_open()
                        || since.elapsed() >= self.settings.data_channel_grace
                    {
                        return Ok(());
                    }
                }
                DtlsState::Closed if secured.is_some() => return Err(End::Closed),
                _ => {}
            }
            if secured.is_none()
                && let Some(fault) = self.refusal()
            {
                return Err(End::Lost(fault));
            }
            if started.elapsed() >= self.settings.connect_deadline
                || self.stack.signals.is_ice_failed()
            {
                return Err(End::Lost(self.timed_out(dtls)));
            }
            self.choose_path(&mut nominated);
            tokio::select! {
                () = tokio::time::sleep(LOOK_CONNECTING) => {}
                () = self.stack.signals.changed.notified() => {}
            }
        }
    }

    /// In native style: use the path that answered, unless the server is about to choose one.
    fn choose_path(&self, nominated: &mut Option<Instant>) {
        if self.identity.style != Style::Native || self.stack.signals.is_ice_connected() {
            return;
        }
        let Some(answered) = self.tap.first_answer() else { return };
        let patience =
            if self.tap.has_checks_by_server() { NOMINATION_PATIENCE } else { LITE_AFTER };
        let is_recent = nominated.is_some_and(|when| when.elapsed() < Duration::from_millis(500));
        if answered.elapsed() < patience || is_recent {
            return;
        }
        *nominated = Some(Instant::now());
        let credentials = &self.identity.credentials;
        let crypto = self.identity.crypto.crypto();
        match nominate(&credentials.ufrag, &credentials.pwd, &self.answer.ufrag, crypto) {
            Ok(nomination) => self.tap.inject(nomination),
            Err(fault) => tracing::warn!(%fault, "no nomination could be made"),
        }
    }

    /// Whether one side refused the DTLS handshake.
    fn refusal(&self) -> Option<Fault> {
        if self.tap.is_refused_by_us() {
            let detail =
                "DTLS handshake refused by us: the server's certificate does not match its answer";
            Some(Fault::transient(Reason::CallUnreachable, detail))
        } else if self.tap.is_refused_by_server() {
            Some(Fault::transient(
                Reason::CallUnreachable,
                "DTLS handshake refused by the media server",
            ))
        } else {
            None
        }
    }

    fn timed_out(&self, dtls: DtlsState) -> Fault {
        let seconds = self.settings.connect_deadline.as_secs_f32();
        let stage = if self.shared.inbound_age().is_none() {
            "the media server answers nothing"
        } else if !self.stack.signals.is_ice_connected() {
            "ICE found no path"
        } else if dtls != DtlsState::Connected {
            "the DTLS handshake did not finish (a wrong certificate looks like this)"
        } else {
            "the connection did not come up"
        };
        Fault::transient(
            Reason::CallUnreachable,
            format!("not connected after {seconds:.1} s: {stage}"),
        )
    }

    /// From then on.
    async fn guard(&self) -> End {
        let look = LOOK_CONNECTED.min(self.settings.lost_after / 4).max(Duration::from_millis(10));
        for looks in 0u32.. {
            if matches!(self.dtls().await, DtlsState::Closed | DtlsState::Failed) {
                return End::Closed;
            }
            let age = self.shared.inbound_age().unwrap_or_default();
            if age >= self.settings.lost_after || self.stack.signals.is_ice_failed() {
                let detail =
                    format!("no packet from the media server for {:.1} s", age.as_secs_f32());
                return End::Lost(Fault::transient(Reason::CallUnreachable, detail));
            }
            if looks.is_multiple_of(LOOKS_PER_ROUND_TRIP) {
                self.look_at_path().await;
            }
            tokio::time::sleep(look).await;
        }
        unreachable!("2^32 seconds have not passed")
    }

    async fn transport(&self) -> Option<Arc<dyn DtlsTransport>> {
        self.stack.sender.transport().await.ok().flatten()
    }

    async fn dtls(&self) -> DtlsState {
        let state = match self.transport().await {
            Some(transport) => transport.state().await.unwrap_or_default(),
            None => RTCDtlsTransportState::New,
        };
        let state = match state {
            RTCDtlsTransportState::Connecting => DtlsState::Connecting,
            RTCDtlsTransportState::Connected => DtlsState::Connected,
            RTCDtlsTransportState::Closed => DtlsState::Closed,
            RTCDtlsTransportState::Failed => DtlsState::Failed,
            _ => DtlsState::New,
        };
        self.shared.set_dtls(state);
        state
    }

    async fn look_at_path(&self) {
        let mut path = self.shared.path();
        if let Some(transport) = self.transport().await
            && let Ok(Some(pair)) = transport.ice_transport().get_selected_candidate_pair().await
        {
            let parse = |address: &str, port: u16| {
                address.parse().ok().map(|ip: std::net::IpAddr| (ip, port).into())
            };
            let (local, remote) = (pair.local(), pair.remote());
            path.selected_pair =
                parse(&local.address, local.port).zip(parse(&remote.address, remote.port));
        }
        let report = self.stack.connection.get_stats(Instant::now(), StatsSelector::None).await;
        let round_trip = report
            .candidate_pairs()
            .map(|pair| pair.current_round_trip_time)
            .find(|rtt| *rtt > 0.0);
        path.round_trip = round_trip
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .or(path.round_trip);
        self.shared.set_path(Path { ..path });
    }

    /// The data channel: says once that we want no video, and passes on what the server says. Ends with webrtc's driver.
    async fn converse(&self, on_event: &OnEvent) {
        while let Some(event) = self.stack.channel.poll().await {
            match event {
                DataChannelEvent::OnOpen => {
                    if let Err(fault) = self.stack.channel.send_text(NO_VIDEO).await {
                        tracing::debug!(%fault, "video constraints not sent");
                    }
                    self.stack.signals.channel_opened();
                }
                DataChannelEvent::OnMessage(message) if message.data.len() <= MESSAGE_BYTES_MAX => {
                    if let Ok(text) = std::str::from_utf8(&message.data) {
                        on_event(ConnectionEvent::ServerMessage(text.to_owned()));
                    }
                }
                DataChannelEvent::OnMessage(message) => {
                    tracing::debug!(
                        bytes = message.data.len(),
                        "oversized message from the media server"
                    );
                }
                _ => {}
            }
        }
        // The server may close the channel alone; the connection lives on without it.
        std::future::pending::<()>().await;
    }

    async fn finish(self, end: End, on_event: &OnEvent) {
        let event = match end {
            End::Asked => {
                self.shared.set_state(State::Closed);
                None
            }
            End::Closed => {
                self.shared.set_state(State::Closed);
                Some(ConnectionEvent::Closed)
            }
            End::Lost(fault) => {
                self.shared.set_state(State::Lost);
                Some(ConnectionEvent::Lost(fault))
            }
        };
        self.shared.set_dtls(DtlsState::Closed);
        if let Some(event) = event {
            on_event(event);
        }
        match timeout(GOODBYE_DEADLINE, self.stack.connection.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::debug!(%fault, "the connection did not close cleanly"),
            Err(_) => tracing::debug!("the connection did not close in time; it is dropped"),
        }
    }
}
