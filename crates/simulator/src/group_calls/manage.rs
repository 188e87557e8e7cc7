//! Starting, ending and configuring calls: phone.createGroupCall and what administrators do.

use std::collections::BTreeMap;

use grammers_tl_types as tl;
use tl::enums::Updates;
use tl::functions::phone;

use super::announce::Change;
use super::call::{Call, Member};
use super::leave::call_updates;
use super::methods::{Asker, Found};
use super::rows;
use super::{GroupCalls, Refusal};
use crate::world::rooms::Rooms;

impl GroupCalls {
    pub(super) fn create(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::CreateGroupCall,
    ) -> Result<Updates, Refusal> {
        let chat = rooms
            .chat_of_peer(asker.user, &request.peer)
            .ok_or_else(|| Refusal::bad("PEER_ID_INVALID"))?;
        let membership = rooms.member(chat, asker.user);
        if !membership.is_member || membership.is_banned {
            return Err(Refusal::bad("CHANNEL_PRIVATE"));
        }
        if !membership.manage_call {
            return Err(Refusal::bad("CHAT_ADMIN_REQUIRED"));
        }
        if request.schedule_date.is_some_and(|date| date <= rooms.now()) {
            return Err(Refusal::bad("SCHEDULE_DATE_INVALID"));
        }
        if self.state().live(chat).is_some() {
            return Err(Refusal::bad("CREATE_CALL_FAILED"));
        }
        let call = self.open(rooms, asker.user, (chat, request.schedule_date), request.title);
        if request.rtmp_stream {
            self.with(call.id, |call| {
                call.is_rtmp = true;
                Ok(())
            })?;
        }
        Ok(call_updates(rooms, asker, &call, true))
    }

    /// Opens a call in a chat, tells everybody and writes the service message.
    pub(super) fn open(
        &self,
        rooms: &dyn Rooms,
        user: i64,
        (chat, schedule): (i64, Option<i32>),
        title: Option<String>,
    ) -> Call {
        let call = self.add_call(chat, schedule, title, rooms.now());
        self.announce(rooms, &Change::of_call(&call), None);
        let action = match schedule {
            None => tl::types::MessageActionGroupCall { call: rows::input(&call), duration: None }
                .into(),
            Some(schedule_date) => tl::types::MessageActionGroupCallScheduled {
                call: rows::input(&call),
                schedule_date,
            }
            .into(),
        };
        rooms.service_message(chat, user, action);
        call
    }

    /// Makes a call that nobody knows of yet.
    pub(super) fn add_call(
        &self,
        chat: i64,
        schedule: Option<i32>,
        title: Option<String>,
        started: i32,
    ) -> Call {
        let access_hash = self.random();
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        let mut call = Call {
            id,
            access_hash,
            chat,
            room: chat,
            title,
            version: 1,
            is_join_muted: false,
            is_conference: false,
            is_rtmp: false,
            schedule,
            started,
            duration: None,
            members: Vec::new(),
            faults: Vec::new(),
            preferences: BTreeMap::new(),
        };
        state.waiting_faults.retain(|(of, fault)| {
            if *of == chat {
                call.add_fault(*fault);
            }
            *of != chat
        });
        state.calls.push(call.clone());
        call
    }

    pub(super) fn discard_by(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::DiscardGroupCall,
    ) -> Result<Updates, Refusal> {
        let found = self.find_any(rooms, asker, &request.call)?;
        if !found.membership.manage_call {
            return Err(Refusal::forbidden("GROUPCALL_FORBIDDEN"));
        }
        let call = self
            .end(rooms, asker.user, found.id)
            .ok_or_else(|| Refusal::bad("GROUPCALL_ALREADY_DISCARDED"))?;
        Ok(call_updates(rooms, asker, &call, true))
    }

    /// Ends a call for everybody; `None` when it was over.
    pub(super) fn end(&self, rooms: &dyn Rooms, user: i64, id: i64) -> Option<Call> {
        let now = rooms.now();
        let call = {
            let mut state = self.state();
            let call = state.call(id).filter(|call| call.duration.is_none())?;
            call.duration = Some((now - call.started).max(0));
            let members = std::mem::take(&mut call.members);
            let transports = members.iter().flat_map(Member::transports);
            transports.for_each(|transport| self.inner.sfu.leave(transport));
            call.clone()
        };
        self.announce(rooms, &Change::of_call(&call), None);
        let action =
            tl::types::MessageActionGroupCall { call: rows::input(&call), duration: call.duration };
        rooms.service_message(call.chat, user, action.into());
        Some(call)
    }

    pub(super) fn toggle_settings(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::ToggleGroupCallSettings,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        require_admin(&found)?;
        let change = self.with(found.id, |call| {
            if request.join_muted.is_none_or(|is_muted| is_muted == call.is_join_muted) {
                return Err(Refusal::bad("GROUPCALL_NOT_MODIFIED"));
            }
            call.is_join_muted = !call.is_join_muted;
            call.version += 1;
            Ok(Change::of_call(call))
        })?;
        Ok(self.tell(rooms, asker, &found, &change))
    }

    pub(super) fn start_scheduled(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::StartScheduledGroupCall,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        require_admin(&found)?;
        let now = rooms.now();
        let change = self.with(found.id, |call| {
            if call.schedule.take().is_none() {
                return Err(Refusal::forbidden("GROUPCALL_ALREADY_STARTED"));
            }
            call.started = now;
            call.version += 1;
            Ok(Change::of_call(call))
        })?;
        let updates = self.tell(rooms, asker, &found, &change);
        let action =
            tl::types::MessageActionGroupCall { call: rows::input(&change.call), duration: None };
        rooms.service_message(found.chat, asker.user, action.into());
        Ok(updates)
    }

    pub(super) fn edit_title(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::EditGroupCallTitle,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        require_admin(&found)?;
        let change = self.with(found.id, |call| {
            call.title = Some(request.title.clone()).filter(|title| !title.is_empty());
            call.version += 1;
            Ok(Change::of_call(call))
        })?;
        Ok(self.tell(rooms, asker, &found, &change))
    }
}

pub(super) fn require_admin(found: &Found) -> Result<(), Refusal> {
    if found.membership.manage_call { Ok(()) } else { Err(Refusal::bad("CHAT_ADMIN_REQUIRED")) }
}
