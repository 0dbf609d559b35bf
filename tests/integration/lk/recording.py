"""What is in a recorded file, found out by ffmpeg: no code of ours, no GStreamer."""
import json
import subprocess

import numpy as np

from . import counter

RATE = 48000


def _run(arguments, timeout=60):
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(arguments)}: {done.stderr.decode(errors='replace')[-800:]}")
    return done.stdout


class Recording:
    """A media file. Raises AssertionError where ffprobe finds no valid one."""

    def __init__(self, path):
        self.path = str(path)
        info = json.loads(_run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", self.path]))
        self.streams = info.get("streams", [])
        self.format = info.get("format", {})

    def stream(self, kind):
        """ffprobe's description of the first "audio" or "video" stream, or None."""
        return next((s for s in self.streams if s.get("codec_type") == kind), None)

    @property
    def duration(self):
        """Seconds as the container's header says, or None where it does not: the mark of a file never finalised."""
        value = self.format.get("duration")
        return float(value) if value not in (None, "N/A") else None

    def sound(self):
        """The first audio stream as float samples (samples, channels) at 48 kHz."""
        channels = int(self.stream("audio")["channels"])
        raw = _run(["ffmpeg", "-v", "error", "-i", self.path, "-map", "0:a:0", "-f", "f32le", "-ar", str(RATE), "-"])
        return np.frombuffer(raw, dtype=np.float32).reshape(-1, channels)

    def picture_times(self):
        """Presentation times of the first video stream."""
        return self._packet_times("v:0")

    def sound_times(self):
        """The same of the first audio stream's packets."""
        return self._packet_times("a:0")

    def _packet_times(self, stream):
        out = _run(["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time",
                    "-of", "csv=p=0", self.path]).decode()
        return sorted(float(line.strip(",")) for line in out.split() if line.strip(",") not in ("", "N/A"))

    def begins_with_a_key_frame(self):
        """Whether the first picture stands by itself, and decodes."""
        out = _run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-read_intervals", "%+#1", "-show_entries", "packet=flags",
                    "-of", "csv=p=0", self.path]).decode()
        return out.startswith("K")

    def sizes(self):
        """(width, height) of each picture of the first video stream."""
        out = _run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=width,height",
                    "-of", "csv=p=0", self.path]).decode()
        return [tuple(int(part) for part in line.strip(",").split(",")[:2]) for line in out.split()]

    def numbers(self):
        """Frame numbers of the first video stream's pictures, None where unreadable."""
        video = self.stream("video")
        width, height = int(video["width"]), int(video["height"])
        return [counter.read(np.frombuffer(picture, dtype=np.uint8).reshape(height, width)) for picture in self._pieces(
            ["-map", "0:v:0", "-vf", f"scale={width}:{height}", "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray"],
            width * height)]

    def sound_seconds(self):
        """The first audio stream as mono float samples at 48 kHz, a second at a time: for files of any length. Each sample lies
        where the file's time stamps have it, also where a sender's clock was too slow for its samples to fill them."""
        for piece in self._pieces(["-map", "0:a:0", "-af", "aresample=async=1:min_hard_comp=0.005", "-f", "f32le", "-ac", "1",
                                   "-ar", str(RATE)], 4 * RATE):
            yield np.frombuffer(piece, dtype=np.float32)

    def _pieces(self, arguments, size):
        """What ffmpeg makes of the file, in pieces of so many bytes; what is left in the end is not enough for one."""
        with subprocess.Popen(["ffmpeg", "-v", "fatal", "-i", self.path, *arguments, "-"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, bufsize=1 << 20) as process:
            while len(piece := process.stdout.read(size)) == size:
                yield piece
        if process.returncode != 0:
            raise AssertionError(f"ffmpeg {self.path}: {process.returncode}")

    def captioned(self):
        """Whether some picture has text below: many changes between bright and dark along a line, more than cells have."""
        video = self.stream("video")
        width, height = int(video["width"]), int(video["height"])
        raw = _run(["ffmpeg", "-v", "error", "-i", self.path, "-map", "0:v:0", "-vf", f"scale={width}:{height}",
                    "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"])
        pictures = np.frombuffer(raw, dtype=np.uint8)
        pictures = pictures[:len(pictures) // (width * height) * width * height].reshape(-1, height, width)
        below = pictures[:, height * 3 // 4:, :] > 128
        changes = (below[:, :, 1:] != below[:, :, :-1]).sum(axis=2).max(axis=1)
        return bool((changes > 3 * counter.COLUMNS).any())
