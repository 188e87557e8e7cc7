//! Deleting messages: from every box they lie in, and from everybody's screen.

use grammers_tl_types as tl;

use super::ids::{self, Kind};
use super::mailbox::{LetterId, What};
use super::post::{Bundle, Except, session_of};
use super::state::State;
use super::transcript::Event;

impl State {
    /// Deletes letters of one dialog for everybody; returns how many there were.
    pub(crate) fn erase(
        &mut self,
        actor: i64,
        chat: i64,
        letters: &[LetterId],
        except: Except,
    ) -> usize {
        let live: Vec<LetterId> = letters
            .iter()
            .copied()
            .filter(|id| self.letters.get(id).is_some_and(|l| !l.is_deleted))
            .collect();
        if live.is_empty() {
            return 0;
        }
        let ids_as_seen: Vec<i32> =
            live.iter().filter_map(|id| self.letters[id].id_for(actor)).collect();
        let audience = self.audience(chat, actor);
        for id in &live {
            if let Some(letter) = self.letters.get_mut(id) {
                letter.is_deleted = true;
            }
        }
        let date = self.now();
        match ids::kind(chat) {
            Kind::Channel(channel_id) => {
                self.erase_in_channel(chat, channel_id, &live, &audience, except, date)
            }
            _ => self.erase_in_boxes(&live, &audience, except, date),
        }
        self.news.push_back(Event::Deleted { chat, ids: ids_as_seen });
        live.len()
    }

    fn erase_in_channel(
        &mut self,
        chat: i64,
        channel_id: i64,
        live: &[LetterId],
        audience: &[i64],
        except: Except,
        date: i32,
    ) {
        let messages: Vec<i32> =
            live.iter().filter_map(|id| self.letters[id].ids.get(&0)).copied().collect();
        let pts_count = messages.len() as i32;
        let Some(place) = self.chats.get_mut(&chat) else { return };
        for message in &messages {
            place.mailbox.letters.remove(message);
        }
        let pts = place.mailbox.record(What::Deleted(messages.clone()), pts_count, date);
        for user in audience {
            if let Some(place) = self.chats.get_mut(&chat) {
                place.told.insert(*user, pts);
            }
            let update = tl::types::UpdateDeleteChannelMessages {
                channel_id,
                messages: messages.clone(),
                pts,
                pts_count,
            };
            let mut bundle = Bundle { updates: vec![update.into()], ..Bundle::default() };
            bundle.mentioned.add(chat);
            let updates = bundle.seal(self, *user);
            self.push(*user, &updates, session_of(except, *user));
        }
    }

    fn erase_in_boxes(&mut self, live: &[LetterId], audience: &[i64], except: Except, date: i32) {
        for user in audience {
            let messages: Vec<i32> =
                live.iter().filter_map(|id| self.letters[id].ids.get(user)).copied().collect();
            let Some(account) = self.accounts.get_mut(user) else { continue };
            for message in &messages {
                account.mailbox.letters.remove(message);
            }
            let pts_count = messages.len() as i32;
            let pts = account.mailbox.record(What::Deleted(messages.clone()), pts_count, date);
            let update = tl::types::UpdateDeleteMessages { messages, pts, pts_count };
            let bundle = Bundle { updates: vec![update.into()], ..Bundle::default() };
            let updates = bundle.seal(self, *user);
            self.push(*user, &updates, session_of(except, *user));
        }
    }
}
