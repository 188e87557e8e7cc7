//! Calls and participants as TL objects, as one viewer sees them.

use grammers_tl_types as tl;

use super::call::{Call, Member, Preference, Video};

/// What is special about a participant's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) just_joined: bool,
    pub(super) left: bool,
    /// The batch counts the call's version up.
    pub(super) versioned: bool,
}

impl Marks {
    pub(super) const JOINED: Marks = Marks { just_joined: true, left: false, versioned: true };
    pub(super) const LEFT: Marks = Marks { just_joined: false, left: true, versioned: true };
    pub(super) const NONE: Marks = Marks { just_joined: false, left: false, versioned: false };
}

pub(super) fn input(call: &Call) -> tl::enums::InputGroupCall {
    tl::types::InputGroupCall { id: call.id, access_hash: call.access_hash }.into()
}

/// The call object; `may_manage` is the viewer's right.
pub(super) fn call(call: &Call, may_manage: bool) -> tl::enums::GroupCall {
    if let Some(duration) = call.duration {
        let discarded =
            tl::types::GroupCallDiscarded { id: call.id, access_hash: call.access_hash, duration };
        return discarded.into();
    }
    let videos = call
        .members
        .iter()
        .filter(|member| member.video.as_ref().is_some_and(|v| v.is_shown))
        .count();
    tl::types::GroupCall {
        join_muted: call.is_join_muted,
        can_change_join_muted: may_manage,
        join_date_asc: false,
        schedule_start_subscribed: false,
        can_start_video: true,
        record_video_active: false,
        rtmp_stream: call.is_rtmp,
        listeners_hidden: false,
        conference: call.is_conference,
        creator: false,
        messages_enabled: false,
        can_change_messages_enabled: may_manage,
        min: false,
        id: call.id,
        access_hash: call.access_hash,
        participants_count: call.members.len() as i32,
        title: call.title.clone(),
        stream_dc_id: None,
        record_start_date: None,
        schedule_date: call.schedule,
        unmuted_video_count: (videos > 0).then_some(videos as i32),
        unmuted_video_limit: 30,
        version: call.version,
        invite_link: None,
        send_paid_messages_stars: None,
        default_send_as: None,
    }
    .into()
}

/// A participant as `viewer` sees it.
pub(super) fn participant(
    call: &Call,
    member: &Member,
    viewer: i64,
    marks: Marks,
) -> tl::enums::GroupCallParticipant {
    let is_self = member.user == viewer;
    let preference =
        call.preferences.get(&(viewer, member.user)).copied().unwrap_or_else(Preference::default);
    tl::types::GroupCallParticipant {
        muted: member.is_muted,
        left: marks.left,
        can_self_unmute: member.is_muted && member.can_self_unmute,
        just_joined: marks.just_joined,
        versioned: marks.versioned,
        min: false,
        muted_by_you: preference.is_muted,
        volume_by_admin: member.volume.is_some(),
        is_self,
        video_joined: member.video.is_some(),
        peer: tl::types::PeerUser { user_id: member.user }.into(),
        date: member.date,
        active_date: (!member.is_muted).then_some(member.date),
        source: member.ssrc as i32,
        volume: preference.volume.or(member.volume),
        about: None,
        raise_hand_rating: member.hand,
        video: member.video.as_ref().filter(|video| video.is_shown).map(|shown| video(shown, None)),
        presentation: member
            .presentation
            .as_ref()
            .map(|shown| video(&shown.video, Some(shown.ssrc as i32))),
        paid_stars_total: None,
    }
    .into()
}

fn video(video: &Video, audio_source: Option<i32>) -> tl::enums::GroupCallParticipantVideo {
    let source_groups = video
        .groups
        .iter()
        .map(|(semantics, sources)| {
            let (semantics, sources) = (semantics.clone(), sources.clone());
            tl::types::GroupCallParticipantVideoSourceGroup { semantics, sources }.into()
        })
        .collect();
    let endpoint = video.endpoint.clone();
    tl::types::GroupCallParticipantVideo {
        paused: video.is_paused,
        endpoint,
        source_groups,
        audio_source,
    }
    .into()
}
