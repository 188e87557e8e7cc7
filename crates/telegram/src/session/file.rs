//! A session as one small file: JSON, owner-readable only, replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use grammers_client::session::types::{ChannelState, DcOption, PeerAuth, PeerInfo, UpdatesState};
use serde::{Deserialize, Serialize};

use super::memory::{Peer, State};
use super::strings::Key;
use crate::vault::{self, SealError, Vault};

/// The shape on disk. A newer shape gets a new number.
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

const VERSION: u32 = 1;

/// How often, and how far apart, a lock is tried.
const CLAIM_TRIES: u32 = 20;
const CLAIM_PAUSE: Duration = Duration::from_millis(10);

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is not a session file of this program (line {line})")]
    Shape { line: usize },
    #[error("it was written by a newer version of this program")]
    Newer,
    #[error("{0}")]
    Sealed(#[from] SealError),
}

/// Reads the file; `None` when there is none.
pub(crate) fn load(path: &Path, vault: Option<&Vault>) -> Result<Option<State>, FileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (text, is_sealed) = vault::open(bytes, vault)?;
    // The error's own text could quote the file, and the file is a secret.
    let saved: Saved =
        serde_json::from_slice(&text).map_err(|error| FileError::Shape { line: error.line() })?;
    if saved.version > VERSION {
        return Err(FileError::Newer);
    }
    let mut state = saved.into_state();
    // an open file is sealed as soon as there is a key
    state.is_dirty = vault.is_some() && !is_sealed;
    Ok(Some(state))
}

/// Writes the file beside its place and moves it there, so that a crash leaves the old one or the new one.
pub(crate) fn save(path: &Path, state: &State, vault: Option<&Vault>) -> Result<(), FileError> {
    let text = serde_json::to_vec(&Saved::from_state(state)).map_err(io::Error::from)?;
    let text = vault.map_or_else(|| text.clone(), |vault| vault.seal(&text));
    let beside = sibling(path, "new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}

/// Why a session could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{}", in_use(*.by))]
    InUse { by: Option<u32> },
}

fn in_use(by: Option<u32>) -> String {
    match by {
        Some(process) => format!("process {process} uses it"),
        None => "another process uses it".to_owned(),
    }
}

/// Takes the session for this process: two connections with one key cost the account its login
/// (`AUTH_KEY_DUPLICATED`, core.telegram.org). The lock ends with the returned file; who holds it stands in it.
pub(crate) fn claim(path: &Path) -> Result<File, ClaimError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let lock = sibling(path, "lock");
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&lock)?;
    // A process being started elsewhere in this program holds a copy of every lock for a moment.
    for _ in 0..CLAIM_TRIES {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                return Ok(file);
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(CLAIM_PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    let by = fs::read_to_string(&lock).ok().and_then(|text| text.trim().parse().ok());
    Err(ClaimError::InUse { by })
}

/// Copies the file beside its place, unless such a copy is there already.
pub(crate) fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let copy = sibling(path, "refused");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&copy) {
        Ok(mut file) => file.write_all(&fs::read(path)?)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(copy)
}

fn sibling(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
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
            updates: SavedUpdates {
                pts: state.updates.pts,
                qts: state.updates.qts,
                date: state.updates.date,
                seq: state.updates.seq,
                channels: state
                    .updates
                    .channels
                    .iter()
                    .map(|channel| (channel.id, channel.pts))
                    .collect(),
            },
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
        state.updates = UpdatesState {
            pts: self.updates.pts,
            qts: self.updates.qts,
            date: self.updates.date,
            seq: self.updates.seq,
            channels: self
                .updates
                .channels
                .into_iter()
                .map(|(id, pts)| ChannelState { id, pts })
                .collect(),
        };
        state.is_dirty = false;
        state
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
