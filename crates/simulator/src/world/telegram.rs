//! The whole box: data centre, world, group calls and media server, started and wired together.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::population::{PlaceKind, Population};
use super::rpc::{Asker, Reply};
use super::state::{Clock, DC};
use super::wire::{Calls, Wire};
use super::{Refusal, Rooms, World, lock};
use crate::dc::{self, Answer, Caller, Dc, KeyId, Service, WeakDc};
use crate::group_calls::{self, GroupCalls};
use crate::sfu::{Sfu, SfuSettings};

/// What can be chosen before the box starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where MTProto is served; port 0 takes a free one. Media is served on a free port of the same address.
    pub listen: SocketAddr,
    /// How long after a join the media server hears nothing of that participant (some clients need it).
    pub quiet: Duration,
    /// Where to write what each listening member of a call is sent; `None` writes nothing.
    pub record: Option<PathBuf>,
    pub population: Population,
}

impl Settings {
    /// The small population on free loopback ports.
    pub fn loopback() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            quiet: Duration::ZERO,
            record: None,
            population: Population::small(),
        }
    }
}

/// A running Telegram. It ends when this is dropped.
pub struct Telegram {
    world: World,
    dc: Dc,
    further: Vec<Dc>,
    calls: GroupCalls,
    sfu: Sfu,
    population: Population,
    sessions: Mutex<HashMap<i64, [u8; 256]>>,
    /// Group calls know the world only weakly; this keeps it for them.
    _rooms: Arc<dyn Rooms>,
}

/// The world behind the wire.
struct Front {
    world: World,
    dc: i32,
}

impl Service for Front {
    fn call(&self, caller: Caller, request: Vec<u8>) -> BoxFuture<'static, Answer> {
        let (dc, key) = (self.dc, caller.key.0 as i64);
        let asker = Asker { dc, key, session: caller.session, user: caller.user };
        let reply = self.world.answer(asker, &request);
        let (world, method) =
            (self.world.clone(), request.first_chunk().map_or(0, |id| u32::from_le_bytes(*id)));
        Box::pin(async move {
            match reply.await {
                Ok(bytes) => Answer::Result(world.disguised_answer(method, bytes)),
                Err(Refusal { code, name }) => Answer::Error { code, name },
            }
        })
    }
}

/// The wire under the world.
struct Line {
    dcs: HashMap<i32, WeakDc>,
    /// Who is at home in another data centre than the first.
    homes: HashMap<i64, i32>,
    /// Keys that speak for each user, also those without a connection, and where they do.
    keys: Mutex<HashMap<i64, HashSet<(i32, KeyId)>>>,
}

impl Line {
    fn dc(&self, id: i32) -> Option<Dc> {
        self.dcs.get(&id).and_then(WeakDc::upgrade)
    }
}

impl Wire for Line {
    fn push(&self, user: i64, updates: Vec<u8>, except: Option<i64>) {
        let home = self.homes.get(&user).copied().unwrap_or(DC);
        if let Some(dc) = self.dc(home) {
            let n_sessions = dc.push_to_user(user, updates, except);
            tracing::trace!(user, n_sessions, "updates pushed");
        }
    }

    fn bind(&self, dc: i32, key: i64, user: i64) {
        let key = KeyId(key as u64);
        lock(&self.keys).entry(user).or_default().insert((dc, key));
        if let Some(dc) = self.dc(dc) {
            dc.bind_user(key, user);
        }
    }

    fn unbind(&self, dc: i32, key: i64) {
        let key = KeyId(key as u64);
        lock(&self.keys).values_mut().for_each(|keys| {
            keys.remove(&(dc, key));
        });
        if let Some(dc) = self.dc(dc) {
            dc.unbind(key);
        }
    }

    fn unbind_all(&self, user: i64) {
        let keys = lock(&self.keys).remove(&user).unwrap_or_default();
        for (dc, key) in keys {
            if let Some(dc) = self.dc(dc) {
                dc.unbind(key);
            }
        }
    }
}

/// The group calls beside the world.
struct Switchboard(GroupCalls);

impl Calls for Switchboard {
    fn handle(&self, user: i64, session: i64, request: &[u8]) -> Option<Reply> {
        let answer = self.0.handle(user, session, request)?;
        Some(Box::pin(async move {
            match answer.await {
                Answer::Result(bytes) => Ok(bytes),
                Answer::Error { code, name } => Err(Refusal { code, name }),
                Answer::Never => std::future::pending().await,
            }
        }))
    }

