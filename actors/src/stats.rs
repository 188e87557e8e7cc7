//! Stats — one look at everything, as plain data: what /stats shows, what SIGUSR1 writes down, and what a page or a
//! metrics endpoint would serve. Whatever is shown is taken from one value of it.

use std::sync::Arc;
use std::time::Duration;

use domain::ChatId;
use serde::{Deserialize, Serialize};
use supervisor::{ChildSnapshot, Snapshot, State};
use tokio::time::Instant;

use crate::root::Tree;
use crate::root::chats::Chats;

/// A message that is handled for so long is not handled well.
const BUSY_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    pub version: String,
    pub uptime_ms: u64,
    /// Resident, where the system tells it.
    pub memory_bytes: Option<u64>,
    pub totals: Totals,
    pub engine: Engine,
    /// How the outside services are doing, in the order of asking.
    pub services: Vec<domain::league::Line>,
    /// What was fetched and kept; `None` when nothing is.
    pub cache: Option<CacheStats>,
    /// What outlives the process; `None` while it is not open.
    pub store: Option<StoreStats>,
    /// Those that have a player, by their numbers.
    pub chats: Vec<ChatStats>,
    pub tree: Snapshot,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub chats: usize,
    pub playing: usize,
    pub paused: usize,
    /// Accounts that are signed in, and all of them.
    pub sessions_ready: usize,
    pub sessions: usize,
    pub restarts: u64,
    pub unwell: usize,
}

/// The audio of all chats together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    pub clocks: usize,
    pub streams: usize,
    pub producers: usize,
    /// The worst lateness of a frame since start.
    pub lateness_max_us: u64,
    /// Share of real time that one encoder takes, in thousandths.
    pub encode_load_permille: u32,
    pub packets_corrupt: u64,
}

/// What was fetched and kept, and what it was good for since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheStats {
    pub entries: u64,
    pub bytes: u64,
    pub bytes_max: u64,
    /// Tracks that were played from the disk, and those that were not there.
    pub hits: u64,
    pub misses: u64,
    /// Downloads that were gone on with.
    pub resumed: u64,
    /// Tracks that could not be written, and streamed on.
    pub given_up: u64,
    /// What was found damaged and removed.
    pub damaged: u64,
}

/// What outlives the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// `embedded`, `mongodb` or `embedded+mongodb`.
    pub engine: String,
    /// What is wrong with it; `None` when it is well.
    pub why: Option<String>,
    pub commits: u64,
    /// Commits that did not work.
    pub failed: u64,
    /// From asking to durable: half of the last ones, and 99 of 100, were quicker.
    pub commit_p50_us: u64,
    pub commit_p99_us: u64,
    /// Records that MongoDB has not got yet.
    pub outbox: u64,
    /// Records that it got from there.
    pub replayed: u64,
    pub file_bytes: u64,
    /// Records that were found damaged and put aside.
    pub quarantined: u64,
}

/// One chat's player and call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatStats {
    pub chat: i64,
    pub activity: Activity,
    pub track: Option<TrackStats>,
    pub position_ms: Option<u64>,
    pub n_waiting: usize,
    pub audio: Audio,
    /// The connection to the voice chat, while it carries frames.
    pub line: Option<Line>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    #[default]
    Idle,
    Searching,
    Loading,
    Playing,
    Paused,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackStats {
    pub title: String,
    /// `None` for endless streams.
    pub duration_ms: Option<u64>,
}

/// Frames of 20 ms since the chat began: `sent + nulled` is what listeners got, `deficit` what they should have got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    pub sent: u64,
    pub nulled: u64,
    pub deficit: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub packets_sent: u64,
    /// Lost on our side: the queue was full, or the connection not up yet.
    pub packets_dropped: u64,
    pub round_trip_ms: Option<u64>,
    /// How long the media server has said nothing.
    pub silent_for_ms: Option<u64>,
    /// What the media server says about our packets, once it has.
    pub reception: Option<Reception>,
}

/// How the media server receives a call, by its last report (RFC 3550).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reception {
    /// Packets that never reached it, since the call was joined; and their share, in thousandths.
    pub packets_lost: u64,
    pub lost_permille: u32,
    /// The share between its last two reports.
    pub lost_lately_permille: u32,
    /// How unevenly packets reach it.
    pub jitter_us: u64,
}

/// How the sound is, in one word; the worse, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    Good,
    /// Less than one frame in a hundred is missing.
    Fair,
    Poor,
}

/// Where stats come from. Cheap to clone, and it waits for nobody.
#[derive(Clone)]
pub(crate) struct Board {
    pub(crate) chats: Chats,
    pub(crate) engine: Arc<media::Engine>,
    pub(crate) started: Instant,
    /// How large the process is.
    pub(crate) memory: fn() -> Option<u64>,
    pub(crate) ledger: crate::ledger::Ledger,
    pub(crate) cache: sources::cache::Cache,
    pub(crate) shelf: crate::shelf::Shelf,
}

// === impl Board ===

impl Board {
    pub(crate) fn collect(&self, tree: &supervisor::Tree) -> Stats {
        let tree = tree.snapshot();
        let engine = self.engine.stats();
        let chats = self.chats.read();
        Stats {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: self.started.elapsed().as_millis() as u64,
            memory_bytes: (self.memory)(),
            totals: totals(&tree, &chats),
            engine: Engine {
                clocks: engine.clocks,
                streams: engine.streams,
                producers: engine.producers,
                lateness_max_us: engine.lateness_max.as_micros() as u64,
                encode_load_permille: engine.encode_load_permille,
                packets_corrupt: engine.packets_corrupt,
            },
            services: self.ledger.table(),
            cache: self.cache.figures().map(CacheStats::of),
            store: self.shelf.now().map(|store| StoreStats::of(store.stats())),
            chats,
            tree,
        }
    }

