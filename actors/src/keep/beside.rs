//! What an earlier process left in a chat in which something new plays already, because the store was away at the start.

use std::time::Duration;

use domain::event::Via;
use domain::player::{Earlier, Input, Obeyed, Player, Settings, Snapshot};
use domain::{Fault, MessageId, Reason};
use storage::Write;
use storage::schema::{Manner, Playback};
use tokio::time::timeout;

use super::{COMMIT_MAX, Inner, Keep};

/// It waits for the chat's player, and is part of all that is written meanwhile.
pub(super) struct Beside {
    earlier: Earlier,
    rules: Settings,
}

// === impl Beside ===

impl Beside {
    pub(super) fn new(left: Snapshot, since: &Obeyed, rules: Settings) -> Beside {
        let current = left.current.iter().map(|underway| &underway.entry);
        let asked = current.chain(&left.queue).map(|entry| entry.asked_in);
        let mut again: Vec<MessageId> =
            asked.filter(|asked_in| since.has(Via::Message(*asked_in))).collect();
        again.dedup();
        Beside { earlier: Earlier { left, again }, rules }
    }

    fn after(&self, mine: Snapshot) -> Snapshot {
        let mut player = Player::restored(self.rules, mine);
        player.handle(Input::Earlier(Box::new(self.earlier.clone())), Duration::ZERO);
        player.snapshot()
    }
}

// === impl Keep ===

impl Keep {
    /// What the chat's player has to take in, once.
    pub(crate) fn take_earlier(&self) -> Option<Earlier> {
        self.lock().take_earlier()
    }

    pub(crate) fn has_earlier(&self) -> bool {
        self.lock().beside.is_some()
    }

    /// Somebody stopped everything; that was about what an earlier process left as well.
    pub(crate) fn stopped(&self) {
        let mut inner = self.lock();
        inner.beside = None;
        let is_loaded = *inner.is_loaded.borrow();
        inner.is_stopped = !is_loaded;
    }

    /// What to write once what an earlier process wrote was read; everything as it is then, if that took a while.
    pub(super) async fn after_loading(&self, writes: Vec<Write>) -> Result<Vec<Write>, Fault> {
        let mut is_loaded = self.lock().is_loaded.clone();
        if *is_loaded.borrow() {
            return Ok(writes);
        }
        match timeout(COMMIT_MAX, is_loaded.wait_for(|is_loaded| *is_loaded)).await {
            Ok(Ok(_)) => Ok(self.lock().anew()),
            _ => Err(Fault::transient(Reason::Timeout, "what lies there could not be read yet")),
        }
    }
}

// === impl Inner ===

impl Inner {
    /// Something new plays here. What was left stands behind it, and how it was played goes on, where nobody chose
    /// anything else since.
    pub(super) fn put_beside(&mut self, left: Playback, since: &Obeyed, rules: Settings) {
        self.beside = Some(Beside::new(left.rules, since, rules));
        if self.manner == Manner::default() {
            self.manner = left.manner;
        }
        self.page.language = self.page.language.take().or(left.page.language);
        if let Some(mut written) = self.written.take() {
            written.rules = self.with_beside(written.rules);
            (written.manner, written.page) = (self.manner.clone(), self.page.clone());
            self.written = Some(written);
        }
    }

    pub(super) fn take_earlier(&mut self) -> Option<Earlier> {
        self.beside.take().map(|beside| beside.earlier)
    }

    pub(super) fn with_beside(&self, mine: Snapshot) -> Snapshot {
        match &self.beside {
            Some(beside) => beside.after(mine),
            None => mine,
        }
    }

    /// All that there is to write.
    pub(super) fn anew(&mut self) -> Vec<Write> {
        match self.written.clone() {
            Some(written) => self.write(written),
            None => self.owed.iter().cloned().collect(),
        }
    }
}
