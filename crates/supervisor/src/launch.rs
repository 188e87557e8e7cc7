//! Launch — starts one incarnation and stays with it until nothing of it is left.
//!
//! The start never waits: ractor runs `pre_start` on a task of its own, and a watcher reports how
//! it went. The watcher is one task, so `Started` always comes before `Ended` and no early end is
//! lost. `Ended` is reported only after the actor's task is gone (its state has been dropped, which
//! ractor's own events do not wait for), its tasks are gone, and its subtree is gone.

use std::{sync::Arc, time::Duration};

use ractor::{Actor, ActorCell, ActorRuntime, Message, SpawnErr, concurrency::JoinHandle};
use tokio::time::Instant;

use crate::{
    catch::caught_call,
    child_spec::Kind,
    context::Context,
    event::EventKind,
    failure::{Exit, Failure},
    handle::Door,
    machine::STUCK_AFTER,
    node::Node,
    seat::Seat,
    supervisor::tell,
    task,
    tree::Tree,
    worker::Worker,
};

/// What is told to the parent about one incarnation.
#[derive(Debug)]
pub(crate) enum Report {
    /// It is up; a supervisor is up when all its children have had their first try.
    Started,
    /// It, its tasks and its subtree are gone. `healthy_for`: how long it had been ready.
    Ended { exit: Exit, healthy_for: Option<Duration> },
}

pub(crate) type ReportTo = Arc<dyn Fn(Report) + Send + Sync>;

/// What is needed to start one incarnation.
pub(crate) struct Launch {
    pub(crate) tree: Tree,
    pub(crate) node: Arc<Node>,
    pub(crate) incarnation: u64,
    pub(crate) parent: Option<ActorCell>,
    pub(crate) report: ReportTo,
    pub(crate) limits: Limits,
}

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) kind: Kind,
    /// How long a clean end may wait for tasks that want to finish.
    pub(crate) finish_within: Option<Duration>,
}

/// Starts an incarnation; everything else is reported. Fails only when `start` panics.
pub(crate) fn launch<A, M, F>(
    door: &Arc<Door<M>>,
    start: &F,
    launch: Launch,
) -> Result<ActorCell, Failure>
where
    A: Actor<Msg = M>,
    M: Message,
    F: Fn(Context<M>, &Launch) -> (A, A::Arguments),
{
    let Launch { ref tree, ref node, incarnation, .. } = launch;
    node.begin(incarnation, Instant::now());
    let seat = Arc::new(Seat::new(tree.clone(), node.clone(), incarnation, door.clone()));
    let (actor, args) = caught_call(|| start(Context::new(seat.clone()), &launch))
        .map_err(|panic| Failure::transient(format!("start {panic}")))?;
    let finish_within = launch.limits.finish_within;
    let worker = Worker { actor, seat: seat.clone(), finish_within };
    #[allow(clippy::disallowed_methods, reason = "the one place where an actor gets its parent")]
    let spawned = match launch.parent.clone() {
        Some(parent) => ActorRuntime::spawn_linked_instant(None, worker, args, parent),
        None => ActorRuntime::spawn_instant(None, worker, args),
    };
    let (actor, starting) = spawned.map_err(|error| Failure::transient(error.to_string()))?;
    let cell = actor.get_cell();
    seat.take_place(actor);
    node.live.send_replace(Some(cell.clone()));
    task::own(watch(seat, starting, launch.limits.kind, launch.report));
    Ok(cell)
}

type Starting = JoinHandle<Result<JoinHandle<()>, SpawnErr>>;

async fn watch<M: Message>(seat: Arc<Seat<M>>, starting: Starting, kind: Kind, report: ReportTo) {
    let exit = match starting.await {
        Ok(Ok(running)) => {
            if kind == Kind::Worker {
                report(Report::Started);
            }
            // the task catches panics, so this only says that it is gone
            running.await.ok();
            seat.recorded().unwrap_or(Exit::Killed)
        }
        Ok(Err(error)) => not_started(&seat, error.to_string()),
        Err(error) => not_started(&seat, error.to_string()),
    };
    seat.leave();
    end_subtree(&seat.tree, &seat.node).await;
    seat.tasks.ended().await;
    let healthy_for = seat.node.ready_for(Instant::now());
    seat.node.live.send_replace(None);
    report(Report::Ended { exit: seat.tree.redacted(exit), healthy_for });
}

fn not_started<M: Message>(seat: &Seat<M>, text: String) -> Exit {
    match seat.recorded() {
        Some(Exit::Failed(failure)) => Exit::NotStarted(failure),
        _ => Exit::NotStarted(Failure::transient(text)),
    }
}

/// Kills whatever still lives below `node` and waits until it is gone. A supervisor that ended
/// politely has nothing left; one that was killed leaves its children to us, because ractor does
/// not kill those that were already ending.
async fn end_subtree(tree: &Tree, node: &Node) {
    for child in node.children_now().into_iter().rev() {
        let mut live = child.live.subscribe();
        let mut is_told = false;
        // the child's own watcher awaits what is below the child
        loop {
            let Some(cell) = live.borrow_and_update().clone() else { break };
            cell.kill();
            match tokio::time::timeout(STUCK_AFTER, live.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break,
                // its supervisor is gone, so nobody else would tell; it is killed and waited for again
                Err(_) if is_told => {}
                Err(_) => {
                    is_told = true;
                    tell::log(&child, child.incarnation(), &EventKind::Stuck);
                    tree.emit(&child, child.incarnation(), EventKind::Stuck);
                }
            }
        }
    }
}
