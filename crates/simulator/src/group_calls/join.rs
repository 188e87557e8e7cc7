//! phone.joinGroupCall.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use grammers_tl_types as tl;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tl::Serializable;
use tl::enums::Update;
use tl::functions::phone;

use super::announce::Change;
use super::call::{Member, Video};
use super::methods::{self, Asker, Found};
use super::rows::Marks;
use super::{Fault, GroupCalls, Refusal};
use crate::dc::Answer;
use crate::sfu::{BadPayload, JoinPayload, PeerId};
use crate::world::rooms::Rooms;

impl GroupCalls {
    pub(super) fn answer_join(&self, asker: Asker, request: &[u8]) -> BoxFuture<'static, Answer> {
        let mut delay = self.inner.settings.answer_delay;
        let result =
            self.admit(asker, request).and_then(|(rooms, request): (_, phone::JoinGroupCall)| {
                let found = self.find(&*rooms, asker, &request.call)?;
                let faults = self.with(found.id, |call| Ok(std::mem::take(&mut call.faults)))?;
                for fault in &faults {
                    if let Fault::Late(ms) = fault {
                        delay += Duration::from_millis(u64::from(*ms));
                    }
                }
                self.join(&*rooms, asker, &found, &request, &faults)
            });
        let answer = methods::answer(result);
        async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            answer
        }
        .boxed()
    }

    fn join(
        &self,
        rooms: &dyn Rooms,
        asker: Asker,
        found: &Found,
        request: &phone::JoinGroupCall,
        faults: &[Fault],
    ) -> Result<Vec<u8>, Refusal> {
        refuse_by_fault(faults)?;
        if rooms.user_of_peer(asker.user, &request.join_as) != Some(asker.user) {
            return Err(Refusal::bad("JOIN_AS_PEER_INVALID"));
        }
        let tl::enums::DataJson::Json(params) = &request.params;
        let payload = read(&params.data)?;
        let now = rooms.now();
        let has = |fault| faults.contains(&fault);
        let broadcast = if has(Fault::Rtmp) {
            Some(json!({"stream": true, "rtmp": true}))
        } else {
            has(Fault::Stream).then(|| json!({"stream": true}))
        };
        let (transport, answer) = self.enter(
            asker,
            found,
            request,
            &payload,
            broadcast,
            has(Fault::BadFingerprint),
            now,
        )?;
        let change = self.with(found.id, |call| {
            let call = &*call;
            let member = call.members.iter().find(|member| member.user == asker.user);
            let member = member.ok_or_else(|| Refusal::bad("GROUPCALL_JOIN_MISSING"))?;
            if let Some(transport) = transport {
                self.inner.sfu.set_muted(transport, member.is_muted, member.is_force_muted());
            }
            Ok(Change::of_member(call, member, Marks::JOINED))
        })?;
        self.announce(rooms, &change, Some((asker.user, asker.session)));
        let mut updates =
            change.updates(&rooms.peer(found.chat), asker.user, found.membership.manage_call);
        if !has(Fault::NoConnection) {
            updates.push(connection(&answer, false));
        }
        updates.shuffle(&mut self.state().rng);
        let mut bytes = rooms.wrap_updates(asker.user, updates).to_bytes();
        if has(Fault::UnknownUpdate) {
            add_unknown_update(&mut bytes);
        }
        Ok(bytes)
    }

    /// Puts the asker into the call and onto the media server.
    #[expect(
        clippy::too_many_arguments,
        reason = "the join has that many independent facts, and one caller"
    )]
    fn enter(
        &self,
        asker: Asker,
        found: &Found,
        request: &phone::JoinGroupCall,
        payload: &JoinPayload,
        broadcast: Option<Value>,
        is_certificate_wrong: bool,
        now: i32,
    ) -> Result<(Option<PeerId>, Value), Refusal> {
        let may_speak = found.membership.is_admin || found.membership.manage_call;
        self.with(found.id, |call| {
            if call.schedule.is_some() {
                return Err(Refusal::forbidden("GROUPCALL_FORBIDDEN"));
            }
            if request.public_key.is_some() && !call.is_conference {
                return Err(Refusal::bad("CONF_WRITE_CHAIN_INVALID"));
            }
            let wanted = std::iter::once(payload.ssrc).chain(payload.video_ssrcs());
            if wanted.into_iter().any(|ssrc| call.has_source(ssrc)) {
                return Err(Refusal::bad("GROUPCALL_SSRC_DUPLICATE_MUCH"));
            }
            let old = call.members.iter().position(|member| member.user == asker.user);
            let old = old.map(|at| call.members.remove(at));
            for transport in old.iter().flat_map(Member::transports) {
                self.inner.sfu.leave(transport);
            }
            let is_broadcast = broadcast.is_some();
            let (transport, answer) = match broadcast {
                Some(answer) => (None, answer),
                None => {
                    let (peer, answer) =
                        self.admit_to_sfu(call.room, asker.user, payload, is_certificate_wrong);
                    (Some(peer), answer)
                }
            };
            let is_force_muted = (call.is_join_muted && !may_speak)
                || old.as_ref().is_some_and(Member::is_force_muted)
                || is_broadcast;
            let video = (!payload.groups.is_empty()).then(|| Video {
                endpoint: endpoint(&answer),
                groups: payload.groups.clone(),
                is_shown: !request.video_stopped,
                is_paused: false,
            });
            call.version += 1;
            call.members.push(Member {
                user: asker.user,
                transport,
                ssrc: payload.ssrc,
                date: now,
                is_muted: request.muted || is_force_muted,
                can_self_unmute: !is_force_muted,
                volume: old.as_ref().and_then(|old| old.volume),
                hand: None,
                video,
                presentation: None,
            });
            Ok((transport, answer))
        })
    }

    fn admit_to_sfu(
        &self,
        chat: i64,
        user: i64,
        payload: &JoinPayload,
        is_wrong: bool,
    ) -> (PeerId, Value) {
        let (peer, mut answer) = self.inner.sfu.join(chat, user, payload);
        if is_wrong && let Some(named) = answer.pointer_mut("/transport/fingerprints/0/fingerprint")
        {
            *named = Value::from(vec!["00"; 32].join(":"));
        }
        (peer, answer)
    }
}

