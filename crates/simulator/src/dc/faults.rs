//! Faults — everything that can go wrong between a client and Telegram, at the push of a button.

mod rule;

use std::sync::Arc;
use std::time::Duration;

use super::crypto::random;
use super::door::Door;
use super::outbox::{Message, Out};
use super::session::Class;
use super::state::{At, Cut, Shared, State};
use super::tl::{MSG_CONTAINER, PONG, Put, gzip};

pub use self::rule::{DhAnswer, Envelope, Instead, Rule, Target};

/// The switchboard. Counts returned are the connections struck, or the sessions for the `push_` methods.
pub struct Faults {
    pub(super) shared: Arc<Shared>,
    pub(super) door: Door,
}

impl Faults {
    // === connections ===

    /// Closes connections in the ordinary way (FIN).
    pub fn disconnect(&self, target: Target) -> usize {
        self.each_link(target, |state, link| state.cut(link, Cut::Fin))
    }

    /// Tears connections down (RST).
    pub fn reset(&self, target: Target) -> usize {
        self.each_link(target, |state, link| state.cut(link, Cut::Rst))
    }

    /// Half-opens connections that exist now: the server hears nothing and says nothing, and TCP stays up.
    pub fn mute(&self, target: Target) -> usize {
        self.set_mute(target, true)
    }

    /// Ends [`Self::mute`]; what was said meanwhile is lost.
    pub fn unmute(&self, target: Target) -> usize {
        self.set_mute(target, false)
    }

    /// New connections are born mute (true), or not.
    pub fn mute_new_connections(&self, is_on: bool) {
        self.shared.lock().knobs.is_born_mute = is_on;
    }

    /// Closes the listening port: connecting is refused until [`Self::accept_connects`]. Open connections live on.
    pub async fn refuse_connects(&self) {
        self.door.set(false).await;
    }

    /// Opens the port again.
    pub async fn accept_connects(&self) {
        self.door.set(true).await;
    }

    // === answers ===

    /// Every RPC answer comes this much later; zero ends it.
    pub fn delay_answers(&self, by: Duration) {
        self.shared.lock().knobs.delay = by;
    }

    /// Arranges how a call fares; of several rules for a call the oldest strikes.
    pub fn arrange(&self, rule: Rule) {
        self.shared.lock().knobs.rules.push(rule);
    }

    /// Forgets rules which have not struck yet; returns how many there were.
    pub fn forget_rules(&self) -> usize {
        std::mem::take(&mut self.shared.lock().knobs.rules).len()
    }

    /// The next key exchange ends so.
    pub fn end_next_handshake(&self, with: DhAnswer) {
        self.shared.lock().knobs.fate = Some(with);
    }

    // === frames ===

    /// Sends a transport error (-404, -429) on live connections and closes them.
    pub fn transport_error(&self, target: Target, code: i32) -> usize {
        self.each_link(target, |state, link| {
            state.put(link, Out::Frame(code.to_le_bytes().to_vec()));
            state.put(link, Out::End);
        })
    }

    /// Every frame that comes in is answered with this transport error, until `None`.
    pub fn refuse_frames(&self, code: Option<i32>) {
        self.shared.lock().knobs.refusal = code;
    }

    /// Writes bytes to the socket as they are, outside any frame.
    pub fn write_bytes(&self, target: Target, bytes: Vec<u8>) -> usize {
        self.each_link(target, |state, link| {
            state.put(link, Out::Bytes(bytes.clone()));
        })
    }

    /// Sends a well-formed transport frame with this content.
    pub fn send_frame(&self, target: Target, payload: Vec<u8>) -> usize {
        self.each_link(target, |state, link| {
            state.put(link, Out::Frame(payload.clone()));
        })
    }

    /// Sends a frame whose content is noise that does not decrypt.
    pub fn send_noise(&self, target: Target) -> usize {
        self.send_frame(target, random::<104>().to_vec())
    }

    /// Announces a frame, sends a part of it, and closes.
    pub fn send_truncated_frame(&self, target: Target) -> usize {
        self.each_link(target, |state, link| {
            state.put(link, Out::Announced(104, random::<40>().to_vec()));
            state.put(link, Out::End);
        })
    }

