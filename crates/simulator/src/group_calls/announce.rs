//! Telling everybody in the chat what changed. Changes are snapshots, so that no lock is held while rooms are asked.

use grammers_tl_types as tl;
use tl::enums::Update;

use super::GroupCalls;
use super::call::{Call, Member};
use super::rows::{self, Marks};
use crate::world::rooms::Rooms;

/// Something that happened in a call, with the call as it was just after.
pub(super) struct Change {
    pub(super) call: Call,
    pub(super) members: Vec<(Member, Marks)>,
    /// The call object is told too.
    pub(super) tells_call: bool,
}

impl Change {
    pub(super) fn of_call(call: &Call) -> Change {
        Change { call: call.clone(), members: Vec::new(), tells_call: true }
    }

    pub(super) fn of_member(call: &Call, member: &Member, marks: Marks) -> Change {
        Change {
            call: call.clone(),
            members: vec![(member.clone(), marks)],
            tells_call: marks != Marks::NONE,
        }
    }

    /// The updates of this change as `viewer` sees them.
    pub(super) fn updates(
        &self,
        peer: &tl::enums::Peer,
        viewer: i64,
        may_manage: bool,
    ) -> Vec<Update> {
        let mut updates = Vec::new();
        if self.tells_call {
            let call = rows::call(&self.call, may_manage);
            let update =
                tl::types::UpdateGroupCall { live_story: false, peer: Some(peer.clone()), call };
            updates.push(update.into());
        }
        if !self.members.is_empty() {
            let row = |(member, marks): &(Member, Marks)| {
                rows::participant(&self.call, member, viewer, *marks)
            };
            let participants = self.members.iter().map(row).collect();
            let (call, version) = (rows::input(&self.call), self.call.version);
            updates.push(
                tl::types::UpdateGroupCallParticipants { call, participants, version }.into(),
            );
        }
        updates
    }
}

impl GroupCalls {
    /// Tells every member of the chat but bots and `except` (user, session).
    pub(super) fn announce(&self, rooms: &dyn Rooms, change: &Change, except: Option<(i64, i64)>) {
        let chat = change.call.chat;
        let viewers: Vec<(i64, bool)> = rooms
            .members(chat)
            .into_iter()
            .map(|user| (user, rooms.member(chat, user)))
            .filter(|(_, membership)| !membership.is_bot)
            .map(|(user, membership)| (user, membership.manage_call))
            .collect();
        let peer = rooms.peer(chat);
        let per_user = |viewer: i64| {
            let (_, may_manage) = viewers.iter().find(|(user, _)| *user == viewer)?;
            Some(change.updates(&peer, viewer, *may_manage))
        };
        rooms.push_updates(chat, &per_user, except);
        self.inner.changed.notify_waiters();
    }

    /// Tells one member alone.
    pub(super) fn announce_to(&self, rooms: &dyn Rooms, change: &Change, user: i64) {
        let peer = rooms.peer(change.call.chat);
        let per_user = |viewer: i64| (viewer == user).then(|| change.updates(&peer, viewer, false));
        rooms.push_updates(change.call.chat, &per_user, None);
    }
}
