//! Leaving a call: by phone.leaveGroupCall, or because the media server gave up on a transport.

use grammers_tl_types as tl;
use rand::Rng;
use tl::enums::Updates;
use tl::functions::phone;

use super::announce::Change;
use super::methods::{Asker, Found};
use super::rows::{self, Marks};
use super::{GroupCalls, Refusal};
use crate::world::rooms::Rooms;

impl GroupCalls {
    /// A source of 0 is any; another source than the present one is a stale request and changes nothing.
    pub(super) fn leave(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::LeaveGroupCall,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let is_present = self.with(found.id, |call| {
            let member = call.member(asker.user).map(|member| member.ssrc as i32);
            Ok(member.is_some_and(|source| request.source == 0 || request.source == source))
        })?;
        if !is_present {
            return Ok(rooms.wrap_updates(asker.user, Vec::new()));
        }
        match self.take_out(found.id, asker.user) {
            Some(change) => Ok(self.tell(rooms, asker, &found, &change)),
            None => Ok(rooms.wrap_updates(asker.user, Vec::new())),
        }
    }

    /// Removes a participant from the call and the media server.
    pub(super) fn take_out(&self, call: i64, user: i64) -> Option<Change> {
        let mut state = self.state();
        let call = state.call(call)?;
        let member = call.remove(user)?;
        member.transports().for_each(|transport| self.inner.sfu.leave(transport));
        Some(Change::of_member(call, &member, Marks::LEFT))
    }

    /// Tells everybody else and returns the asker's own updates.
    pub(super) fn tell(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        found: &Found,
        change: &Change,
    ) -> Updates {
        self.announce(rooms, change, Some((asker.user, asker.session)));
        let updates =
            change.updates(&rooms.peer(found.chat), asker.user, found.membership.manage_call);
        rooms.wrap_updates(asker.user, updates)
    }

    /// What the media server tells when it drops a transport.
    pub(super) fn transport_dropped(&self, dropped: crate::sfu::Dropped) {
        let Ok(rooms) = self.rooms() else { return };
        let change = {
            let mut state = self.state();
            let Some(call) = state.live_in(dropped.room) else { return };
            let Some(member) = call.member(dropped.user) else { return };
            if member.transport == Some(dropped.peer) {
                let user = member.user;
                let Some(member) = call.remove(user) else { return };
                member.transports().for_each(|transport| self.inner.sfu.leave(transport));
                Change::of_member(call, &member, Marks::LEFT)
            } else if member
                .presentation
                .as_ref()
                .is_some_and(|shown| shown.transport == dropped.peer)
            {
                member.presentation = None;
                let member = member.clone();
                Change::of_member(call, &member, Marks::NONE)
            } else {
                return;
            }
        };
        tracing::debug!(user = dropped.user, chat = dropped.room, why = ?dropped.why, "participant dropped");
        self.announce(&*rooms, &change, None);
    }

    /// A number that nobody can guess, for ids and access hashes.
    pub(super) fn random(&self) -> i64 {
        self.state().rng.random_range(1..i64::MAX)
    }
}

/// The updateGroupCall of a call for one viewer, as methods that change a call answer.
pub(super) fn call_updates(
    rooms: &dyn Rooms,
    asker: Asker,
    call: &super::call::Call,
    may_manage: bool,
) -> Updates {
    let update = tl::types::UpdateGroupCall {
        live_story: false,
        peer: Some(rooms.peer(call.chat)),
        call: rows::call(call, may_manage),
    };
    rooms.wrap_updates(asker.user, vec![update.into()])
}
