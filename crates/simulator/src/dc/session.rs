//! Session — what the server remembers of one session of one key: message ids, sequence numbers, what was seen.

use std::collections::{BTreeMap, VecDeque};

/// Message ids remembered per session; an older one is refused with code 20.
const SEEN_MAX: usize = 2048;
/// Answers kept for repetition, in bytes; the oldest go first.
const KEPT_BYTES_MAX: usize = 4 << 20;
/// Message ids may run ahead of the clock this far before the clock is taken for set back.
const CLOCK_SET_BACK_SECONDS: i64 = 5;
/// Messages of ours which wait for an acknowledgement.
const UNACKED_MAX: usize = 4096;

/// How far a message of the client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It wants no answer, or had one which is not kept any more.
    Done,
    /// The service is at work.
    Running,
    /// The whole `rpc_result`, until the client acknowledges it.
    Answered(Vec<u8>),
    /// `rpc_drop_answer`: the client does not want it.
    Dropped,
}

/// What a message id of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It answers a message of the client.
    Answer,
    /// It comes by itself.
    Notice,
}

#[derive(Default)]
pub(super) struct Session {
    /// Sessions are numbered in order of birth.
    pub(super) number: u64,
    pub(super) layer: Option<i32>,
    pub(super) wants_updates: bool,
    /// `new_session_created` has been sent.
    pub(super) is_announced: bool,
    /// The service has heard of it since it last lost its connections.
    pub(super) was_reachable: bool,
    /// Live connections, the newest user last.
    pub(super) links: Vec<u64>,
    /// Answers finished while no connection was there.
    pub(super) undelivered: VecDeque<Vec<u8>>,
    /// By message id of ours: the request it answers, if it does.
    pub(super) unacked: BTreeMap<i64, Option<i64>>,
    seen: BTreeMap<i64, Seen>,
    forgotten_below: i64,
    kept_bytes: usize,
    last_id: i64,
    content: i32,
    newest_in: (i64, i32),
}

impl Session {
    pub(super) fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    /// A new message id: later than every other, its low bits telling the class. Only when the server's clock was set
    /// back does it go back too, since clients learn the time from it.
    pub(super) fn next_id(&mut self, (seconds, nanos): (i64, u32), class: Class) -> i64 {
        let fraction = (i64::from(nanos) << 32) / 1_000_000_000;
        let low = if class == Class::Answer { 1 } else { 3 };
        let mut id = (((seconds << 32) | fraction) & !3) | low;
        let is_clock_set_back = (self.last_id >> 32) - seconds > CLOCK_SET_BACK_SECONDS;
        if id <= self.last_id && !is_clock_set_back {
            id = (self.last_id & !3) + 4 + low;
        }
        self.last_id = id;
        id
    }

    pub(super) fn next_seq(&mut self, is_content: bool) -> i32 {
        let seq = self.content * 2 + i32::from(is_content);
        self.content += i32::from(is_content);
        seq
    }

    /// The code of `bad_msg_notification` for this sequence number, if it deserves one. Messages from later than
    /// `latest`, which were accepted before the clock was set back, are no measure.
    pub(super) fn judge_seq(
        &mut self,
        id: i64,
        seq: i32,
        wants_odd: Option<bool>,
        latest: i64,
    ) -> Option<i32> {
        let is_odd = seq & 1 == 1;
        match wants_odd {
            Some(true) if !is_odd => return Some(35),
            Some(false) if is_odd => return Some(34),
            _ => {}
        }
        if self.newest_in.0 >> 32 > latest {
            self.newest_in = (0, 0);
        }
        let (newest_id, newest_seq) = self.newest_in;
        if id > newest_id {
            if newest_id != 0 && (seq < newest_seq || (seq == newest_seq && is_odd)) {
                return Some(32);
            }
            self.newest_in = (id, seq);
        } else if id < newest_id && seq > newest_seq {
            return Some(33);
        }
        None
    }

    pub(super) fn seen(&self, id: i64) -> Option<&Seen> {
        self.seen.get(&id)
    }

    /// The id is so old that nobody knows whether it was seen.
    pub(super) fn is_forgotten(&self, id: i64) -> bool {
        id <= self.forgotten_below
    }

    pub(super) fn remember(&mut self, id: i64, seen: Seen) {
        if let Seen::Answered(body) = &seen {
            self.kept_bytes += body.len();
        }
        if let Some(Seen::Answered(old)) = self.seen.insert(id, seen) {
            self.kept_bytes -= old.len();
        }
        while self.seen.len() > SEEN_MAX {
            if let Some((oldest, seen)) = self.seen.pop_first() {
                self.forgotten_below = oldest;
                self.kept_bytes -= if let Seen::Answered(body) = seen { body.len() } else { 0 };
            }
        }
        if self.kept_bytes > KEPT_BYTES_MAX {
            self.forget_answers(id);
        }
    }

    fn forget_answers(&mut self, except: i64) {
        for (id, seen) in &mut self.seen {
            if self.kept_bytes <= KEPT_BYTES_MAX / 2 {
                break;
            }
            if let Seen::Answered(body) = seen
                && *id != except
            {
                self.kept_bytes -= body.len();
                *seen = Seen::Done;
            }
        }
    }

    /// Notes a message of ours that the client should acknowledge.
    pub(super) fn expect_ack(&mut self, id: i64, request: Option<i64>) {
        self.unacked.insert(id, request);
        if self.unacked.len() > UNACKED_MAX {
            self.unacked.pop_first();
        }
    }

    /// The client has a message of ours; its kept answer can go. False when it was not expected.
    pub(super) fn acknowledge(&mut self, id: i64) -> bool {
        let Some(request) = self.unacked.remove(&id) else { return false };
        if let Some(request) = request
            && matches!(self.seen(request), Some(Seen::Answered(_)))
        {
            self.remember(request, Seen::Done);
        }
        true
    }
}
