//! Flight: the latest messages of a DTLS handshake that left here, to be sent again when they seem lost.
//!
//! RFC 6347 §4.2.4 wants a flight repeated until the next one of the peer has come. The library (rtc-dtls 0.21.1) stops
//! its timer with the first datagram that comes: when that is a part of an answer, or the peer's former flight once more
//! because ours got lost, nobody would ever send again and the call would not come up. So its owner repeats the same
//! datagrams; those that came already are dropped as repeated ones. Time is an argument, nothing is sent from here.

use std::time::{Duration, Instant};

/// What leaves within this time of each other is one flight.
const TOGETHER: Duration = Duration::from_millis(100);
/// How often one flight is sent again.
const AGAIN_MAX: u32 = 6;
/// More datagrams are no handshake of ours.
const DATAGRAMS_MAX: usize = 16;

#[derive(Debug)]
pub(crate) struct Flight {
    patience: Duration,
    datagrams: Vec<Vec<u8>>,
    sent: Option<Instant>,
    is_answered: bool,
    n_again: u32,
}

// === impl Flight ===

impl Flight {
    /// `patience`: the first wait before it is sent again; it doubles.
    pub(crate) fn new(patience: Duration) -> Flight {
        Flight { patience, datagrams: Vec::new(), sent: None, is_answered: false, n_again: 0 }
    }

    /// A DTLS datagram came: what leaves next, if anything does, is another flight.
    pub(crate) fn answered(&mut self) {
        self.is_answered = true;
    }

    /// A DTLS datagram leaves.
    pub(crate) fn note(&mut self, datagram: &[u8], now: Instant) {
        // handshake and change_cipher_spec (RFC 5246 §6.2.1); an alert is said once
        if !matches!(datagram.first(), Some(20 | 22)) {
            return;
        }
        let is_one = self.sent.is_some_and(|sent| now.saturating_duration_since(sent) < TOGETHER);
        if self.is_answered || !is_one {
            self.datagrams.clear();
            self.is_answered = false;
            self.n_again = 0;
            self.sent = Some(now);
        }
        if self.datagrams.len() < DATAGRAMS_MAX {
            self.datagrams.push(datagram.to_vec());
        }
    }

    /// When it is to be sent again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let is_spent = self.datagrams.is_empty() || self.n_again >= AGAIN_MAX;
        let sent = self.sent.filter(|_| !is_spent)?;
        Some(sent + self.patience * 2_u32.pow(self.n_again))
    }

    /// The datagrams that are to be sent again now.
    pub(crate) fn again(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        self.n_again += 1;
        self.sent = Some(now);
        self.datagrams.clone()
    }

    /// The handshake is over. A peer that missed our last flight repeats its own, and the library answers that.
    pub(crate) fn end(&mut self) {
        *self = Flight::new(self.patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);
    const HELLO: &[u8] = &[22, 254, 253, 1];
    const DONE: &[u8] = &[22, 254, 253, 2];

    #[test]
    fn a_flight_is_repeated_ever_more_rarely_until_the_next_one() {
        let (mut flight, began) = (Flight::new(PATIENCE), Instant::now());
        flight.note(HELLO, began);
        flight.note(DONE, began);
        assert!(flight.again(began + PATIENCE / 2).is_empty());
        let mut at = began;
        for n in 0..AGAIN_MAX {
            at += PATIENCE * 2_u32.pow(n);
            assert_eq!(flight.deadline(), Some(at));
            assert_eq!(flight.again(at), [HELLO, DONE]);
        }
        assert_eq!(flight.deadline(), None, "it is not repeated for ever");
        flight.answered();
        flight.note(DONE, at);
        assert_eq!(flight.again(at + PATIENCE), [DONE]);
    }

    #[test]
    fn a_part_of_an_answer_does_not_stop_it_and_the_end_does() {
        let (mut flight, began) = (Flight::new(PATIENCE), Instant::now());
        flight.note(HELLO, began);
        flight.answered();
        assert_eq!(flight.again(began + PATIENCE), [HELLO]);
        flight.end();
        assert_eq!(flight.deadline(), None);
    }

    #[test]
    fn what_is_repeated_by_somebody_else_is_not_counted_twice_and_alerts_are_said_once() {
        let (mut flight, began) = (Flight::new(PATIENCE), Instant::now());
        flight.note(HELLO, began);
        flight.note(HELLO, began + PATIENCE / 2);
        flight.note(&[21, 254, 253], began + PATIENCE / 2);
        assert_eq!(flight.again(began + PATIENCE), Vec::<Vec<u8>>::new());
        assert_eq!(flight.again(began + PATIENCE * 2), [HELLO]);
    }
}
