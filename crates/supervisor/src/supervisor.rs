//! The supervisor actor — performs what its machine decides, and never waits.

use std::{collections::BTreeMap, sync::Arc};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    Reply,
    child_spec::ChildSpec,
    context::Context,
    dynamic::{Adding, Taken},
    launch::{Report, ReportTo},
    machine::{Env, Input, Machine, Manner, Rules},
    node::{Key, Node, Stage},
    supervisor_spec::SupervisorSpec,
    task::Task,
};

mod orders;
mod perform;
pub(crate) mod tell;

pub use self::orders::Denied;
use self::orders::Waiter;
pub(crate) use self::orders::{Answer, Order};

pub(crate) enum Msg {
    /// A dynamic child, its id already taken.
    Add(Adding),
    /// A dynamic child shall go for ever; the sender is dropped or told when it is gone.
    End(Arc<str>, Option<oneshot::Sender<()>>),
    /// Something shall be done with one child; the answer says what came of it.
    Order(Order, Reply<Answer>),
    /// A human mended what had a child parked.
    Retry(Arc<str>),
    /// Somebody outside wants the present incarnation of this child dead.
    Kill(Arc<str>),
    /// From the parent or the root: end, children first.
    Shutdown,
    /// From the watcher of one incarnation of a child.
    Child { key: Key, incarnation: u64, report: Report },
    /// The machine's time has come.
    Tick,
    /// Somebody wants to know whether this supervisor still handles messages.
    Ping(Reply<()>),
}

pub(crate) struct Args {
    spec: Arc<SupervisorSpec>,
    context: Context<Msg>,
    /// How the parent is told that this supervisor is up.
    up: ReportTo,
}

pub(crate) struct Supervisor;

pub(crate) struct State {
    machine: Machine,
    children: BTreeMap<Key, Place>,
    spec: Arc<SupervisorSpec>,
    context: Context<Msg>,
    up: ReportTo,
    timer: Option<(Instant, Task)>,
    waiting_for_end: Vec<(Key, oneshot::Sender<()>)>,
    waiters: Vec<Waiter>,
}

struct Place {
    spec: ChildSpec,
    node: Arc<Node>,
    cell: Option<ActorCell>,
    /// Keeps a dynamic child's id from others.
    taken: Option<Taken>,
}

impl Supervisor {
    pub(crate) fn args(spec: Arc<SupervisorSpec>, context: Context<Msg>, up: ReportTo) -> Args {
        Args { spec, context, up }
    }
}

