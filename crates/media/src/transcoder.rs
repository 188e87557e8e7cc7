//! From PCM of any shape to frames: channel mix, resampler, gain, 20 ms pieces, encoder.

use domain::Fault;
use opus::SoftClip;
use symphonia::core::audio::Channels;

use crate::decoder::Pcm;
use crate::encoder::{Effort, Encoder, FRAME_LEN};
use crate::fault::Halt;
use crate::filter::{GainRamp, Mixer};
use crate::frame::{FRAME_SAMPLES, LEVEL_SILENCE};
use crate::level::level;
use crate::outlet::Outlet;
use crate::pipeline::Gain;
use crate::resampler::Resampler;

pub(crate) struct Transcoder {
    shape: Option<(Channels, Mixer)>,
    resampler: Option<Resampler>,
    gain: Gain,
    ramp: GainRamp,
    clip: SoftClip,
    encoder: Encoder,
    stereo: Vec<f32>,
    /// 48 kHz stereo that waits to fill a frame.
    ready: Vec<f32>,
    /// Samples (per channel) of the track that were taken in, and that went out in frames.
    taken: u64,
    played: u64,
    /// The next packet only warms the encoder up.
    is_priming: bool,
    /// The packet after that must be understood by a decoder that did not hear it.
    is_first_kept: bool,
    /// By how much the decoded sound lags behind what went in.
    lag: usize,
    /// How loud the part of the last frame is that only the next packet sounds. A packet that is called silent is not
    /// forwarded by media servers, and the end of the sound would be lost with it.
    lagging: u8,
}

// === impl Transcoder ===

impl Transcoder {
    pub(crate) fn new(gain: Gain, effort: Effort) -> Result<Transcoder, Fault> {
        let encoder = Encoder::new(effort)?;
        Ok(Transcoder {
            shape: None,
            resampler: None,
            ramp: GainRamp::new(gain.get()),
            gain,
            clip: SoftClip::new(opus::Channels::Stereo),
            lag: encoder.lookahead(),
            lagging: LEVEL_SILENCE,
            encoder,
            stereo: Vec::new(),
            ready: Vec::new(),
            taken: 0,
            played: 0,
            is_priming: false,
            is_first_kept: false,
        })
    }

    /// Continues a sound that was sent in another encoding: `before` is what was heard last (48 kHz stereo, at least
    /// one frame). The first packet then sounds exactly what comes first, without the encoder's lag.
    pub(crate) fn continuing(
        gain: Gain,
        effort: Effort,
        before: &[f32],
    ) -> Result<Transcoder, Fault> {
        let mut transcoder = Transcoder::new(gain, effort)?;
        transcoder.ramp = GainRamp::new(1.0);
        let needed = FRAME_LEN - transcoder.lag * 2;
        let missing = needed.saturating_sub(before.len());
        transcoder.ready.resize(missing, 0.0);
        transcoder.ready.extend_from_slice(&before[before.len() - (needed - missing)..]);
        transcoder.is_priming = true;
        transcoder.encoder.set_independent(true)?;
        Ok(transcoder)
    }

    /// Takes decoded samples in; sends the frames that they complete.
    pub(crate) fn push(&mut self, pcm: &Pcm<'_>, outlet: &mut Outlet) -> Result<(), Halt> {
        self.adapt(pcm)?;
        self.stereo.clear();
        if let Some((_, mixer)) = &self.shape {
            mixer.mix(pcm.interleaved, &mut self.stereo);
        }
        let had = self.ready.len();
        if let Some(resampler) = &mut self.resampler {
            resampler.push(&self.stereo, &mut self.ready)?;
        }
        self.admit(had);
        self.send_frames(outlet)
    }

    /// The end: sends what is left, the last frame filled up with silence.
    pub(crate) fn finish(&mut self, outlet: &mut Outlet) -> Result<(), Halt> {
        self.flush_resampler()?;
        self.send_frames(outlet)?;
        if self.taken == 0 {
            return Ok(());
        }
        // The encoder's lag pushes the end of the sound into this many further samples.
        let len = (self.ready.len() / 2 + self.lag).div_ceil(FRAME_LEN / 2) * FRAME_LEN;
        self.ready.resize(len, 0.0);
        self.send_frames(outlet)
    }

    /// Sets mixer and resampler up for the shape of `pcm`; a change midway loses nothing.
    fn adapt(&mut self, pcm: &Pcm<'_>) -> Result<(), Fault> {
        if self.shape.as_ref().is_none_or(|(channels, _)| channels != pcm.channels) {
            self.shape = Some((pcm.channels.clone(), Mixer::new(pcm.channels)));
        }
        if self.resampler.as_ref().is_none_or(|resampler| resampler.rate() != pcm.rate) {
            self.flush_resampler()?;
            self.resampler = Some(Resampler::new(pcm.rate)?);
        }
        Ok(())
    }

    fn flush_resampler(&mut self) -> Result<(), Fault> {
        let had = self.ready.len();
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut self.ready)?;
        }
        self.admit(had);
        Ok(())
    }

    /// Counts and shapes what was appended to `ready` behind its first `had` samples.
    fn admit(&mut self, had: usize) {
        let fresh = &mut self.ready[had..];
        self.taken += (fresh.len() / 2) as u64;
        self.ramp.apply(fresh, self.gain.get());
        if fresh.iter().any(|s| s.abs() > 1.0) {
            self.clip.apply(fresh);
        }
    }

    fn send_frames(&mut self, outlet: &mut Outlet) -> Result<(), Halt> {
        let mut at = 0;
        while let Some(frame) = self.ready.get(at..at + FRAME_LEN) {
            at += FRAME_LEN;
            let payload = self.encoder.encode(frame)?;
            // a smaller number is louder
            let loudness = level(frame).min(self.lagging);
            self.lagging = level(&frame[FRAME_LEN.saturating_sub(self.lag * 2)..]);
            if self.is_priming {
                self.is_priming = false;
                self.is_first_kept = true;
                continue;
            }
            let left = self.taken - self.played;
            let played = u32::try_from(left).unwrap_or(u32::MAX).min(FRAME_SAMPLES);
            self.played += u64::from(played);
            outlet.send(payload, FRAME_SAMPLES, played, loudness)?;
            if self.is_first_kept {
                self.is_first_kept = false;
                self.encoder.set_independent(false)?;
            }
        }
        self.ready.drain(..at);
        Ok(())
    }
}
