//! What one chat shows of itself: written by its player and its call, read by anybody, waited for by nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::player::{Phase, Player as Rules};
use domain::{Attempt, ChatId};

use crate::stats::{Activity, Audio, ChatStats, Line, Reception, TrackStats};

pub(crate) struct Sheet {
    stream: Arc<media::Stream>,
    shown: Mutex<Shown>,
    /// The connection that frames go to, while they do.
    line: Mutex<Option<group_call::Sender>>,
}

#[derive(Clone, Default)]
struct Shown {
    activity: Activity,
    attempt: Option<Attempt>,
    track: Option<TrackStats>,
    n_waiting: usize,
}

// === impl Sheet ===

impl Sheet {
    pub(crate) fn new(stream: Arc<media::Stream>) -> Sheet {
        Sheet { stream, shown: Mutex::default(), line: Mutex::default() }
    }

    /// The player is somewhere else now.
    pub(crate) fn show(&self, rules: &Rules) {
        let activity = match rules.phase() {
            Phase::Idle | Phase::Stopping => Activity::Idle,
            Phase::Resolving => Activity::Searching,
            Phase::Buffering => Activity::Loading,
            Phase::Playing => Activity::Playing,
            Phase::Paused => Activity::Paused,
        };
        let track = rules.track().map(|(track, duration)| TrackStats {
            title: domain::track::clean_title(&track.display(), TITLE_MAX, "?"),
            duration_ms: duration.map(|duration| duration.as_millis() as u64),
        });
        let attempt = rules.current_attempt();
        *lock(&self.shown) = Shown { activity, attempt, track, n_waiting: rules.queue().len() };
    }

    /// Frames go to this connection now, or nowhere.
    pub(crate) fn connect(&self, line: Option<group_call::Sender>) {
        *lock(&self.line) = line;
    }

    pub(crate) fn activity(&self) -> Activity {
        lock(&self.shown).activity
    }

    pub(crate) fn read(&self, chat: ChatId) -> ChatStats {
        let shown = lock(&self.shown).clone();
        let at = self.stream.position().filter(|at| Some(at.attempt) == shown.attempt);
        let frames = self.stream.stats();
        let line = lock(&self.line).as_ref().map(group_call::Sender::stats);
        let ms = |duration: std::time::Duration| duration.as_millis() as u64;
        ChatStats {
            chat: chat.0,
            activity: shown.activity,
            track: shown.track,
            position_ms: at.map(|at| ms(at.at)),
            n_waiting: shown.n_waiting,
            audio: Audio { sent: frames.sent, nulled: frames.nulled, deficit: frames.deficit },
            line: line.map(|line| Line {
                packets_sent: line.packets_sent,
                packets_dropped: line.packets_dropped,
                round_trip_ms: line.round_trip.map(ms),
                silent_for_ms: line.last_inbound.map(ms),
                reception: line.reception.map(|report| reception(report, line.packets_sent)),
            }),
        }
    }
}

/// A report is a second or a few old; what was sent since then hardly changes a share.
fn reception(report: group_call::Reception, packets_sent: u64) -> Reception {
    let packets_lost = u64::from(report.packets_lost);
    let share = (packets_lost * 1_000).checked_div(packets_sent).unwrap_or(0).min(1_000);
    Reception {
        packets_lost,
        lost_permille: share as u32,
        lost_lately_permille: report.lost_permille(),
        jitter_us: report.jitter().as_micros() as u64,
    }
}

/// Longest title kept, in characters; there may be thousands of sheets on one page of numbers.
const TITLE_MAX: usize = 120;

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
