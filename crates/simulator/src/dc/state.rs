//! State — keys, sessions and connections of the data centre, behind one lock that is never held over a wait.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::crypto::{self, AuthKey, sha1};
use super::faults::{DhAnswer, Rule, Target};
use super::outbox::Out;
use super::session::Session;
use super::stats::Stats;
use super::tasks::Tasks;
use super::{Caller, KeyId, Service, Settings};

/// A salt is given out for this long, and accepted for twice as long.
const SALT_SECONDS: i64 = 1800;
/// Sessions kept per key; the oldest without a connection go first.
const SESSIONS_MAX: usize = 256;

/// The address of a session. The key is the one that encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At {
    pub(super) key: KeyId,
    pub(super) session: i64,
}

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) service: Arc<dyn Service>,
    pub(super) tasks: Tasks,
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(settings: Settings, service: Arc<dyn Service>) -> Self {
        let state = State { layer: settings.layer, ..State::default() };
        Self { settings, service, tasks: Tasks::new(), state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Key {
    pub(super) auth_key: Arc<AuthKey>,
    pub(super) user: Option<i64>,
    pub(super) layer: Option<i32>,
    /// For a bound temporary key: the permanent one.
    pub(super) permanent: Option<KeyId>,
    pub(super) expires_at: Option<i64>,
    /// The salt of the key exchange, the epoch it belongs to, and its last second.
    pub(super) first_salt: Option<(i64, u64, i64)>,
}

/// How a connection ends from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Fin,
    Rst,
}

/// One TCP connection.
pub(super) struct Link {
    pub(super) outbox: mpsc::Sender<Out>,
    pub(super) cut: watch::Sender<Option<Cut>>,
    pub(super) ats: BTreeSet<At>,
    pub(super) is_mute: bool,
    /// The end of `ping_delay_disconnect`.
    pub(super) deadline: Option<Instant>,
}

/// What is out of order at present.
#[derive(Default)]
pub(super) struct Knobs {
    pub(super) delay: Duration,
    pub(super) is_born_mute: bool,
    pub(super) refusal: Option<i32>,
    pub(super) fate: Option<DhAnswer>,
    pub(super) clock_offset: i64,
    pub(super) salt_epoch: u64,
    pub(super) rules: Vec<Rule>,
}

#[derive(Default)]
pub(super) struct State {
    /// The layer of clients which never told theirs.
    layer: i32,
    pub(super) keys: HashMap<KeyId, Key>,
    pub(super) sessions: HashMap<At, Session>,
    pub(super) links: HashMap<u64, Link>,
    pub(super) knobs: Knobs,
    pub(super) stats: Stats,
    /// By key, method and body hash: until when the client was told to wait.
    pub(super) waits: HashMap<(KeyId, u32, u64), Instant>,
    births: u64,
}

impl State {
    /// Unix seconds and nanoseconds on the server's clock.
    pub(super) fn clock(&self) -> (i64, u32) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (since.as_secs() as i64 + self.knobs.clock_offset, since.subsec_nanos())
    }

    // === keys ===

    pub(super) fn add_key(&mut self, auth_key: &AuthKey) -> KeyId {
        let id = KeyId(crypto::key_id(auth_key));
        self.keys.entry(id).or_insert_with(|| Key {
            auth_key: Arc::new(*auth_key),
            user: None,
            layer: None,
            permanent: None,
            expires_at: None,
            first_salt: None,
        });
        id
    }

    /// The key, unless it is unknown or its time is over.
    pub(super) fn key(&self, id: KeyId) -> Option<&Key> {
        let now = self.clock().0;
        self.keys.get(&id).filter(|key| key.expires_at.is_none_or(|at| at > now))
    }

    /// The authorization behind a key: itself, or the key it is bound to.
    pub(super) fn authorization(&self, id: KeyId) -> KeyId {
        self.keys.get(&id).and_then(|key| key.permanent).unwrap_or(id)
    }

    pub(super) fn user_of(&self, id: KeyId) -> Option<i64> {
        self.keys.get(&self.authorization(id)).and_then(|key| key.user)
    }

    /// Forgets the key, the temporary keys bound to it and their sessions; gives those which were live.
    pub(super) fn drop_key(&mut self, id: KeyId) -> Vec<Caller> {
        let doomed: Vec<KeyId> =
            self.keys.keys().copied().filter(|k| self.authorization(*k) == id).collect();
        let ats: Vec<At> =
            self.sessions.keys().copied().filter(|at| doomed.contains(&at.key)).collect();
        let gone = ats.iter().filter_map(|at| self.drop_session(*at)).collect();
        self.keys.retain(|key, _| *key != id && !doomed.contains(key));
        gone
    }

    /// Gives the session's caller when it was live.
    pub(super) fn drop_session(&mut self, at: At) -> Option<Caller> {
        let caller = self.live_caller(at);
        self.sessions.remove(&at);
        caller
    }

    // === salts ===

    fn salt_number(&self, key: KeyId, number: i64) -> i64 {
        let secret = self.keys.get(&key).map(|key| key.auth_key.clone());
        let hash = sha1(&[
            secret.as_ref().map_or(&[][..], |secret| &secret[..]),
            &self.knobs.salt_epoch.to_le_bytes(),
            &number.to_le_bytes(),
        ]);
        i64::from_le_bytes(hash[..8].try_into().expect("eight of twenty bytes"))
    }

    pub(super) fn salt(&self, key: KeyId) -> i64 {
        self.salt_number(key, self.clock().0 / SALT_SECONDS)
    }

    pub(super) fn is_salt_good(&self, key: KeyId, salt: i64) -> bool {
        let (now, _) = self.clock();
        let number = now / SALT_SECONDS;
        let first = self.keys.get(&key).and_then(|key| key.first_salt);
        first.is_some_and(|(first, epoch, until)| {
            first == salt && epoch == self.knobs.salt_epoch && now < until
        }) || [number, number - 1].iter().any(|number| self.salt_number(key, *number) == salt)
    }

    /// Salts from now on: valid since, valid until, salt.
    pub(super) fn future_salts(&self, key: KeyId, n: i64) -> Vec<(i64, i64, i64)> {
        let number = self.clock().0 / SALT_SECONDS;
        let salt = |i: i64| (i * SALT_SECONDS, (i + 2) * SALT_SECONDS, self.salt_number(key, i));
        (number..number + n).map(salt).collect()
    }

    /// Keeps the salt which both sides computed in the key exchange.
    pub(super) fn set_first_salt(&mut self, id: KeyId, salt: i64, expires_in: Option<i32>) {
        let (now, _) = self.clock();
        let epoch = self.knobs.salt_epoch;
        if let Some(key) = self.keys.get_mut(&id) {
            key.first_salt = Some((salt, epoch, now + SALT_SECONDS));
            key.expires_at = expires_in.map(|seconds| now + i64::from(seconds));
        }
    }

    // === sessions ===

    pub(super) fn session(&mut self, at: At) -> &mut Session {
        if !self.sessions.contains_key(&at) {
            let mates = |other: &&At| other.key == at.key;
            if self.sessions.keys().filter(mates).count() >= SESSIONS_MAX {
                let idle = self
                    .sessions
                    .iter()
                    .filter(|(other, s)| other.key == at.key && s.links.is_empty());
                if let Some(oldest) = idle.min_by_key(|(_, s)| s.number).map(|(other, _)| *other) {
                    self.sessions.remove(&oldest);
                }
            }
            self.births += 1;
        }
        let number = self.births;
        self.sessions.entry(at).or_insert_with(|| Session::new(number))
    }

    /// The caller of a session, as of now, on this connection.
    pub(super) fn caller(&self, at: At, connection: u64) -> Caller {
        let key = self.authorization(at.key);
        let of_session = self.sessions.get(&at).and_then(|session| session.layer);
        let of_key = || self.keys.get(&key).and_then(|key| key.layer);
        Caller {
            key,
            temp_key: (key != at.key).then_some(at.key),
            session: at.session,
            connection,
            layer: of_session.or_else(of_key).unwrap_or(self.layer),
            user: self.user_of(key),
            without_updates: false,
            message: 0,
        }
    }

    pub(super) fn live_caller(&self, at: At) -> Option<Caller> {
        let session = self.sessions.get(&at).filter(|session| session.is_announced)?;
        session.links.last().map(|link| self.caller(at, *link))
    }

    /// Announced sessions with a connection which the filter wants, in order of birth.
    pub(super) fn live(&self, wanted: impl Fn(&Self, At) -> bool) -> Vec<At> {
        let live = self
            .sessions
            .iter()
            .filter(|(at, s)| s.is_announced && !s.links.is_empty() && wanted(self, **at));
        let mut live: Vec<(u64, At)> = live.map(|(at, session)| (session.number, *at)).collect();
        live.sort_unstable();
        live.into_iter().map(|(_, at)| at).collect()
    }

    pub(super) fn matches(&self, at: At, target: Target) -> bool {
        match target {
            Target::All | Target::Connection(_) => true,
            Target::User(user) => self.user_of(at.key) == Some(user),
            Target::Key(key) => at.key == key || self.authorization(at.key) == key,
            Target::Session(session) => at.session == session,
        }
    }
}
