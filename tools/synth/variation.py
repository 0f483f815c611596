"""Makes one synthetic voice many: size of the speaker, colour, channel, room, noise, level."""
import dataclasses

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.signal import fftconvolve, lfilter, resample_poly

SAMPLE_RATE = 16000
WARPS = (0.86, 1.16)
SILENT = 0.003
GATES = (0.01, 0.08)  # of the loudest sample
MARGIN = 400  # samples kept around speech when silence is cut off


@dataclasses.dataclass
class Sound:
    """16-bit samples at 16 kHz. What was at t seconds is at t * stretch + shift."""
    samples: np.ndarray
    stretch: float = 1
    shift: float = 0

    @property
    def seconds(self):
        return len(self.samples) / SAMPLE_RATE


def to_sample_rate(samples, sample_rate, warp):
    """(samples, stretch of time); a `warp` above 1 raises pitch and formants and shortens, as a smaller speaker would
    sound."""
    down = max(50, int(round(sample_rate * warp / 50)) * 50)
    return resample_poly(samples, SAMPLE_RATE, down).astype(np.float32), sample_rate / down


def without_silence(samples):
    """(samples, how many were cut off in front)"""
    loud = np.flatnonzero(np.abs(samples) > SILENT)
    if len(loud) == 0:
        return samples[:0], 0
    first = max(0, loud[0] - MARGIN)
    return samples[first:loud[-1] + MARGIN], first


def tilted(samples, random):
    for _ in range(random.integers(1, 4)):
        tilt = random.uniform(-0.7, 0.7)
        if random.random() < 0.5:
            samples = lfilter([1, tilt], [1], samples)
        else:
            samples = lfilter([1], [1, -0.6 * tilt], samples)
    return samples


def telephone(samples):
    return resample_poly(resample_poly(samples, 1, 2), 2, 1)


def in_a_room(samples, random):
    length = int(SAMPLE_RATE * random.uniform(0.05, 0.35))
    decay = np.exp(-6 * np.arange(length) / length)
    response = random.standard_normal(length) * decay * random.uniform(0.02, 0.15)
    response[0] = 1
    return fftconvolve(samples, response)[:len(samples) + length // 2]


def padded(samples, random, silence):
    """(samples, how many are silence in front); `silence`: seconds of it more than usual"""
    front, behind = random.uniform(0.05, 0.4), random.uniform(0.3, 0.6)
    before = int(SAMPLE_RATE * (front + silence))
    return np.pad(samples, (before, int(SAMPLE_RATE * behind))), before


def with_noise(samples, decibels, random):
    noise = random.standard_normal(len(samples))
    if random.random() < 0.6:
        noise = lfilter([1], [1, -random.uniform(0.5, 0.97)], noise)
    power = np.sqrt(np.mean(samples ** 2))
    return samples + noise * (power / (noise.std() + 1e-9) * 10 ** (-decibels / 20))


def speech_in(samples, random):
    """Where something is said: generous with the sound around it, or so strict that soft consonants at the edges are
    lost. Short gaps are part of the speech."""
    threshold = GATES[0] * (GATES[1] / GATES[0]) ** random.random()
    margin, gap = (int(SAMPLE_RATE * seconds) for seconds in (0.1 * random.random() ** 2, 0.06))
    loud = maximum_filter1d(np.abs(samples), SAMPLE_RATE // 50) > threshold * np.abs(samples).max()
    closed = minimum_filter1d(maximum_filter1d(loud, gap + 1), gap + 1)
    return maximum_filter1d(closed, 2 * margin + 1)


def dulled(samples, random):
    """A voice that falls off from 0.2 to 1.3 kHz on, as a microphone off the mouth's axis hears it."""
    return lfilter([1], [1, -random.uniform(0.6, 0.93)], samples)


def varied(samples, sample_rate, random, clean=False, warps=WARPS, gate=None, silence=0):
    """A Sound; `random` is a numpy Generator, `warps` the range of sizes. `gate`, another one: pauses are cut out, noise
    and all, as telephony does it, and some voices are dull. `silence`: seconds of it in front, besides the usual ones.
    Empty if there is no sound."""
    stretch = cut = 0
    if len(samples):
        samples, stretch = to_sample_rate(samples, sample_rate, 1.0 if clean else random.uniform(*warps))
        samples, cut = without_silence(samples)
    if len(samples) == 0:
        return Sound(np.zeros(0, np.int16))
    if not clean:
        if random.random() < 0.5:
            samples = tilted(samples, random)
        if gate and gate.random() < 0.3:
            samples = dulled(samples, gate)
        if random.random() < 0.25:
            samples = telephone(samples)
        if random.random() < 0.25:
            samples = in_a_room(samples, random)
    samples, before = padded(samples, random, silence)
    samples = samples / (np.abs(samples).max() + 1e-6) * (0.5 if clean else 10 ** random.uniform(-1.1, -0.05))
    if clean:
        decibels = 60
    else:
        decibels = random.uniform(12, 30) if random.random() < 0.4 else random.uniform(25, 55)
    speech = speech_in(samples, gate) if gate else True
    samples = np.where(speech, with_noise(samples, decibels, random), 0)
    return Sound((np.clip(samples, -1, 1) * 32767).astype(np.int16), stretch, (before - cut) / SAMPLE_RATE)
