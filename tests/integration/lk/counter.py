"""A frame number that survives any codec: 24 large black or white cells that fill the picture.

Cells are 6 across and 4 down: white, black (the references that the others are compared with), 16 bits of number in
Gray code (so that few cells change from frame to frame), 6 bits of check. A picture whose check fails reads as None.
"""
import functools

import numpy as np

COLUMNS, ROWS, BITS = 6, 4, 16
WHITE, BLACK = 235, 16
MODULUS = 1 << BITS


def _cells(number):
    gray = (number ^ (number >> 1)) & (MODULUS - 1)
    check = (gray ^ (gray >> 6) ^ (gray >> 12)) & 63
    word = (gray << 6) | check
    return [1, 0] + [(word >> bit) & 1 for bit in range(21, -1, -1)]


def draw(number, width, height):
    """Luma plane (height × width, uint8) that shows `number`."""
    grid = np.array(_cells(number % MODULUS), dtype=np.uint8).reshape(ROWS, COLUMNS)
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    return np.where(grid[rows][:, columns] != 0, WHITE, BLACK).astype(np.uint8)


def draw_i420(number, width, height, noise=0):
    """The same as I420 bytes with colourless chroma. `noise`: ± so much, for pictures that cost bits."""
    chroma = np.full(2 * ((width + 1) // 2) * ((height + 1) // 2), 128, dtype=np.uint8)
    luma = draw(number, width, height)
    if noise:
        luma = np.clip(luma, noise, 255 - noise) + np.roll(_grain(width, height, noise), 7919 * number)
    return luma.astype(np.uint8).tobytes() + chroma.tobytes()


@functools.lru_cache(maxsize=4)
def _grain(width, height, noise):
    return np.random.default_rng(1).integers(-noise, noise, (height, width), dtype=np.int16)


def read(luma):
    """Number shown by a luma plane, or None. Only the middle half of each cell counts: edges blur and ring."""
    height, width = luma.shape
    if height < 4 * ROWS or width < 4 * COLUMNS:
        return None  # the server ends a track with blank pictures of a few pixels
    levels = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            top, bottom = height * (4 * row + 1) // (4 * ROWS), height * (4 * row + 3) // (4 * ROWS)
            left, right = width * (4 * column + 1) // (4 * COLUMNS), width * (4 * column + 3) // (4 * COLUMNS)
            levels.append(float(luma[top:bottom, left:right].mean()))
    white, black = levels[0], levels[1]
    if white - black < 60:
        return None
    word = 0
    for level in levels[2:]:
        word = (word << 1) | (level > (white + black) / 2)
    gray, check = word >> 6, word & 63
    if (gray ^ (gray >> 6) ^ (gray >> 12)) & 63 != check:
        return None
    number = gray
    for shift in (1, 2, 4, 8):
        number ^= number >> shift
    return number


def write_y4m(path, width, height, fps, frames, first=0):
    """A YUV4MPEG2 file that counts; `filesrc ! y4mdec` plays it."""
    with open(path, "wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(first, first + frames):
            out.write(b"FRAME\n" + draw_i420(number, width, height))


def check_sequence(numbers):
    """Share of readable pictures, and whether the readable numbers never go back."""
    good = [n for n in numbers if n is not None]
    ordered = all(b >= a for a, b in zip(good, good[1:]))
    return (len(good) / len(numbers) if numbers else 0.0), ordered
