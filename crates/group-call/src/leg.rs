//! One connection at work: a single task on the reactor that brings it up, feeds it, watches it and ends it.
//!
//! Native style runs on [`crate::native`], web style on webrtc's peer connection ([`crate::stack`]); both are watched alike:
//! by deadlines, by the DTLS state and by counting inbound datagrams. (webrtc keeps silent about a refused certificate, a
//! peer that says goodbye and a driver that died.)

use std::future::Future;
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
use crate::native::Native;
use crate::pump::{Press, pump};
use crate::reactor::ConnectionRuntime;
use crate::sender::Outlet;
use crate::shared::Shared;
use crate::signals::Signals;
use crate::socket::{Route, Tap, routes};
use crate::stack::{Identity, Stack, bring_up};
use crate::transport::{Settings, Style};

/// How often a connecting leg looks around.
const LOOK_CONNECTING: Duration = Duration::from_millis(50);
/// How often a connected leg does.
const LOOK_CONNECTED: Duration = Duration::from_secs(1);
/// Looks (of a connected leg) between two questions for the round trip: the report behind it is not free.
const LOOKS_PER_ROUND_TRIP: u32 = 5;
/// Local work only: binding sockets, reading descriptions.
const BRING_UP_DEADLINE: Duration = Duration::from_secs(5);
/// For close_notify to reach the socket.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);
/// Longer texts from the server are not passed on.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// What a client that wants no video says when its data channel opens (colibri, as native clients send it).
pub(crate) const NO_VIDEO: &str = concat!(
    r#"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":0},"#,
    r#""constraints":{},"onStageEndpoints":[]}"#
);

pub(crate) type OnEvent = Arc<dyn Fn(ConnectionEvent) + Send + Sync>;

/// Everything a leg starts with.
pub(crate) struct Leg {
    pub(crate) setup: Setup,
    pub(crate) outlet: Outlet,
}

/// The part of it that both styles look at.
pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) signals: Arc<Signals>,
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
        let Leg { setup, mut outlet } = self;
        let shared = Arc::clone(&setup.shared);
        let routes = routes(answer.candidates.iter().map(|candidate| candidate.address));
        let started = if routes.is_empty() {
            Err(AnswerFault::NoCandidate(format!("no route to any of {}", answer.candidates.len())))
        } else {
            match setup.identity.style {
                Style::Native => setup.start_native(&answer, &routes, &on_event),
                Style::Web => setup.start_web(&answer, routes).await,
            }
        };
        let started = match started {
            Ok(started) => started,
            Err(fault) => {
                shared.set_state(State::Lost);
                return report(accepted, Err(fault));
            }
        };
        report(accepted, Ok(()));
        let Setup { identity, settings, signals, .. } = setup;
        let ssrc = identity.credentials.ssrc;
        let mut watch = Watch { settings, shared, signals, web: None };
        match started {
            Started::Native(mut native) => {
                let end = tokio::select! {
                    biased;
                    _ = asked => End::Asked,
                    end = watch.run(&on_event) => end,
                    () = native.drive(&mut outlet) => driver_died(),
                };
                watch.announce(end, &on_event);
                in_time(async { native.close().await }).await;
            }
            Started::Web(stack, driver_gone) => {
                let track = Arc::clone(&stack.track) as Arc<_>;
                watch.web = Some(stack);
                let end = tokio::select! {
                    biased;
                    _ = asked => End::Asked,
                    end = watch.run(&on_event) => end,
                    () = pump(outlet, Press::new(ssrc, &answer), track, Arc::clone(&watch.shared)) => driver_died(),
                    () = watch.converse(&on_event) => driver_died(),
                    _ = driver_gone => driver_died(),
                };
                watch.announce(end, &on_event);
                in_time(watch.close_web()).await;
            }
        }
    }
}

// === impl Setup ===

impl Setup {
    fn start_native(
        &self,
        answer: &Answer,
        routes: &[Route],
        on_event: &OnEvent,
    ) -> Result<Started, AnswerFault> {
        let native = Native::new(self, answer, routes, Arc::clone(on_event));
        native
            .map(|native| Started::Native(Box::new(native)))
            .map_err(|fault| AnswerFault::Stack(fault.to_string()))
    }

