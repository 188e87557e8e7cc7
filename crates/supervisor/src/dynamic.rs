//! Dynamic — the handle to a supervisor whose children come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
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
/// Unless it keeps them ([`crate::SupervisorSpec::keeps_children`]).
#[derive(Clone)]
pub struct Dynamic {
    supervisor: Handle<Msg>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    node: OnceLock<Arc<Node>>,
    keeps_children: AtomicBool,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// Ids that are taken: of children that run, wait, are parked, or are still ending.
    ids: BTreeSet<Arc<str>>,
    /// Those that were told to end. Their supervisor may die before it hears of it.
    ending: BTreeSet<Arc<str>>,
    /// Between two lives of a supervisor that keeps its children.
    kept: BTreeMap<Arc<str>, (ChildSpec, Taken)>,
}

/// An id that is taken until this is dropped: with the child, or with a message that nobody reads
/// because the supervisor died.
pub(crate) struct Taken {
    shared: Arc<Shared>,
    id: Arc<str>,
}

/// A child on its way to its supervisor, which may die before it reads of it.
pub(crate) struct Adding {
    shared: Arc<Shared>,
    inner: Option<(Box<ChildSpec>, Taken)>,
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
        let adding = Adding { shared: self.shared.clone(), inner: Some((Box::new(spec), taken)) };
        self.supervisor.send(Msg::Add(adding)).map_err(|undelivered| {
            let not_started = match undelivered {
                Undelivered::Full(_) => NotStarted::Full,
                Undelivered::Down(_) => NotStarted::Down,
            };
            if let Msg::Add(adding) = undelivered.into_message() {
                drop(adding.read());
            }
            not_started
        })
    }

    /// Asks a child to end, by the rules of its spec; never waits. False when there is no such
    /// child or the supervisor cannot hear.
    pub fn end(&self, id: &str) -> bool {
        let is_there = self.leaves(id);
        is_there && self.supervisor.send(Msg::End(id.into(), None)).is_ok()
    }

    /// Ends a child and waits until it, its tasks and its subtree are gone and its id is free.
    /// A child that does not exist is gone.
    pub async fn end_and_wait(&self, id: &str) {
        let (gone, is_gone) = oneshot::channel();
        self.leaves(id);
        if self.supervisor.send(Msg::End(id.into(), Some(gone))).is_ok() {
            // a supervisor that ends itself drops the sender, after its children
            is_gone.await.ok();
        }
    }

    pub fn contains(&self, id: &str) -> bool {
        self.shared.book().ids.contains(id)
    }

    /// The ids that are taken, in alphabetical order.
    pub fn ids_now(&self) -> Vec<Arc<str>> {
        self.shared.book().ids.iter().cloned().collect()
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
        let is_free = self.shared.book().ids.insert(id.clone());
        is_free.then(|| Taken { shared: self.shared.clone(), id: id.clone() })
    }

    /// Notes that a child will not come back; whether it was there.
    fn leaves(&self, id: &str) -> bool {
        let mut book = self.shared.book();
        let id = book.ids.get(id).cloned();
        let kept = id.as_ref().and_then(|id| book.kept.remove(id));
        book.ending.extend(id.clone());
        // what is dropped looks into the book itself
        drop(book);
        if let Some((spec, _)) = kept {
            spec.door.seal();
        }
        id.is_some()
    }

    pub(crate) fn keep_children(&self) {
        self.shared.keeps_children.store(true, Relaxed);
    }

    /// The supervisor is gone, and the child might be there again when it is.
    pub(crate) fn left(&self, spec: ChildSpec, taken: Taken) {
        self.shared.left(spec, taken);
    }

    /// The children to begin with, in the order in which they were started.
    pub(crate) fn take_kept(&self) -> Vec<(ChildSpec, Taken)> {
        let kept = std::mem::take(&mut self.shared.book().kept);
        let mut kept: Vec<(ChildSpec, Taken)> = kept.into_values().collect();
        kept.sort_by_key(|(spec, _)| spec.level);
        kept
    }
}

impl Shared {
    fn left(&self, spec: ChildSpec, taken: Taken) {
        let mut book = self.book();
        let is_kept = self.keeps_children.load(Relaxed) && !book.ending.contains(&spec.id);
        let gone = match is_kept {
            true => book.kept.insert(spec.id.clone(), (spec, taken)),
            false => Some((spec, taken)),
        };
        // what is dropped looks into the book itself
        drop(book);
        if let Some((spec, _)) = gone {
            spec.door.seal();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Adding {
    pub(crate) fn read(mut self) -> (Box<ChildSpec>, Taken) {
        self.inner.take().expect("it is read once, and that consumes it")
    }
}

impl Drop for Adding {
    fn drop(&mut self) {
        if let Some((spec, taken)) = self.inner.take() {
            self.shared.left(*spec, taken);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut book = self.shared.book();
        book.ids.remove(&self.id);
        book.ending.remove(&self.id);
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamic").field("ids", &self.ids_now()).finish()
    }
}
