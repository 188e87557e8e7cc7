//! What a session remembers, and how grammers asks for it.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grammers_client::session::types::{
    ChannelState, DcOption, PeerId, PeerInfo, UpdateState, UpdatesState,
};
use grammers_client::session::{BoxFuture, SessionData};
use tokio::time::Instant;

use super::strings::{Key, Login};

/// How many users a session remembers; the longest unseen are forgotten first. Chats and channels are few and stay.
const USERS_MAX: usize = 10_000;

/// Beyond every peer's number; the library adds to a number before it checks it.
const NUMBER_MAX: i64 = 1 << 42;

/// The part of a session that grammers reads and writes.
pub(crate) struct Memory {
    state: Mutex<State>,
    /// What Telegram said the time is, since 1970, and when it said so.
    time: Mutex<Option<(Duration, Instant)>>,
}

/// Everything in it; saved as a whole.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) home: i32,
    pub(crate) datacenters: HashMap<i32, DcOption>,
    /// Addresses that Telegram's configuration may not replace.
    pub(crate) pinned: HashMap<i32, SocketAddr>,
    /// The account's own id, once known.
    pub(crate) user: Option<i64>,
    pub(crate) is_bot: bool,
    /// Whether the home address is IPv6.
    pub(crate) prefers_ipv6: bool,
    pub(crate) peers: HashMap<i64, Peer>,
    pub(crate) updates: UpdatesState,
    /// The home key came from outside and must not be replaced: a new one would belong to nobody.
    pub(crate) keeps_key: bool,
    /// Changed since the file was written.
    pub(crate) is_dirty: bool,
    clock: u64,
}

/// A peer and when it was last seen (a count, not a time).
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) info: PeerInfo,
    pub(crate) seen: u64,
}

// === impl State ===

impl State {
    /// Nobody yet, with the data centres that the library knows.
    pub(crate) fn new() -> State {
        let known = SessionData::default();
        State {
            home: known.home_dc,
            datacenters: known.dc_options,
            pinned: HashMap::new(),
            user: None,
            is_bot: false,
            prefers_ipv6: false,
            peers: HashMap::new(),
            updates: UpdatesState::default(),
            keeps_key: false,
            is_dirty: true,
            clock: 0,
        }
    }

    /// Somebody who logged in elsewhere. The data centre is one of the known five, as the parser checked.
    pub(crate) fn from_login(login: &Login) -> State {
        let mut state = State::new();
        state.home = login.dc;
        if let Some(home) = state.datacenters.get_mut(&login.dc) {
            home.auth_key = Some(login.key);
            match login.address {
                Some(SocketAddr::V4(address)) => home.ipv4 = address,
                Some(SocketAddr::V6(address)) => {
                    home.ipv6 = address;
                    state.prefers_ipv6 = true;
                }
                None => {}
            }
        }
        if let Some((user, is_bot)) = login.user {
            state.know_self(user, is_bot);
        }
        state
    }

    pub(crate) fn home_option(&self) -> Option<&DcOption> {
        self.datacenters.get(&self.home)
    }

    pub(crate) fn know_self(&mut self, user: i64, is_bot: bool) {
        if self.user.is_some_and(|known| known != user) {
            // Another account took this session over: nothing that the old one knew is valid, and its keys elsewhere
            // speak for the old one.
            self.peers.clear();
            let home = self.home;
            let elsewhere = self.datacenters.values_mut().filter(|option| option.id != home);
            elsewhere.for_each(|option| option.auth_key = None);
            self.updates = UpdatesState::default();
        }
        self.user = Some(user);
        self.is_bot = is_bot;
        self.is_dirty = true;
    }

    /// Another process of the same account left this. It is taken unless this one has another login already; a place
    /// that it does not know stays.
    pub(crate) fn take_over(&mut self, left: State) {
        let key = |state: &State| state.home_option().and_then(|home| home.auth_key);
        if key(self).is_some_and(|own| Some(own) != key(&left)) {
            tracing::warn!("what was put away belongs to another login and will be replaced");
            return;
        }
        let updates =
            if left.updates.pts == 0 { self.updates.clone() } else { left.updates.clone() };
        let pinned: Vec<_> = self.pinned.iter().map(|(id, address)| (*id, *address)).collect();
        *self = State {
            user: left.user.or(self.user),
            keeps_key: self.keeps_key,
            is_dirty: true,
            updates,
            ..left
        };
        self.pin(&pinned);
    }

    /// The updates took effect up to here, for this user.
    pub(crate) fn go_on_at(&mut self, user: Option<i64>, place: UpdatesState) {
        if self.user.is_some() && user.is_some() && self.user != user {
            tracing::warn!(
                "a place that was put away belongs to another account and will be replaced"
            );
            return;
        }
        self.user = self.user.or(user);
        self.updates = place;
        self.is_dirty = true;
    }

