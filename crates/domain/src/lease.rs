//! Who may be connected and write, where no lock of a file keeps two processes apart: a record that names its owner, and
//! a count that the owner raises as long as it lives.
//!
//! Nobody's clock is compared with anybody's: whoever waits sees, by its own, that the count stands still. Time is a
//! `Duration` since a moment of the process.

use std::time::Duration;

/// How often the owner raises the count.
pub const RAISE_EVERY: Duration = Duration::from_secs(3);
/// How often whoever waits looks.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A count that stands still for so long is of a process that is gone.
pub const STILL_MAX: Duration = Duration::from_secs(15);
/// So long after the owner asked, the answer allows a write to begin, and to be under way: both end before anybody else
/// could write.
pub const BEGIN_MAX: Duration = Duration::from_secs(6);
pub const WRITE_MAX: Duration = Duration::from_secs(12);
/// More than this between two looks says nothing: whoever waits stood still itself.
const BLINK_MAX: Duration = Duration::from_secs(3);

/// A process, by a random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(pub u64);

/// The record, as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// `None` when it was given back, or was never taken.
    pub owner: Option<Owner>,
    pub count: u64,
}

/// What whoever wants it has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Put this in place of what was found, if that is there still.
    Take(Lease),
    Wait,
    /// It is taken: an earlier try worked, though its answer was lost.
    Ours(Lease),
}

/// Somebody who wants it.
#[derive(Debug, Clone)]
pub struct Candidate {
    me: Owner,
    seen: Option<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    lease: Lease,
    at: Duration,
    still: Duration,
}

// === impl Candidate ===

impl Candidate {
    pub fn new(me: Owner) -> Candidate {
        Candidate { me, seen: None }
    }

    /// This lies there at `now`.
    pub fn look(&mut self, lease: Lease, now: Duration) -> Step {
        let take = Step::Take(Lease { owner: Some(self.me), count: lease.count + 1 });
        match lease.owner {
            None => take,
            Some(owner) if owner == self.me => Step::Ours(lease),
            Some(_) => {
                let still = match self.seen {
                    Some(seen) if seen.lease == lease => {
                        seen.still + now.saturating_sub(seen.at).min(BLINK_MAX)
                    }
                    _ => Duration::ZERO,
                };
                self.seen = Some(Seen { lease, at: now, still });
                if still >= STILL_MAX { take } else { Step::Wait }
            }
        }
    }

    /// It could not be looked. Perhaps its owner could not raise the count either: the waiting begins anew.
    pub fn blind(&mut self) {
        self.seen = None;
    }
}

/// The owner.
#[derive(Debug, Clone)]
pub struct Holder {
    me: Owner,
    lies: Lease,
    /// When it was asked what was answered last.
    asked: Duration,
    is_lost: bool,
}

// === impl Holder ===

impl Holder {
    /// Who took `lease`, having asked for it at `asked`.
    pub fn new(me: Owner, lease: Lease, asked: Duration) -> Holder {
        Holder { me, lies: lease, asked, is_lost: false }
    }

    /// What has to be there, and what is put in its place.
    pub fn raise(&self) -> (Lease, Lease) {
        (self.lies, Lease { owner: Some(self.me), count: self.lies.count + 1 })
    }

    /// It was put there.
    pub fn raised(&mut self, to: Lease, asked: Duration) {
        (self.lies, self.asked) = (to, asked);
    }

    /// Something else lies there: what we put there when its answer was lost, or nothing because somebody emptied the
    /// database, and both are raised from there; or another's.
    pub fn found(&mut self, lease: Lease, asked: Duration) {
        self.lies = lease;
        match lease.owner {
            Some(owner) if owner != self.me => self.is_lost = true,
            Some(_) => self.asked = asked,
            None => {}
        }
    }

    /// Another process has it.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Until when a write that begins now may be under way; `None` when it has to be asked first whether we own it still.
    pub fn may_write(&self, now: Duration) -> Option<Duration> {
        let is_known = !self.is_lost && now <= self.asked + BEGIN_MAX;
        is_known.then_some(self.asked + WRITE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Owner = Owner(1);
    const OTHER: Owner = Owner(2);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn of(owner: Owner, count: u64) -> Lease {
        Lease { owner: Some(owner), count }
    }

    #[test]
    fn what_was_given_back_is_taken_at_once() {
        let mut me = Candidate::new(ME);
        assert_eq!(me.look(Lease { owner: None, count: 7 }, s(0)), Step::Take(of(ME, 8)));
        assert_eq!(me.look(of(ME, 8), s(1)), Step::Ours(of(ME, 8)), "its answer was lost");
    }

    #[test]
    fn as_long_as_the_count_rises_nobody_takes_it() {
        let mut me = Candidate::new(ME);
        for at in 0..1_000 {
            assert_eq!(me.look(of(OTHER, at / 3), s(at)), Step::Wait, "after {at} s");
        }
    }

    #[test]
    fn a_count_that_stands_still_is_taken_and_not_a_moment_before() {
        let mut me = Candidate::new(ME);
        for at in 0..15 {
            assert_eq!(me.look(of(OTHER, 5), s(at)), Step::Wait, "after {at} s");
        }
        assert_eq!(me.look(of(OTHER, 5), s(15)), Step::Take(of(ME, 6)));
        // another newcomer was quicker, and lives
        assert_eq!(me.look(of(Owner(3), 6), s(16)), Step::Wait);
    }

    #[test]
    fn time_in_which_it_could_not_look_is_not_the_owners() {
        let mut me = Candidate::new(ME);
        for at in 0..15 {
            me.look(of(OTHER, 5), s(at));
        }
        me.blind();
        assert_eq!(me.look(of(OTHER, 5), s(60)), Step::Wait, "MongoDB was away for both");
        assert_eq!(me.look(of(OTHER, 5), s(600)), Step::Wait, "it stood still itself");
    }

    #[test]
    fn a_write_ends_before_anybody_else_could_take_it() {
        let holder = Holder::new(ME, of(ME, 1), s(100));
        assert_eq!(holder.may_write(s(106)), Some(s(112)));
        assert_eq!(holder.may_write(s(107)), None, "it has to be asked first");
        assert!(WRITE_MAX < STILL_MAX && BEGIN_MAX < WRITE_MAX && RAISE_EVERY * 2 <= BEGIN_MAX);
    }

    #[test]
    fn an_owner_goes_on_from_what_it_put_there_and_stops_at_anothers() {
        let mut holder = Holder::new(ME, of(ME, 1), s(0));
        assert_eq!(holder.raise(), (of(ME, 1), of(ME, 2)));
        holder.raised(of(ME, 2), s(3));
        assert_eq!(holder.raise(), (of(ME, 2), of(ME, 3)));
        // the answer to the next was lost
        holder.found(of(ME, 3), s(9));
        assert_eq!((holder.raise(), holder.may_write(s(9))), ((of(ME, 3), of(ME, 4)), Some(s(21))));
        // somebody emptied the database
        let nobodys = Lease { owner: None, count: 0 };
        holder.found(nobodys, s(30));
        assert_eq!((holder.raise().0, holder.may_write(s(30))), (nobodys, None));
        assert!(!holder.is_lost());
        holder.found(of(OTHER, 4), s(31));
        assert!(holder.is_lost());
        assert_eq!(holder.may_write(s(31)), None);
    }
}
