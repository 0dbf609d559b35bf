#!/usr/bin/env python3
"""Runs a livekit-server for demos and tests: free ports, generated key and secret, no packet to the outside.

    serve.py                      prints the three export lines and serves until Ctrl-C
    serve.py --env-file FILE      writes them to FILE once the server answers, and removes it at the end

Only the standard library, so that it runs before any venv exists.
"""
import argparse
import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
# A server without STUN addresses advertises public ones; nobody listens on this machine's discard port. The address
# is node_ip: clients bind to an interface, and from there 127.0.0.1 would be asked for on the network (ARP).
UNUSED_STUN_PORT = 9


def find_binary():
    """Path of the server binary; builds it when get.sh finds none."""
    done = subprocess.run([os.path.join(HERE, "get.sh")], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError("get.sh found no livekit-server (see its message)")
    return done.stdout.strip()


def first_ipv4():
    """The machine's first non-loopback IPv4: WebRTC stacks gather no candidate on 127.0.0.1. The socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


class Server:
    """One livekit-server process. `room` and `rtc` are YAML lines for those sections, `extra` for the top level,
    `bind` the addresses for signalling, `node_ip` the one for media, to
    which `also` adds more."""

    def __init__(self, port=0, key=None, secret=None, log_path=None, auto_create=True, room="", rtc="", extra="",
                 bind=("127.0.0.1",), node_ip=None, also=()):
        self.fixed_port = port
        self.key = key or "API" + secrets.token_hex(6)
        self.secret = secret or secrets.token_urlsafe(32)
        self.log_path = log_path
        self.auto_create, self.room, self.rtc, self.extra = auto_create, room, rtc, extra
        self.bind, self.fixed_node_ip, self.also = list(bind), node_ip, list(also)
        self.url = None
        self.process = None
        self._dir = None
        self._command = None

    def _write_config(self):
        self.port = self.fixed_port or free_port()
        self.node_ip = self.fixed_node_ip or first_ipv4()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.tcp_port = free_port()
        # Otherwise it offers node_ip in place of any address that the machine has, and listens there.
        networks = [f"{ip}/128" if ":" in ip else f"{ip}/32" for ip in [self.node_ip, *self.also]]
        loopback = "\n  enable_loopback_candidate: true" if self.node_ip == "127.0.0.1" else ""
        path = os.path.join(self._dir, "livekit.yaml")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(f"""port: {self.port}
bind_addresses: {self.bind}
keys:
  "{self.key}": "{self.secret}"
rtc:
  node_ip: {self.node_ip}
  ips:
    includes: {networks}
  use_external_ip: false
  udp_port: {self.udp_port}
  tcp_port: {self.tcp_port}
  stun_servers: ["{self.node_ip}:{UNUSED_STUN_PORT}"]{loopback}
{_indent(self.rtc)}room:
  auto_create: {str(self.auto_create).lower()}
{_indent(self.room)}logging:
  level: info
{self.extra}
""")
        return path

    def start(self, timeout=15):
        binary = find_binary()
        self._dir = tempfile.mkdtemp(prefix="livekit-server-")
        atexit.register(self.stop)
        log = self.log_path or os.path.join(self._dir, "log")
        error = "did not start"
        # A port that was free a moment ago can be taken by the time the server binds it.
        for _ in range(1 if self.fixed_port else 3):
            config = self._write_config()
            self.url = f"ws://127.0.0.1:{self.port}"
            self._command = [binary, "--config", config]
            if self._run(log, timeout):
                return self
            error = "exited" if self.process.poll() is not None else f"gave no answer in {timeout} s"
            self._stop_process()
        with open(log, "r", encoding="utf-8", errors="replace") as text:
            tail = text.read()[-2000:]
        self.stop()
        raise RuntimeError(f"livekit-server {error} on port {self.port}:\n{tail}")

    def _run(self, log, timeout):
        with open(log, "ab") as out:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self._wait_until_it_answers(timeout)

    def kill(self):
        """As a crash would: no word to anybody."""
        self.process.kill()
        self.process.wait()

    def start_again(self, timeout=15):
        """After kill(): the same ports and keys, empty rooms."""
        if not self._run(self.log_path or os.path.join(self._dir, "log"), timeout):
            raise RuntimeError(f"livekit-server did not start again on port {self.port}")

    def _wait_until_it_answers(self, timeout):
        end = time.monotonic() + timeout
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with opener.open(f"http://127.0.0.1:{self.port}/", timeout=2) as answer:
                    if answer.status == 200:
                        return True
            except OSError:
                time.sleep(0.05)
        return False

    def _stop_process(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)  # a frozen one would not see the next signal
            self.process.terminate()
            try:
                self.process.wait(5)  # a server with participants drains first: do not wait for that
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def stop(self):
        self._stop_process()
        if self._dir:
            shutil.rmtree(self._dir, ignore_errors=True)
            self._dir = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _indent(text):
    return "".join("  " + line + "\n" for line in text.splitlines() if line.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="signalling port (default: a free one)")
    parser.add_argument("--key", help="API key (default: generated)")
    parser.add_argument("--secret-file", help="read the API secret from here: arguments are visible to all users")
    parser.add_argument("--env-file", help="write LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET here")
    parser.add_argument("--log", help="server log (default: a temporary file)")
    args = parser.parse_args()

    stop = {"asked": False}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.update(asked=True))
    secret = None
    if args.secret_file:
        with open(args.secret_file, encoding="utf-8") as text:
            secret = text.read().strip()
    server = Server(args.port, args.key, secret, args.log)
    try:
        server.start()
    except RuntimeError as error:
        print(f"[livekit-server] ERROR: {error}", file=sys.stderr)
        return 1
    lines = (f"export LIVEKIT_URL={server.url}\nexport LIVEKIT_API_KEY={server.key}\n"
             f"export LIVEKIT_API_SECRET={server.secret}\n")
    if args.env_file:
        temporary = args.env_file + ".new"
        with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(lines)
        os.replace(temporary, args.env_file)
    else:
        print(lines, end="", flush=True)
    while not stop["asked"] and server.process.poll() is None:
        time.sleep(0.1)
    died = not stop["asked"]
    server.stop()
    if args.env_file and os.path.exists(args.env_file):
        os.unlink(args.env_file)
    if died:
        print("[livekit-server] ERROR: the server ended by itself", file=sys.stderr)
    return 1 if died else 0


if __name__ == "__main__":
    sys.exit(main())
