//! Faults — everything that can go wrong between a client and Telegram, at the push of a button.

use std::sync::Arc;
use std::time::Duration;

use super::crypto::random;
use super::door::Door;
use super::outbox::{Message, Out};
use super::session::Class;
use super::state::{At, Cut, Shared, State};
use super::tl::{MSG_CONTAINER, PONG, Put, gzip};
use super::{Answer, KeyId};

/// Whose connections a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every connection.
    All,
    /// Connections that carried a message of a key of this user.
    User(i64),
    /// Connections that carried a message of this key.
    Key(KeyId),
    /// Connections that carried a message of this session.
    Session(i64),
    /// One connection, by its number in [`super::Caller`].
    Connection(u64),
}

/// How [`Faults::push_raw`] wraps the bytes inside the encrypted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// At the top level.
    Plain,
    /// In a container, before a harmless `pong`.
    Container,
    /// In `gzip_packed`.
    Gzip,
}

/// What a client gets instead of the service's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Another answer: an error, other bytes, or none.
    Answer(Answer),
    /// The right answer, later.
    Late(Duration),
    /// The answer is kept back and the connection is closed.
    Disconnect,
}

/// One arranged misfortune of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) method: Option<u32>,
    pub(super) user: Option<i64>,
    pub(super) skip: u32,
    pub(super) times: u32,
    pub(super) performs: bool,
    pub(super) instead: Instead,
}

impl Rule {
    /// The next call of the method (a constructor id) fares so; the service does not see it.
    pub fn on(method: u32, instead: Instead) -> Self {
        Self { method: Some(method), user: None, skip: 0, times: 1, performs: false, instead }
    }

    /// The next call of any method fares so.
    pub fn on_any(instead: Instead) -> Self {
        Self { method: None, user: None, skip: 0, times: 1, performs: false, instead }
    }

    /// The next call is answered with an RPC error.
    pub fn error(method: u32, code: i32, name: &str) -> Self {
        Self::on(method, Instead::Answer(Answer::error(code, name)))
    }

    /// The first `n` matching calls go well.
    pub fn skip(self, n: u32) -> Self {
        Self { skip: n, ..self }
    }

    /// Strikes `n` calls instead of one.
    pub fn times(self, n: u32) -> Self {
        Self { times: n, ..self }
    }

    /// Strikes calls of this user only.
    pub fn of_user(self, user: i64) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The service performs the call, only its answer is replaced.
    pub fn performed(self) -> Self {
        Self { performs: true, ..self }
    }
}

/// How the next key exchange ends instead of `dh_gen_ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhAnswer {
    /// `dh_gen_retry`: the client must try another number.
    Retry,
    /// `dh_gen_fail`: the client must begin again.
    Fail,
}

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
