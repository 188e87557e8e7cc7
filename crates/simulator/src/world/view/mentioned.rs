//! The peers that answers and updates mention, which must come along with them.

use std::collections::BTreeSet;

use grammers_tl_types as tl;

use crate::world::ids;
use crate::world::letter::Letter;
use crate::world::state::State;

/// The peers that some objects mention, to be sent along with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentioned(BTreeSet<i64>);

impl Mentioned {
    pub(crate) fn add(&mut self, id: i64) {
        self.0.insert(id);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn add_peer(&mut self, peer: &tl::enums::Peer) {
        self.add(ids::chat_of(peer));
    }

    /// Whoever this letter names, as `viewer` sees it.
    pub(crate) fn add_letter(&mut self, letter: &Letter, viewer: i64) {
        self.add(letter.dialog_for(viewer));
        self.0.extend(letter.shown_sender());
        self.0.extend(letter.via_bot);
        if let Some(forward) = letter.forward.as_ref().and_then(|f| f.from_id.as_ref()) {
            self.add_peer(forward);
        }
        for entity in &letter.entities {
            if let tl::enums::MessageEntity::MentionName(mention) = entity {
                self.add(mention.user_id);
            }
        }
        match &letter.action {
            Some(tl::enums::MessageAction::ChatAddUser(action)) => self.0.extend(&action.users),
            Some(tl::enums::MessageAction::ChatDeleteUser(action)) => self.add(action.user_id),
            Some(tl::enums::MessageAction::InviteToGroupCall(action)) => {
                self.0.extend(&action.users)
            }
            Some(tl::enums::MessageAction::ChatJoinedByLink(action)) => self.add(action.inviter_id),
            _ => {}
        }
    }

    /// A member, and whoever invited, promoted or banned that one: clients look all of them up in the same answer.
    pub(crate) fn add_participant(&mut self, participant: &tl::enums::ChannelParticipant) {
        use tl::enums::ChannelParticipant as Row;
        match participant {
            Row::Participant(row) => self.add(row.user_id),
            Row::ParticipantSelf(row) => self.0.extend([row.user_id, row.inviter_id]),
            Row::Creator(row) => self.add(row.user_id),
            Row::Admin(row) => {
                self.0.extend([row.user_id, row.promoted_by]);
                self.0.extend(row.inviter_id);
            }
            Row::Banned(row) => {
                self.add_peer(&row.peer);
                self.add(row.kicked_by);
            }
            Row::Left(row) => self.add_peer(&row.peer),
        }
    }

    pub(crate) fn users(&self, state: &State, viewer: i64) -> Vec<tl::enums::User> {
        self.0.iter().filter_map(|id| state.user_for(viewer, *id)).collect()
    }

    pub(crate) fn chats(&self, state: &State, viewer: i64) -> Vec<tl::enums::Chat> {
        self.0.iter().filter_map(|id| state.chat_for(viewer, *id)).collect()
    }
}
