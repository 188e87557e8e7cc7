//! What happens inside a connection, as flags: those who know set them, the watch looks at them.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Signals {
    is_ice_connected: AtomicBool,
    is_ice_failed: AtomicBool,
    is_channel_open: AtomicBool,
    is_refused_by_us: AtomicBool,
    is_refused_by_server: AtomicBool,
    /// Something above, or the DTLS state, changed.
    pub(crate) changed: Notify,
}

// === impl Signals ===

impl Signals {
    fn set(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn ice_connected(&self) {
        self.set(&self.is_ice_connected);
    }

    pub(crate) fn is_ice_connected(&self) -> bool {
        self.is_ice_connected.load(Ordering::Acquire)
    }

    pub(crate) fn ice_failed(&self) {
        self.set(&self.is_ice_failed);
    }

    pub(crate) fn is_ice_failed(&self) -> bool {
        self.is_ice_failed.load(Ordering::Acquire)
    }

    pub(crate) fn channel_opened(&self) {
        self.set(&self.is_channel_open);
    }

    pub(crate) fn is_channel_open(&self) -> bool {
        self.is_channel_open.load(Ordering::Acquire)
    }

    /// We sent a fatal alert while the DTLS handshake was unprotected: the server's certificate or offer did not suit.
    pub(crate) fn refused_by_us(&self) {
        self.set(&self.is_refused_by_us);
    }

    pub(crate) fn is_refused_by_us(&self) -> bool {
        self.is_refused_by_us.load(Ordering::Acquire)
    }

    /// The server did.
    pub(crate) fn refused_by_server(&self) {
        self.set(&self.is_refused_by_server);
    }

    pub(crate) fn is_refused_by_server(&self) -> bool {
        self.is_refused_by_server.load(Ordering::Acquire)
    }
}
