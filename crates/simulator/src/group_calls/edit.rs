//! phone.editGroupCallParticipant: mute, volume, hand, video — of oneself, or of others.

use tl::enums::Updates;
use tl::functions::phone;

use grammers_tl_types as tl;

use super::announce::Change;
use super::call::{Call, Member};
use super::methods::Asker;
use super::rows::Marks;
use super::{GroupCalls, Refusal};
use crate::world::rooms::Rooms;

impl GroupCalls {
    pub(super) fn edit(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        request: phone::EditGroupCallParticipant,
    ) -> Result<Updates, Refusal> {
        let found = self.find(rooms, asker, &request.call)?;
        let target = rooms
            .user_of_peer(asker.user, &request.participant)
            .ok_or_else(|| Refusal::bad("PARTICIPANT_JOIN_MISSING"))?;
        if request.volume.is_some_and(|volume| !(1..=20_000).contains(&volume)) {
            return Err(Refusal::bad("USER_VOLUME_INVALID"));
        }
        let may_manage = found.membership.manage_call;
        let (change, is_private) = self.with(found.id, |call| {
            if call.member(asker.user).is_none() {
                return Err(Refusal::forbidden("GROUPCALL_FORBIDDEN"));
            }
            if call.member(target).is_none() {
                return Err(Refusal::bad("PARTICIPANT_JOIN_MISSING"));
            }
            let is_private = if asker.user == target {
                edit_self(call, asker.user, may_manage, &request)?;
                false
            } else if may_manage {
                edit_by_admin(call, target, &request)?;
                false
            } else {
                edit_for_oneself(call, (asker.user, target), &request)?;
                true
            };
            let Some(member) = call.member(target) else {
                return Err(Refusal::bad("PARTICIPANT_JOIN_MISSING"));
            };
            if let Some(transport) = member.transport {
                self.inner.sfu.set_muted(transport, member.is_muted, member.is_force_muted());
            }
            let member = member.clone();
            Ok((Change::of_member(call, &member, Marks::NONE), is_private))
        })?;
        if is_private {
            let updates = change.updates(&rooms.peer(found.chat), asker.user, false);
            return Ok(rooms.wrap_updates(asker.user, updates));
        }
        Ok(self.tell(rooms, asker, &found, &change))
    }
}

fn edit_self(
    call: &mut Call,
    user: i64,
    may_manage: bool,
    request: &phone::EditGroupCallParticipant,
) -> Result<(), Refusal> {
    let Some(member) = call.member(user) else { return Ok(()) };
    match request.muted {
        Some(false) if member.is_force_muted() && !may_manage => {
            return Err(Refusal::forbidden("GROUPCALL_FORBIDDEN"));
        }
        Some(false) => (member.is_muted, member.can_self_unmute) = (false, true),
        Some(true) if !member.is_muted => (member.is_muted, member.can_self_unmute) = (true, true),
        _ => {}
    }
    if let Some(volume) = request.volume {
        member.volume = Some(volume);
    }
    match request.raise_hand {
        Some(true) if !member.is_force_muted() => return Err(Refusal::bad("RAISE_HAND_FORBIDDEN")),
        Some(true) => member.hand = Some(i64::from(member.date)),
        Some(false) => member.hand = None,
        None => {}
    }
    edit_video(member, request);
    Ok(())
}

/// py-tgcalls sends these also when it has no video: then they change nothing.
fn edit_video(member: &mut Member, request: &phone::EditGroupCallParticipant) {
    if let Some(video) = &mut member.video {
        video.is_shown = request.video_stopped.map_or(video.is_shown, |is_stopped| !is_stopped);
        video.is_paused = request.video_paused.unwrap_or(video.is_paused);
    }
    if let Some(shown) = &mut member.presentation {
        shown.video.is_paused = request.presentation_paused.unwrap_or(shown.video.is_paused);
    }
}

fn edit_by_admin(
    call: &mut Call,
    target: i64,
    request: &phone::EditGroupCallParticipant,
) -> Result<(), Refusal> {
    if request.video_paused.is_some() || request.presentation_paused.is_some() {
        return Err(Refusal::bad("VIDEO_PAUSE_FORBIDDEN"));
    }
    let Some(member) = call.member(target) else { return Ok(()) };
    match request.muted {
        Some(true) => force_mute(member),
        Some(false) => allow_speaking(member),
        None => {}
    }
    if let Some(volume) = request.volume {
        member.volume = Some(volume);
    }
    if request.raise_hand == Some(false) {
        member.hand = None;
    }
    if let (Some(true), Some(video)) = (request.video_stopped, &mut member.video) {
        video.is_shown = false;
    }
    Ok(())
}

fn edit_for_oneself(
    call: &mut Call,
    key: (i64, i64),
    request: &phone::EditGroupCallParticipant,
) -> Result<(), Refusal> {
    if request.video_stopped.is_some() {
        return Err(Refusal::bad("VIDEO_STOP_FORBIDDEN"));
    }
    if request.video_paused.is_some() || request.presentation_paused.is_some() {
        return Err(Refusal::bad("VIDEO_PAUSE_FORBIDDEN"));
    }
    if request.raise_hand.is_some() {
        return Err(Refusal::bad("RAISE_HAND_FORBIDDEN"));
    }
    let preference = call.preferences.entry(key).or_default();
    preference.is_muted = request.muted.unwrap_or(preference.is_muted);
    preference.volume = request.volume.or(preference.volume);
    Ok(())
}

/// An administrator's "mute": only an administrator can undo it.
pub(super) fn force_mute(member: &mut Member) {
    (member.is_muted, member.can_self_unmute) = (true, false);
}

/// An administrator's "unmute": the participant stays muted until it unmutes itself.
pub(super) fn allow_speaking(member: &mut Member) {
    member.can_self_unmute = true;
    member.hand = None;
}
