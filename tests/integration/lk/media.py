"""Media files for the tests, made by stock elements and kept for the life of the test process."""
import os
import subprocess
import tempfile

from . import counter, launch

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


def encoded(codec, seconds=12, tone=None):
    """The same pictures, encoded, in a container; with `tone` (Hz) also an Opus track."""
    encoder, muxer, ending = ENCODERS[codec]
    path = _path(f"{codec}-{seconds}-{tone}.{ending}")
    if not os.path.exists(path):
        words = f"filesrc location={counting_y4m(seconds=seconds)} ! y4mdec ! videoconvert ! {encoder} ! queue ! " \
                f"{muxer} name=m ! filesink location={path}"
        if tone:
            words += f" audiotestsrc freq={tone} num-buffers={seconds * 50} samplesperbuffer=960 ! " \
                     "audio/x-raw,rate=48000,channels=1 ! opusenc ! queue max-size-time=0 max-size-buffers=0 ! m."
        subprocess.run(["gst-launch-1.0", "-q", *words.split()], env=launch.environment(), timeout=60, check=True)
    return path
