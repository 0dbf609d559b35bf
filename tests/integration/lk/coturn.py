"""A TURN server that is not LiveKit's: coturn, with one user, on free ports of one address."""
import os
import shutil
import socket
import subprocess
import tempfile

from .server import serve
from .wait import wait_until

# Characters that mean something in URLs, so that a wrong encoding shows.
USER, PASSWORD = "u/s%er@x", "p%40:w?r#d+&"


def why_not():
    return None if shutil.which("turnserver") else "coturn is not installed"


class Coturn:
    """`port` for UDP and TCP, `tls_port` where a certificate and its key are given."""

    def __init__(self, address, certificate=None, key=None):
        self.address = address
        self.port, self.tls_port = serve.free_port(), serve.free_port()
        self._directory = tempfile.mkdtemp(prefix="lk-coturn-")
        path = os.path.join(self._directory, "turnserver.conf")
        self.log = os.path.join(self._directory, "log")
        tls = f"cert={certificate}\npkey={key}\n" if certificate else "no-tls\n"
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"listening-ip={address}\nrelay-ip={serve.first_ipv4()}\nlistening-port={self.port}\n"
                      f"tls-listening-port={self.tls_port}\nmin-port=49152\nmax-port=65535\nlt-cred-mech\nrealm=lk.test\n"
                      f"user={USER}:{PASSWORD}\n{tls}no-dtls\nno-cli\nallow-loopback-peers\n"
                      f"log-file={self.log}\nsimple-log\nverbose\npidfile={self._directory}/pid\nuserdb={self._directory}/db\n")
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["turnserver", "-c", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, 10, lambda: f"coturn at {address}:{self.port}\n{self.said()}")

    def _answers(self):
        try:
            socket.create_connection((self.address, self.port), 1).close()
            return True
        except OSError:
            return False

    def said(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)
