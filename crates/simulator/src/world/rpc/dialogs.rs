//! The list of dialogs.

use std::cmp::Reverse;

use grammers_tl_types as tl;
use tl::{enums, types};

use super::{Desk, methods};
use crate::world::blank;
use crate::world::ids::{self, Kind, peer};
use crate::world::mailbox::LetterId;
use crate::world::refusal::Answered;
use crate::world::state::State;
use crate::world::view::Mentioned;

impl State {
    /// The dialogs of `user`, latest first, with the letter on top of each.
    pub(crate) fn dialogs_of(&self, user: i64) -> Vec<(i64, Option<LetterId>)> {
        let mut tops: Vec<(i64, Option<LetterId>)> = Vec::new();
        if let Some(account) = self.accounts.get(&user) {
            for id in account.mailbox.letters.values().rev() {
                let Some(letter) = self.letters.get(id).filter(|l| !l.is_deleted) else { continue };
                let dialog = letter.dialog_for(user);
                if !tops.iter().any(|(known, _)| *known == dialog) {
                    tops.push((dialog, Some(*id)));
                }
            }
        }
        for chat in self.chats.values().filter(|chat| chat.is_member(user)) {
            if chat.is_channel() {
                tops.push((chat.id, chat.mailbox.letters.values().next_back().copied()));
            } else if !tops.iter().any(|(known, _)| *known == chat.id) {
                tops.push((chat.id, None));
            }
        }
        let date = |top: &Option<LetterId>| {
            top.and_then(|id| self.letters.get(&id)).map_or(0, |letter| letter.date)
        };
        tops.sort_by_key(|(dialog, top)| Reverse((date(top), *top, *dialog)));
        tops
    }

    /// One dialog as `user` sees it, and the letter on top.
    pub(crate) fn dialog(&self, user: i64, chat: i64) -> (enums::Dialog, Option<LetterId>) {
        let dialogs = self.dialogs_of(user);
        let top = dialogs.iter().find(|(dialog, _)| *dialog == chat).and_then(|(_, top)| *top);
        let top_message =
            top.and_then(|id| self.letters.get(&id)).and_then(|l| l.id_for(user)).unwrap_or(0);
        let (read, pts) = match ids::kind(chat) {
            Kind::Channel(_) => {
                let mailbox = self.chats.get(&chat).map(|chat| &chat.mailbox);
                let read = mailbox.and_then(|m| m.read.get(&user)).copied().unwrap_or(0);
                (read, mailbox.map(|mailbox| mailbox.pts))
            }
            _ => {
                let account = self.accounts.get(&user);
                (account.and_then(|a| a.mailbox.read.get(&chat)).copied().unwrap_or(0), None)
            }
        };
        let dialog = types::Dialog {
            pinned: false,
            unread_mark: false,
            view_forum_as_messages: false,
            peer: peer(chat),
            top_message,
            read_inbox_max_id: read,
            read_outbox_max_id: top_message,
            unread_count: (top_message - read).max(0),
            unread_mentions_count: 0,
            unread_reactions_count: 0,
            unread_poll_votes_count: 0,
            notify_settings: blank::notify_settings(),
            pts,
            draft: None,
            folder_id: None,
            ttl_period: None,
        };
        (dialog.into(), top)
    }
}

/// Dialogs with everything they mention.
#[derive(Default)]
struct Page {
    dialogs: Vec<enums::Dialog>,
    messages: Vec<enums::Message>,
    mentioned: Mentioned,
}

impl Desk<'_> {
    pub(super) fn dialogs(&mut self, id: u32, body: &[u8]) -> Option<Answered<Vec<u8>>> {
        methods!(self, id, body;
            messages::GetDialogs => all_dialogs,
            messages::GetPinnedDialogs => pinned_dialogs,
            messages::GetPeerDialogs => peer_dialogs,
            messages::GetDialogFilters => filters,
        )
    }

    fn page(&self, dialogs: &[i64]) -> Page {
        let mut page = Page::default();
        for chat in dialogs {
            let (dialog, top) = self.state.dialog(self.user, *chat);
            page.dialogs.push(dialog);
            page.mentioned.add(*chat);
            if let Some(letter) = top.and_then(|id| self.state.letters.get(&id)) {
                page.mentioned.add_letter(letter, self.user);
                page.messages.push(self.state.message_for(self.user, letter));
            }
        }
        page
    }

    fn all_dialogs(
        &mut self,
        q: tl::functions::messages::GetDialogs,
    ) -> Answered<enums::messages::Dialogs> {
        let is_archive = q.folder_id.is_some_and(|folder| folder != 0);
        let all = if is_archive { Vec::new() } else { self.state.dialogs_of(self.user) };
        let offset = self.state.peer_named(self.user, &q.offset_peer).ok();
        let place = offset.and_then(|peer| all.iter().position(|(dialog, _)| *dialog == peer));
        let is_after = |top: &Option<LetterId>| {
            let letter = top.and_then(|id| self.state.letters.get(&id));
            letter.is_none_or(|letter| letter.date < q.offset_date)
        };
        let rest: Vec<i64> = match place {
            Some(place) => all[place + 1..].iter().map(|(dialog, _)| *dialog).collect(),
            None if q.offset_date == 0 => all.iter().map(|(dialog, _)| *dialog).collect(),
            None => {
                all.iter().filter(|(_, top)| is_after(top)).map(|(dialog, _)| *dialog).collect()
            }
        };
        let limit = if q.limit <= 0 { 20 } else { q.limit.min(100) as usize };
        let is_whole = rest.len() == all.len() && rest.len() <= limit;
        let page = self.page(&rest[..rest.len().min(limit)]);
        let (chats, users) = (
            page.mentioned.chats(self.state, self.user),
            page.mentioned.users(self.state, self.user),
        );
        let (dialogs, messages) = (page.dialogs, page.messages);
        Ok(if is_whole {
            types::messages::Dialogs { dialogs, messages, chats, users }.into()
        } else {
            types::messages::DialogsSlice {
                count: all.len() as i32,
                dialogs,
                messages,
                chats,
                users,
            }
            .into()
        })
    }

    fn peer_dialogs_of(&self, chats: &[i64]) -> enums::messages::PeerDialogs {
        let page = self.page(chats);
        types::messages::PeerDialogs {
            chats: page.mentioned.chats(self.state, self.user),
            users: page.mentioned.users(self.state, self.user),
            dialogs: page.dialogs,
            messages: page.messages,
            state: self.state.updates_state(self.user).into(),
        }
        .into()
    }

    fn pinned_dialogs(
        &mut self,
        _: tl::functions::messages::GetPinnedDialogs,
    ) -> Answered<enums::messages::PeerDialogs> {
        Ok(self.peer_dialogs_of(&[]))
    }

    fn peer_dialogs(
        &mut self,
        q: tl::functions::messages::GetPeerDialogs,
    ) -> Answered<enums::messages::PeerDialogs> {
        let mut chats = Vec::new();
        for peer in &q.peers {
            if let enums::InputDialogPeer::Peer(named) = peer {
                chats.push(self.state.open(self.user, &named.peer)?);
            }
        }
        Ok(self.peer_dialogs_of(&chats))
    }

    fn filters(
        &mut self,
        _: tl::functions::messages::GetDialogFilters,
    ) -> Answered<enums::messages::DialogFilters> {
        Ok(types::messages::DialogFilters { tags_enabled: false, filters: Vec::new() }.into())
    }
}