    /// Announces a frame of an absurd length (for the abridged transport, of 64 MiB).
    pub fn send_oversized_length(&self, target: Target) -> usize {
        self.each_link(target, |state, link| {
            state.put(link, Out::Announced(0x7fff_fffc, Vec::new()));
        })
    }

    // === messages ===

    /// Pushes TL bytes, known or unknown, whole or broken, to the live sessions of the target.
    pub fn push_raw(&self, target: Target, body: Vec<u8>, envelope: Envelope) -> usize {
        self.each_session(target, |state, at, link| match envelope {
            Envelope::Plain => {
                speak(state, at, link, body.clone(), |message| vec![message_alone(message)])
            }
            Envelope::Gzip => {
                speak(state, at, link, gzip(&body), |message| vec![message_alone(message)])
            }
            Envelope::Container => {
                let inner = container(state, at, &body).unwrap_or_default();
                if let Some(outer) = state.message(at, inner, Class::Notice, false) {
                    state.put(link, message_alone(outer));
                }
            }
        })
    }

    /// Pushes in a message whose session id is not the client's.
    pub fn push_with_wrong_session(&self, target: Target, body: Vec<u8>) -> usize {
        self.each_session(target, |state, at, link| {
            speak(state, at, link, body.clone(), |message| {
                vec![message_alone(Message { session: !message.session, ..message })]
            });
        })
    }

    /// Pushes the same encrypted message twice, byte for byte.
    pub fn push_twice(&self, target: Target, body: Vec<u8>) -> usize {
        self.each_session(target, |state, at, link| {
            speak(state, at, link, body.clone(), |message| {
                let sealed = message.seal();
                vec![Out::Frame(sealed.clone()), Out::Frame(sealed)]
            });
        })
    }

    /// Pushes two messages, the later message id first.
    pub fn push_swapped(&self, target: Target, first: Vec<u8>, second: Vec<u8>) -> usize {
        self.each_session(target, |state, at, link| {
            let earlier = state.message(at, first.clone(), Class::Notice, true);
            let later = state.message(at, second.clone(), Class::Notice, true);
            for message in [later, earlier].into_iter().flatten() {
                state.put(link, message_alone(message));
            }
        })
    }

    // === clock and salts ===

    /// All salts change at once: the next message of every client has a wrong one.
    pub fn change_salts(&self) {
        self.shared.lock().knobs.salt_epoch += 1;
    }

    /// Shifts the server's clock by seconds against this machine's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.lock().knobs.clock_offset = seconds;
    }

    fn set_mute(&self, target: Target, is_mute: bool) -> usize {
        self.each_link(target, |state, link| {
            if let Some(link) = state.links.get_mut(&link) {
                link.is_mute = is_mute;
            }
        })
    }

    fn each_link(&self, target: Target, strike: impl Fn(&mut State, u64)) -> usize {
        let mut state = self.shared.lock();
        let links = state.targeted(target);
        links.iter().for_each(|link| strike(&mut state, *link));
        links.len()
    }

    fn each_session(&self, target: Target, strike: impl Fn(&mut State, At, u64)) -> usize {
        let mut state = self.shared.lock();
        let sessions = state.live(|state, at| state.matches(at, target));
        let mut struck = 0;
        for at in sessions {
            let wanted = if let Target::Connection(link) = target { Some(link) } else { None };
            match state.link_of(at, wanted) {
                Some(link) if wanted.is_none_or(|wanted| wanted == link) => {
                    strike(&mut state, at, link)
                }
                _ => continue,
            }
            struck += 1;
        }
        struck
    }
}

fn message_alone(message: Message) -> Out {
    Out::Message(Message { is_packable: false, ..message })
}

fn speak(state: &mut State, at: At, link: u64, body: Vec<u8>, outs: impl Fn(Message) -> Vec<Out>) {
    if let Some(message) = state.message(at, body, Class::Notice, true) {
        for out in outs(message) {
            state.put(link, out);
        }
    }
}

/// A container with the body and, after it, a `pong` nobody asked for.
fn container(state: &mut State, at: At, body: &[u8]) -> Option<Vec<u8>> {
    let pong = Vec::new().put_id(PONG).put_i64(0).put_i64(0);
    let first = state.message(at, body.to_vec(), Class::Notice, true)?;
    let second = state.message(at, pong, Class::Notice, false)?;
    Some(Vec::new().put_id(MSG_CONTAINER).put_i32(2).put(&first.inner()).put(&second.inner()))
}