fn refuse_by_fault(faults: &[Fault]) -> Result<(), Refusal> {
    for fault in faults {
        match fault {
            Fault::AddParticipantsFailed => {
                return Err(Refusal(500, "GROUPCALL_ADD_PARTICIPANTS_FAILED".to_owned()));
            }
            Fault::Invalid => return Err(Refusal::bad("GROUPCALL_INVALID")),
            Fault::SsrcDuplicate => return Err(Refusal::bad("GROUPCALL_SSRC_DUPLICATE_MUCH")),
            Fault::FloodWait(seconds) => return Err(Refusal(420, format!("FLOOD_WAIT_{seconds}"))),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn read(json: &str) -> Result<JoinPayload, Refusal> {
    JoinPayload::parse(json).map_err(|bad| match bad {
        BadPayload::Json => Refusal::bad("DATA_JSON_INVALID"),
        BadPayload::Ssrc => Refusal::bad("GROUPCALL_SSRC_DUPLICATE_MUCH"),
    })
}

pub(super) fn connection(answer: &Value, presentation: bool) -> Update {
    let params = tl::types::DataJson { data: answer.to_string() }.into();
    tl::types::UpdateGroupCallConnection { presentation, params }.into()
}

pub(super) fn endpoint(answer: &Value) -> String {
    answer.pointer("/video/endpoint").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Puts an update that no layer knows in front of the others of a serialized `updates`.
fn add_unknown_update(bytes: &mut Vec<u8>) {
    const UNKNOWN: u32 = 0x7eed_bead;
    // constructor, vector, number of updates
    if let Some(count) = bytes.get(8..12).and_then(|count| count.try_into().ok()) {
        let more = u32::from_le_bytes(count) + 1;
        bytes[8..12].copy_from_slice(&more.to_le_bytes());
        bytes.splice(12..12, UNKNOWN.to_le_bytes());
    }
}