    pub(crate) fn pin(&mut self, addresses: &[(i32, SocketAddr)]) {
        for (id, address) in addresses {
            self.pinned.insert(*id, *address);
            place(self.datacenters.entry(*id).or_insert_with(|| nowhere(*id)), *address);
        }
        if let Some(address) = self.pinned.get(&self.home) {
            self.prefers_ipv6 = address.is_ipv6();
        }
    }

    /// Telegram says where a data centre is; an operator who says otherwise is right.
    pub(crate) fn relocate(&mut self, id: i32, address: SocketAddr) {
        if self.pinned.contains_key(&id) {
            return;
        }
        let option = self.datacenters.entry(id).or_insert_with(|| nowhere(id));
        let before = option.clone();
        place(option, address);
        self.is_dirty |= before != *option;
    }

    /// Where to connect for a data centre: on the kind of network that home is on, if it is there too.
    pub(crate) fn address(&self, id: i32) -> Option<SocketAddr> {
        if let Some(address) = self.pinned.get(&id) {
            return Some(*address);
        }
        let option = self.datacenters.get(&id)?;
        let (v4, v6) = (SocketAddr::V4(option.ipv4), SocketAddr::V6(option.ipv6));
        let order = if self.prefers_ipv6 { [v6, v4] } else { [v4, v6] };
        order.into_iter().find(is_somewhere)
    }

    /// Keeps a key that was just made; one that is there already stays.
    pub(crate) fn keep_key(&mut self, dc: i32, key: Key) {
        if let Some(option) = self.datacenters.get_mut(&dc)
            && option.auth_key.is_none()
        {
            option.auth_key = Some(key);
            self.is_dirty = true;
        }
    }

    /// Forgets the key of a data centre that is not home; nobody is signed in there by it alone.
    pub(crate) fn forget_key(&mut self, dc: i32) {
        if dc != self.home
            && let Some(option) = self.datacenters.get_mut(&dc)
        {
            option.auth_key = None;
            self.is_dirty = true;
        }
    }

    /// The channels that this account met whose number stands somewhere in these bytes (TL values lie on four-byte
    /// boundaries).
    pub(crate) fn channels_in(&self, bytes: &[u8]) -> BTreeSet<i64> {
        let numbers = (0..bytes.len()).step_by(4).filter_map(|at| bytes[at..].first_chunk());
        let numbers = numbers.map(|number| i64::from_le_bytes(*number));
        let is_met = |number: &i64| {
            let id = (1..NUMBER_MAX).contains(number).then(|| PeerId::channel(*number)).flatten();
            id.and_then(PeerId::bot_api_dialog_id).is_some_and(|id| self.peers.contains_key(&id))
        };
        numbers.filter(is_met).collect()
    }

    pub(crate) fn cache(&mut self, info: &PeerInfo) {
        let Some(id) = dialog_id(info) else { return };
        self.clock += 1;
        if let PeerInfo::User { id, is_self: Some(true), bot, .. } = info {
            self.know_self(*id, bot.unwrap_or(self.is_bot));
        }
        let seen = self.clock;
        let peer = self.peers.entry(id).or_insert_with(|| Peer { info: info.clone(), seen });
        let before = peer.info.clone();
        peer.info.extend_info(info);
        if before != peer.info || peer.seen == seen {
            self.is_dirty = true;
        }
        peer.seen = seen;
        self.forget_old_users();
    }

    fn forget_old_users(&mut self) {
        if self.peers.len() <= USERS_MAX + USERS_MAX / 4 {
            return;
        }
        let own = self.user;
        let mut seen: Vec<u64> =
            self.peers.iter().filter(|(id, _)| **id > 0).map(|(_, peer)| peer.seen).collect();
        if seen.len() <= USERS_MAX {
            return;
        }
        seen.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = seen[USERS_MAX - 1];
        self.peers.retain(|id, peer| *id < 0 || Some(*id) == own || peer.seen >= oldest);
    }

    fn apply(&mut self, update: UpdateState) {
        let before = self.updates.clone();
        match update {
            UpdateState::All(state) => self.updates = state,
            UpdateState::Primary { pts, date, seq } => {
                (self.updates.pts, self.updates.date, self.updates.seq) = (pts, date, seq);
            }
            UpdateState::Secondary { qts } => self.updates.qts = qts,
            UpdateState::Channel { id, pts } => {
                self.updates.channels.retain(|channel| channel.id != id);
                self.updates.channels.push(ChannelState { id, pts });
            }
        }
        self.is_dirty |= before != self.updates;
    }
}

