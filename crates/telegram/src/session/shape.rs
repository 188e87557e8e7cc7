//! What a session looks like as text: JSON, with a number for its shape.

use std::net::{SocketAddrV4, SocketAddrV6};

use grammers_client::session::types::{ChannelState, DcOption, PeerAuth, PeerInfo, UpdatesState};
use serde::{Deserialize, Serialize};

use super::memory::{Peer, State};
use super::strings::Key;

/// A whole session. A newer shape gets a new number.
#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    home: i32,
    user: Option<i64>,
    is_bot: bool,
    prefers_ipv6: bool,
    datacenters: Vec<SavedDatacenter>,
    updates: SavedUpdates,
    /// `[id, access hash]`, the longest unseen first.
    users: Vec<(i64, Option<i64>)>,
    groups: Vec<i64>,
    channels: Vec<(i64, Option<i64>)>,
}

#[derive(Serialize, Deserialize)]
struct SavedDatacenter {
    id: i32,
    ipv4: SocketAddrV4,
    ipv6: SocketAddrV6,
    /// In hexadecimal.
    key: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SavedUpdates {
    pts: i32,
    qts: i32,
    date: i32,
    seq: i32,
    /// `[channel, pts]`.
    channels: Vec<(i64, i32)>,
}

/// Where the updates stand, by itself: it holds no secret.
#[derive(Serialize, Deserialize)]
struct SavedPlace {
    version: u32,
    user: Option<i64>,
    updates: SavedUpdates,
}

const VERSION: u32 = 1;

/// Why a text is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("it is not a session of this program (line {line})")]
    Foreign { line: usize },
    #[error("it was written by a newer version of this program")]
    Newer,
}

/// The whole session.
pub(crate) fn write_login(state: &State) -> Vec<u8> {
    text(&Saved::from_state(state))
}

pub(crate) fn read_login(text: &[u8]) -> Result<State, ShapeError> {
    let saved: Saved = serde_json::from_slice(text)?;
    if saved.version > VERSION { Err(ShapeError::Newer) } else { Ok(saved.into_state()) }
}

/// The session without its peers and its place: what changes seldom and must not be lost.
pub(crate) fn write_keys(state: &State) -> Vec<u8> {
    let Saved { version, home, user, is_bot, prefers_ipv6, datacenters, .. } =
        Saved::from_state(state);
    text(&(version, home, user, is_bot, prefers_ipv6, datacenters))
}

/// Where the updates stand, and whose they are.
pub(crate) fn write_place(state: &State) -> Vec<u8> {
    let updates = SavedUpdates::from_state(&state.updates);
    text(&SavedPlace { version: VERSION, user: state.user, updates })
}

pub(crate) fn read_place(text: &[u8]) -> Result<(Option<i64>, UpdatesState), ShapeError> {
    let saved: SavedPlace = serde_json::from_slice(text)?;
    if saved.version > VERSION {
        return Err(ShapeError::Newer);
    }
    Ok((saved.user, saved.updates.into_state()))
}

fn text(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).expect("our shapes have texts for names, so they are JSON")
}

// === impl ShapeError ===

impl From<serde_json::Error> for ShapeError {
    /// The error's own text could quote the session, and a session is a secret.
    fn from(error: serde_json::Error) -> ShapeError {
        ShapeError::Foreign { line: error.line() }
    }
}

// === impl Saved ===

impl Saved {
    fn from_state(state: &State) -> Saved {
        let mut peers: Vec<&Peer> = state.peers.values().collect();
        peers.sort_by_key(|peer| peer.seen);
        let (mut users, mut groups, mut channels) = (Vec::new(), Vec::new(), Vec::new());
        for peer in peers {
            match &peer.info {
                PeerInfo::User { id, auth, .. } => users.push((*id, auth.map(PeerAuth::hash))),
                PeerInfo::Chat { id } => groups.push(*id),
                PeerInfo::Channel { id, auth, .. } => {
                    channels.push((*id, auth.map(PeerAuth::hash)))
                }
            }
        }
        let mut datacenters: Vec<_> =
            state.datacenters.values().map(SavedDatacenter::from_option).collect();
        datacenters.sort_by_key(|datacenter| datacenter.id);
        Saved {
            version: VERSION,
            home: state.home,
            user: state.user,
            is_bot: state.is_bot,
            prefers_ipv6: state.prefers_ipv6,
            datacenters,
            updates: SavedUpdates::from_state(&state.updates),
            users,
            groups,
            channels,
        }
    }

    fn into_state(self) -> State {
        let mut state = State::new();
        state.home = self.home;
        state.prefers_ipv6 = self.prefers_ipv6;
        for datacenter in self.datacenters {
            state.datacenters.insert(datacenter.id, datacenter.into_option());
        }
        if let Some(user) = self.user {
            state.know_self(user, self.is_bot);
        }
        for (id, hash) in self.users {
            let is_self = (self.user == Some(id)).then_some(true);
            let bot = is_self.map(|_| self.is_bot);
            state.cache(&PeerInfo::User { id, auth: hash.map(PeerAuth::from_hash), bot, is_self });
        }
        for id in self.groups {
            state.cache(&PeerInfo::Chat { id });
        }
        for (id, hash) in self.channels {
            state.cache(&PeerInfo::Channel { id, auth: hash.map(PeerAuth::from_hash), kind: None });
        }
        state.updates = self.updates.into_state();
        state.is_dirty = false;
        state
    }
}

impl SavedUpdates {
    fn from_state(state: &UpdatesState) -> SavedUpdates {
        SavedUpdates {
            pts: state.pts,
            qts: state.qts,
            date: state.date,
            seq: state.seq,
            channels: state.channels.iter().map(|channel| (channel.id, channel.pts)).collect(),
        }
    }

    fn into_state(self) -> UpdatesState {
        let channels = self.channels.into_iter().map(|(id, pts)| ChannelState { id, pts });
        UpdatesState {
            pts: self.pts,
            qts: self.qts,
            date: self.date,
            seq: self.seq,
            channels: channels.collect(),
        }
    }
}

impl SavedDatacenter {
    fn from_option(option: &DcOption) -> SavedDatacenter {
        SavedDatacenter {
            id: option.id,
            ipv4: option.ipv4,
            ipv6: option.ipv6,
            key: option.auth_key.map(|key| key.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    fn into_option(self) -> DcOption {
        DcOption {
            id: self.id,
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            auth_key: self.key.as_deref().and_then(key_from_hex),
        }
    }
}

fn key_from_hex(text: &str) -> Option<Key> {
    if !text.is_ascii() || text.len() != 512 {
        return None;
    }
    let mut key = [0; 256];
    for (byte, at) in key.iter_mut().zip((0..512).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(key)
}
