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


_HOPS = (600, 1400, 900, 2000, 500, 1700, 1100, 2300)
_HOP = 0.02  # seconds: a packet of Opus
_HOP_PERIOD = 64


def _hop(block):
    return _HOPS[(block * 5 + block // 8 * 3) % 8]


def hopping(first, count, rate=48000, level=0.3):
    """As make(), but every 20 ms at another frequency: what was heard last tells nobody what was lost."""
    at = first + np.arange(count)
    frequency = np.array([_hop(block) for block in range(_HOP_PERIOD)])[at // int(rate * _HOP) % _HOP_PERIOD]
    return (np.sin(2 * np.pi * frequency * at / rate) * level * 32767).astype(np.int16)


def hopping_share(samples, rate=48000, window=2.0):
    """Share of the 20 ms that are as hopping() made them, wherever in it this begins: of each two seconds, since a receiver that
    was interrupted goes on elsewhere."""
    count = int(window * rate)
    return [_hopping_share(samples[at:at + count], rate) for at in range(0, len(samples) - count + 1, count)]


def _hopping_share(samples, rate):
    size, best = int(rate * _HOP), 0.0
    wanted = np.array([_HOPS.index(_hop(block)) for block in range(_HOP_PERIOD)])
    inner = slice(size // 4, size * 3 // 4)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(size)[inner] / rate, _HOPS)) * np.hanning(size // 2)[:, None]
    for offset in range(0, size, size // 20):
        count = (len(samples) - offset) // size
        blocks = np.asarray(samples[offset:offset + count * size], dtype=np.float64).reshape(count, size)[:, inner]
        power = np.abs(blocks @ waves)
        heard = np.where(power.max(axis=1) > 0.1 * np.median(power.max(axis=1)), power.argmax(axis=1), -1)
        for phase in range(_HOP_PERIOD):
            best = max(best, float((heard == wanted[(np.arange(count) + phase) % _HOP_PERIOD]).mean()))
    return best
