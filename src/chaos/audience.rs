//! The chats: what each asked for, what sounded in it, and how evenly its packets came.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use simulator::music::Track;
use simulator::world::{ADA, ASSISTANT, BORIS, BOT, DMITRI, Place, PlaceKind, SECOND_ASSISTANT};

use super::report::Report;
use crate::simulated::Simulated;

/// Tracks asked for ahead of what sounds.
const AHEAD: usize = 3;
/// A chat to which something was done is not looked at for this long.
const SORE: Duration = Duration::from_secs(12);
/// The titles are unmistakable in any of these.
const ORDER: [Track; 4] = [Track::Orchard, Track::Northbound, Track::Meridian, Track::Harbour];

struct Chat {
    id: i64,
    asked: Vec<Track>,
    /// Titles that sounded, in their order.
    sounded: usize,
    touched: Option<Instant>,
    /// The longest time between two packets so far, by source.
    spacing: HashMap<u32, Duration>,
}

pub(super) struct Audience {
    chats: Vec<Chat>,
    gap_untouched: Duration,
}

fn chat_id(n: usize) -> i64 {
    // channel 3,000 and up, as bot APIs write it
    -(1_000_000_000_000 + 3_000 + n as i64)
}

/// Supergroups with a voice chat, and both assistants in each.
pub(super) fn places(n_chats: usize) -> impl Iterator<Item = Place> {
    (0..n_chats).map(|n| Place {
        id: chat_id(n),
        kind: PlaceKind::Supergroup,
        title: format!("Chat {n}"),
        username: None,
        creator: ADA,
        admins: vec![BOT],
        anonymous: Vec::new(),
        members: vec![BORIS, DMITRI, ASSISTANT, SECOND_ASSISTANT],
        voice_chat: true,
        linked: None,
    })
}

// === impl Audience ===

impl Audience {
    pub(super) fn new(n_chats: usize) -> Audience {
        let chat = |n| Chat {
            id: chat_id(n),
            asked: Vec::new(),
            sounded: 0,
            touched: None,
            spacing: HashMap::new(),
        };
        Audience { chats: (0..n_chats).map(chat).collect(), gap_untouched: Duration::ZERO }
    }

    pub(super) fn chats(&self) -> Vec<i64> {
        self.chats.iter().map(|chat| chat.id).collect()
    }

    pub(super) fn touched(&mut self, id: Option<i64>) {
        for chat in self.chats.iter_mut().filter(|chat| Some(chat.id) == id) {
            chat.touched = Some(Instant::now());
        }
    }

    /// People keep a few tracks waiting in every chat.
    pub(super) fn ask_for_more(&mut self, simulated: &Simulated) -> Result<()> {
        for (n, chat) in self.chats.iter_mut().enumerate() {
            chat.sounded = sounded(simulated, chat.id).len();
            while chat.asked.len() < chat.sounded + AHEAD {
                let track = ORDER[(chat.asked.len() + n) % ORDER.len()];
                chat.asked.push(track);
                let asked = simulated.telegram.world().say(
                    ADA,
                    chat.id,
                    &format!("/play {}", track.title()),
                );
                asked.map_err(|refusal| anyhow::anyhow!("{}: {refusal:?}", chat.id))?;
            }
        }
        Ok(())
    }

    /// Notes how evenly packets came; blames only what happened while nothing was done to the chat.
    pub(super) fn look(&mut self, simulated: &Simulated) {
        for chat in &mut self.chats {
            let is_sore = chat.touched.is_some_and(|at| at.elapsed() < SORE);
            for source in playing(simulated, chat.id) {
                let (ssrc, longest) = (source.ssrc, source.spacing.max());
                let before = chat.spacing.insert(ssrc, longest).unwrap_or_default();
                if longest > before && !is_sore {
                    self.gap_untouched = self.gap_untouched.max(longest);
                }
            }
        }
    }

    /// Waits until every chat's packets flow; people go on asking for tracks meanwhile.
    pub(super) async fn until_all_play(
        &mut self,
        simulated: &Simulated,
        within: Duration,
    ) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            self.ask_for_more(simulated)?;
            let counts = || -> Vec<(i64, u64)> {
                self.chats.iter().map(|chat| (chat.id, n_packets(simulated, chat.id))).collect()
            };
            let before = counts();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let silent: Vec<i64> = before
                .into_iter()
                .zip(counts())
                .filter(|((_, before), (_, now))| now == before || *now == 0)
                .map(|((id, _), _)| id)
                .collect();
            if silent.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("these chats are silent: {silent:?}");
            }
        }
    }

    /// Tracks asked for and passed over, or told as failed, are lost.
    pub(super) fn judge(&self, simulated: &Simulated) -> Report {
        let mut report = Report::default();
        for chat in &self.chats {
            let sounded = sounded(simulated, chat.id);
            let mut wanted = chat.asked.iter();
            for title in &sounded {
                let passed = wanted
                    .by_ref()
                    .take_while(|track| !title.contains(&track.title().to_lowercase()))
                    .map(|track| format!("{} was passed over in {}", track.title(), chat.id));
                report.complaints.extend(passed);
            }
            report.complaints.extend(complaints(simulated, chat.id));
            report.tracks_sounded += sounded.len();
        }
        report.tracks_lost = report.complaints.len();
        report.gap_untouched_ms = self.gap_untouched.as_millis() as u64;
        report
    }

    /// Everybody has had enough; waits until no chat is left in the tree.
    pub(super) async fn end(&self, simulated: &Simulated, within: Duration) -> Result<()> {
        for chat in &self.chats {
            let stopped = simulated.telegram.world().say(ADA, chat.id, "/stop");
            stopped.map_err(|refusal| anyhow::anyhow!("{}: {refusal:?}", chat.id))?;
        }
        let is_any = || {
            let snapshot = simulated.tree.root().snapshot();
            snapshot.children.iter().any(|child| child.path.starts_with("root/chats/"))
        };
        let ending = async {
            while is_any() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(within, ending).await.context("not every chat ended")
    }
}

fn playing(simulated: &Simulated, chat: i64) -> Vec<simulator::sfu::SourceStats> {
    let peers = simulated.telegram.sfu().stats(chat);
    peers.into_iter().flat_map(|peer| peer.sources).collect()
}

fn n_packets(simulated: &Simulated, chat: i64) -> u64 {
    playing(simulated, chat).iter().map(|source| source.packets).sum()
}

/// The titles of all panels, the oldest first, in small letters.
fn sounded(simulated: &Simulated, chat: i64) -> Vec<String> {
    const HEADS: [&str; 5] =
        ["▶️ Now playing\n", "⏸ Paused\n", "⏹ Played\n", "⏭ Skipped\n", "⏹ Stopped\n"];
    let messages = simulated.telegram.world().messages(chat);
    let panels = messages.iter().filter_map(|shown| {
        let rest = HEADS.iter().find_map(|head| shown.text.strip_prefix(head))?;
        Some(rest.lines().next().unwrap_or_default().to_lowercase())
    });
    panels.collect()
}

/// What people were told that something cannot be played.
fn complaints(simulated: &Simulated, chat: i64) -> Vec<String> {
    let messages = simulated.telegram.world().messages(chat);
    messages.into_iter().map(|shown| shown.text).filter(|text| text.starts_with('⚠')).collect()
}
