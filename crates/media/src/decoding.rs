//! The long way through: every packet is decoded, shaped and encoded again.

use std::collections::VecDeque;
use std::time::Duration;

use domain::{Fault, Reason};

use crate::decoder::{Decoder, Pcm};
use crate::demuxer::{Demuxer, Next};
use crate::encoder::Effort;
use crate::fault::Halt;
use crate::frame::SAMPLE_RATE;
use crate::outlet::Outlet;
use crate::pipeline::Ready;
use crate::transcoder::Transcoder;

/// Damaged packets in a row that end the track: more than a second of nothing.
const DAMAGED_MAX: u32 = 50;

/// Decoders need some packets before the wanted one to be right about it: 80 ms for Opus (RFC 7845, section 4.6), the
/// bit reservoir for MP3, the overlap for the others.
pub(crate) const PREROLL: Duration = Duration::from_millis(200);

pub(crate) struct Decoding<'a> {
    pub(crate) demuxer: &'a mut Demuxer,
    pub(crate) decoder: Decoder,
    pub(crate) transcoder: Transcoder,
    pub(crate) outlet: &'a mut Outlet,
    /// Packets that were read already.
    pub(crate) pending: VecDeque<Next>,
    pub(crate) cut: Cut,
    damaged: u32,
}

/// What is not to be heard at the start of the decoded sound.
#[derive(Debug)]
pub(crate) enum Cut {
    /// This many samples at the source's rate.
    Samples(u64),
    /// All before this time: timestamps tell how much that is. Announces `Ready` once it is known.
    Before(Duration, Ready),
}

// === impl Decoding ===

impl<'a> Decoding<'a> {
    pub(crate) fn new(
        demuxer: &'a mut Demuxer,
        decoder: Decoder,
        transcoder: Transcoder,
        outlet: &'a mut Outlet,
        cut: Cut,
    ) -> Decoding<'a> {
        Decoding { demuxer, decoder, transcoder, outlet, pending: VecDeque::new(), cut, damaged: 0 }
    }

    /// To the end of the track.
    pub(crate) fn run(mut self) -> Result<(), Halt> {
        loop {
            if self.outlet.is_stopped() {
                return Err(Halt::Stopped);
            }
            let next = match self.pending.pop_front() {
                Some(next) => next,
                None => self.demuxer.next()?,
            };
            match next {
                Next::Packet(packet) => self.packet(&packet)?,
                Next::Damaged => note_damage(self.outlet.effort(), &mut self.damaged)?,
                Next::Track => self.change_track()?,
                Next::End => return self.transcoder.finish(self.outlet),
            }
        }
    }

    /// A chained stream goes on with another track: its own decoder, its own lead-in.
    fn change_track(&mut self) -> Result<(), Halt> {
        self.decoder = Decoder::new(&self.demuxer.track)?;
        self.cut = Cut::Samples(self.demuxer.track.lead_in(self.decoder.rate()));
        Ok(())
    }

    fn packet(&mut self, packet: &symphonia::core::packet::Packet) -> Result<(), Halt> {
        let track = &self.demuxer.track;
        let silence;
        let pcm = match self.decoder.decode(packet, track) {
            Ok(pcm) => {
                self.damaged = 0;
                pcm
            }
            Err(fault) if fault.reason == Reason::Corrupt => {
                note_damage(self.outlet.effort(), &mut self.damaged)?;
                // Time goes on, so that what follows comes when it should.
                let rate = self.decoder.rate();
                let frames = track.ticks_to_samples(packet.dur.get(), rate).min(rate as usize);
                silence = vec![0.0; frames * self.decoder.channels()];
                Pcm { interleaved: &silence, rate, channels: self.decoder.layout() }
            }
            Err(fault) => return Err(fault.into()),
        };
        let channels = pcm.channels.count();
        if channels == 0 || pcm.interleaved.is_empty() {
            return Ok(());
        }
        if let Cut::Before(from, ready) = &self.cut {
            let begins = track.samples(packet.pts, pcm.rate)
                + track.ticks_to_samples(packet.trim_start.get(), pcm.rate) as i64;
            let wanted = samples(*from, pcm.rate) as i64;
            let late = u64::try_from(begins - wanted).unwrap_or(0);
            let start = samples(*from, SAMPLE_RATE)
                + late * u64::from(SAMPLE_RATE) / u64::from(pcm.rate.max(1));
            self.outlet.announce(ready.clone(), start);
            self.cut = Cut::Samples(u64::try_from(wanted - begins).unwrap_or(0));
        }
        let Cut::Samples(left) = &mut self.cut else { return Ok(()) };
        let frames = (pcm.interleaved.len() / channels) as u64;
        let cut = frames.min(*left);
        *left -= cut;
        if cut == frames {
            return Ok(());
        }
        let heard = &pcm.interleaved[cut as usize * channels..];
        let pcm = Pcm { interleaved: heard, rate: pcm.rate, channels: pcm.channels };
        self.transcoder.push(&pcm, self.outlet)
    }
}

/// Counts a damaged packet; too many in a row are a fault.
pub(crate) fn note_damage(effort: &Effort, in_a_row: &mut u32) -> Result<(), Fault> {
    effort.gauge.note_corrupt();
    *in_a_row += 1;
    if *in_a_row > DAMAGED_MAX {
        return Err(Fault::refused(
            Reason::Corrupt,
            format!("{in_a_row} damaged packets in a row"),
        ));
    }
    Ok(())
}

/// A time in samples.
pub(crate) fn samples(time: Duration, rate: u32) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
}
