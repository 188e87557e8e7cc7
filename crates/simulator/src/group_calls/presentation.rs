//! phone.joinGroupCallPresentation: a screen, as a second transport with a source of its own.

use grammers_tl_types as tl;
use rand::seq::SliceRandom;
use tl::enums::Updates;
use tl::functions::phone;

use super::announce::Change;
use super::call::{Presentation, Video};
use super::join::{connection, endpoint, read};
use super::methods::Asker;
use super::rows::Marks;
use super::{GroupCalls, Refusal};
use crate::world::rooms::Rooms;

impl GroupCalls {
    pub(super) fn join_presentation(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::JoinGroupCallPresentation,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let tl::enums::DataJson::Json(params) = &request.params;
        let payload = read(&params.data)?;
        let (change, answer) = self.with(found.id, |call| {
            if call.has_source(payload.ssrc) {
                return Err(Refusal::bad("GROUPCALL_SSRC_DUPLICATE_MUCH"));
            }
            let room = call.room;
            let Some(member) = call.member(asker.user) else {
                return Err(Refusal::forbidden("PARTICIPANT_JOIN_MISSING"));
            };
            let (transport, answer) = self.inner.sfu.join(room, asker.user, &payload);
            let (endpoint, groups) = (endpoint(&answer), payload.groups.clone());
            let video = Video { endpoint, groups, is_shown: true, is_paused: false };
            let old =
                member.presentation.replace(Presentation { transport, ssrc: payload.ssrc, video });
            if let Some(old) = old {
                self.inner.sfu.leave(old.transport);
            }
            let member = member.clone();
            Ok((Change::of_member(call, &member, Marks::NONE), answer))
        })?;
        self.announce(rooms, &change, Some((asker.user, asker.session)));
        let mut updates =
            change.updates(&rooms.peer(found.chat), asker.user, found.membership.manage_call);
        updates.push(connection(&answer, true));
        updates.shuffle(&mut self.state().rng);
        Ok(rooms.wrap_updates(asker.user, updates))
    }

    pub(super) fn leave_presentation(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::LeaveGroupCallPresentation,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let change = self.with(found.id, |call| {
            let Some(member) = call.member(asker.user) else {
                return Err(Refusal::forbidden("PARTICIPANT_JOIN_MISSING"));
            };
            if let Some(shown) = member.presentation.take() {
                self.inner.sfu.leave(shown.transport);
            }
            let member = member.clone();
            Ok(Change::of_member(call, &member, Marks::NONE))
        })?;
        Ok(self.tell(rooms, asker, &found, &change))
    }
}
