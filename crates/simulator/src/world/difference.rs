//! What a client missed: the difference of an account's box and of a channel's box.
//!
//! core.telegram.org/api/updates: a difference that is not final names an intermediate state to ask again from.

use std::collections::BTreeSet;

use grammers_tl_types as tl;
use tl::{enums, types};

use super::ids::{self, Kind};
use super::mailbox::{Entry, What};
use super::refusal::{Answered, bad};
use super::state::State;
use super::view::Mentioned;

/// What the events of a log amount to for one viewer.
#[derive(Default)]
struct Missed {
    messages: Vec<enums::Message>,
    others: Vec<enums::Update>,
    mentioned: Mentioned,
}

impl State {
    pub(crate) fn updates_state(&self, user: i64) -> types::updates::State {
        let pts = self.accounts.get(&user).map_or(1, |account| account.mailbox.pts);
        types::updates::State {
            pts,
            qts: self.accounts.get(&user).map_or(0, |account| account.qts),
            date: self.now(),
            seq: 0,
            unread_count: 0,
        }
    }

    fn missed(&self, viewer: i64, channel: Option<i64>, events: &[Entry]) -> Missed {
        let mut missed = Missed::default();
        let mut told = BTreeSet::new();
        for event in events {
            match &event.what {
                What::New(id) => {
                    let Some(letter) = self.letters.get(id).filter(|l| !l.is_deleted) else {
                        continue;
                    };
                    if self.may_see(viewer, letter) && told.insert((*id, false)) {
                        missed.mentioned.add_letter(letter, viewer);
                        missed.messages.push(self.message_for(viewer, letter));
                    }
                }
                What::Edited(id) => {
                    let Some(letter) = self.letters.get(id).filter(|l| !l.is_deleted) else {
                        continue;
                    };
                    // A new message of this difference comes in its latest form already.
                    if !self.may_see(viewer, letter)
                        || told.contains(&(*id, false))
                        || !told.insert((*id, true))
                    {
                        continue;
                    }
                    missed.mentioned.add_letter(letter, viewer);
                    let (message, pts, pts_count) =
                        (self.message_for(viewer, letter), event.pts, event.count);
                    missed.others.push(match channel {
                        Some(_) => {
                            types::UpdateEditChannelMessage { message, pts, pts_count }.into()
                        }
                        None => types::UpdateEditMessage { message, pts, pts_count }.into(),
                    });
                }
                What::Deleted(messages) => {
                    let (messages, pts, pts_count) = (messages.clone(), event.pts, event.count);
                    missed.others.push(match channel {
                        Some(channel_id) => types::UpdateDeleteChannelMessages {
                            channel_id,
                            messages,
                            pts,
                            pts_count,
                        }
                        .into(),
                        None => types::UpdateDeleteMessages { messages, pts, pts_count }.into(),
                    });
                }
                What::Read { chat, max_id } => missed.others.push(
                    types::UpdateReadHistoryInbox {
                        folder_id: None,
                        peer: ids::peer(*chat),
                        top_msg_id: None,
                        max_id: *max_id,
                        still_unread_count: 0,
                        pts: event.pts,
                        pts_count: event.count,
                    }
                    .into(),
                ),
            }
        }
        missed
    }

