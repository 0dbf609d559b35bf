"""The C API as a program sees it: the built library, called by ctypes."""
import ctypes
import os
import threading
import time
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_float, c_int16, c_int32, c_int64, c_size_t, c_uint8, c_void_p

import numpy as np

from . import tone
from .launch import BUILD
from .wait import wait_until

STATES = ["connecting", "connected", "reconnecting", "disconnected", "failed"]
RELIABLE, LOSSY = 0, 1
AUTO, PUBLISHER, SUBSCRIBER, BOTH = range(4)
MIXED = 0x100


class Result(ctypes.Structure):
    _fields_ = [("code", c_int32), ("message", c_void_p)]


class TrackConfig(ctypes.Structure):
    _fields_ = [("track_name", c_char_p), ("sample_rate", c_int32), ("channels", c_int32), ("buffer_ms", c_int32)]


class AudioStats(ctypes.Structure):
    _fields_ = [(name, c_int32) for name in
                ("sample_rate", "channels", "capacity", "queued", "underruns", "overruns")]


class DataStats(ctypes.Structure):
    _fields_ = [(name, c_int64) for name in ("reliable_sent", "reliable_dropped", "lossy_sent", "lossy_dropped")]


DATA = CFUNCTYPE(None, c_void_p, POINTER(c_uint8), c_size_t)
DATA_EX = CFUNCTYPE(None, c_void_p, c_char_p, c_int32, POINTER(c_uint8), c_size_t)
AUDIO = CFUNCTYPE(None, c_void_p, POINTER(c_int16), c_size_t, c_int32, c_int32)
AUDIO_EX = CFUNCTYPE(None, c_void_p, POINTER(c_int16), c_size_t, c_int32, c_int32, c_char_p, c_char_p)
FORMAT = CFUNCTYPE(None, c_void_p, c_int32, c_int32)
CONNECTION = CFUNCTYPE(None, c_void_p, c_int32, c_int32, c_char_p)

_library = None


def library():
    global _library  # pylint: disable=global-statement
    if _library is None:
        _library = ctypes.CDLL(os.path.join(BUILD, "lib", "liblivekit_ffi.so"))
        _library.lk_client_create.restype = c_void_p
        _library.lk_client_destroy.argtypes = _library.lk_client_is_ready.argtypes = [c_void_p]
        _library.lk_client_destroy.restype = None
        _library.lk_free_str.argtypes = [c_void_p]
        for name, arguments in {
                "lk_connect": [c_void_p, c_char_p, c_char_p],
                "lk_connect_async": [c_void_p, c_char_p, c_char_p],
                "lk_connect_with_role": [c_void_p, c_char_p, c_char_p, c_int32],
                "lk_connect_with_role_async": [c_void_p, c_char_p, c_char_p, c_int32],
                "lk_disconnect": [c_void_p],
                "lk_client_set_data_callback": [c_void_p, DATA, c_void_p],
                "lk_client_set_data_callback_ex": [c_void_p, DATA_EX, c_void_p],
                "lk_client_set_audio_callback": [c_void_p, AUDIO, c_void_p],
                "lk_client_set_audio_callback_ex": [c_void_p, AUDIO_EX, c_void_p],
                "lk_set_audio_format_change_callback": [c_void_p, FORMAT, c_void_p],
                "lk_set_connection_callback": [c_void_p, CONNECTION, c_void_p],
                "lk_set_audio_publish_options": [c_void_p, c_int32, c_int32, c_int32],
                "lk_set_audio_output_format": [c_void_p, c_int32, c_int32],
                "lk_publish_audio_pcm_i16": [c_void_p, c_void_p, c_size_t, c_int32, c_int32],
                "lk_audio_track_create": [c_void_p, POINTER(TrackConfig), POINTER(c_void_p)],
                "lk_audio_track_destroy": [c_void_p],
                "lk_audio_track_publish_pcm_i16": [c_void_p, c_void_p, c_size_t],
                "lk_send_data": [c_void_p, c_char_p, c_size_t, c_int32],
                "lk_send_data_ex": [c_void_p, c_char_p, c_size_t, c_int32, c_int32, c_char_p],
                "lk_set_default_data_labels": [c_void_p, c_char_p, c_char_p],
                "lk_set_reconnect_backoff": [c_void_p, c_int32, c_int32, c_float],
                "lk_refresh_token": [c_void_p, c_char_p],
                "lk_set_role": [c_void_p, c_int32, c_int32],
                "lk_set_log_level": [c_void_p, c_int32],
                "lk_get_audio_stats": [c_void_p, POINTER(AudioStats)],
                "lk_get_data_stats": [c_void_p, POINTER(DataStats)]}.items():
            function = getattr(_library, name)
            function.argtypes, function.restype = arguments, Result
    return _library