    /// One chat, if it has a player.
    pub(crate) fn chat(&self, chat: ChatId) -> Option<ChatStats> {
        self.chats.sheet(chat).map(|sheet| sheet.read(chat))
    }
}

fn totals(tree: &Snapshot, chats: &[ChatStats]) -> Totals {
    let n_doing = |activity| chats.iter().filter(|chat| chat.activity == activity).count();
    let accounts = || tree.children.iter().filter(|child| is_account(&child.path));
    Totals {
        chats: chats.len(),
        playing: n_doing(Activity::Playing),
        paused: n_doing(Activity::Paused),
        sessions_ready: accounts().filter(|child| child.state == State::Ready).count(),
        sessions: accounts().count(),
        restarts: tree.children.iter().map(|child| child.restarts).sum(),
        unwell: tree.children.iter().filter_map(severity).count(),
    }
}

/// The bot and the assistants: whoever has signed in to Telegram.
pub fn is_account(path: &str) -> bool {
    path == "root/bot" || path.starts_with("root/assistants/")
}

/// How much a child wants to be looked at, 0 the most; `None` when it is well.
fn severity(child: &ChildSnapshot) -> Option<u8> {
    let is_busy = child.mailbox.busy_for_ms.is_some_and(|ms| u128::from(ms) > BUSY_MAX.as_millis());
    match &child.state {
        State::Parked => Some(0),
        _ if is_busy => Some(1),
        State::Backoff => Some(2),
        State::Degraded(_) => Some(3),
        State::Starting | State::Waiting if child.failures > 0 => Some(4),
        _ => None,
    }
}

// === impl Stats ===

impl Stats {
    /// Those who are not well, the worst first.
    pub fn unwell(&self) -> Vec<&ChildSnapshot> {
        let mut unwell: Vec<(u8, &ChildSnapshot)> =
            self.tree.children.iter().filter_map(|child| Some((severity(child)?, child))).collect();
        unwell.sort_by_key(|(severity, _)| *severity);
        unwell.into_iter().map(|(_, child)| child).collect()
    }
}

// === impl Tree ===

impl Tree {
    /// Everything, as it is now.
    pub fn stats(&self) -> Stats {
        self.board.collect(self.root().tree())
    }

    /// Chats in which something sounds.
    pub fn n_playing(&self) -> usize {
        self.board.chats.n_playing()
    }
}

// === impl StoreStats ===

impl StoreStats {
    fn of(stats: storage::Stats) -> StoreStats {
        let why = match stats.state {
            storage::State::Ready => None,
            storage::State::Degraded(why) => Some(why),
        };
        StoreStats {
            engine: stats.engine.to_owned(),
            why,
            commits: stats.commits,
            failed: stats.failed,
            commit_p50_us: stats.commit_p50_us,
            commit_p99_us: stats.commit_p99_us,
            outbox: stats.outbox,
            replayed: stats.replayed,
            file_bytes: stats.file_bytes,
            quarantined: stats.quarantined,
        }
    }
}

// === impl CacheStats ===

impl CacheStats {
    fn of(figures: sources::cache::Figures) -> CacheStats {
        CacheStats {
            entries: figures.entries,
            bytes: figures.bytes,
            bytes_max: figures.bytes_max,
            hits: figures.hits,
            misses: figures.misses,
            resumed: figures.resumed,
            given_up: figures.given_up,
            damaged: figures.damaged,
        }
    }
}

// === impl Audio ===

impl Audio {
    fn quality(self) -> Quality {
        let missing = self.nulled + self.deficit;
        let all = self.sent + missing;
        match missing {
            _ if missing * 1_000 <= all => Quality::Good,
            _ if missing * 100 <= all => Quality::Fair,
            _ => Quality::Poor,
        }
    }
}

// === impl Reception ===

impl Reception {
    /// Decoders conceal a packet that is missing now and then.
    fn quality(self) -> Quality {
        match self.lost_permille {
            0..=10 => Quality::Good,
            11..=50 => Quality::Fair,
            _ => Quality::Poor,
        }
    }
}

// === impl ChatStats ===

impl ChatStats {
    /// How it sounds to who listens, as far as that is in our hands; nothing while nobody can hear it.
    pub fn quality(&self) -> Option<Quality> {
        let on_the_way = self.line?.reception.map_or(Quality::Good, Reception::quality);
        Some(self.audio.quality().max(on_the_way))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_good_until_one_frame_in_a_thousand_is_missing() {
        let audio = |sent, nulled, deficit| Audio { sent, nulled, deficit }.quality();
        assert_eq!(audio(0, 0, 0), Quality::Good);
        assert_eq!(audio(9_990, 10, 0), Quality::Good);
        assert_eq!(audio(9_950, 25, 25), Quality::Fair);
        assert_eq!(audio(900, 50, 50), Quality::Poor);
    }

    #[test]
    fn sound_is_as_good_as_the_worst_part_of_its_way() {
        let chat = |nulled, lost_permille| ChatStats {
            chat: -1,
            activity: Activity::Playing,
            track: None,
            position_ms: None,
            n_waiting: 0,
            audio: Audio { sent: 9_000, nulled, deficit: 0 },
            line: Some(Line {
                reception: Some(Reception { lost_permille, ..Reception::default() }),
                ..Line::default()
            }),
        };
        assert_eq!(chat(0, 10).quality(), Some(Quality::Good));
        assert_eq!(chat(0, 30).quality(), Some(Quality::Fair));
        assert_eq!(chat(0, 100).quality(), Some(Quality::Poor));
        assert_eq!(chat(1_000, 0).quality(), Some(Quality::Poor));
        assert_eq!(ChatStats { line: None, ..chat(0, 0) }.quality(), None);
    }
}
