"""A disk that is slow, or that never answers again: a file system served through /dev/fuse, word by word, so that the kernel itself
makes the writer wait. What is written lies in an ordinary folder behind it.

FUSE protocol 7.12, as far as a program that writes files needs it: https://docs.kernel.org/filesystems/fuse
"""
import ctypes
import errno
import heapq
import os
import stat
import struct
import threading
import time

_libc = ctypes.CDLL(None, use_errno=True)
_MNT_DETACH = 2
_IN, _ATTR = struct.Struct("<IIQQIIII"), struct.Struct("<QQQQQQIIIIIIIIII")
# Numbers of the requests.
(LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR,
 RELEASEDIR, CREATE, INTERRUPT, BATCH_FORGET) = (1, 2, 3, 4, 9, 10, 14, 15, 16, 17, 18, 20, 25, 26, 27, 28, 29, 35, 36, 42)
_LARGEST = 1 << 17
_DIRECT = 1  # FOPEN_DIRECT_IO: each write() is one request, and waits for it


def why_not():
    """Why there can be no such disk here, or None."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"no file system of our own: {error}"
    return None if os.geteuid() == 0 else "mounting a file system needs root"


class Disk:
    """Mounted at `path`. `rate`: bytes a second that it takes, None for any. `freeze()`: from now on no write is answered, and
    with `all_of_it` nothing else either, as with a network disk whose server is gone."""

    def __init__(self, path, behind, rate=None):
        self.path, self.behind, self.rate = path, behind, rate
        os.makedirs(path, exist_ok=True)
        os.makedirs(behind, exist_ok=True)
        self._frozen = self._dead = False
        self._free_at = time.monotonic()
        self._nodes, self._files, self._handle = {1: ""}, {}, 0
        self._later, self._wake = [], threading.Condition()
        self.waiting = 0  # writes that are not answered
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0"
        if _libc.mount(b"lk-disk", path.encode(), b"fuse.lk-disk", 0, options.encode()) != 0:
            os.close(self._device)
            raise OSError(ctypes.get_errno(), f"mounting {path}")
        for work in (self._serve, self._answer_later):
            threading.Thread(target=work, name="disk", daemon=True).start()

    def freeze(self, all_of_it=False):
        self._frozen, self._dead = True, all_of_it

    def close(self):
        """Whoever waits for an answer gets an error."""
        _libc.umount2(self.path.encode(), _MNT_DETACH)
        with self._wake:
            device, self._device = self._device, None
            self._wake.notify_all()
        if device is not None:
            os.close(device)

    # --- requests

    def _serve(self):
        device = self._device
        while True:
            try:
                request = os.read(device, _LARGEST + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return  # unmounted
            _, number, unique, node, *_ = _IN.unpack_from(request)
            body = request[_IN.size:]
            if number in (FORGET, BATCH_FORGET):
                continue
            if number == INTERRUPT:  # a signal that ends the caller ends its waiting, too
                self._answer(struct.unpack_from("<Q", body)[0], errno.EINTR, 0)
                continue
            # Without an answer to FLUSH, which each close() is, nobody could be killed.
            if number != FLUSH and (self._dead or (self._frozen and number in (WRITE, FSYNC))):
                self.waiting += 1
                continue
            try:
                answer = self._do(number, node, body)
            except OSError as error:
                answer = error.errno
            due = 0.0
            if number == WRITE and self.rate:
                self._free_at = max(self._free_at, time.monotonic()) + struct.unpack_from("<I", body, 16)[0] / self.rate
                due = self._free_at
            self._answer(unique, answer, due)

    def _answer(self, unique, answer, due):
        error, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
        packet = struct.pack("<IiQ", 16 + len(data), error, unique) + data
        if not due:
            return self._write(packet)
        with self._wake:
            heapq.heappush(self._later, (due, unique, packet))
            self._wake.notify_all()
        return None

    def _answer_later(self):
        """Slowness is of writes only: meanwhile other requests are answered."""
        while True:
            with self._wake:
                while self._device is not None and (not self._later or self._later[0][0] > time.monotonic()):
                    self._wake.wait(max(0, self._later[0][0] - time.monotonic()) if self._later else None)
                if self._device is None:
                    return
                packet = heapq.heappop(self._later)[2]
            self._write(packet)

    def _write(self, packet):
        try:
            os.write(self._device, packet)
        except (OSError, TypeError):
            pass  # who asked is gone

    # --- files

    def _real(self, node, name=""):
        return os.path.join(self.behind, self._nodes[node], name).rstrip("/")

    def _entry(self, node, name):
        path = os.path.join(self._nodes[node], name)
        info = os.lstat(os.path.join(self.behind, path))
        self._nodes[info.st_ino] = path
        return struct.pack("<QQQQII", info.st_ino, 0, 0, 0, 0, 0) + self._attr(info)

    @staticmethod
    def _attr(info):
        times = [int(t) for t in (info.st_atime, info.st_mtime, info.st_ctime)]
        return _ATTR.pack(info.st_ino, info.st_size, (info.st_size + 511) // 512, *times, 0, 0, 0, info.st_mode, info.st_nlink,
                          info.st_uid, info.st_gid, 0, 4096, 0)

    def _opened(self, descriptor):
        self._handle += 1
        self._files[self._handle] = descriptor
        return struct.pack("<QII", self._handle, _DIRECT, 0)

    def _do(self, number, node, body):  # pylint: disable=too-many-return-statements
        def name(skip=0):
            return body[skip:].split(b"\0")[0].decode()

        if number == INIT:
            return struct.pack("<IIIIHHI", 7, 12, 0, 0x20, 8, 8, _LARGEST)  # FUSE_BIG_WRITES
        if number == LOOKUP:
            return self._entry(node, name())
        if number in (GETATTR, SETATTR):
            if number == SETATTR and struct.unpack_from("<I", body)[0] & 8:
                os.truncate(self._real(node), struct.unpack_from("<Q", body, 16)[0])
            return struct.pack("<QII", 0, 0, 0) + self._attr(os.lstat(self._real(node)))
        if number == MKDIR:
            os.mkdir(self._real(node, name(8)))
            return self._entry(node, name(8))
        if number == UNLINK:
            os.unlink(self._real(node, name()))
            return b""
        if number in (OPEN, CREATE):
            flags = struct.unpack_from("<I", body)[0] & ~(os.O_EXCL | os.O_NOFOLLOW)
            here = name(16) if number == CREATE else ""
            opened = self._opened(os.open(self._real(node, here), flags & ~os.O_APPEND | (os.O_CREAT if here else 0), 0o644))
            return (self._entry(node, here) if here else b"") + opened
        if number in (READ, WRITE):
            handle, offset, size = struct.unpack_from("<QQI", body)
            if number == READ:
                return os.pread(self._files[handle], size, offset)
            return struct.pack("<II", os.pwrite(self._files[handle], body[-size:], offset), 0)
        if number == STATFS:
            disk = os.statvfs(self.behind)
            return struct.pack("<QQQQQIIIIIIIIII", disk.f_blocks, disk.f_bfree, disk.f_bavail, disk.f_files, disk.f_ffree,
                               disk.f_bsize, disk.f_namemax, disk.f_frsize, *[0] * 7)
        if number == RELEASE:
            os.close(self._files.pop(struct.unpack_from("<Q", body)[0]))
            return b""
        if number == OPENDIR:
            return struct.pack("<QII", 0, 0, 0)
        if number == READDIR:
            return self._listing(node, struct.unpack_from("<QQI", body)[1])
        return b"" if number in (RELEASEDIR, FLUSH, FSYNC) else errno.ENOSYS

    def _listing(self, node, skip):
        out = b""
        for position, entry in enumerate(sorted(os.listdir(self._real(node)))):
            if position < skip:
                continue
            kind = stat.S_IFDIR if os.path.isdir(self._real(node, entry)) else stat.S_IFREG
            text = entry.encode()
            out += struct.pack("<QQII", 1, position + 1, len(text), kind >> 12) + text + b"\0" * (-len(text) % 8)
        return out[:4096]