class FfiError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Client:
    """One client; keeps everything its callbacks are told."""

    def __init__(self):
        self.states, self.data, self.formats, self.sound = [], [], [], {}
        self._lock = threading.Lock()
        self._pumps = []
        self.handle = library().lk_client_create()
        self._keep = [DATA_EX(self._on_data), AUDIO_EX(self._on_audio), FORMAT(self._on_format),
                      CONNECTION(self._on_state)]
        self.call("client_set_data_callback_ex", self._keep[0], None)
        self.call("client_set_audio_callback_ex", self._keep[1], None)
        self.call("set_audio_format_change_callback", self._keep[2], None)
        self.call("set_connection_callback", self._keep[3], None)

    def call(self, name, *arguments, handle=None):
        """lk_`name` (client, *arguments); an error is raised."""
        result = getattr(library(), "lk_" + name)(handle or self.handle, *arguments)
        if result.code == 0:
            assert not result.message, "a message without an error"
            return
        message = ctypes.string_at(result.message).decode() if result.message else ""
        library().lk_free_str(result.message)
        raise FfiError(result.code, message)

    def destroy(self):
        for stop, pump in self._pumps:
            stop.set()
            pump.join(10)
        library().lk_client_destroy(self.handle)

    @property
    def ready(self):
        return library().lk_client_is_ready(self.handle) == 1

    # --- callbacks

    def _on_data(self, _, label, reliability, data, size):
        self.data.append((label.decode(), reliability, ctypes.string_at(data, size)))

    def _on_audio(self, _, pcm, frames, channels, rate, participant, track):
        samples = np.ctypeslib.as_array(pcm, (frames * channels,)).reshape(frames, channels).astype(np.float32) / 32768
        with self._lock:
            heard = self.sound.setdefault((participant.decode(), track.decode()), [])
            heard.append((time.monotonic(), rate, samples))
            del heard[:-3000]

    def _on_format(self, _, rate, channels):
        self.formats.append((rate, channels))

    def _on_state(self, _, state, reason, message):
        self.states.append((STATES[state], reason, message.decode() if message else None))

    # --- waiting

    def names(self):
        return [state for state, _, _ in list(self.states)]

    def wait_for_state(self, state, count=1, timeout=20):
        wait_until(lambda: self.names().count(state) >= count, timeout, lambda: f"{state}; saw {self.states}")

    def wait_for_data(self, count=1, timeout=20):
        wait_until(lambda: len(self.data) >= count, timeout, lambda: f"{count} messages; got {self.data}")
        return list(self.data)

    def last(self, key, seconds=0.5):
        """The newest sound of a track: (rate, samples), or None while there is less."""
        with self._lock:
            heard = list(self.sound.get(key, []))
        if not heard:
            return None
        rate, channels = heard[-1][1], heard[-1][2].shape[1]
        chunks, have = [], 0
        for _, its_rate, samples in reversed(heard):
            if its_rate != rate or samples.shape[1] != channels:
                break
            chunks.append(samples)
            have += len(samples)
            if have >= seconds * rate:
                return rate, np.concatenate(chunks[::-1])[-int(seconds * rate):]
        return None

    def wait_for_tone(self, key, frequency, rate=48000, channels=1, timeout=20):
        def heard():
            now = self.last(key)
            if now is None or now[0] != rate or now[1].shape[1] != channels:
                return False
            found = tone.measure(now[1][:, 0], rate)
            return abs(found.frequency - frequency) <= 3 and found.rms > 0.02 and found.purity > 0.8
        wait_until(heard, timeout, lambda: f"{frequency} Hz from {key}; there are {list(self.sound)}")

    def wait_for_tones(self, key, frequencies, rate=48000, timeout=20):
        def heard():
            now = self.last(key)
            return now is not None and all(tone.share(now[1][:, 0], f, rate) > 0.3 / len(frequencies) for f in frequencies)
        wait_until(heard, timeout, lambda: f"{frequencies} Hz from {key}")

    # --- sending

    def send(self, data, reliability=RELIABLE, label=None, ordered=1):
        self.call("send_data_ex", data, len(data), reliability, ordered, label)

    def pump_tone(self, frequency, rate=48000, channels=1, chunk=480, track=None, right=None):
        """Pushes a sine in real time from a thread until destroy(); errors are kept in the returned list."""
        stop, errors = threading.Event(), []

        def run():
            at, start = 0, time.monotonic()
            while not stop.is_set():
                left = tone.make(frequency, at, chunk, rate)
                data = left if channels == 1 else np.stack(
                    [left, left if right is None else tone.make(right, at, chunk, rate)], axis=1).copy()
                try:
                    if track is None:
                        self.call("publish_audio_pcm_i16", data.ctypes.data, chunk, channels, rate)
                    else:
                        self.call("audio_track_publish_pcm_i16", data.ctypes.data, chunk, handle=track)
                except FfiError as error:
                    errors.append(error.code)
                at += chunk
                stop.wait(max(0.0, start + at / rate - time.monotonic()))
        pump = threading.Thread(target=run, daemon=True)
        pump.start()
        self._pumps.append((stop, pump))
        return errors

    def create_track(self, name, rate=48000, channels=1, buffer_ms=0):
        out = c_void_p()
        config = TrackConfig(name.encode() if name else None, rate, channels, buffer_ms)
        self.call("audio_track_create", ctypes.byref(config), ctypes.byref(out))
        return out.value

    def audio_stats(self):
        stats = AudioStats()
        self.call("get_audio_stats", ctypes.byref(stats))
        return stats

    def data_stats(self):
        stats = DataStats()
        self.call("get_data_stats", ctypes.byref(stats))
        return stats
