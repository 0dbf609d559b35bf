"""Bad paths for lk/relay.py: loss, delay that varies, and links that carry only so much.

netem would do the same in the kernel, where it is built in.
"""
import random


class Path:
    """One direction. `loss`: share of packets; `delay`, `jitter`: seconds, each packet is delay ± jitter late, by itself (packets
    overtake each other); `bps` with a queue of `queue` seconds that drops what does not fit. All may be changed at any time."""

    def __init__(self, loss=0.0, delay=0.0, jitter=0.0, bps=None, queue=0.3, seed=1):
        self.loss, self.delay, self.jitter, self.bps, self.queue = loss, delay, jitter, bps, queue
        self.passed = {}  # kind of packet → number
        self.lost = {}
        self.bytes = 0  # that passed
        self._random = random.Random(seed)
        self._free_at = 0.0

    def __call__(self, packet):
        now = packet.at
        late = self.delay + self._random.uniform(-self.jitter, self.jitter) if self.jitter else self.delay
        lost = self._random.random() < self.loss
        if self.bps and not lost:
            begin = max(self._free_at, now)
            lost = begin - now > self.queue
            if not lost:
                self._free_at = begin + 8 * (len(packet.data) + 28) / self.bps  # with IPv4 and UDP
                late += self._free_at - now
        count = self.lost if lost else self.passed
        count[packet.kind] = count.get(packet.kind, 0) + 1
        self.bytes += 0 if lost else len(packet.data)
        return None if lost else max(0.0, late)

    def share_lost(self, kind):
        lost, passed = self.lost.get(kind, 0), self.passed.get(kind, 0)
        return lost / (lost + passed) if lost + passed else 0.0


class Both:
    """A relay's hook: `up` from the client, `down` to it."""

    def __init__(self, up=None, down=None):
        self.up, self.down = up or Path(), down or Path(seed=2)

    def __call__(self, packet):
        return (self.up if packet.up else self.down)(packet)