/// A data centre of which no address is known.
fn nowhere(id: i32) -> DcOption {
    DcOption {
        id,
        ipv4: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
        ipv6: SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0),
        auth_key: None,
    }
}

pub(crate) fn is_somewhere(address: &SocketAddr) -> bool {
    address.port() != 0 && !address.ip().is_unspecified()
}

/// Puts an address into a data centre's option.
fn place(option: &mut DcOption, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => option.ipv4 = address,
        SocketAddr::V6(address) => option.ipv6 = address,
    }
}

/// A peer's number as bot APIs write it; `None` for numbers that no peer has (the library would panic on them).
pub(crate) fn dialog_id(info: &PeerInfo) -> Option<i64> {
    let (PeerInfo::User { id, .. } | PeerInfo::Chat { id } | PeerInfo::Channel { id, .. }) = info;
    if !(1..NUMBER_MAX).contains(id) {
        return None;
    }
    let id = match info {
        PeerInfo::User { id, .. } => PeerId::user(*id),
        PeerInfo::Chat { id } => PeerId::chat(*id),
        PeerInfo::Channel { id, .. } => PeerId::channel(*id),
    };
    id.and_then(PeerId::bot_api_dialog_id)
}

// === impl Memory ===

impl Memory {
    pub(crate) fn new(state: State) -> Memory {
        Memory { state: Mutex::new(state), time: Mutex::default() }
    }

    /// The state; a panic elsewhere while it was held leaves it usable, since every change is one assignment.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn told_time(&self, date: i32) {
        let since_1970 = Duration::from_secs(u64::try_from(date).unwrap_or_default());
        *self.time.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((since_1970, Instant::now()));
    }

    /// Telegram's time now, since 1970, whatever this machine's clock says.
    pub(crate) fn time(&self) -> Option<Duration> {
        let told = *self.time.lock().unwrap_or_else(PoisonError::into_inner);
        told.map(|(then, at)| then + at.elapsed())
    }
}

impl grammers_client::session::Session for Memory {
    type Error = Infallible;

    fn home_dc_id(&self) -> Result<i32, Infallible> {
        Ok(self.lock().home)
    }

    fn set_home_dc_id(&self, dc_id: i32) -> BoxFuture<'_, Result<(), Infallible>> {
        let mut state = self.lock();
        state.home = dc_id;
        state.is_dirty = true;
        Box::pin(async { Ok(()) })
    }

    fn dc_option(&self, dc_id: i32) -> Result<Option<DcOption>, Infallible> {
        Ok(self.lock().datacenters.get(&dc_id).cloned())
    }

    fn set_dc_option(&self, option: &DcOption) -> BoxFuture<'_, Result<(), Infallible>> {
        let mut state = self.lock();
        let mut option = option.clone();
        if let Some(address) = state.pinned.get(&option.id).copied() {
            place(&mut option, address);
        }
        if state.keeps_key && option.id == state.home {
            option.auth_key =
                state.home_option().and_then(|home| home.auth_key).or(option.auth_key);
        }
        let is_reachable =
            option.ipv4.port() != 0 && !IpAddr::V4(*option.ipv4.ip()).is_unspecified();
        if (is_reachable || state.prefers_ipv6)
            && state.datacenters.get(&option.id) != Some(&option)
        {
            state.datacenters.insert(option.id, option);
            state.is_dirty = true;
        }
        Box::pin(async { Ok(()) })
    }

    fn peer(&self, peer: PeerId) -> BoxFuture<'_, Result<Option<PeerInfo>, Infallible>> {
        let state = self.lock();
        // The library's word for "whoever I am" carries no number.
        let id = peer.bot_api_dialog_id().or(state.user);
        let known = id.and_then(|id| state.peers.get(&id)).map(|peer| peer.info.clone());
        let own =
            || state.user.filter(|user| Some(*user) == id).map(|id| own_info(id, state.is_bot));
        let info = known.or_else(own);
        Box::pin(async { Ok(info) })
    }

    fn cache_peer(&self, peer: PeerInfo) -> BoxFuture<'_, Result<(), Infallible>> {
        self.lock().cache(&peer);
        Box::pin(async { Ok(()) })
    }

    fn updates_state(&self) -> BoxFuture<'_, Result<UpdatesState, Infallible>> {
        let updates = self.lock().updates.clone();
        Box::pin(async { Ok(updates) })
    }

    fn set_update_state(&self, update: UpdateState) -> BoxFuture<'_, Result<(), Infallible>> {
        self.lock().apply(update);
        Box::pin(async { Ok(()) })
    }
}

fn own_info(id: i64, is_bot: bool) -> PeerInfo {
    PeerInfo::User { id, auth: None, bot: Some(is_bot), is_self: Some(true) }
}
