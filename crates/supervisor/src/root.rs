//! Root — the top of one tree, and its owner.

use std::{sync::Arc, time::Duration};

use ractor::{ActorCell, ActorRef};
use tokio::{sync::watch, time::Instant};

use crate::{
    Unanswered,
    child_spec::ChildSpec,
    event::{EventKind, Events},
    failure::Exit,
    launch::{Launch, Report, ReportTo},
    node::{Node, Stage},
    snapshot::Snapshot,
    supervisor::Msg,
    supervisor_spec::SupervisorSpec,
    tree::{Options, Tree},
};

/// The running tree. Dropping it kills the tree: a tree without an owner is an orphan too.
#[derive(Debug)]
#[must_use = "dropping the root kills its tree"]
pub struct Root {
    tree: Tree,
    node: Arc<Node>,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug, Clone)]
struct Progress {
    is_booted: bool,
    ended: Option<Exit>,
}

/// Starts a tree whose root is called `root`. Returns at once; [`Root::booted`] waits. Must be
/// called within a tokio runtime.
pub fn start_root(spec: SupervisorSpec, options: Options) -> Root {
    let tree = Tree::new(&options);
    let spec = ChildSpec::supervisor("root", spec);
    let node = Node::new(None, &spec);
    tree.plant(node.clone());
    let (progress, watched) = watch::channel(Progress { is_booted: false, ended: None });
    let report = reporter(tree.clone(), node.clone(), progress);
    node.set_stage(Stage::Starting, 0);
    let launch = Launch {
        tree: tree.clone(),
        node: node.clone(),
        incarnation: 1,
        parent: None,
        report: report.clone(),
        limits: spec.limits(),
    };
    if let Err(failure) = (spec.start)(launch) {
        let exit = tree.redacted(Exit::NotStarted(failure));
        report(Report::Ended { exit, healthy_for: None });
    }
    Root { tree, node, progress: watched }
}

fn reporter(tree: Tree, node: Arc<Node>, progress: watch::Sender<Progress>) -> ReportTo {
    Arc::new(move |report| match report {
        Report::Started => {
            node.set_stage(Stage::Up, 0);
            tree.emit(&node, 1, EventKind::Started);
            progress.send_modify(|progress| progress.is_booted = true);
        }
        Report::Ended { exit, .. } => {
            node.set_stage(Stage::Ended, 0);
            if let Some(failure) = exit.failure() {
                node.set_error(failure, Instant::now());
            }
            tree.emit(&node, 1, EventKind::Exited { exit: exit.clone() });
            progress.send_modify(|progress| progress.ended = Some(exit));
        }
    })
}

impl Root {
    /// A view of the tree that can be given to others; it does not keep the tree alive.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    pub fn snapshot(&self) -> Snapshot {
        self.tree.snapshot()
    }

    pub fn events(&self) -> Events {
        self.tree.events()
    }

    /// A round trip through the root supervisor; see [`Tree::ping`].
    ///
    /// # Errors
    /// Like [`Tree::ping`].
    pub async fn ping(&self, within: Duration) -> Result<Duration, Unanswered> {
        self.tree.ping(within).await
    }

    /// Waits until every child has had its first try, or until the tree has ended. True when it
    /// is up.
    pub async fn booted(&self) -> bool {
        let mut progress = self.progress.clone();
        let seen = progress.wait_for(|progress| progress.is_booted || progress.ended.is_some());
        seen.await.is_ok_and(|progress| progress.ended.is_none())
    }

    /// Stops the tree: children before parents, the youngest first, each within its deadline.
    /// Returns when nothing is left, with the reason. May be called again.
    pub async fn shutdown(&self) -> Exit {
        if let Some(cell) = self.cell() {
            self.node.set_stage(Stage::Stopping, 0);
            // a root that takes no more messages has ended already
            ActorRef::<Msg>::from(cell).send_message(Msg::Shutdown).ok();
        }
        self.wait().await
    }

    /// Kills everything at once: no `post_stop` anywhere. For the second signal.
    pub fn kill(&self) {
        if let Some(cell) = self.cell() {
            cell.kill();
        }
    }

    /// Waits until the tree has ended and nothing of it is left, and says why.
    pub async fn wait(&self) -> Exit {
        let mut progress = self.progress.clone();
        match progress.wait_for(|progress| progress.ended.is_some()).await {
            Ok(progress) => progress.ended.clone().unwrap_or(Exit::Killed),
            // the runtime dropped the reporter, and with it everything
            Err(_) => Exit::Killed,
        }
    }

    /// [`Root::shutdown`], but whatever still lives after `grace` is killed.
    pub async fn shutdown_within(&self, grace: Duration) -> Exit {
        if let Ok(exit) = tokio::time::timeout(grace, self.shutdown()).await {
            return exit;
        }
        self.kill();
        self.wait().await
    }

    fn cell(&self) -> Option<ActorCell> {
        self.node.live.borrow().clone()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.kill();
    }
}