impl Actor for Supervisor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        Ok(State::new(args))
    }

    async fn post_start(
        &self,
        myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.feed(Input::Boot, &myself);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Add(adding) => {
                let (spec, taken) = adding.read();
                state.add(*spec, Some(taken), &myself);
            }
            Msg::End(id, gone) => state.end(&id, gone, &myself),
            Msg::Order(order, reply) => state.obey(order, reply, &myself),
            Msg::Retry(id) => {
                if let Some(key) = state.key(&id) {
                    state.feed(Input::Retry { key }, &myself);
                }
            }
            // what comes of it is a death like any other
            Msg::Kill(id) => {
                if let Some(cell) =
                    state.key(&id).and_then(|key| state.children[&key].cell.as_ref())
                {
                    cell.kill();
                }
            }
            Msg::Shutdown => state.feed(Input::Shutdown, &myself),
            Msg::Child { key, incarnation, report } => {
                state.heard(key, incarnation, report, &myself);
            }
            Msg::Tick => {
                state.timer = None;
                state.feed(Input::Tick, &myself);
            }
            Msg::Ping(reply) => {
                reply.send(());
            }
        }
        Ok(())
    }

    /// The watchers tell what ractor's events tell, later and completely.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Msg>,
        _: ractor::SupervisionEvent,
        _: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl State {
    fn new(Args { spec, context, up }: Args) -> Self {
        let node = context.seat().node.clone();
        if let Some(dynamic) = &spec.dynamic {
            dynamic.placed(&node);
        }
        let (mut specs, mut taken) =
            (spec.children.clone(), spec.children.iter().map(|_| None).collect::<Vec<_>>());
        for (spec, id) in spec.take_kept() {
            specs.push(spec);
            taken.push(Some(id));
        }
        let children: BTreeMap<Key, Place> = node
            .replant(&specs)
            .into_iter()
            .zip(specs.into_iter().zip(taken))
            .map(|((key, node), (spec, taken))| (key, Place::new(spec, node, taken)))
            .collect();
        let rules = children
            .iter()
            .map(|(key, place)| (*key, rules(&place.spec), place.node.incarnation()));
        let manner = Manner {
            strategy: spec.strategy,
            intensity: spec.intensity,
            auto_shutdown: spec.auto_shutdown,
            is_dynamic: spec.dynamic.is_some(),
            is_strict: spec.is_strict,
        };
        let machine = Machine::new(manner, rules);
        Self {
            machine,
            children,
            spec,
            context,
            up,
            timer: None,
            waiting_for_end: Vec::new(),
            waiters: Vec::new(),
        }
    }

    /// The youngest from now on.
    fn add(&mut self, mut spec: ChildSpec, taken: Option<Taken>, myself: &ActorRef<Msg>) -> Key {
        let (key, node) = self.context.seat().node.place(&spec);
        spec.level = self.children.values().map(|place| place.spec.level + 1).max().unwrap_or(0);
        let rules = rules(&spec);
        self.children.insert(key, Place::new(spec, node, taken));
        self.feed(Input::Add { key, rules }, myself);
        key
    }

    fn end(&mut self, id: &str, gone: Option<oneshot::Sender<()>>, myself: &ActorRef<Msg>) {
        let Some(key) = self.key(id) else { return };
        self.waiting_for_end.extend(gone.map(|gone| (key, gone)));
        self.feed(Input::End { key }, myself);
    }

    fn key(&self, id: &str) -> Option<Key> {
        self.children.iter().find(|(_, place)| &*place.spec.id == id).map(|(key, _)| *key)
    }

    fn heard(&mut self, key: Key, incarnation: u64, report: Report, myself: &ActorRef<Msg>) {
        let outcome = match &report {
            Report::Started => Ok(()),
            Report::Ended { exit, .. } => Err(exit.clone()),
        };
        let input = match report {
            Report::Started => Input::Started { key, incarnation },
            Report::Ended { exit, healthy_for } => {
                if let Some(place) = self.children.get_mut(&key) {
                    place.cell = None;
                    if let Some(failure) = exit.failure() {
                        place.node.set_error(failure, Instant::now());
                    }
                }
                Input::Ended { key, incarnation, exit, healthy_for }
            }
        };
        self.feed(input, myself);
        self.answer(key, &outcome);
    }

    /// Lets the machine decide, and does it.
    fn feed(&mut self, input: Input, myself: &ActorRef<Msg>) {
        let now = Instant::now();
        let tree = self.context.tree().clone();
        let effects = tree.with_rng(|rng| {
            let token = &mut |now| tree.take_restart_token(now);
            self.machine.on(input, &mut Env { now, rng, token })
        });
        for effect in effects {
            self.perform(effect, myself);
        }
        self.write_board(now);
        self.set_timer(now);
    }
}

impl Place {
    fn new(spec: ChildSpec, node: Arc<Node>, taken: Option<Taken>) -> Place {
        Place { spec, node, cell: None, taken }
    }
}

/// However the supervisor ends: its dynamic children are gone by then or are being ended. Whether
/// its next life begins with them is theirs to say who hand them over.
impl Drop for State {
    fn drop(&mut self) {
        for (key, place) in std::mem::take(&mut self.children) {
            place.node.set_stage(Stage::Ended, 0);
            place.spec.door.seal();
            if let (Some(dynamic), Some(taken)) = (&self.spec.dynamic, place.taken)
                && self.machine.is_wanted(key)
            {
                dynamic.left(place.spec, taken);
            }
        }
    }
}

fn rules(spec: &ChildSpec) -> Rules {
    Rules {
        restart: spec.restart,
        shutdown: spec.shutdown,
        backoff: spec.backoff,
        level: spec.level,
        is_significant: spec.is_significant,
    }
}
