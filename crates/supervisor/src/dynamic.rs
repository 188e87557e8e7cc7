//! Dynamic — the handle to a supervisor whose children come and go.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use ractor::Message;
use tokio::sync::oneshot;

use crate::{Handle, child_spec::ChildSpec, handle::Undelivered, node::Node, supervisor::Msg};

/// Why a child was not accepted; the spec is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStarted {
    #[error("there is already a child with this id, perhaps one that is ending")]
    Present,
    #[error("the supervisor has too much to do")]
    Full,
    #[error("the supervisor is not running")]
    Down,
}

/// Starts and ends the children of one dynamic supervisor. Cheap to clone. When the supervisor is
/// restarted its dynamic children are gone, like in Erlang: whoever started them must know why.
#[derive(Clone)]
pub struct Dynamic {
    supervisor: Handle<Msg>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    node: OnceLock<Arc<Node>>,
    /// Ids that are taken: of children that run, wait, are parked, or are still ending.
    ids: Mutex<BTreeSet<Arc<str>>>,
}

/// An id that is taken until this is dropped: with the child, or with a message that nobody reads
/// because the supervisor died.
pub(crate) struct Taken {
    shared: Arc<Shared>,
    id: Arc<str>,
}

impl Dynamic {
    pub(crate) fn new(supervisor: Handle<Msg>) -> Self {
        Self { supervisor, shared: Arc::default() }
    }

    /// Hands a child to the supervisor, which starts it at once; never waits. How the start went
    /// is seen in the events and by the child's handle. The id is taken from now on until the
    /// child has ended for good.
    ///
    /// # Errors
    /// The child was not accepted and will not be started.
    pub fn start(&self, spec: ChildSpec) -> Result<(), NotStarted> {
        let taken = self.take(&spec.id).ok_or(NotStarted::Present)?;
        let add = Msg::Add(Box::new(spec), taken);
        self.supervisor.send(add).map_err(|undelivered| match undelivered {
            Undelivered::Full(_) => NotStarted::Full,
            Undelivered::Down(_) => NotStarted::Down,
        })
    }

    /// Asks a child to end, by the rules of its spec; never waits. False when there is no such
    /// child or the supervisor cannot hear.
    pub fn end(&self, id: &str) -> bool {
        self.contains(id) && self.supervisor.send(Msg::End(id.into(), None)).is_ok()
    }

    /// Ends a child and waits until it, its tasks and its subtree are gone and its id is free.
    /// A child that does not exist is gone.
    pub async fn end_and_wait(&self, id: &str) {
        let (gone, is_gone) = oneshot::channel();
        if self.supervisor.send(Msg::End(id.into(), Some(gone))).is_ok() {
            // a supervisor that ends itself drops the sender, after its children
            is_gone.await.ok();
        }
    }

    pub fn contains(&self, id: &str) -> bool {
        self.ids().contains(id)
    }

    /// The ids that are taken, in alphabetical order.
    pub fn ids_now(&self) -> Vec<Arc<str>> {
        self.ids().iter().cloned().collect()
    }

    /// The handle of a child, or of a child below it: `find::<player::Msg>("-100123/player")`.
    pub fn find<M: Message>(&self, path: &str) -> Option<Handle<M>> {
        let node = self.shared.node.get()?.descend(path)?;
        node.handle.downcast_ref::<Handle<M>>().cloned()
    }

    pub(crate) fn placed(&self, node: &Arc<Node>) {
        self.shared.node.get_or_init(|| node.clone());
    }

    /// Takes an id, unless it is taken already.
    pub(crate) fn take(&self, id: &Arc<str>) -> Option<Taken> {
        let is_free = self.ids().insert(id.clone());
        is_free.then(|| Taken { shared: self.shared.clone(), id: id.clone() })
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.shared.ids()
    }
}

impl Shared {
    fn ids(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.shared.ids().remove(&self.id);
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamic").field("ids", &*self.ids()).finish()
    }
}