    pub(crate) fn difference(
        &self,
        user: i64,
        q: &tl::functions::updates::GetDifference,
    ) -> Answered<enums::updates::Difference> {
        let account = self.accounts.get(&user).ok_or_else(|| bad("USER_ID_INVALID"))?;
        if q.pts < 0 {
            return Err(bad("PERSISTENT_TIMESTAMP_INVALID"));
        }
        let events = account.mailbox.since(q.pts);
        let limit =
            self.switches.slice.min(q.pts_limit.map_or(usize::MAX, |limit| limit.max(1) as usize));
        let slice = &events[..events.len().min(limit)];
        let is_final = slice.len() == events.len();
        let mut missed = self.missed(user, None, slice);
        if is_final {
            missed.others.extend(self.stirred_channels(user, q.date));
        }
        if slice.is_empty() && missed.others.is_empty() {
            return Ok(types::updates::DifferenceEmpty { date: self.now(), seq: 0 }.into());
        }
        let (chats, users) =
            (missed.mentioned.chats(self, user), missed.mentioned.users(self, user));
        let (new_messages, other_updates) = (missed.messages, missed.others);
        let new_encrypted_messages = Vec::new();
        let mut state = self.updates_state(user);
        Ok(if is_final {
            let state = state.into();
            types::updates::Difference {
                new_messages,
                new_encrypted_messages,
                other_updates,
                chats,
                users,
                state,
            }
            .into()
        } else {
            state.pts = slice.last().map_or(q.pts, |event| event.pts);
            state.date = slice.last().map_or(q.date, |event| event.date);
            types::updates::DifferenceSlice {
                new_messages,
                new_encrypted_messages,
                other_updates,
                chats,
                users,
                intermediate_state: state.into(),
            }
            .into()
        })
    }

    /// Channels in which something happened since the client was last seen: it must ask for their own difference.
    fn stirred_channels(&self, user: i64, date: i32) -> Vec<enums::Update> {
        let mine = self.chats.values().filter(|chat| chat.is_channel() && chat.is_member(user));
        let stirred = mine.filter(|chat| chat.mailbox.last_date() > date);
        let updates = stirred.filter_map(|chat| match ids::kind(chat.id) {
            Kind::Channel(channel_id) => {
                Some(types::UpdateChannelTooLong { channel_id, pts: Some(chat.mailbox.pts) }.into())
            }
            _ => None,
        });
        updates.collect()
    }

    pub(crate) fn channel_difference(
        &mut self,
        user: i64,
        chat: i64,
        pts: i32,
        limit: i32,
    ) -> Answered<enums::updates::ChannelDifference> {
        let place = self.chats.get(&chat).ok_or_else(|| bad("CHANNEL_INVALID"))?;
        let Kind::Channel(channel_id) = ids::kind(chat) else { return Err(bad("CHANNEL_INVALID")) };
        if pts <= 0 {
            return Err(bad("PERSISTENT_TIMESTAMP_EMPTY"));
        }
        let events = place.mailbox.since(pts);
        if events.is_empty() {
            let pts = place.mailbox.pts;
            return Ok(types::updates::ChannelDifferenceEmpty {
                r#final: true,
                pts,
                timeout: Some(30),
            }
            .into());
        }
        if events.len() > self.switches.channel_gap_max {
            return Ok(self.channel_too_long(user, chat));
        }
        let limit = (limit.clamp(1, 100) as usize).min(self.switches.slice);
        let slice = &events[..events.len().min(limit)];
        let r#final = slice.len() == events.len();
        let pts =
            if r#final { place.mailbox.pts } else { slice.last().map_or(pts, |event| event.pts) };
        let mut missed = self.missed(user, Some(channel_id), slice);
        missed.mentioned.add(chat);
        let answer = types::updates::ChannelDifference {
            r#final,
            pts,
            timeout: Some(30),
            chats: missed.mentioned.chats(self, user),
            users: missed.mentioned.users(self, user),
            new_messages: missed.messages,
            other_updates: missed.others,
        };
        if let Some(place) = self.chats.get_mut(&chat) {
            place.told.insert(user, pts);
        }
        Ok(answer.into())
    }

    fn channel_too_long(&self, user: i64, chat: i64) -> enums::updates::ChannelDifference {
        let (dialog, top) = self.dialog(user, chat);
        let mut mentioned = Mentioned::default();
        mentioned.add(chat);
        let letter = top.and_then(|id| self.letters.get(&id));
        letter.iter().for_each(|letter| mentioned.add_letter(letter, user));
        types::updates::ChannelDifferenceTooLong {
            r#final: true,
            timeout: Some(30),
            dialog,
            messages: letter.map(|letter| self.message_for(user, letter)).into_iter().collect(),
            chats: mentioned.chats(self, user),
            users: mentioned.users(self, user),
        }
        .into()
    }
}
