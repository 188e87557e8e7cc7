//! What can die, and how it is made to.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use simulator::dc::Target;
use simulator::world::{ASSISTANT, BOT, SECOND_ASSISTANT};

use crate::simulated::Simulated;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Player(i64),
    Call(i64),
    /// The media server closes the chat's connection.
    MediaServer(i64),
    Assistant(u8),
    Extractor(&'static str),
    /// A connection to Telegram is reset.
    Connection(i64),
}

impl Fault {
    pub(super) fn any(rng: &mut StdRng, chats: &[i64]) -> Fault {
        let chat = chats.choose(rng).copied().unwrap_or_default();
        match rng.random_range(0..6) {
            0 => Fault::Player(chat),
            1 => Fault::Call(chat),
            2 => Fault::MediaServer(chat),
            3 => Fault::Assistant(rng.random_range(1..=2)),
            4 => {
                const NAMES: [&str; 4] = ["files", "direct", "telegram", "resolver"];
                Fault::Extractor(NAMES[rng.random_range(0..NAMES.len())])
            }
            _ => {
                const WHO: [i64; 3] = [BOT, ASSISTANT, SECOND_ASSISTANT];
                Fault::Connection(WHO[rng.random_range(0..WHO.len())])
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Fault::Player(_) => "player",
            Fault::Call(_) => "call",
            Fault::MediaServer(_) => "media server",
            Fault::Assistant(_) => "assistant",
            Fault::Extractor(_) => "extractor",
            Fault::Connection(_) => "connection",
        }
    }

    /// The chat that is meant to notice.
    pub(super) fn chat(self) -> Option<i64> {
        match self {
            Fault::Player(chat) | Fault::Call(chat) | Fault::MediaServer(chat) => Some(chat),
            _ => None,
        }
    }

    /// Does it; says what, or nothing when there was nothing to do it to.
    pub(super) fn strike(self, simulated: &Simulated) -> Option<String> {
        let kill = |path: String| {
            let snapshot = simulated.tree.root().snapshot();
            let lives = snapshot.find(&path).is_some_and(|child| child.uptime_ms.is_some());
            (lives && simulated.tree.root().tree().kill(&path)).then(|| format!("killed {path}"))
        };
        match self {
            Fault::Player(chat) => kill(format!("root/chats/{chat}/player")),
            Fault::Call(chat) => kill(format!("root/chats/{chat}/call")),
            Fault::Assistant(n) => kill(format!("root/assistants/{n}")),
            Fault::Extractor(name) => kill(format!("root/extractors/{name}")),
            Fault::MediaServer(chat) => {
                let sfu = simulated.telegram.sfu();
                let peers = sfu.stats(chat);
                let peer =
                    peers.iter().find(|peer| [ASSISTANT, SECOND_ASSISTANT].contains(&peer.user))?;
                sfu.close(peer.peer);
                Some(format!("the media server closed its connection in {chat}"))
            }
            Fault::Connection(user) => {
                let n = simulated.telegram.dc().faults().reset(Target::User(user));
                (n > 0).then(|| format!("reset the connection of {user} to Telegram"))
            }
        }
    }
}
