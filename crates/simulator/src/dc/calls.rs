//! Calls — one request from the wire to the service and its answer back, with whatever was arranged to go wrong.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use grammers_tl_types::name_for_id;
use tokio::time::Instant;

use super::faults::{Instead, Rule};
use super::inbox::{Effect, Incoming, Turn};
use super::session::Seen;
use super::state::{At, Cut, Shared, State};
use super::tl::{constructor, gzip, rpc_error, rpc_result};
use super::unwrap::{Request, unwrap};
use super::{Answer, Caller, KeyId, temp_keys};

/// The layers a client may speak.
const LAYERS: std::ops::RangeInclusive<i32> = 100..=231;
/// Waits remembered before those which are over are swept.
const WAITS_MAX: usize = 1024;

/// A request on its way to the service.
pub(super) struct Call {
    pub(super) caller: Caller,
    at: At,
    method: u32,
    request: Vec<u8>,
    rule: Option<Rule>,
    delay: Duration,
}

impl Turn<'_> {
    /// Anything that is not a service message is a request.
    pub(super) fn request(&mut self, message: Incoming<'_>) {
        let Ok(request) = unwrap(message.body) else {
            return self.refuse(message.id, 400, "INPUT_FETCH_ERROR");
        };
        if request.layer.is_some_and(|layer| !LAYERS.contains(&layer)) {
            return self.refuse(message.id, 400, "CONNECTION_LAYER_INVALID");
        }
        self.note(&request);
        let method = constructor(&request.body);
        self.count(method, &request.body);
        if method == temp_keys::BIND_TEMP_AUTH_KEY {
            let result = match temp_keys::bind(self.state, self.at, message.id, &request.body) {
                Ok(()) => 0x9972_75b5u32.to_le_bytes().to_vec(),
                Err(name) => rpc_error(400, name),
            };
            return self.answer(message.id, &result);
        }
        let mut caller = self.state.caller(self.at, self.link);
        caller.without_updates = request.without_updates;
        caller.message = message.id;
        let rule = self.state.pick_rule(method, caller.user);
        self.state.session(self.at).remember(message.id, Seen::Running);
        let delay = self.state.knobs.delay;
        let call = Call { caller, at: self.at, method, request: request.body, rule, delay };
        self.effects.push(Effect::Call(Box::new(call)));
    }

    /// What the wrappers said about the session.
    fn note(&mut self, request: &Request) {
        let key = self.state.authorization(self.at.key);
        let session = self.state.session(self.at);
        session.wants_updates |= !request.without_updates;
        if let Some(layer) = request.layer {
            session.layer = Some(layer);
            if let Some(key) = self.state.keys.get_mut(&key) {
                key.layer = Some(layer);
            }
        }
    }

    fn count(&mut self, method: u32, body: &[u8]) {
        let (name, key) = (method_name(method), self.state.authorization(self.at.key));
        let stats = &mut self.state.stats;
        *stats.requests.entry(name).or_default() += 1;
        stats.keys.entry(key).or_default().requests += 1;
        if name == UNKNOWN {
            *stats.unknown_requests.entry(method).or_default() += 1;
        }
        let now = Instant::now();
        for hash in [0, hash(body)] {
            let left = self
                .state
                .waits
                .get(&(key, method, hash))
                .map(|until| until.saturating_duration_since(now));
            if let Some(early_by) = left.filter(|left| !left.is_zero()) {
                let early = super::EarlyRetry { key, method: name, early_by };
                self.state.stats.early_retries.push(early);
            }
        }
    }

    fn refuse(&mut self, id: i64, code: i32, name: &str) {
        *self.state.stats.errors.entry(name.to_owned()).or_default() += 1;
        self.answer(id, &rpc_error(code, name));
    }

    fn answer(&mut self, id: i64, result: &[u8]) {
        let result = rpc_result(id, result);
        self.state.session(self.at).remember(id, Seen::Answered(result.clone()));
        self.state.deliver(self.at, Some(self.link), id, result);
    }
}

impl State {
    /// The oldest rule which this call fulfils.
    fn pick_rule(&mut self, method: u32, user: Option<i64>) -> Option<Rule> {
        let fits = |rule: &Rule| {
            rule.method.is_none_or(|wanted| wanted == method)
                && (rule.user.is_none() || rule.user == user)
        };
        for (i, rule) in self.knobs.rules.iter_mut().enumerate() {
            if !fits(rule) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.saturating_sub(1);
            let struck = rule.clone();
            if struck.times == 0 {
                self.knobs.rules.remove(i);
            }
            return Some(struck);
        }
        None
    }

