"""When large DTLS records pass the loopback interface: how much of a round trip is spent outside the process that pings."""
import socket
import statistics
import struct
import threading

SO_TIMESTAMPNS = 35
ETHERNET, UDP_HEADER = 14, 8
OUTGOING, UDP, APPLICATION_DATA = 4, 17, 23
HOPS = 4  # flows: ping to the server, on to the echo, back to the server, back to us


class Wire:
    """Use as a context manager. Wants the right to see packets; without it `outside()` knows nothing."""

    def __init__(self, size):
        self._size, self._seen, self._over = size, [], threading.Event()
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        except PermissionError:
            self._socket = None
            return
        self._socket.bind(("lo", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.2)
        self._reader = threading.Thread(target=self._read)

    def __enter__(self):
        if self._socket:
            self._reader.start()
        return self

    def __exit__(self, *_):
        if self._socket:
            self._over.set()
            self._reader.join()
            self._socket.close()

    def _read(self):
        while not self._over.is_set():
            try:
                packet, notes, _, source = self._socket.recvmsg(4096, 100)
            except TimeoutError:
                continue
            udp = ETHERNET + 4 * (packet[ETHERNET] & 0x0f)
            if source[2] == OUTGOING and packet[ETHERNET + 9] == UDP and len(packet) > udp + UDP_HEADER + self._size \
                    and packet[udp + UDP_HEADER] == APPLICATION_DATA:
                seconds, nanos = struct.unpack("qq", notes[0][2])
                self._seen.append((packet[udp:udp + 4], seconds + nanos / 1e9))

    def outside(self):
        """Median seconds from a ping's leaving its process to its echo's coming back; None when not every hop was seen."""
        flows = list(dict.fromkeys(flow for flow, _ in self._seen))
        if len(flows) != HOPS:
            return None
        spans, left = [], None
        for flow, time in self._seen:
            if flow == flows[0]:
                left = time
            elif flow == flows[-1] and left is not None:
                spans.append(time - left)
                left = None
        return statistics.median(spans)
