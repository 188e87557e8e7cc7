//! The end of a producer's work: packets go into the ring, and the first of them is news.

use crate::encoder::Effort;
use crate::level::is_audible;
use crate::pipeline::{PipelineEvent, Ready};
use crate::ring::{RingWriter, Stopped};

pub(crate) struct Outlet {
    ring: RingWriter,
    effort: Effort,
    on_event: Box<dyn Fn(PipelineEvent) + Send + Sync>,
    /// Told with the first packet.
    ready: Option<Ready>,
    has_sent: bool,
}

// === impl Outlet ===

impl Outlet {
    pub(crate) fn new(
        ring: RingWriter,
        effort: Effort,
        on_event: Box<dyn Fn(PipelineEvent) + Send + Sync>,
    ) -> Outlet {
        Outlet { ring, effort, on_event, ready: None, has_sent: false }
    }

    /// What to tell once the first packet is there, and where in the track (samples at 48 kHz) that packet begins.
    pub(crate) fn announce(&mut self, ready: Ready, start: u64) {
        if !self.has_sent {
            self.ring.shared().set_start(start);
            self.ready = Some(ready);
        }
    }

    /// The track can be played, but nothing of it is left to be heard.
    pub(crate) fn announce_empty(&mut self, ready: Ready, start: u64) {
        self.ring.shared().set_start(start);
        self.has_sent = true;
        (self.on_event)(PipelineEvent::Ready(ready));
    }

    /// Waits for room, then puts one packet in.
    pub(crate) fn send(
        &mut self,
        payload: &[u8],
        samples: u32,
        played: u32,
        level: u8,
    ) -> Result<(), Stopped> {
        let mut packet = self.ring.blank();
        packet.frame.payload.clear();
        packet.frame.payload.extend_from_slice(payload);
        packet.frame.samples = samples;
        packet.frame.level = level;
        packet.frame.voice = is_audible(level);
        packet.played = played;
        if self.ring.is_low() {
            self.effort.note_low();
        }
        self.ring.push(packet)?;
        self.has_sent = true;
        if let Some(ready) = self.ready.take() {
            (self.on_event)(PipelineEvent::Ready(ready));
        }
        Ok(())
    }

    pub(crate) fn effort(&self) -> &Effort {
        &self.effort
    }

    pub(crate) fn has_sent(&self) -> bool {
        self.has_sent
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.ring.shared().is_stopped()
    }

    pub(crate) fn shared(&self) -> &crate::ring::Shared {
        self.ring.shared()
    }

    /// Tells of the failure and ends the ring.
    pub(crate) fn fail(&self, fault: domain::Fault) {
        self.ring.shared().fail(fault.clone());
        (self.on_event)(PipelineEvent::Failed(fault));
    }

    pub(crate) fn finish(&self) {
        self.ring.shared().finish();
    }
}