    /// Remembers how long the client must wait now.
    fn note_wait(&mut self, key: KeyId, method: u32, request: &[u8], error: &str) {
        let seconds = |prefix: &str| error.strip_prefix(prefix).and_then(|n| n.parse::<u64>().ok());
        let flood =
            seconds("FLOOD_WAIT_").or_else(|| seconds("FLOOD_PREMIUM_WAIT_")).map(|s| (s, 0));
        let wait = flood.or_else(|| seconds("SLOWMODE_WAIT_").map(|s| (s, hash(request))));
        let Some((seconds, hash)) = wait else { return };
        let now = Instant::now();
        if self.waits.len() >= WAITS_MAX {
            self.waits.retain(|_, until| *until > now);
        }
        self.waits.insert((key, method, hash), now + Duration::from_secs(seconds));
    }
}

/// Asks the service and brings its answer back. The synchronous part of the service runs before this returns.
pub(super) fn start(shared: &Arc<Shared>, call: Call) {
    let asks = call
        .rule
        .as_ref()
        .is_none_or(|rule| rule.performs || matches!(rule.instead, Instead::Late(_)));
    let asked = asks.then(|| ask(shared, &call));
    let inner = shared.clone();
    shared.tasks.start(async move {
        let mut answer = match asked {
            Some(answer) => answer.await,
            None => Answer::Never,
        };
        let mut delay = call.delay;
        match call.rule.as_ref().map(|rule| &rule.instead) {
            Some(Instead::Answer(other)) => answer = other.clone(),
            Some(Instead::Late(by)) => delay += *by,
            Some(Instead::Disconnect) => return inner.lock().cut(call.caller.connection, Cut::Fin),
            None => {}
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        finish(&inner, &call, answer);
    });
}

/// A method that breaks is answered: a client that only lost its connection would send the same again, for ever.
fn ask(shared: &Shared, call: &Call) -> BoxFuture<'static, Answer> {
    let method = method_name(call.method);
    let broken = move |_| {
        tracing::error!(method, "a method of the box broke");
        Answer::error(500, "RPC_CALL_FAIL")
    };
    let asking = || shared.service.call(call.caller.clone(), call.request.clone());
    match catch_unwind(AssertUnwindSafe(asking)) {
        Ok(answer) => AssertUnwindSafe(answer)
            .catch_unwind()
            .map(move |answer| answer.unwrap_or_else(broken))
            .boxed(),
        Err(panic) => std::future::ready(broken(panic)).boxed(),
    }
}

fn finish(shared: &Shared, call: &Call, answer: Answer) {
    let result = match &answer {
        Answer::Result(result) => pack(shared, result),
        Answer::Error { code, name } => rpc_error(*code, name),
        Answer::Never => return,
    };
    let mut state = shared.lock();
    if let Answer::Error { name, .. } = &answer {
        *state.stats.errors.entry(name.clone()).or_default() += 1;
        if name.starts_with("INPUT_METHOD_INVALID") && method_name(call.method) != UNKNOWN {
            *state.stats.unknown_requests.entry(call.method).or_default() += 1;
        }
        state.note_wait(call.caller.key, call.method, &call.request, name);
    }
    let Some(session) = state.sessions.get_mut(&call.at) else { return };
    if matches!(session.seen(call.caller.message), Some(Seen::Dropped)) {
        return;
    }
    let result = rpc_result(call.caller.message, &result);
    session.remember(call.caller.message, Seen::Answered(result.clone()));
    state.deliver(call.at, Some(call.caller.connection), call.caller.message, result);
}

fn pack(shared: &Shared, result: &[u8]) -> Vec<u8> {
    let is_large = shared.settings.gzip_over_bytes.is_some_and(|over| result.len() > over);
    let packed = is_large.then(|| gzip(result)).filter(|packed| packed.len() < result.len());
    packed.unwrap_or_else(|| result.to_vec())
}

const UNKNOWN: &str = "(unknown)";

/// The TL name of a method; what the schema knows as something else is no method.
fn method_name(id: u32) -> &'static str {
    name_for_id(id)
}

fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish() | 1
}
