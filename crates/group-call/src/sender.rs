//! The hot path: frames in, RTP out, called by a clock thread every 20 ms for each call.

/// The connection is over; whoever sends should drop its [`Sender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// Hands Opus frames to one connection. Never waits and allocates nothing.
#[derive(Debug, Clone)]
pub struct Sender;

// === impl Sender ===

impl Sender {
    /// Sends one Opus frame of `samples` (48 kHz); `level` in -dBov (0 loudest, 127 silence), `voice` the V bit of RFC 6464.
    pub fn send(
        &mut self,
        _payload: &[u8],
        _samples: u32,
        _level: u8,
        _voice: bool,
    ) -> Result<(), Closed> {
        Err(Closed)
    }

    /// Lets `samples` pass in silence: no packet, but the RTP clock goes on.
    pub fn skip(&mut self, _samples: u32) {}
}
