"""Sound that cannot be mistaken for another moment of itself, and how well what was heard matches it."""

import itertools
import subprocess
import wave
from dataclasses import dataclass

import numpy as np

RATE = 48_000
#: Heard sound is compared in windows of this length, each with its own lag: a jitter buffer stretches time, on a busy
#: machine many times in a second, and a window within which it did so matches less.
WINDOW_S = 0.25
#: How far a window may lie from where the whole lies.
DRIFT_S = 0.25


def make(path, seconds, seed, title=None):
    """Writes a melody in the format that the name asks for: two voices of random tones, one of them gliding, no two
    tones alike, so that every quarter of a second is unlike any other and unlike any other song."""
    random = np.random.default_rng(seed)

    def voice(tone_s, low, high, is_gliding):
        t = np.arange(int(RATE * tone_s)) / RATE
        envelope = np.minimum(1, np.minimum(t, t[::-1]) / 0.01)
        tones = []
        for _ in range(int(np.ceil(seconds / tone_s))):
            start, end = np.exp(random.uniform(np.log(low), np.log(high), 2))
            end = end if is_gliding else start
            tones.append(envelope * np.sin(2 * np.pi * (start * t + (end - start) * t**2 / (2 * tone_s))))
        return np.concatenate(tones)[: int(seconds * RATE)]

    sound = 0.25 * voice(0.25, 200, 1500, False) + 0.25 * voice(0.35, 300, 2500, True)
    samples = (sound * 32767).astype("<i2")
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
        return self.median >= 0.95 and self.share >= 0.6

    def __str__(self):
        return f"correlation {self.median:.3f}, {self.share:.0%} of windows, {self.seconds:.1f} s"


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
    """Compares what was heard with the source, whose start and end may be missing.

    One long piece of what was heard says where in the source it lies; from there on each window may lie only a little
    beside its neighbour, so that another song, or the right song in the wrong order, does not match.
    """
    n, drift = int(WINDOW_S * RATE), int(DRIFT_S * RATE)
    loud = [at for at in range(0, len(heard) - n + 1, n) if np.sqrt(np.mean(heard[at : at + n] ** 2)) > 300]
    # the edges of the sound are cut windows and say nothing
    loud = loud[1:-1]
    if not loud:
        return Match(0.0, 0.0, 0.0)
    middle = loud[len(loud) // 2]
    lag = best(heard[middle : middle + 4 * n], source)[1] - middle
    later = track(heard, source, [at for at in loud if at >= middle], lag, n, drift)
    earlier = track(heard, source, [at for at in reversed(loud) if at < middle], lag, n, drift)
    scores = later + earlier
    good = [score for score in scores if score >= 0.95]
    return Match(float(np.median(scores)), len(good) / len(scores), len(good) * WINDOW_S)


def track(heard, source, windows, lag, n, drift):
    """The score of each window near `lag`, which follows those that match."""
    scores = []
    for at in windows:
        low = max(0, at + lag - drift)
        score, where = best(heard[at : at + n], source[low : low + n + 2 * drift])
        if score >= 0.9:
            lag = low + where - at
        scores.append(score)
    return scores


def tones(heard, expected):
    """How well something heard follows `expected`, frequencies of one second each, over and over again, with pauses
    anywhere: the seconds that carry one of them, and what is against it, in words."""
    n = int(WINDOW_S * RATE)
    windows = [heard[at : at + n] for at in range(0, len(heard) - n + 1, n)]
    seconds, strange = 0.0, []
    for is_loud, piece in itertools.groupby(windows, key=lambda window: np.sqrt(np.mean(window**2)) >= 300):
        # the edges of a piece are cut windows and say nothing
        found = [frequency(window) for window in piece][1:-1] if is_loud else []
        nearest = [min(expected, key=lambda tone: abs(tone - f)) for f in found]
        strange += [round(f) for f, tone in zip(found, nearest) if abs(tone - f) > 0.01 * tone]
        order = [tone for tone, _ in itertools.groupby(nearest)]
        for tone, following in zip(order, order[1:]):
            if following != expected[(expected.index(tone) + 1) % len(expected)]:
                return 0.0, f"{following} Hz followed {tone} Hz, out of {expected}"
        seconds += len(found) * WINDOW_S
    if len(strange) * WINDOW_S > 0.1 * seconds:
        return 0.0, f"{len(strange) * WINDOW_S} s of {seconds} s are none of {expected}: {strange[:8]}"
    return seconds, None


def frequency(window):
    """The strongest frequency, in Hz."""
    n = 4 * len(window)
    return float(np.argmax(np.abs(np.fft.rfft(window * np.hanning(len(window)), n))) * RATE / n)


def is_silent(heard):
    return not len(heard) or float(np.sqrt(np.mean(heard**2))) < 30
