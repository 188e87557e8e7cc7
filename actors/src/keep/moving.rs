//! A chat whose id changes: a basic group that became a supergroup. What was kept under the old id belongs to the new.

use domain::ChatId;
use domain::player::{End, Input};
use storage::schema::{Page, Playback};
use storage::{Table, Write};

use super::{Keeps, Kept, Resume, lock};

// === impl Keeps ===

impl Keeps {
    /// Everything moves from one chat to the other, whose turn to go on comes as after a restart; what has to be written
    /// of that, in one commit. Where somebody plays already, the old chat's music only ends.
    pub(crate) fn moved(&self, from: ChatId, to: ChatId) -> Vec<Write> {
        if from == to {
            return Vec::new();
        }
        lock(&self.0.left).remove(&from);
        let (from_keep, to_keep) = (self.of(from), self.of(to));
        let (mut kept, language, listeners, manner, mut writes) = {
            let mut old = from_keep.lock();
            let Some(mut kept) = old.kept.take() else { return Vec::new() };
            if let Some(earlier) = old.take_earlier() {
                kept.rules.handle(Input::Earlier(Box::new(earlier)), kept.position);
            }
            old.revision += 1;
            old.written = None;
            let gone = Write::remove(Table::Playback, from.to_string(), old.revision);
            let done = std::mem::take(&mut old.owed);
            let writes: Vec<Write> = std::iter::once(gone).chain(done).collect();
            let language = std::mem::take(&mut old.page).language;
            (kept, language, old.listeners, old.manner.clone(), writes)
        };
        if to_keep.has_kept() {
            return writes;
        }
        kept.rules.forget_messages();
        let rules = kept.rules.snapshot();
        // the messages stay in the old chat
        let page = Page { language, ..Page::default() };
        let resume = Resume {
            chat: to,
            username: None,
            is_paused: rules.is_paused,
            listeners,
            page: page.clone(),
            generation: kept.generation,
            is_beside: false,
        };
        let mut new = to_keep.lock();
        new.page = page.clone();
        new.listeners = listeners;
        new.manner = manner.clone();
        let anchor = new.anchor(kept.rules.current_attempt(), kept.position, false);
        let generation = kept.generation.0;
        let username = None;
        writes.extend(new.write(Playback { username, generation, rules, anchor, page, manner }));
        new.kept = Some(Kept { end: End::Restarted, ..kept });
        lock(&self.0.left).insert(to, resume);
        writes
    }
}