    async fn start_web(&self, answer: &Answer, routes: Vec<Route>) -> Result<Started, AnswerFault> {
        let mut locals: Vec<_> = routes.iter().map(|route| (route.local, 0).into()).collect();
        locals.sort_unstable();
        locals.dedup();
        let signals = Arc::clone(&self.signals);
        let tap = Arc::new(Tap::new(Arc::clone(&self.shared), Arc::clone(&signals), routes));
        let (runtime, driver_gone) = ConnectionRuntime::new(self.reactor.clone(), tap);
        let runtime: Arc<dyn Runtime> = Arc::new(runtime);
        let bring_up = bring_up(&self.identity, &self.settings, answer, locals, runtime, signals);
        match timeout(BRING_UP_DEADLINE, bring_up).await {
            Ok(Ok(stack)) => Ok(Started::Web(stack, driver_gone)),
            Ok(Err(fault)) => Err(AnswerFault::Stack(fault.to_string())),
            Err(_) => Err(AnswerFault::Stack("did not start in time".into())),
        }
    }
}

/// A connection that is on its way up, and for webrtc what resolves when its driver is gone.
enum Started {
    Native(Box<Native>),
    Web(Stack, oneshot::Receiver<()>),
}

/// Goodbyes are not waited for longer than a moment.
async fn in_time(goodbye: impl Future<Output = ()>) {
    if timeout(GOODBYE_DEADLINE, goodbye).await.is_err() {
        tracing::debug!("the connection did not close in time; it is dropped");
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

/// Looks after a connection that is up or coming up.
struct Watch {
    settings: Settings,
    shared: Arc<Shared>,
    signals: Arc<Signals>,
    /// In web style, where the DTLS state must be asked for.
    web: Option<Stack>,
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
        loop {
            let dtls = self.dtls().await;
            match dtls {
                DtlsState::Connected => {
                    let since = *secured.get_or_insert_with(Instant::now);
                    if self.signals.is_channel_open()
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
            if started.elapsed() >= self.settings.connect_deadline || self.signals.is_ice_failed() {
                return Err(End::Lost(self.timed_out(dtls)));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_CONNECTING) => {}
                () = self.signals.changed.notified() => {}
            }
        }
    }

    /// Whether one side refused the DTLS handshake.
    fn refusal(&self) -> Option<Fault> {
        if self.signals.is_refused_by_us() {
            let detail =
                "DTLS handshake refused by us: the server's certificate does not match its answer";
            Some(Fault::transient(Reason::CallUnreachable, detail))
        } else if self.signals.is_refused_by_server() {
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
        } else if !self.signals.is_ice_connected() {
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
            if age >= self.settings.lost_after || self.signals.is_ice_failed() {
                let detail =
                    format!("no packet from the media server for {:.1} s", age.as_secs_f32());
                return End::Lost(Fault::transient(Reason::CallUnreachable, detail));
            }
            if looks.is_multiple_of(LOOKS_PER_ROUND_TRIP) {
                self.look_at_path().await;
            }
            tokio::select! {
                () = tokio::time::sleep(look) => {}
                () = self.signals.changed.notified() => {}
            }
        }
        unreachable!("2^32 seconds have not passed")
    }

    /// Webrtc's view of DTLS, in web style.
    async fn transport(&self) -> Option<Arc<dyn DtlsTransport>> {
        self.web.as_ref()?.sender.transport().await.ok().flatten()
    }

    async fn dtls(&self) -> DtlsState {
        if self.web.is_none() {
            return self.shared.dtls();
        }
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
        let Some(stack) = &self.web else { return };
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
        let report = stack.connection.get_stats(Instant::now(), StatsSelector::None).await;
        let round_trip = report
            .candidate_pairs()
            .map(|pair| pair.current_round_trip_time)
            .find(|rtt| *rtt > 0.0);
        path.round_trip = round_trip
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .or(path.round_trip);
        self.shared.set_path(path);
    }

    /// The data channel: says once that we want no video, and passes on what the server says. Ends with webrtc's driver.
    async fn converse(&self, on_event: &OnEvent) {
        let Some(Stack { channel, .. }) = &self.web else { return };
        while let Some(event) = channel.poll().await {
            match event {
                DataChannelEvent::OnOpen => {
                    if let Err(fault) = channel.send_text(NO_VIDEO).await {
                        tracing::debug!(%fault, "video constraints not sent");
                    }
                    self.signals.channel_opened();
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

    fn announce(&self, end: End, on_event: &OnEvent) {
        let (state, event) = match end {
            End::Asked => (State::Closed, None),
            End::Closed => (State::Closed, Some(ConnectionEvent::Closed)),
            End::Lost(fault) => (State::Lost, Some(ConnectionEvent::Lost(fault))),
        };
        self.shared.set_state(state);
        self.shared.set_dtls(DtlsState::Closed);
        if let Some(event) = event {
            on_event(event);
        }
    }

    async fn close_web(&self) {
        if let Some(stack) = &self.web
            && let Err(fault) = stack.connection.close().await
        {
            tracing::debug!(%fault, "the connection did not close cleanly");
        }
    }
}
