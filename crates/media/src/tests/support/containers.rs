//! Containers written by hand: just enough of WAV, Ogg and WebM.

/// PCM WAV, 16 bit; `channels` interleaved in `samples`.
pub(crate) fn wav16(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|s| ((s * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes())
        .collect();
    wav(rate, channels, 1, 16, &data)
}

/// WAV with 32 bit floats.
pub(crate) fn wav_float(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    wav(rate, channels, 3, 32, &data)
}

fn wav(rate: u32, channels: u16, format: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    out.extend(format.to_le_bytes());
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend((rate * u32::from(block)).to_le_bytes());
    out.extend(block.to_le_bytes());
    out.extend(bits.to_le_bytes());
    out.extend(b"data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

/// 5.1 WAV with a channel mask (WAVE_FORMAT_EXTENSIBLE), 16 bit.
pub(crate) fn wav_5_1(rate: u32, samples: &[f32]) -> Vec<u8> {
    let mut out = wav16(rate, 6, samples);
    let data = out.split_off(36);
    out[20..22].copy_from_slice(&0xFFFEu16.to_le_bytes());
    out[16..20].copy_from_slice(&40u32.to_le_bytes());
    out.extend(22u16.to_le_bytes());
    out.extend(16u16.to_le_bytes());
    out.extend(0x3Fu32.to_le_bytes());
    out.extend([1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]);
    out.extend(data);
    out
}

/// What an Ogg Opus file is to hold.
pub(crate) struct OggOpus<'a> {
    pub(crate) packets: &'a [Vec<u8>],
    pub(crate) channels: u8,
    pub(crate) pre_skip: u16,
    /// Samples (48 kHz, pre-skip included) that are cut from the end.
    pub(crate) end_trim: u64,
    pub(crate) output_gain: i16,
    pub(crate) serial: u32,
}

impl OggOpus<'_> {
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(self.channels);
        head.extend(self.pre_skip.to_le_bytes());
        head.extend(48_000u32.to_le_bytes());
        head.extend(self.output_gain.to_le_bytes());
        head.push(0);
        let mut tags = b"OpusTags".to_vec();
        tags.extend(4u32.to_le_bytes());
        tags.extend(b"test");
        tags.extend(2u32.to_le_bytes());
        for tag in ["TITLE=Chirp", "ARTIST=Sine and Sons"] {
            tags.extend((tag.len() as u32).to_le_bytes());
            tags.extend(tag.as_bytes());
        }
        let mut out = page(2, 0, self.serial, 0, &[&head]);
        out.extend(page(0, 0, self.serial, 1, &[&tags]));
        let mut granule = 0;
        let pages: Vec<_> = self.packets.chunks(10).collect();
        for (i, packets) in pages.iter().enumerate() {
            granule += packets
                .iter()
                .map(|p| opus::packet::get_nb_samples(p, 48_000).unwrap() as u64)
                .sum::<u64>();
            let is_last = i + 1 == pages.len();
            let granule = if is_last { granule - self.end_trim } else { granule };
            let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
            out.extend(page(
                if is_last { 4 } else { 0 },
                granule,
                self.serial,
                i as u32 + 2,
                &packets,
            ));
        }
        out
    }
}

/// One Ogg page (RFC 3533) of whole packets.
fn page(flags: u8, granule: u64, serial: u32, sequence: u32, packets: &[&[u8]]) -> Vec<u8> {
    let mut lacing = Vec::new();
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        lacing.push((packet.len() % 255) as u8);
    }
    let mut out = b"OggS\0".to_vec();
    out.push(flags);
    out.extend(granule.to_le_bytes());
    out.extend(serial.to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend([0; 4]);
    out.push(u8::try_from(lacing.len()).unwrap());
    out.extend(lacing);
    packets.iter().for_each(|packet| out.extend(*packet));
    let crc = out.iter().fold(0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            (crc << 1) ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    });
    out[22..26].copy_from_slice(&crc.to_le_bytes());
    out
}

/// WebM with one Opus track, one packet per SimpleBlock.
pub(crate) fn webm_opus(packets: &[Vec<u8>], pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000u32.to_le_bytes());
    head.extend([0, 0, 0]);
    let ebml = element(0x1A45_DFA3, &[element(0x4282, &[b"webm".to_vec()])]);
    let info = element(0x1549_A966, &[element(0x2AD7B1, &[1_000_000u32.to_be_bytes().to_vec()])]);
    let audio = element(
        0xE1,
        &[element(0xB5, &[48_000f32.to_be_bytes().to_vec()]), element(0x9F, &[vec![2]])],
    );
    let codec_delay = u64::from(pre_skip) * 1_000_000_000 / 48_000;
    let entry = element(
        0xAE,
        &[
            element(0xD7, &[vec![1]]),
            element(0x73C5, &[vec![1]]),
            element(0x83, &[vec![2]]),
            element(0x86, &[b"A_OPUS".to_vec()]),
            element(0x56AA, &[codec_delay.to_be_bytes().to_vec()]),
            element(0x63A2, &[head]),
            audio,
        ],
    );
    let tracks = element(0x1654_AE6B, &[entry]);
    let mut parts = vec![info, tracks];
    for (c, packets) in packets.chunks(50).enumerate() {
        let mut blocks = vec![element(0xE7, &[(c as u32 * 1000).to_be_bytes().to_vec()])];
        for (i, packet) in packets.iter().enumerate() {
            let mut block = vec![0x81];
            block.extend((i as i16 * 20).to_be_bytes());
            block.push(0x80);
            block.extend(packet);
            blocks.push(element(0xA3, &[block]));
        }
        parts.push(element(0x1F43_B675, &blocks));
    }
    [ebml, element(0x1853_8067, &parts)].concat()
}

/// One EBML element; its size always in eight bytes.
fn element(id: u32, children: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    let len: usize = children.iter().map(Vec::len).sum();
    out.extend((0x0100_0000_0000_0000 | len as u64).to_be_bytes());
    children.iter().for_each(|child| out.extend(child));
    out
}

/// Opus packets of `samples` (48 kHz stereo) whose frames last `frame` samples per channel each.
pub(crate) fn opus_packets(samples: &[f32], frame: usize) -> Vec<Vec<u8>> {
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    encoder.set_bitrate(opus::Bitrate::Bits(128_000)).unwrap();
    encode(&mut encoder, samples, frame)
}

pub(crate) fn encode(encoder: &mut opus::Encoder, samples: &[f32], frame: usize) -> Vec<Vec<u8>> {
    samples
        .chunks_exact(frame * 2)
        .map(|pcm| encoder.encode_vec_float(pcm, 4000).unwrap())
        .collect()
}
