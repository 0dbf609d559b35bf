"""Tones: making them and measuring them."""
from dataclasses import dataclass

import numpy as np


@dataclass
class Tone:
    """What a stretch of sound consists of. `purity`: share of the energy within 30 Hz of the strongest frequency."""
    frequency: float
    rms: float
    purity: float


def make(frequency, first, count, rate=48000, level=0.3):
    """`count` samples (int16) of a sine, starting at sample number `first`."""
    phase = 2 * np.pi * frequency * (first + np.arange(count)) / rate
    return (np.sin(phase) * level * 32767).astype(np.int16)


def measure(samples, rate=48000):
    """Tone of mono float samples (-1..1)."""
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) < 256:
        return Tone(0.0, 0.0, 0.0)
    rms = float(np.sqrt(np.mean(samples ** 2)))
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    power[0] = 0
    total = float(power.sum())
    if total <= 0:
        return Tone(0.0, rms, 0.0)
    step = rate / len(samples)
    peak = int(power.argmax())
    # A parabola through the peak's neighbours (in dB) is exact to a fraction of a Hz.
    offset = 0.0
    if 0 < peak < len(power) - 1:
        a, b, c = np.log(power[peak - 1:peak + 2] + 1e-30)
        offset = float((a - c) / (2 * (a - 2 * b + c))) if a - 2 * b + c else 0.0
    near = max(2, int(round(30 / step)))
    purity = float(power[max(0, peak - near):peak + near + 1].sum()) / total
    return Tone((peak + offset) * step, rms, purity)


def share(samples, frequency, rate=48000):
    """Share of the energy within 30 Hz of `frequency`."""
    power = np.abs(np.fft.rfft(np.asarray(samples, dtype=np.float64) * np.hanning(len(samples)))) ** 2
    step = rate / len(samples)
    low, high = int((frequency - 30) / step), int((frequency + 30) / step) + 1
    return float(power[max(0, low):high].sum() / power.sum()) if power.sum() > 0 else 0.0


def longest_silence(samples, rate=48000, level=0.01):
    """Seconds of the longest stretch whose 10 ms blocks all stay below `level` RMS."""
    block = rate // 100
    count = len(samples) // block
    if not count:
        return 0.0
    loud = np.sqrt(np.mean(np.asarray(samples[:count * block]).reshape(count, block) ** 2, axis=1)) >= level
    longest = run = 0
    for is_loud in loud:
        run = 0 if is_loud else run + 1
        longest = max(longest, run)
    return longest / 100
