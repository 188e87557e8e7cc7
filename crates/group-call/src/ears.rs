//! Web style: listens to the reports that webrtc decrypts and keeps to itself; its own statistics have none of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use crate::reception::{self, Reception};
use crate::shared::Shared;

/// Lets everything pass and remembers what is said about the packets of `ssrc`.
pub(crate) struct Ears {
    ssrc: u32,
    shared: Arc<Shared>,
    arriving: VecDeque<TaggedPacket>,
    leaving: VecDeque<TaggedPacket>,
}

// === impl Ears ===

impl Ears {
    pub(crate) fn new(ssrc: u32, shared: Arc<Shared>) -> Ears {
        Ears { ssrc, shared, arriving: VecDeque::new(), leaving: VecDeque::new() }
    }

    fn hear(&self, packet: &dyn rtcp::Packet) {
        let about_us = |reports: &[ReceptionReport]| {
            reports.iter().find(|report| report.ssrc == self.ssrc).cloned()
        };
        let packet = packet.as_any();
        let receiver =
            packet.downcast_ref().and_then(|one: &ReceiverReport| about_us(&one.reports));
        let sender = packet.downcast_ref().and_then(|one: &SenderReport| about_us(&one.reports));
        if let Some(report) = receiver.or(sender) {
            self.shared.set_reception(Reception {
                lost_256ths: report.fraction_lost,
                packets_lost: reception::lost(report.total_lost),
                jitter_samples: report.jitter,
            });
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Ears {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(compound) = &packet.message.packet {
            compound.iter().for_each(|packet| self.hear(&**packet));
        }
        self.arriving.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.arriving.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.leaving.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.leaving.pop_front()
    }
}

impl Interceptor for Ears {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
