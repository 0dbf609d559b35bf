"""The official Python SDK as one end of a measurement of data: what data-bench does.

    sdk_end.py receive|send|ping URL TOKEN [COUNT SIZE LOSSY]
"""
import asyncio
import json
import sys
import time

from livekit import rtc

SILENCE, PATIENCE = 3, 60


async def receive(room, count, _size, _lossy):
    times, numbers, size = [], [], 0

    def heard(packet):
        nonlocal size
        times.append(time.monotonic())
        numbers.append(int.from_bytes(packet.data[:4], "big"))
        size += len(packet.data)
    room.on("data_received", heard)
    print("ready", flush=True)
    start = time.monotonic()
    while len(times) < count and time.monotonic() - (times[-1] if times else start) < (SILENCE if times else PATIENCE):
        await asyncio.sleep(0.1)
    print(json.dumps({"count": len(times), "bytes": size, "first": times[0] if times else 0, "last": times[-1] if times else 0,
                      "out_of_order": sum(b != a + 1 for a, b in zip([-1, *numbers], numbers)), "cpu": time.process_time()}))


async def send(room, count, size, lossy):
    start = time.monotonic()
    for number in range(count):
        await room.local_participant.publish_data(number.to_bytes(4, "big").ljust(size, b"x"), reliable=not lossy, topic="bench")
    print(json.dumps({"seconds": time.monotonic() - start, "cpu": time.process_time()}))
    await asyncio.sleep(1)  # nothing tells when the last of it has left


async def ping(room, count, size, lossy):
    times, came = [], asyncio.Event()
    room.on("data_received", lambda packet: came.set() if packet.topic == "echo" else None)
    for number in range(count):
        came.clear()
        start = time.perf_counter()
        await room.local_participant.publish_data(number.to_bytes(4, "big").ljust(size, b"x"), reliable=not lossy, topic="ping")
        await asyncio.wait_for(came.wait(), PATIENCE)
        times.append(time.perf_counter() - start)
        await asyncio.sleep(0.01)
    print(json.dumps({"round_trips": times}))


async def main(what, url, token, count="0", size="0", lossy="0"):
    room = rtc.Room()
    await room.connect(url, token)
    await {"receive": receive, "send": send, "ping": ping}[what](room, int(count), int(size), lossy == "1")
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
