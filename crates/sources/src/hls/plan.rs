//! What of a playlist is fetched next, and when it is asked for again (RFC 8216, section 6.3). Knows no clock: time is an
//! argument, counted from whenever the caller began.

use std::collections::VecDeque;
use std::time::Duration;

use super::list::{List, Segment};

/// A live programme begins this many segments before its end: nearer, the smallest delay is heard.
const EDGE: u64 = 3;

/// A list whose numbers fell this far behind began anew.
const RESTART: u64 = 3;

/// How often in a row the list may stay the same: minutes.
const SAME_MAX: u32 = 60;

/// How often one segment is asked for, and how many in a row may be missing.
const TRIES_MAX: u32 = 3;
const MISSING_MAX: u32 = 8;

/// The course of one programme.
#[derive(Debug)]
pub(super) struct Plan {
    /// The number of the segment after the last one that is known.
    next: u64,
    waiting: VecDeque<Segment>,
    is_over: bool,
    target: Duration,
    /// When the list is asked for again.
    reload_at: Duration,
    same: u32,
    tries: u32,
    missing: u32,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Fetch(Box<Segment>),
    /// Ask for the list, not before this time.
    Reload(Duration),
    End,
    /// It will not go on: for too long nothing was added, or nothing could be had.
    Lost,
}

// === impl Plan ===

impl Plan {
    pub(super) fn new(list: List, now: Duration) -> Plan {
        let mut plan = Plan {
            next: 0,
            waiting: VecDeque::new(),
            is_over: false,
            target: list.target,
            reload_at: now,
            same: 0,
            tries: 0,
            missing: 0,
        };
        plan.next = begin(&list);
        plan.take(list, now);
        plan
    }

    pub(super) fn is_live(&self) -> bool {
        !self.is_over
    }

    /// The list, asked for again; how many segments were missed.
    pub(super) fn reloaded(&mut self, list: List, now: Duration) -> u64 {
        let mut missed = 0;
        if list.first > self.next {
            // we were away for longer than the list goes back
            missed = list.first - self.next;
            self.next = if list.is_over { list.first } else { begin(&list) };
        } else if list.end().saturating_add(RESTART) < self.next {
            self.next = begin(&list);
        }
        self.take(list, now);
        missed
    }

    fn take(&mut self, list: List, now: Duration) {
        let is_same = list.end() <= self.next;
        self.same = if is_same { self.same + 1 } else { 0 };
        self.target = list.target;
        self.is_over = list.is_over;
        self.reload_at = now + if is_same { self.target / 2 } else { self.target };
        let known = usize::try_from(self.next.saturating_sub(list.first)).unwrap_or(usize::MAX);
        self.next = self.next.max(list.end());
        self.waiting.extend(list.segments.into_iter().skip(known));
    }

    /// The list could not be had this time.
    pub(super) fn reload_failed(&mut self, now: Duration) {
        self.same += 1;
        self.reload_at = now + self.target / 2;
    }

    pub(super) fn next(&mut self) -> Next {
        while self.waiting.front().is_some_and(|segment| segment.is_gap) {
            self.waiting.pop_front();
        }
        match self.waiting.front() {
            _ if self.missing >= MISSING_MAX || self.same >= SAME_MAX => Next::Lost,
            Some(segment) => Next::Fetch(Box::new(segment.clone())),
            None if self.is_over => Next::End,
            None => Next::Reload(self.reload_at),
        }
    }

    pub(super) fn fetched(&mut self) {
        self.waiting.pop_front();
        (self.tries, self.missing) = (0, 0);
    }

    /// A segment could not be had; `is_gone` when there is no use in asking again. Whether it is left out.
    pub(super) fn failed(&mut self, is_gone: bool) -> bool {
        self.tries += 1;
        if !is_gone && self.tries < TRIES_MAX {
            return false;
        }
        self.waiting.pop_front();
        self.tries = 0;
        self.missing += 1;
        true
    }
}

/// Where a programme begins: at its first segment, or near the end of a live one.
fn begin(list: &List) -> u64 {
    if list.is_over { list.first } else { list.end().saturating_sub(EDGE).max(list.first) }
}
