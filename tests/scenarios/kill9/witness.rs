//! Who sees and hears what the bot does, through all of its lives.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use simulator::ear::{Segment, Sound};
use simulator::listener::{Listener, Packet};
use simulator::music::Track;
use simulator::world::{BOT, Event, Shown, World};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::model::Answer;
use crate::world::heard;

/// The music of every title, from the beginning again and again.
pub(super) const SOUND: Track = Track::Northbound;
/// As much as the ear gets to tell a position: 1.5 s.
const PIECE: usize = 75;
/// With less it does not try.
const PIECE_MIN: usize = 30;
/// Opus says nothing in less.
const SILENCE_MAX: usize = 3;

/// Reads along. Remembers what the bot replied to whom.
pub(super) struct Witness {
    seen: Arc<Mutex<Seen>>,
    _reading: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// By chat and the message that is replied to: the replies, each as it reads now.
    replies: HashMap<(i64, i32), BTreeMap<i32, String>>,
    n_missed: u64,
}

/// Somebody who listens in one chat, and where in the music it was.
pub(super) struct Ear {
    pub(super) listener: Listener,
    /// Where the music broke off, if the same track goes on.
    broke_off: Option<Duration>,
}

// === impl Witness ===

impl Witness {
    pub(super) fn of(world: &World) -> Witness {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (mut news, noted) = (world.watch(), seen.clone());
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            loop {
                let event = news.recv().await;
                let mut seen = noted.lock().expect("nobody panics with it");
                match event {
                    Ok(Event::Said(shown) | Event::Edited(shown)) => seen.note(shown),
                    Ok(_) => {}
                    Err(RecvError::Lagged(n)) => seen.n_missed += n,
                    Err(RecvError::Closed) => break,
                }
            }
        });
        Witness { seen, _reading: reading }
    }

    /// What the bot made of a command, as far as people know.
    pub(super) fn answer(&self, chat: i64, message: i32) -> Option<Answer> {
        let seen = self.seen();
        let answers: Vec<Answer> =
            seen.replies.get(&(chat, message))?.values().map(|text| meaning(text)).collect();
        [Answer::Took, Answer::Already, Answer::Nothing, Answer::Refused]
            .into_iter()
            .find(|answer| answers.contains(answer))
    }

    /// The first reply.
    pub(super) fn reply(&self, chat: i64, message: i32) -> Option<String> {
        self.seen().replies.get(&(chat, message))?.values().next().cloned()
    }

    /// Whether a command was told to be done more than once.
    pub(super) fn is_told_twice(&self, chat: i64, message: i32) -> bool {
        const WORDS: [&str; 4] = ["Number ", "Paused by", "plays on", " skipped "];
        let seen = self.seen();
        let Some(replies) = seen.replies.get(&(chat, message)) else { return false };
        WORDS.iter().any(|words| replies.values().filter(|text| text.contains(words)).count() > 1)
    }

    /// Nobody asks about these any more.
    pub(super) fn forget(&self, chat: i64, upto: i32) {
        self.seen().replies.retain(|(of, message), _| *of != chat || *message > upto);
    }

    pub(super) fn n_missed(&self) -> u64 {
        self.seen().n_missed
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with it")
    }
}

// === impl Seen ===

impl Seen {
    fn note(&mut self, shown: Shown) {
        let Some(asked_in) = shown.reply_to.filter(|_| shown.from == Some(BOT)) else { return };
        self.replies.entry((shown.chat, asked_in)).or_default().insert(shown.id, shown.text);
    }
}

fn meaning(text: &str) -> Answer {
    match text {
        text if text.starts_with('⚠') => Answer::Refused,
        text if text.contains("Nothing is playing") => Answer::Nothing,
        text if text.contains(" already.") => Answer::Already,
        _ => Answer::Took,
    }
}

// === impl Ear ===

impl Ear {
    pub(super) fn new(listener: Listener) -> Ear {
        Ear { listener, broke_off: None }
    }

    /// How long after `born` the first music came, once there is enough of it to know where it is.
    pub(super) fn audible(&self, born: Instant) -> Option<Duration> {
        let packets = self.listener.packets();
        let mut music = packets.iter().filter(|packet| is_music(packet));
        let first = music.next()?.arrival;
        (music.count() >= PIECE_MIN).then(|| first.saturating_duration_since(born))
    }

    /// A life is over: how wrong the position was that it went on at, if that can be known. `is_same`: no other track
    /// since the life before; `is_certain`: the track that broke off now is the one that goes on.
    pub(super) fn life_ends(&mut self, is_same: bool, is_certain: bool) -> Option<Duration> {
        let packets: Vec<Packet> =
            self.listener.take_packets().into_iter().filter(is_music).collect();
        let broke_off = self.broke_off.filter(|_| is_same);
        if packets.is_empty() {
            self.broke_off = broke_off;
            return None;
        }
        self.broke_off = None;
        if packets.len() < PIECE_MIN {
            return None;
        }
        if is_certain {
            let end = segments(&packets[packets.len().saturating_sub(PIECE)..]).pop();
            self.broke_off = end.map(|end| end.from_in_track + end.heard);
        }
        let before = broke_off?;
        let begin = segments(&packets[..packets.len().min(PIECE)]).into_iter().next()?;
        let (length, apart) = (SOUND.duration(), begin.from_in_track.abs_diff(before));
        Some(apart.min(length.saturating_sub(apart)))
    }
}

fn is_music(packet: &Packet) -> bool {
    packet.payload.len() > SILENCE_MAX
}

fn segments(packets: &[Packet]) -> Vec<Segment> {
    let all = simulator::ear::identify(&heard(packets).pcm);
    all.into_iter().filter(|segment| segment.sound == Sound::Track(SOUND)).collect()
}