    fn call_of(&self, chat: i64) -> Option<(i64, i64, bool)> {
        let (id, access_hash) = self.0.call_of(chat)?;
        Some((id, access_hash, !self.0.participants(chat).is_empty()))
    }
}

/// The data centres beside the first that the population needs.
fn elsewhere(population: &Population) -> io::Result<BTreeSet<i32>> {
    let Population { users, bots, assistants, homes, .. } = population;
    let people = users.iter().chain(assistants).map(|person| person.id);
    let everybody: HashSet<i64> = people.chain(bots.iter().map(|bot| bot.id)).collect();
    for (user, dc) in homes {
        if !everybody.contains(user) || !(1..=5).contains(dc) {
            let text = format!("user {user} cannot be at home in data centre {dc}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(homes.iter().map(|(_, dc)| *dc).filter(|dc| *dc != DC).collect())
}

fn system_clock() -> Clock {
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i32);
    Arc::new(now)
}

impl Telegram {
    /// Starts everything. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A port cannot be bound, or the recording directory not made.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let dc = dc::Settings { listen: settings.listen, ..dc::Settings::loopback() };
        let bind = SocketAddr::new(settings.listen.ip(), 0);
        let (quiet, record) = (settings.quiet, settings.record);
        let sfu = SfuSettings { bind, quiet, record, ..SfuSettings::loopback() };
        Self::assemble(settings.population, dc, sfu).await
    }

    /// Starts everything with a data centre and a media server that are set up in detail.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn assemble(
        population: Population,
        dc: dc::Settings,
        sfu: SfuSettings,
    ) -> io::Result<Self> {
        let world = World::new(&population, system_clock());
        let first = Self::open(&world, dc.clone()).await?;
        let mut further = Vec::new();
        for dc_id in elsewhere(&population)? {
            let listen = SocketAddr::new(dc.listen.ip(), 0);
            further.push(Self::open(&world, dc::Settings { listen, dc_id, ..dc.clone() }).await?);
        }
        let dc = first;
        let sfu = Sfu::start(sfu)?;
        let rooms: Arc<dyn Rooms> = Arc::new(world.clone());
        let answers = group_calls::Settings { answer_delay: Duration::ZERO, seed: 0x5eed };
        let calls = GroupCalls::new(Arc::downgrade(&rooms), sfu.clone(), answers);
        let all = || std::iter::once(&dc).chain(&further);
        let line = Line {
            dcs: all().map(|dc| (dc.dc_id(), dc.downgrade())).collect(),
            homes: population.homes.iter().copied().collect(),
            keys: Mutex::default(),
        };
        let ports: Vec<_> = all().map(|dc| (dc.dc_id(), dc.address().port())).collect();
        world.connect(Arc::new(line), &ports);
        world.connect_calls(Arc::new(Switchboard(calls.clone())));
        for place in population.places.iter().filter(|place| place.voice_chat) {
            calls.start_call(place.id);
        }
        world.refresh_calls();
        Ok(Self {
            world,
            dc,
            further,
            calls,
            sfu,
            population,
            sessions: Mutex::default(),
            _rooms: rooms,
        })
    }

    async fn open(world: &World, settings: dc::Settings) -> io::Result<Dc> {
        let front = Front { world: world.clone(), dc: settings.dc_id };
        Dc::start(settings, Arc::new(front)).await
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// The first data centre, number 2.
    pub fn dc(&self) -> &Dc {
        &self.dc
    }

    /// A data centre by its number; further ones are there when somebody is at home in them.
    pub fn dc_at(&self, id: i32) -> Option<&Dc> {
        std::iter::once(&self.dc).chain(&self.further).find(|dc| dc.dc_id() == id)
    }

    /// Where an account is at home.
    pub fn home_of(&self, user: i64) -> &Dc {
        let home = self.population.homes.iter().find(|(id, _)| *id == user);
        home.and_then(|(_, dc)| self.dc_at(*dc)).unwrap_or(&self.dc)
    }

    pub fn calls(&self) -> &GroupCalls {
        &self.calls
    }

    pub fn sfu(&self) -> &Sfu {
        &self.sfu
    }

    pub fn population(&self) -> &Population {
        &self.population
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.dc.address()
    }

    /// The auth key of a session that is signed in to `user` already; the same one at every call.
    pub fn account_session(&self, user: i64) -> [u8; 256] {
        let mut sessions = lock(&self.sessions);
        *sessions.entry(user).or_insert_with(|| {
            let home = self.home_of(user);
            let key = home.register_key();
            if let Some(wire) = self.world.wire() {
                wire.bind(home.dc_id(), Dc::key_id(&key).0 as i64, user);
            }
            key
        })
    }

    /// The creator of a basic group makes it a supergroup; its new id. The voice chat goes along, with everybody in it.
    ///
    /// # Errors
    /// It is no basic group, or not one any more.
    pub fn upgrade(&self, chat: i64) -> Result<i64, Refusal> {
        let to = self.world.migrate(chat)?;
        self.calls.moved(chat, to);
        Ok(to)
    }

    /// The same as a session string in Telethon's format: version `1`, then data centre, IPv4 address, port and key.
    pub fn session_string(&self, user: i64) -> String {
        let home = self.home_of(user);
        let address = home.address();
        let ip = match address.ip() {
            IpAddr::V4(ip) if !ip.is_unspecified() => ip.octets(),
            _ => [127, 0, 0, 1],
        };
        let mut bytes = vec![home.dc_id() as u8];
        bytes.extend(ip);
        bytes.extend(address.port().to_be_bytes());
        bytes.extend(self.account_session(user));
        format!("1{}", URL_SAFE.encode(bytes))
    }

    /// What a client must know to come in, as one line of JSON.
    pub fn ready_line(&self) -> Value {
        let rsa = self.dc.rsa();
        let main = self.population.places.iter().find(|place| place.kind == PlaceKind::Supergroup);
        let is_admin = |user: i64| {
            main.is_some_and(|place| {
                place.creator == user
                    || place.admins.contains(&user)
                    || place.anonymous.contains(&user)
            })
        };
        // keys keep their types for strangers to rely on: no username is the empty one
        let users = self.population.users.iter().map(|user| {
            json!({
                "id": user.id, "phone": user.phone, "first_name": user.first_name,
                "username": user.username.as_deref().unwrap_or_default(),
                "admin": is_admin(user.id),
            })
        });
        let assistants = self.population.assistants.iter().map(|assistant| {
            json!({ "id": assistant.id, "username": assistant.username.as_deref().unwrap_or_default(), "session": self.session_string(assistant.id) })
        });
        let viewer = self.population.users.first().map_or(0, |user| user.id);
        let chats = self.population.places.iter().map(|place| {
            json!({
                "id": place.id,
                "channel_id": World::channel_id(place.id).unwrap_or(-place.id),
                "access_hash": self.world.access_hash(viewer, place.id).to_string(),
                "title": place.title,
                "username": place.username.as_deref().unwrap_or_default(),
                "kind": match place.kind {
                    PlaceKind::Group => "group",
                    PlaceKind::Supergroup => "supergroup",
                    PlaceKind::Channel => "channel",
                },
                "voice_chat": place.voice_chat,
            })
        });
        let bot = self
            .population
            .bots
            .first()
            .map(|bot| json!({ "id": bot.id, "username": bot.username, "token": bot.token }));
        let mut line = json!({
            "event": "ready",
            "host": self.address().ip().to_string(),
            "port": self.address().port(),
            "dc": DC,
            "layer": grammers_tl_types::LAYER,
            "rsa": {
                "pem": rsa.pem, "fingerprint": rsa.fingerprint.to_string(), "n": rsa.n_hex, "e": rsa.e_hex,
            },
            "login_code": self.population.login_code,
            "users": users.collect::<Vec<_>>(),
            "bot": bot,
            "assistants": assistants.collect::<Vec<_>>(),
            "chats": chats.collect::<Vec<_>>(),
        });
        if !self.further.is_empty() {
            let further = self.further.iter();
            let further =
                further.map(|dc| json!({ "dc": dc.dc_id(), "port": dc.address().port() }));
            line["further"] = further.collect();
        }
        line
    }

    /// Closes the port and every connection, and waits for the tasks to end.
    pub async fn stop(&self) {
        self.world.disconnect();
        self.dc.clone().stop().await;
        for dc in &self.further {
            dc.clone().stop().await;
        }
    }
}

impl Drop for Telegram {
    fn drop(&mut self) {
        // Group calls beside the world hold the media server; without this they would outlive the box.
        self.world.disconnect();
    }
}
