//! Methods that only ask, and the small ones around a call.

use grammers_tl_types as tl;
use tl::enums::Updates;
use tl::functions::phone;

use super::call::Call;
use super::manage::require_admin;
use super::methods::Asker;
use super::rows::{self, Marks};
use super::{GroupCalls, Refusal};
use crate::world::rooms::Rooms;

const PAGE_MAX: usize = 500;

impl GroupCalls {
    pub(super) fn get(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::GetGroupCall,
    ) -> Result<tl::enums::phone::GroupCall, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let call = self.with(found.id, |call| Ok(call.clone()))?;
        // A negative limit is no limit: py-tgcalls sends -1.
        let limit = usize::try_from(request.limit).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let participants = listed(&call, asker.user).take(limit).collect();
        let users: Vec<i64> = call.members.iter().map(|member| member.user).take(limit).collect();
        let next = if limit < call.members.len() { limit.to_string() } else { String::new() };
        Ok(tl::types::phone::GroupCall {
            call: rows::call(&call, found.membership.manage_call),
            participants,
            participants_next_offset: next,
            chats: rooms.peer_chats(asker.user, &[found.chat]),
            users: rooms.peer_users(asker.user, &users),
        }
        .into())
    }

    pub(super) fn get_participants(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::GetGroupParticipants,
    ) -> Result<tl::enums::phone::GroupParticipants, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let wanted: Vec<i64> =
            request.ids.iter().filter_map(|peer| rooms.user_of_peer(asker.user, peer)).collect();
        let mut call = self.with(found.id, |call| Ok(call.clone()))?;
        let count = call.members.len() as i32;
        if !request.ids.is_empty() || !request.sources.is_empty() {
            call.members.retain(|member| {
                wanted.contains(&member.user)
                    || member.sources().any(|source| request.sources.contains(&(source as i32)))
            });
        }
        let offset: usize = request.offset.parse().unwrap_or(0);
        let limit = usize::try_from(request.limit)
            .ok()
            .filter(|limit| *limit > 0)
            .unwrap_or(PAGE_MAX)
            .min(PAGE_MAX);
        let participants = listed(&call, asker.user).skip(offset).take(limit).collect();
        let users: Vec<i64> =
            call.members.iter().skip(offset).take(limit).map(|member| member.user).collect();
        let end = offset.saturating_add(limit);
        Ok(tl::types::phone::GroupParticipants {
            count,
            participants,
            next_offset: if end < call.members.len() { end.to_string() } else { String::new() },
            chats: rooms.peer_chats(asker.user, &[found.chat]),
            users: rooms.peer_users(asker.user, &users),
            version: call.version,
        }
        .into())
    }

    /// Those of the asker's sources that the media server still has.
    pub(super) fn check(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::CheckGroupCall,
    ) -> Result<Vec<i32>, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        self.with(found.id, |call| {
            let member =
                call.member(asker.user).ok_or_else(|| Refusal::bad("GROUPCALL_JOIN_MISSING"))?;
            let sfu = &self.inner.sfu;
            let audio = member
                .transport
                .is_none_or(|peer| sfu.is_alive(peer))
                .then_some(member.ssrc as i32);
            let shown = member.presentation.as_ref().filter(|shown| sfu.is_alive(shown.transport));
            let shown = shown.map(|shown| shown.ssrc as i32);
            let is_live = |source: &i32| Some(*source) == audio || Some(*source) == shown;
            Ok(request.sources.into_iter().filter(is_live).collect())
        })
    }

    pub(super) fn invite(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::InviteToGroupCall,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let call = self.with(found.id, |call| Ok(rows::input(call)))?;
        let users = request
            .users
            .iter()
            .filter_map(|user| match user {
                tl::enums::InputUser::User(user) => Some(user.user_id),
                _ => None,
            })
            .collect();
        let action = tl::types::MessageActionInviteToGroupCall { call, users };
        rooms.service_message(found.chat, asker.user, action.into());
        Ok(rooms.wrap_updates(asker.user, Vec::new()))
    }

    pub(super) fn export_invite(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::ExportGroupCallInvite,
    ) -> Result<tl::enums::phone::ExportedGroupCallInvite, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let link = format!("https://t.me/c/{}?videochat={:x}", found.chat.unsigned_abs(), found.id);
        Ok(tl::types::phone::ExportedGroupCallInvite { link }.into())
    }

    pub(super) fn join_as(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::GetGroupCallJoinAs,
    ) -> Result<tl::enums::phone::JoinAsPeers, Refusal> {
        rooms
            .chat_of_peer(asker.user, &request.peer)
            .ok_or_else(|| Refusal::bad("PEER_ID_INVALID"))?;
        Ok(tl::types::phone::JoinAsPeers {
            peers: vec![tl::types::PeerUser { user_id: asker.user }.into()],
            chats: Vec::new(),
            users: rooms.peer_users(asker.user, &[asker.user]),
        }
        .into())
    }

    pub(super) fn save_join_as(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::SaveDefaultGroupCallJoinAs,
    ) -> Result<bool, Refusal> {
        if rooms.user_of_peer(asker.user, &request.join_as) == Some(asker.user) {
            Ok(true)
        } else {
            Err(Refusal::bad("JOIN_AS_PEER_INVALID"))
        }
    }

    pub(super) fn stream_channels(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::GetGroupCallStreamChannels,
    ) -> Result<tl::enums::phone::GroupCallStreamChannels, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let is_joined = self.with(found.id, |call| Ok(call.member(asker.user).is_some()))?;
        if !is_joined {
            return Err(Refusal::bad("GROUPCALL_JOIN_MISSING"));
        }
        let last_timestamp_ms = i64::from(rooms.now()) * 1000;
        let channel = tl::types::GroupCallStreamChannel { channel: 1, scale: 0, last_timestamp_ms };
        Ok(tl::types::phone::GroupCallStreamChannels { channels: vec![channel.into()] }.into())
    }

    pub(super) fn stream_url(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::GetGroupCallStreamRtmpUrl,
    ) -> Result<tl::enums::phone::GroupCallStreamRtmpUrl, Refusal> {
        let chat = rooms
            .chat_of_peer(asker.user, &request.peer)
            .ok_or_else(|| Refusal::bad("PEER_ID_INVALID"))?;
        let membership = rooms.member(chat, asker.user);
        require_admin(&super::methods::Found { id: 0, chat, membership })?;
        let (url, key) = ("rtmp://127.0.0.1/s/".to_owned(), format!("{:x}", chat.unsigned_abs()));
        Ok(tl::types::phone::GroupCallStreamRtmpUrl { url, key }.into())
    }
}

fn listed(call: &Call, viewer: i64) -> impl Iterator<Item = tl::enums::GroupCallParticipant> + '_ {
    call.members.iter().map(move |member| rows::participant(call, member, viewer, Marks::NONE))
}
