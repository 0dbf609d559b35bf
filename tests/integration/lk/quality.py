"""What a listener and a viewer get of a bad path."""
import numpy as np

BLOCK = 0.02  # seconds: a packet of Opus


def broken_share(samples, frequency, rate=48000):
    """Share of 20 ms blocks that are not that tone at about its usual loudness: silence, noise, a jump."""
    size = int(rate * BLOCK)
    count = len(samples) // size
    if not count:
        return 1.0
    blocks = np.asarray(samples[:count * size], dtype=np.float64).reshape(count, size)
    phase = 2j * np.pi * frequency * np.arange(size) / rate
    window = np.hanning(size)
    tone = 2 * np.abs((blocks * window) @ np.exp(-phase)) / window.sum()
    energy = np.sqrt(2 * ((blocks * window) ** 2).sum(axis=1) / (window ** 2).sum())
    good = (tone > 0.5 * np.median(tone)) & (tone > 0.8 * energy)
    return 1.0 - float(good.mean())


def longest_gap(times):
    """Seconds between two neighbours, at most."""
    times = np.asarray(times)
    return float(np.diff(times).max()) if len(times) > 1 else float("inf")
