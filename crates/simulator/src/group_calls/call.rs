//! One group call and its participants; no rights, no wires.

use std::collections::BTreeMap;

use super::Fault;
use crate::sfu::PeerId;

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: i64,
    pub(super) access_hash: i64,
    pub(super) chat: i64,
    /// Its place on the media server, wherever the chat moves.
    pub(super) room: i64,
    pub(super) title: Option<String>,
    pub(super) version: i32,
    pub(super) is_join_muted: bool,
    pub(super) is_conference: bool,
    pub(super) is_rtmp: bool,
    /// When it will start; `None` once it has.
    pub(super) schedule: Option<i32>,
    pub(super) started: i32,
    /// Seconds it lasted; `None` while it goes on.
    pub(super) duration: Option<i32>,
    pub(super) members: Vec<Member>,
    pub(super) faults: Vec<Fault>,
    /// What a viewer, no administrator, changed for itself about a participant.
    pub(super) preferences: BTreeMap<(i64, i64), Preference>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preference {
    pub(super) is_muted: bool,
    pub(super) volume: Option<i32>,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) user: i64,
    /// `None` for who only receives a broadcast.
    pub(super) transport: Option<PeerId>,
    pub(super) ssrc: u32,
    pub(super) date: i32,
    pub(super) is_muted: bool,
    pub(super) can_self_unmute: bool,
    /// Set by an administrator, for everybody.
    pub(super) volume: Option<i32>,
    pub(super) hand: Option<i64>,
    pub(super) video: Option<Video>,
    pub(super) presentation: Option<Presentation>,
}

#[derive(Clone, Debug)]
pub(super) struct Video {
    pub(super) endpoint: String,
    pub(super) groups: Vec<(String, Vec<i32>)>,
    pub(super) is_shown: bool,
    pub(super) is_paused: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Presentation {
    pub(super) transport: PeerId,
    pub(super) ssrc: u32,
    pub(super) video: Video,
}

impl Call {
    pub(super) fn member(&mut self, user: i64) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.user == user)
    }

    pub(super) fn add_fault(&mut self, fault: Fault) {
        if fault == Fault::Conference {
            self.is_conference = true;
        } else {
            self.faults.push(fault);
        }
    }

    pub(super) fn has_source(&self, ssrc: u32) -> bool {
        self.members.iter().any(|member| member.sources().any(|source| source == ssrc))
    }

    /// Takes a participant out and counts the version up.
    pub(super) fn remove(&mut self, user: i64) -> Option<Member> {
        let at = self.members.iter().position(|member| member.user == user)?;
        self.version += 1;
        Some(self.members.remove(at))
    }
}

impl Member {
    /// Muted by somebody else: it cannot unmute itself.
    pub(super) fn is_force_muted(&self) -> bool {
        self.is_muted && !self.can_self_unmute
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = u32> + '_ {
        let video = self.video.iter().flat_map(|video| &video.groups);
        let presentation = self.presentation.iter().flat_map(|shown| &shown.video.groups);
        let grouped =
            video.chain(presentation).flat_map(|(_, sources)| sources).map(|source| *source as u32);
        std::iter::once(self.ssrc)
            .chain(self.presentation.iter().map(|shown| shown.ssrc))
            .chain(grouped)
    }

    pub(super) fn transports(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.transport.into_iter().chain(self.presentation.iter().map(|shown| shown.transport))
    }
}
