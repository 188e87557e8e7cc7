//! Writes the demo tracks as WAV files into a folder (the first argument): what `music-data/encode.sh` encodes.

use std::io::{self, Write};
use std::path::Path;

use simulator::music::{SAMPLE_RATE, Track};

fn main() -> io::Result<()> {
    let folder =
        std::env::args_os().nth(1).ok_or_else(|| io::Error::other("name a folder to write to"))?;
    for track in Track::ALL {
        let path = Path::new(&folder).join(format!("{}.wav", track.title().to_lowercase()));
        std::fs::write(path, wav(&track.pcm(0..track.len_samples()))?)?;
    }
    Ok(())
}

/// Stereo, 16 bits.
fn wav(pcm: &[f32]) -> io::Result<Vec<u8>> {
    let data = u32::try_from(pcm.len() * 2).map_err(io::Error::other)?;
    let mut file = Vec::with_capacity(44 + pcm.len() * 2);
    file.write_all(b"RIFF")?;
    file.write_all(&(36 + data).to_le_bytes())?;
    file.write_all(b"WAVEfmt ")?;
    file.write_all(&16u32.to_le_bytes())?;
    file.write_all(&1u16.to_le_bytes())?;
    file.write_all(&2u16.to_le_bytes())?;
    file.write_all(&SAMPLE_RATE.to_le_bytes())?;
    file.write_all(&(SAMPLE_RATE * 4).to_le_bytes())?;
    file.write_all(&4u16.to_le_bytes())?;
    file.write_all(&16u16.to_le_bytes())?;
    file.write_all(b"data")?;
    file.write_all(&data.to_le_bytes())?;
    for sample in pcm {
        file.write_all(&((sample * 32_767.0).round() as i16).to_le_bytes())?;
    }
    Ok(file)
}
