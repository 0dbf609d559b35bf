#!/usr/bin/env python3
"""Checks what quickstart.sh recorded: check_recording.py FILE SECONDS TONE_HZ. Only the standard library and ffmpeg."""
import array
import json
import math
import subprocess
import sys


def run(*arguments):
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{arguments[0]} cannot read the recording: {done.stderr.decode(errors='replace').strip()[-400:]}")
    return done.stdout


def share_at(samples, rate, frequency):
    """Share of the energy at one frequency (Goertzel)."""
    turn = 2 * math.cos(2 * math.pi * frequency / rate)
    before = before2 = 0.0
    for sample in samples:
        before, before2 = sample + turn * before - before2, before
    energy = sum(sample * sample for sample in samples)
    power = before * before + before2 * before2 - turn * before * before2
    return 2 * power / (len(samples) * energy) if energy else 0.0


def main():
    path, wanted, frequency = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    info = json.loads(run("ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", path))
    streams = {stream["codec_type"]: stream for stream in info["streams"]}
    problems = []
    for kind in ("video", "audio"):
        if kind not in streams:
            problems.append(f"there is no {kind} stream")
    if problems:
        sys.exit("; ".join(problems))

    duration = float(info["format"].get("duration", 0))
    if abs(duration - wanted) > 0.5:
        problems.append(f"it lasts {duration:.2f} s, recorded were {wanted:.2f} s")
    rate = 8000
    sound = array.array("h", run("ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-ac", "1", "-ar", str(rate),
                                 "-f", "s16le", "-"))
    middle = sound[len(sound) // 2 - rate // 2:len(sound) // 2 + rate // 2]
    share = max(share_at(middle, rate, frequency + step / 2) for step in range(-6, 7)) if len(middle) else 0.0
    if share < 0.7:
        problems.append(f"the {frequency:.0f} Hz tone is only {share:.0%} of the sound")

    width, height = 160, 90
    pictures = run("ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-vf", f"scale={width}:{height}",
                   "-f", "rawvideo", "-pix_fmt", "gray", "-")
    size = width * height
    frames = [pictures[start:start + size] for start in range(0, len(pictures) - size + 1, size)]
    moving = sum(a != b for a, b in zip(frames, frames[1:]))
    if moving < 0.7 * 15 * duration:
        problems.append(f"only {moving} of {len(frames)} pictures differ from the one before")

    if problems:
        sys.exit("; ".join(problems))
    video = streams["video"]
    print(f"{duration:.1f} s, {video['codec_name']} {video['width']}x{video['height']} ({len(frames)} pictures, "
          f"{moving} of them new), {streams['audio']['codec_name']} with the {frequency:.0f} Hz tone ({share:.0%})")


if __name__ == "__main__":
    main()
