//! The threads on which connections live, and what webrtc may ask of them.
//!
//! A reactor is one thread with a single-threaded tokio runtime. It belongs to the [`crate::Transport`] and to every
//! connection made from it, and ends when the last of them is gone; whatever still runs on it then is dropped.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use crate::socket::{Tap, TappedSocket};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A few reactor threads.
#[derive(Debug)]
pub(crate) struct Reactors {
    threads: Vec<Reactor>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Reactor {
    handle: Handle,
    /// Dropped with the last owner; the thread waits for that.
    _alive: oneshot::Sender<()>,
}

// === impl Reactors ===

impl Reactors {
    pub(crate) fn start(threads: usize) -> io::Result<Reactors> {
        let threads = (0..threads.max(1)).map(Reactor::start).collect::<io::Result<_>>()?;
        Ok(Reactors { threads, next: AtomicUsize::new(0) })
    }

    /// The reactor for the next connection, in turn.
    pub(crate) fn pick(&self) -> Handle {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        self.threads[index].handle.clone()
    }

    #[cfg(test)]
    pub(crate) fn tasks(&self) -> usize {
        self.threads.iter().map(|reactor| reactor.handle.metrics().num_alive_tasks()).sum()
    }
}

// === impl Reactor ===

impl Reactor {
    fn start(index: usize) -> io::Result<Reactor> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, gone) = oneshot::channel::<()>();
        std::thread::Builder::new().name(format!("call-net-{index}")).spawn(move || {
            // An error is what is waited for: it says that all owners are gone.
            runtime.block_on(gone).unwrap_or_default();
        })?;
        Ok(Reactor { handle, _alive: alive })
    }
}

/// What one connection's webrtc runs on: a reactor, and tapped sockets.
#[derive(Debug)]
pub(crate) struct ConnectionRuntime {
    handle: Handle,
    tap: Arc<Tap>,
    /// Goes into webrtc's driver, and is dropped with it.
    driver: Mutex<Option<oneshot::Sender<()>>>,
}

// === impl ConnectionRuntime ===

impl ConnectionRuntime {
    /// The receiver resolves when webrtc's driver has ended, however that came about.
    pub(crate) fn new(handle: Handle, tap: Arc<Tap>) -> (ConnectionRuntime, oneshot::Receiver<()>) {
        let (alive, gone) = oneshot::channel();
        (ConnectionRuntime { handle, tap, driver: Mutex::new(Some(alive)) }, gone)
    }
}

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("group calls use no {what}"))
}

impl Runtime for ConnectionRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        Box::new(Task(self.handle.spawn(future)))
    }

    fn spawn_reactor(
        &self,
        _pool_size: usize,
        future: BoxFuture<'static, ()>,
    ) -> Box<dyn JoinHandle> {
        let alive = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.spawn(Box::pin(async move {
            let _alive = alive;
            future.await;
        }))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(TappedSocket::new(socket, Arc::clone(&self.tap))?))
    }

    fn wrap_tcp_listener(
        &self,
        _listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(unsupported("TCP"))
    }

    fn connect_tcp<'a>(
        &'a self,
        _remote: SocketAddr,
    ) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(std::future::ready(Err(unsupported("TCP"))))
    }

    fn resolve_host<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Err(unsupported("names"))))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn name(&self) -> &'static str {
        "group call reactor"
    }
}

/// A task of webrtc's; dropping the handle lets it run on, as webrtc expects.
struct Task(tokio::task::JoinHandle<()>);

impl JoinHandle for Task {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}
