"""A publisher that writes its wall clock into what it publishes: the official SDK in a process of its own.

    clocked.py URL TOKEN [data] [ppm=N]

Each picture shows number_at(its capture); each second of the publisher's wall clock begins with a beep whose frequency names
the second, beep_at(). Both are captured at the moment they show, or not at all. With "data" the number of every fifth picture
also goes out with it, as a frame of the data track "slots" and as a text stream of that topic. With "ppm=N" its clock, and with it
the device that samples its sound, is so much too fast from its start on.
"""
import asyncio
import os
import sys
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lk import counter, tone  # pylint: disable=wrong-import-position

WIDTH, HEIGHT, FPS = 320, 180, 25
BLOCK = 0.010  # what the SDK takes at once
BEEP = 0.2  # seconds
_SECONDS = 16  # that have a frequency of their own
_LATE_BEEP = 0.005  # sound cannot be left out; who measures is told
_LATE = 0.002  # a picture that could not be captured in time would tell a wrong time


def time_of(number, near):
    """When the picture with that number was captured, in seconds since 1970; `near` is within 20 minutes of it."""
    base = round(near * FPS)
    distance = (number - base) % counter.MODULUS
    if distance > counter.MODULUS // 2:
        distance -= counter.MODULUS
    return (base + distance) / FPS


def frequency_of(second):
    return 600 + 150 * (second % _SECONDS)


def second_of(frequency, near):
    """The second that begins with a beep of this frequency; `near` is within 7 s of it."""
    index = round((frequency - 600) / 150) % _SECONDS
    distance = (index - round(near)) % _SECONDS
    return round(near) + (distance if distance <= _SECONDS // 2 else distance - _SECONDS)


class _Clock:
    def __init__(self, ppm):
        self._start, self._rate = time.time(), 1 + ppm / 1e6

    def now(self):
        return self._start + (time.time() - self._start) * self._rate

    async def wait(self, moment):
        await asyncio.sleep(max(0.0, moment - self.now()))


async def _pictures(sink, rtc, clock, shown):
    slot = int(clock.now() * FPS) + 1
    while True:
        await clock.wait(slot / FPS)
        if clock.now() - slot / FPS < _LATE:
            sink.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420,
                                              counter.draw_i420(slot % counter.MODULUS, WIDTH, HEIGHT)))
            await shown(slot)
        slot += 1


async def _beeps(sink, rtc, clock):
    block, count = int(clock.now() / BLOCK) + 1, int(48000 * BLOCK)
    per_second = round(1 / BLOCK)
    while True:
        await clock.wait((block + 1) * BLOCK)  # a block is complete at its end
        second, position = divmod(block, per_second)
        if position == 0 and (late := clock.now() - (block + 1) * BLOCK) > _LATE_BEEP:
            print(f"late {second} {late:.3f}", flush=True)
        data = (tone.make(frequency_of(second), position * count, count) if position * BLOCK < BEEP
                else np.zeros(count, np.int16))
        await sink.capture_frame(rtc.AudioFrame(data.tobytes(), 48000, 1, count))
        block += 1


async def _telling(participant, rtc):
    """Tells the picture that was just captured as data."""
    track = await participant.publish_data_track(name="slots")

    async def shown(slot):
        if slot % 5 == 0:
            number = str(slot % counter.MODULUS)
            track.try_push(rtc.DataTrackFrame(payload=number.encode(), user_timestamp=int(time.time() * 1000)))
            await participant.send_text(number, topic="slots")
    return shown


async def _nothing(_slot):
    pass


async def main(url, token, *options):
    from livekit import rtc
    room = rtc.Room()
    await room.connect(url, token)
    # Without a queue of its own the SDK takes each block when it is given.
    sound, picture = rtc.AudioSource(48000, 1, queue_size_ms=0), rtc.VideoSource(WIDTH, HEIGHT)
    await room.local_participant.publish_track(
        rtc.LocalAudioTrack.create_audio_track("beep", sound),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=False))
    await room.local_participant.publish_track(
        rtc.LocalVideoTrack.create_video_track("clock", picture),
        rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False))
    shown = await _telling(room.local_participant, rtc) if "data" in options else _nothing
    clock = _Clock(next((float(option[4:]) for option in options if option.startswith("ppm=")), 0))
    print("published", flush=True)
    await asyncio.gather(_pictures(picture, rtc, clock, shown), _beeps(sound, rtc, clock))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
