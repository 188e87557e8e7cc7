//! What tests and the demo do to calls from inside the process, and what they ask.

use std::time::Duration;

use super::announce::Change;
use super::call::Member;
use super::edit;
use super::rows::Marks;
use super::{Fault, GroupCalls, Participant};
use crate::world::rooms::Rooms;

impl GroupCalls {
    /// The id and access hash of the chat's call that has not ended.
    pub fn call_of(&self, chat: i64) -> Option<(i64, i64)> {
        self.state().live(chat).map(|call| (call.id, call.access_hash))
    }

    /// The participants of the chat's call, in the order of joining.
    pub fn participants(&self, chat: i64) -> Vec<Participant> {
        let sfu = &self.inner.sfu;
        let mut state = self.state();
        let members = state.live(chat).map(|call| call.members.clone()).unwrap_or_default();
        let seen = |member: Member| Participant {
            user: member.user,
            ssrc: member.ssrc,
            is_muted: member.is_muted,
            can_self_unmute: member.can_self_unmute,
            volume: member.volume,
            is_connected: member.transport.is_some_and(|peer| sfu.is_connected(peer)),
            has_presentation: member.presentation.is_some(),
        };
        members.into_iter().map(seen).collect()
    }

    /// Starts a call as the chat's creator would; the id and access hash of it (or of the one that goes on).
    pub fn start_call(&self, chat: i64) -> (i64, i64) {
        self.start(chat, None)
    }

    /// Schedules a call for a date in seconds since 1970.
    pub fn schedule_call(&self, chat: i64, date: i32) -> (i64, i64) {
        self.start(chat, Some(date))
    }

    fn start(&self, chat: i64, schedule: Option<i32>) -> (i64, i64) {
        if let Some(call) = self.call_of(chat) {
            return call;
        }
        let call = match self.rooms() {
            Ok(rooms) => self.open(&*rooms, creator(&*rooms, chat), (chat, schedule), None),
            // The world is still being made: there is nobody to tell.
            Err(_) => self.add_call(chat, schedule, None, 0),
        };
        (call.id, call.access_hash)
    }

    /// Ends the chat's call for everybody.
    pub fn discard(&self, chat: i64) {
        if let (Ok(rooms), Some((id, _))) = (self.rooms(), self.call_of(chat)) {
            self.end(&*rooms, creator(&*rooms, chat), id);
        }
    }

    /// The chat has another id now; its call is the same (official clients keep the call's id and change its peer).
    pub(crate) fn moved(&self, from: i64, to: i64) {
        let Ok(rooms) = self.rooms() else { return };
        let change = {
            let mut state = self.state();
            let Some(call) = state.live(from) else { return };
            call.chat = to;
            call.version += 1;
            Change::of_call(call)
        };
        self.announce(&*rooms, &change, None);
    }

    /// Mutes a participant as an administrator; it cannot unmute itself.
    pub fn force_mute(&self, chat: i64, user: i64) {
        self.change_member(chat, user, edit::force_mute);
    }

    /// Lets a force-muted participant unmute itself, as an administrator's "unmute" does.
    pub fn allow_speaking(&self, chat: i64, user: i64) {
        self.change_member(chat, user, edit::allow_speaking);
    }

    fn change_member(&self, chat: i64, user: i64, change: impl FnOnce(&mut Member)) {
        let Ok(rooms) = self.rooms() else { return };
        let change = {
            let mut state = self.state();
            let Some(call) = state.live(chat) else { return };
            let Some(member) = call.member(user) else { return };
            change(member);
            if let Some(transport) = member.transport {
                self.inner.sfu.set_muted(transport, member.is_muted, member.is_force_muted());
            }
            let member = member.clone();
            Change::of_member(call, &member, Marks::NONE)
        };
        self.announce(&*rooms, &change, None);
    }

    /// Removes a participant from the call: everybody sees its row with `left`. Also for members who leave the chat.
    pub fn kick(&self, chat: i64, user: i64) {
        if let (Ok(rooms), Some((id, _))) = (self.rooms(), self.call_of(chat))
            && let Some(change) = self.take_out(id, user)
        {
            self.announce(&*rooms, &change, None);
        }
    }

    /// From now on, whoever joins the chat's call and is no administrator is force-muted.
    pub fn set_join_muted(&self, chat: i64, is_join_muted: bool) {
        let Ok(rooms) = self.rooms() else { return };
        let change = {
            let mut state = self.state();
            let Some(call) = state.live(chat) else { return };
            call.is_join_muted = is_join_muted;
            call.version += 1;
            Change::of_call(call)
        };
        self.announce(&*rooms, &change, None);
    }

    /// Makes something go wrong at the next join of the chat's call, or of the one it will have. Several faults add up.
    pub fn inject(&self, chat: i64, fault: Fault) {
        let mut state = self.state();
        match state.live(chat) {
            Some(call) => call.add_fault(fault),
            None => state.waiting_faults.push((chat, fault)),
        }
    }

    /// Tells a participant that it has left, though it has not: its row with `left` and its own source.
    pub fn claim_left(&self, chat: i64, user: i64) {
        self.claim(chat, user, Marks::LEFT, |_| {});
    }

    /// Tells a participant that it is joined from elsewhere: its own row with a foreign source.
    pub fn claim_other_source(&self, chat: i64, user: i64, ssrc: u32) {
        self.claim(chat, user, Marks::JOINED, |member| member.ssrc = ssrc);
    }

    fn claim(&self, chat: i64, user: i64, marks: Marks, change: impl FnOnce(&mut Member)) {
        let Ok(rooms) = self.rooms() else { return };
        let change = {
            let mut state = self.state();
            let Some(call) = state.live(chat) else { return };
            let Some(mut member) = call.member(user).cloned() else { return };
            change(&mut member);
            call.version += 1;
            Change::of_member(call, &member, marks)
        };
        self.announce_to(&*rooms, &change, user);
    }

    /// Waits until the participants of the chat's call satisfy `wanted`; false when that did not happen in time.
    pub async fn wait_for(
        &self,
        chat: i64,
        within: Duration,
        wanted: impl Fn(&[Participant]) -> bool + Send,
    ) -> bool {
        let waiting = async {
            loop {
                let transports = self.inner.sfu.changed();
                let rows = self.inner.changed.notified();
                if wanted(&self.participants(chat)) {
                    return;
                }
                tokio::select! { () = transports => {}, () = rows => {} }
            }
        };
        tokio::time::timeout(within, waiting).await.is_ok()
    }
}

fn creator(rooms: &dyn Rooms, chat: i64) -> i64 {
    let members = rooms.members(chat);
    let creator = members.iter().find(|user| rooms.member(chat, **user).is_creator);
    creator.or(members.first()).copied().unwrap_or(0)
}
