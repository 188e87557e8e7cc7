"""Sound that cannot be mistaken for another moment of itself, and how well what was heard matches it."""

import subprocess
import wave
from dataclasses import dataclass

import numpy as np

RATE = 48_000
#: Heard sound is compared in windows of this length, each with its own lag: a jitter buffer stretches time a little.
WINDOW_S = 1.0
#: How far a window may lie from where the whole lies.
DRIFT_S = 0.25


def make(path, seconds, seed, title=None):
    """Writes a melody of random notes (each with an overtone, 250 ms long) in the format that the name asks for."""
    random = np.random.default_rng(seed)
    t = np.arange(int(RATE * 0.25)) / RATE
    envelope = np.minimum(1, np.minimum(t, t[::-1]) / 0.01)
    notes = 220 * 2 ** (random.integers(0, 36, int(seconds * 4)) / 12)
    tones = [envelope * (0.3 * np.sin(2 * np.pi * f * t) + 0.1 * np.sin(4 * np.pi * f * t)) for f in notes]
    samples = (np.concatenate(tones) * 32767).astype("<i2")
    plain = path.with_suffix(".source.wav")
    with wave.open(str(plain), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.repeat(samples, 2).tobytes())
    tags = ["-metadata", f"title={title}", "-metadata", "artist=Outside"] if title else []
    ffmpeg = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(plain), *tags, str(path)]
    subprocess.run(ffmpeg, check=True)
    return samples.astype(np.float64)


def read(path):
    """Any file that ffmpeg reads, as mono samples."""
    ffmpeg = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    done = subprocess.run(ffmpeg, check=True, capture_output=True)
    assert not done.stderr, f"{path}: {done.stderr.decode()}"
    return np.frombuffer(done.stdout, "<i2").astype(np.float64)


@dataclass
class Match:
    """How well something heard matches its source."""

    #: Of the windows that carry sound: the middle one, and the share that reaches 0.95.
    median: float
    share: float
    #: Seconds that carry sound and match.
    seconds: float

    @property
    def is_good(self):
        return self.median >= 0.95 and self.share >= 0.8

    def __str__(self):
        return f"correlation {self.median:.3f}, {self.share:.0%} of windows, {self.seconds:.0f} s"


def best(window, source):
    """The best normalised correlation of `window` within `source`, and where it lies."""
    n = len(window)
    if len(source) < n or not window.any():
        return 0.0, 0
    size = 1 << (len(source) + n - 1).bit_length()
    dots = np.fft.irfft(np.fft.rfft(source, size) * np.conj(np.fft.rfft(window, size)), size)
    dots = dots[: len(source) - n + 1]
    squares = np.concatenate([[0], np.cumsum(source**2)])
    norms = np.sqrt(np.maximum(squares[n:] - squares[:-n], 1)) * np.linalg.norm(window)
    scores = dots / norms
    at = int(np.argmax(scores))
    return float(scores[at]), at


def match(heard, source):
    """Compares what was heard with the source, whose start and end may be missing."""
    n = int(WINDOW_S * RATE)
    windows = [(at, heard[at : at + n]) for at in range(0, len(heard) - n + 1, n)]
    # the edges of the sound are cut windows and say nothing
    windows = [(at, w) for at, w in windows if np.sqrt(np.mean(w**2)) > 300]
    windows = windows[1:-1]
    if not windows:
        return Match(0.0, 0.0, 0.0)
    scores = []
    anchor = None
    for at, window in windows:
        if anchor is not None:
            low = max(0, anchor + at - int(DRIFT_S * RATE))
            score, where = best(window, source[low : low + n + 2 * int(DRIFT_S * RATE)])
            if score >= 0.7:
                anchor = low + where - at
                scores.append(score)
                continue
        score, where = best(window, source)
        if score >= 0.7:
            anchor = where - at
        scores.append(score)
    good = [s for s in scores if s >= 0.95]
    return Match(float(np.median(scores)), len(good) / len(scores), len(good) * WINDOW_S)
