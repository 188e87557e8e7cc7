//! Looks after one connection: when it is up, whether it still lives, what it has to tell.
//!
//! Both styles are watched alike: by deadlines, by the DTLS state and by counting inbound datagrams. webrtc keeps silent
//! about a refused certificate and a peer that says goodbye, so nothing here waits for its events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::fault::{Fault, Reason};
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::statistics::StatsSelector;
use webrtc::data_channel::DataChannelEvent;
use webrtc::peer_connection::transport::DtlsTransport;

use super::{MESSAGE_BYTES_MAX, NO_VIDEO, OnEvent};
use crate::connection::{ConnectionEvent, DtlsState, State};
use crate::shared::Shared;
use crate::signals::Signals;
use crate::socket::Tap;
use crate::stack::Stack;
use crate::transport::Settings;

/// How often a connecting leg looks around.
const LOOK_CONNECTING: Duration = Duration::from_millis(50);
/// How often a connected leg does.
const LOOK_CONNECTED: Duration = Duration::from_secs(1);
/// Looks (of a connected leg) between two questions for the round trip: the report behind it is not free.
const LOOKS_PER_ROUND_TRIP: u32 = 5;

/// How a leg ended.
pub(super) enum End {
    /// The owner closed or dropped the connection.
    Asked,
    Lost(Fault),
    /// The server said goodbye.
    Closed,
}

/// Looks after a connection that is up or coming up.
pub(super) struct Watch {
    pub(super) settings: Settings,
    pub(super) shared: Arc<Shared>,
    pub(super) signals: Arc<Signals>,
    /// In web style, where the DTLS state must be asked for.
    pub(super) web: Option<Stack>,
    /// In web style, where handshakes are repeated from outside.
    pub(super) tap: Option<Arc<Tap>>,
}

// === impl Watch ===

impl Watch {
    pub(super) async fn run(&self, on_event: &OnEvent) -> End {
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
                    if let Some(tap) = &self.tap {
                        tap.is_secured();
                    }
                    let since = *secured.get_or_insert_with(Instant::now);
                    if self.signals.is_channel_open()
                        || since.elapsed() >= self.settings.data_channel_grace
                    {
                        return Ok(());
                    }
                }
                DtlsState::Closed if self.refusal().is_none() => return Err(End::Closed),
                _ => {
                    if let Some(fault) = self.refusal() {
                        return Err(End::Lost(fault));
                    }
                    if let Some(tap) = &self.tap {
                        tap.repeat(Instant::now());
                    }
                }
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
    pub(super) async fn converse(&self, on_event: &OnEvent) {
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

    pub(super) fn announce(&self, end: End, on_event: &OnEvent) {
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

    pub(super) async fn close_web(&self) {
        if let Some(stack) = &self.web
            && let Err(fault) = stack.connection.close().await
        {
            tracing::debug!(%fault, "the connection did not close cleanly");
        }
    }
}
