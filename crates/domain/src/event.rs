//! News that goes up: from a chat's player to whoever tells people and counts numbers.

use std::time::Duration;

use crate::fault::Fault;
use crate::ids::{Attempt, MessageId};
use crate::permission::Standing;
use crate::queue::EntryId;
use crate::track::{Requester, Track};

/// How a command came, so that its answer finds the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    Message(MessageId),
    /// A pressed button: the callback query's id.
    Button(i64),
}

/// Who gave a command, with what standing, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    pub name: String,
    pub standing: Standing,
    pub via: Via,
}

/// What happened in one chat's player.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    // --- requests ---
    /// A place in the queue was taken; the look-up runs.
    Accepted {
        entry: EntryId,
        asked_in: MessageId,
    },
    /// The track was found and waits at this place (1 = next).
    Queued {
        entry: EntryId,
        asked_in: MessageId,
        track: Track,
        place: usize,
        requester: Requester,
    },
    /// More came of one request than the queue could take.
    LeftOut {
        asked_in: MessageId,
        n_tracks: usize,
    },
    /// The queue of an earlier process was found, and stands behind what was asked for since.
    EarlierBack {
        n_tracks: usize,
        n_left_out: usize,
    },
    /// Nothing came of a request: not found, refused, the queue full.
    Rejected {
        entry: Option<EntryId>,
        asked_in: MessageId,
        fault: Fault,
    },
    // --- what sounds ---
    /// It sounds now.
    NowPlaying(Box<NowPlaying>),
    /// It sounds still (or holds), and is this far.
    Progress {
        attempt: Attempt,
        position: Duration,
        is_paused: bool,
    },
    /// The station that sounds named the song that is on.
    Titled {
        attempt: Attempt,
        title: String,
    },
    /// It sounded to its end.
    Ended {
        attempt: Attempt,
        track: Track,
        played: Duration,
    },
    /// It could not be played, or not to its end.
    Failed {
        entry: EntryId,
        attempt: Attempt,
        asked_in: MessageId,
        track: Track,
        fault: Fault,
    },
    /// The player died and lives again; what sounded goes on at this position, under a new attempt.
    Revived {
        was: Attempt,
        attempt: Attempt,
        position: Duration,
    },
    /// The process was started anew; what sounded goes on at this position, under a new attempt.
    Restored {
        was: Attempt,
        now: Box<NowPlaying>,
        position: Duration,
        is_paused: bool,
    },
    /// Nothing is left to play.
    Finished,
    // --- commands ---
    Paused {
        attempt: Attempt,
        by: By,
        position: Duration,
    },
    Resumed {
        attempt: Attempt,
        by: By,
        position: Duration,
    },
    /// The track is unknown while it is still being looked up.
    Skipped {
        attempt: Attempt,
        entry: EntryId,
        track: Option<Track>,
        by: By,
    },
    /// This many waiting tracks were let go.
    Stopped {
        by: By,
        n_dropped: usize,
    },
    Listed {
        by: By,
        listing: Listing,
    },
    /// There was nothing to pause, resume or skip.
    NothingPlaying {
        by: By,
    },
    /// It was paused (or playing) already.
    Unchanged {
        by: By,
        is_paused: bool,
    },
    /// The button belonged to an earlier track.
    Stale {
        by: By,
    },
    Forbidden {
        by: By,
    },
    // --- the call ---
    /// The voice chat cannot be used; the player gave up.
    CallFailed {
        fault: Fault,
        n_dropped: usize,
    },
    /// The connection was lost, or the assistant muted; the same position goes on when it is back.
    CallHeld {
        fault: Fault,
    },
    CallRestored,
    /// The voice chat ended; what waits is kept this long for a new one.
    CallEnded {
        wait: Duration,
    },
    /// Another assistant took the first one's place.
    AssistantChanged {
        fault: Fault,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct NowPlaying {
    pub entry: EntryId,
    pub attempt: Attempt,
    pub asked_in: MessageId,
    pub track: Track,
    pub requester: Requester,
    /// Measured by the decoder where it could, else as announced; `None` for endless streams.
    pub duration: Option<Duration>,
    pub n_waiting: usize,
}

/// The answer to `/queue`.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    pub now: Option<Sounding>,
    pub waiting: Vec<Waiting>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sounding {
    pub track: Track,
    pub requester: Requester,
    pub position: Duration,
    pub duration: Option<Duration>,
    pub is_paused: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// `None` while it is being looked up.
    pub track: Option<Track>,
    pub requester: Requester,
}
