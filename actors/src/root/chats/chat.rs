//! Chat — rest_for_one: the call first, then the player that needs it.
//!
//! A lost call restarts the player too; a crashed player leaves the call joined, in silence. Either way the player goes
//! on where it was, from what the chat keeps.

pub(crate) mod call;
pub(crate) mod player;

use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::ChatId;
use supervisor::{ChildSpec, Handle, Intensity, Strategy, SupervisorSpec, door};

use crate::keep::Keep;
use crate::sheet::Sheet;

const INTENSITY: Intensity = Intensity { restarts_max: 5, within: Duration::from_secs(60) };
/// Commands, answers and news that may wait in one chat.
const BOUND: usize = 256;

/// What all chats share, and what this supervisor adds.
pub(crate) struct Parts {
    pub(crate) shared: super::Parts,
    pub(crate) direct: sources::direct::Direct,
    pub(crate) ends: super::End,
}

/// What one chat is about.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) chat: ChatId,
    /// Public name, by which an assistant may join.
    pub(crate) username: Option<String>,
    /// The chat's place on the media clock: the call gives it somewhere to send, the player something to play.
    pub(crate) stream: Arc<media::Stream>,
    /// What operators and members may see of it.
    pub(crate) sheet: Arc<Sheet>,
    /// What its player leaves to its next life.
    pub(crate) keep: Keep,
    pub(crate) parts: Arc<Parts>,
}

pub(crate) fn child_spec(
    chat: ChatId,
    username: Option<String>,
    parts: Arc<Parts>,
) -> (ChildSpec, Handle<player::Msg>, Weak<Sheet>) {
    let (call_door, call) = door(BOUND);
    let (player_door, player) = door(BOUND);
    let heard = player.clone();
    let stream = parts.shared.engine.stream(Box::new(move |event| {
        // a player between two lives starts with nothing attached, so what it misses is old
        let _missed = heard.send(player::Msg::Stream(event)).is_err();
    }));
    let stream = Arc::new(stream);
    let sheet = Arc::new(Sheet::new(stream.clone()));
    let shown = Arc::downgrade(&sheet);
    let keep = parts.shared.keeps.of(chat);
    keep.attach(&stream);
    let place = Place { chat, username, stream, sheet, keep, parts };
    let spec = SupervisorSpec::new(Strategy::RestForOne, INTENSITY)
        .child(call::child_spec(call_door, place.clone(), player.clone()))
        .child(player::child_spec(player_door, place, call));
    (ChildSpec::supervisor(chat.to_string(), spec), player, shown)
}
