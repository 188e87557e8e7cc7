//! A WebRTC client of the SFU on str0m: one UDP socket, one task, a bounded memory of what it heard.

mod state;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::media::Pt;
use str0m::rtp::{ExtensionValues, RtpWrite};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::state::State;
use super::{Packet, Stats, Style};
use crate::sfu::SrtpPolicy;

/// The client. It stops when it is dropped.
pub(crate) struct Client {
    shared: Arc<Shared>,
    _driver: JoinSet<()>,
}

struct Shared {
    socket: UdpSocket,
    state: Mutex<State>,
    wake: Notify,
    changed: Notify,
}

type Outgoing = Vec<(SocketAddr, Vec<u8>)>;

impl Client {
    /// Binds a loopback socket and prepares credentials, certificate and source.
    pub(crate) fn bind(style: Style, policy: SrtpPolicy) -> io::Result<Client> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let state = State::new(style, policy, socket.local_addr()?);
        let shared = Arc::new(Shared {
            socket,
            state: Mutex::new(state),
            wake: Notify::new(),
            changed: Notify::new(),
        });
        let mut driver = JoinSet::new();
        driver.spawn(Arc::clone(&shared).drive());
        Ok(Client { shared, _driver: driver })
    }

    /// The JSON of phone.joinGroupCall.
    pub(crate) fn payload(&self) -> String {
        let state = self.state();
        let setup = if state.style == Style::Native { "passive" } else { "active" };
        json!({
            "ufrag": state.credentials.ufrag, "pwd": state.credentials.pass, "ssrc": state.ssrc as i32,
            "fingerprints": [{"hash": "sha-256", "setup": setup, "fingerprint": state.fingerprint}],
            "ssrc-groups": [],
        })
        .to_string()
    }

    /// Starts the transport that the answer describes.
    pub(crate) fn connect(&self, answer: &Value) -> Result<(), String> {
        self.state().connect(answer)?;
        self.shared.wake.notify_one();
        Ok(())
    }

    #[cfg(test)]
    pub(crate) async fn wait_connected(&self, within: Duration) -> bool {
        self.wait(within, |client| client.state().is_connected).await
    }

    /// Waits until the client satisfies `wanted`; false when that did not happen in time.
    pub(crate) async fn wait(&self, within: Duration, wanted: impl Fn(&Client) -> bool) -> bool {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if wanted(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(within, waiting).await.is_ok()
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.state().ssrc
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state().is_connected
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    pub(crate) fn n_packets(&self) -> usize {
        self.state().packets.len()
    }

    pub(crate) fn packets(&self) -> Vec<Packet> {
        self.state().packets.iter().cloned().collect()
    }

    pub(crate) fn take_packets(&self) -> Vec<Packet> {
        self.state().packets.drain(..).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.state().stats
    }

    pub(crate) fn send_opus(&self, payload: &[u8], samples: u32, level: u8, voice: bool) {
        let mut state = self.state();
        let (ssrc, seq, time) = (state.ssrc, state.seq, state.timestamp);
        state.seq += 1;
        state.timestamp = time.wrapping_add(samples);
        let extensions = ExtensionValues {
            audio_level: Some(-(level.min(127) as i8)),
            voice_activity: Some(voice),
            ..ExtensionValues::default()
        };
        let write =
            RtpWrite::new(Pt::new_with_value(111), seq.into(), time, Instant::now(), payload)
                .ext_vals(extensions)
                .marker(seq == 0);
        if let Some(stream) = state.rtc.direct_api().stream_tx(&ssrc.into()) {
            stream.write_rtp(write);
        }
        self.flush(state);
    }

    pub(crate) fn skip(&self, samples: u32) {
        let mut state = self.state();
        state.timestamp = state.timestamp.wrapping_add(samples);
    }

    /// What the server said on the data channel.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.state().messages.clone()
    }

    /// Says something on the data channel; false when it is not open.
    #[cfg(test)]
    pub(crate) fn say(&self, text: &str) -> bool {
        let mut state = self.state();
        let Some(id) = state.channel else { return false };
        let is_said = state
            .rtc
            .channel(id)
            .is_some_and(|mut channel| channel.write(false, text.as_bytes()).is_ok());
        self.flush(state);
        is_said
    }

    /// The keys of the connection, to send what no honest client would.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> Option<crate::sfu::dtls::Keys> {
        self.state().tap.lock().unwrap().clone()
    }

    /// Sends a datagram as it is.
    #[cfg(test)]
    pub(crate) fn send_raw(&self, to: SocketAddr, datagram: &[u8]) {
        self.shared.socket.try_send_to(datagram, to).unwrap();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    fn flush(&self, mut state: MutexGuard<'_, State>) {
        let mut out = Outgoing::new();
        state.turn(Instant::now(), &mut out);
        drop(state);
        self.shared.send(&out);
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn drive(self: Arc<Self>) {
        let mut buffer = vec![0; 2048];
        loop {
            let deadline = {
                let mut out = Outgoing::new();
                let mut state = self.state();
                while let Ok((length, from)) = self.socket.try_recv_from(&mut buffer) {
                    state.receive(from, &buffer[..length], Instant::now(), &mut out);
                }
                state.turn(Instant::now(), &mut out);
                let deadline = state.deadline;
                drop(state);
                self.send(&out);
                deadline
            };
            self.changed.notify_waiters();
            tokio::select! {
                readable = self.socket.readable() => if readable.is_err() { return },
                () = tokio::time::sleep_until(deadline.into()) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    fn send(&self, out: &Outgoing) {
        for (to, datagram) in out {
            if let Err(error) = self.socket.try_send_to(datagram, *to) {
                tracing::trace!(%error, "datagram not sent");
            }
        }
    }
}
