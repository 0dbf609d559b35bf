"""Media files for the tests, made by stock elements and kept for the life of the test process."""
import os
import subprocess
import tempfile
import wave

from . import clocked, counter, launch, tone

_directory = None


def _path(name):
    global _directory  # pylint: disable=global-statement
    if _directory is None:
        _directory = tempfile.TemporaryDirectory(prefix="lk-media-")  # pylint: disable=consider-using-with
    return os.path.join(_directory.name, name)


def counting_y4m(width=640, height=360, fps=15, seconds=12, first=0):
    """Raw counting pictures."""
    path = _path(f"{width}x{height}-{fps}-{seconds}-{first}.y4m")
    if not os.path.exists(path):
        counter.write_y4m(path, width, height, fps, int(seconds * fps), first)
    return path


ENCODERS = {
    "vp8": ("vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=1500000", "matroskamux", "mkv"),
    "vp9": ("vp9enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=1500000", "matroskamux", "mkv"),
    "h264": ("x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=1500 ! "
             "video/x-h264,profile=constrained-baseline", "mp4mux", "mp4"),
    "h264-b": ("x264enc bframes=2 b-adapt=false speed-preset=ultrafast key-int-max=30 bitrate=1500 ! "
               "video/x-h264,profile=main", "mp4mux", "mp4"),
}


def encoded(codec, seconds=12, frequency=None):
    """The same pictures, encoded, in a container; with `frequency` (Hz) also an Opus track."""
    encoder, muxer, ending = ENCODERS[codec]
    path = _path(f"{codec}-{seconds}-{frequency}.{ending}")
    if not os.path.exists(path):
        words = f"filesrc location={counting_y4m(seconds=seconds)} ! y4mdec ! videoconvert ! {encoder} ! queue ! " \
                f"{muxer} name=m ! filesink location={path}"
        if frequency:
            words += f" audiotestsrc freq={frequency} num-buffers={seconds * 50} samplesperbuffer=960 ! " \
                     "audio/x-raw,rate=48000,channels=1 ! opusenc ! queue max-size-time=0 max-size-buffers=0 ! m."
        subprocess.run(["gst-launch-1.0", "-q", *words.split()], env=launch.environment(), timeout=60, check=True)
    return path


def hopping(seconds):
    """A WAV file of tone.hopping()."""
    path = _path(f"hopping-{seconds}.wav")
    if not os.path.exists(path):
        with wave.open(path, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(48000)
            out.writeframes(tone.hopping(0, 48000 * seconds).tobytes())
    return path


def beeping(seconds):
    """Counting pictures (25 a second, VP8) and, beginning with each of its seconds, a beep that names it (lk/clocked.py)."""
    path = _path(f"beeping-{seconds}.mkv")
    if not os.path.exists(path):
        pictures, sound = counting_y4m(clocked.WIDTH, clocked.HEIGHT, clocked.FPS, seconds), _path(f"beeping-{seconds}.wav")
        with wave.open(sound, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(48000)
            loud = int(48000 * clocked.BEEP)
            for second in range(seconds):
                out.writeframes(tone.make(clocked.frequency_of(second), 0, loud).tobytes() + bytes(2 * (48000 - loud)))
        words = f"filesrc location={pictures} ! y4mdec ! {ENCODERS['vp8'][0]} ! queue ! m. " \
                f"filesrc location={sound} ! wavparse ! queue ! m. matroskamux name=m ! filesink location={path}"
        subprocess.run(["gst-launch-1.0", "-q", *words.split()], env=launch.environment(), timeout=60, check=True)
    return path
