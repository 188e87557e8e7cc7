//! Disguises: what the world says in a newer (or much older) layer than the client's. Bytes are changed on their way out, so
//! that everything else about an answer or a push stays as it was.

use grammers_tl_types::{self as tl, Identifiable};

use super::state::Switches;
use super::{World, lock};

/// `channelFull` of layers around 200: to a client of another layer it is unknown.
pub const CHANNEL_FULL_OF_LAYER_200: u32 = 0x52d6_806b;

impl World {
    /// From now on the first `from` in every answer to `method` is `to`.
    pub fn disguise(&self, method: u32, from: u32, to: u32) {
        self.with(|state| state.switches.disguises.push((method, from, to)));
    }

    /// From now on messages with these words cannot be read: when they are pushed, and, with `everywhere`, in answers
    /// (differences, history) too.
    pub fn garble(&self, words: &str, everywhere: bool) {
        self.with(|state| state.switches.garbled.push((words.to_owned(), everywhere)));
    }

    /// Ends [`Self::disguise`] and [`Self::garble`].
    pub fn speak_plainly(&self) {
        self.with(|state| {
            state.switches.disguises.clear();
            state.switches.garbled.clear();
        });
    }

    pub(super) fn disguised_answer(&self, method: u32, mut bytes: Vec<u8>) -> Vec<u8> {
        let state = lock(&self.shared.state);
        state.switches.garble(&mut bytes, |everywhere| everywhere);
        for (_, from, to) in state.switches.disguises.iter().filter(|(of, _, _)| *of == method) {
            let place = places(&bytes, *from).next();
            if let Some(at) = place {
                bytes[at..at + 4].copy_from_slice(&to.to_le_bytes());
            }
        }
        bytes
    }
}

impl Switches {
    pub(super) fn disguise_push(&self, bytes: &mut [u8]) {
        self.garble(bytes, |_| true);
    }

    /// Makes the messages with the words unknown, as many as there are.
    fn garble(&self, bytes: &mut [u8], wanted: impl Fn(bool) -> bool) {
        for (words, _) in self.garbled.iter().filter(|(_, everywhere)| wanted(*everywhere)) {
            let mut from = 0;
            while let Some(found) = find(&bytes[from..], words.as_bytes()) {
                let before = &bytes[..from + found];
                let message = places(before, tl::types::Message::CONSTRUCTOR_ID).last();
                if let Some(at) = message {
                    bytes[at..at + 4].copy_from_slice(&CHANNEL_FULL_OF_LAYER_200.to_le_bytes());
                }
                from += found + words.len();
            }
        }
    }
}

fn places(bytes: &[u8], constructor: u32) -> impl Iterator<Item = usize> {
    let constructor = constructor.to_le_bytes();
    (0..bytes.len().saturating_sub(3))
        .step_by(4)
        .filter(move |at| bytes[*at..*at + 4] == constructor)
}

fn find(bytes: &[u8], words: &[u8]) -> Option<usize> {
    bytes.windows(words.len().max(1)).position(|window| window == words)
}
