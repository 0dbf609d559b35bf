"""What a listener and a viewer get of a bad path."""
import numpy as np

BLOCK = 0.02  # seconds: a packet of Opus


def _broken(samples, frequency, rate):
    """For each block whether it is not that tone at about its usual loudness: silence, noise, a jump."""
    size = int(rate * BLOCK)
    count = len(samples) // size
    blocks = np.asarray(samples[:count * size], dtype=np.float64).reshape(count, size)
    phase = 2j * np.pi * frequency * np.arange(size) / rate
    window = np.hanning(size)
    tone = 2 * np.abs((blocks * window) @ np.exp(-phase)) / window.sum()
    energy = np.sqrt(2 * ((blocks * window) ** 2).sum(axis=1) / (window ** 2).sum())
    return (tone < 0.5 * np.median(tone)) | (tone < 0.8 * energy)


def broken_share(samples, frequency, rate=48000):
    """Share of 20 ms blocks that are not what they should be."""
    broken = _broken(samples, frequency, rate)
    return float(broken.mean()) if len(broken) else 1.0


def hole_share(samples, frequency, rate=48000, longest=3):
    """The same of holes of up to `longest` blocks, as single lost packets make them. What is longer is no loss but a pause,
    of this machine most likely."""
    holes = run = 0
    broken = _broken(samples, frequency, rate)
    for is_broken in [*broken, False]:
        if is_broken:
            run += 1
            continue
        holes += run if run <= longest else 0
        run = 0
    return holes / len(broken) if len(broken) else 1.0


def longest_gap(times):
    """Seconds between two neighbours, at most."""
    times = np.asarray(times)
    return float(np.diff(times).max()) if len(times) > 1 else float("inf")
