"""A network of its own for a client of ours: what it may reach, and by which protocol, is the test's choice.

Only that client runs inside; the server and the peers stay outside, at the other end of a pair of virtual cables.
"""
import os
import random
import shutil
import subprocess

_NOBODY = "198.51.100.78"


def _ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def why_not():
    """Why there can be no namespaces here, or None. A test that needs one skips itself with this."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    name = f"lk-try-{os.getpid()}"
    made = _ip("netns", "add", name, check=False)
    entered = _ip("netns", "exec", name, "true", check=False)
    _ip("netns", "del", name, check=False)
    for tried in (made, entered):
        if tried.returncode != 0:
            # In a chroot it works once the new root is a mount of its own: mount --bind DIR DIR.
            return f"no network namespaces here: {tried.stdout.strip()}"
    return None


class Namespace:
    """`here`, `here6`: the addresses of this machine as seen from inside. `prefix` goes before a command."""

    def __init__(self, ipv4=True, ipv6=False):
        number = random.randrange(0, 1 << 14)
        self._ipv4, self._ipv6 = ipv4, ipv6
        self.name = f"lk-{os.getpid()}-{number}"
        self._cable = f"lk{number}"
        self._table, self._rules = str(1000 + number), []
        net = f"10.77.{number >> 6}"
        self.here, self.there = f"{net}.{(number & 63) * 4 + 1}", f"{net}.{(number & 63) * 4 + 2}"
        self.here6, self.there6 = f"fd77:{number:x}::1", f"fd77:{number:x}::2"
        self.prefix = ["ip", "netns", "exec", self.name]
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            if ipv4:
                _ip("address", "add", f"{self.here}/30", "dev", self._cable)
                self._inside("address", "add", f"{self.there}/30", "dev", "eth0")
            if ipv6:
                _ip("address", "add", f"{self.here6}/64", "dev", self._cable, "nodad")
                self._inside("address", "add", f"{self.there6}/64", "dev", "eth0", "nodad")
            _ip("link", "set", self._cable, "up")
            self._inside("link", "set", "lo", "up")
            self._inside("link", "set", "eth0", "up")
            if ipv4:
                self._inside("route", "add", "default", "via", self.here)
            if ipv6:
                self._inside("-6", "route", "add", "default", "via", self.here6)
        except BaseException:
            self.close()
            raise

    def _inside(self, *words):
        _ip("-n", self.name, *words)

    def name_hosts(self, **addresses):
        """What name resolution inside says. `_` stands for a dot."""
        os.makedirs(self._etc, exist_ok=True)
        with open(os.path.join(self._etc, "hosts"), "w", encoding="utf-8") as out:
            out.write("127.0.0.1 localhost\n")
            for name, address in addresses.items():
                out.write(f"{address} {name.replace('_', '.')}\n")

    def ask_names_of(self, address):
        """The name server inside."""
        os.makedirs(self._etc, exist_ok=True)
        with open(os.path.join(self._etc, "resolv.conf"), "w", encoding="utf-8") as out:
            out.write(f"nameserver {address}\n")

    def move(self):
        """Into another network: the address is gone and there is a new one. `here` stays within reach."""
        here, there = (address.replace("10.77.", "10.78.") for address in (self.here, self.there))
        _ip("address", "add", f"{here}/30", "dev", self._cable)
        self._inside("address", "add", f"{there}/30", "dev", "eth0")
        self._inside("address", "del", f"{self.there}/30", "dev", "eth0")
        self._inside("route", "replace", "default", "via", here)

    def add_another_interface(self):
        """With an address and a route, which have nothing to do with `here`."""
        self._inside("link", "add", "other0", "type", "veth", "peer", "name", "other1")
        self._inside("address", "add", "10.79.0.1/24", "dev", "other0")
        self._inside("link", "set", "other0", "up")
        self._inside("link", "set", "other1", "up")
        self._inside("route", "add", "10.80.0.0/24", "via", "10.79.0.2")

    def remove_other_interface(self):
        self._inside("link", "del", "other0")

    def block_udp(self):
        """Sending it fails, as behind a firewall that lets nothing but TCP out."""
        for family in ("-4", "-6"):
            self._inside(family, "rule", "add", "pref", "100", "ipproto", "udp", "blackhole")

    def cut(self):
        """Everything vanishes, both ways and without an error to anybody, until mend()."""
        for at, address in self._neighbours():
            _ip(*at, "neighbour", "replace", address, "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", self._device(at))

    def mend(self):
        for at, address in self._neighbours():
            _ip(*at, "neighbour", "del", address, "dev", self._device(at))

    def cut_media(self, *tcp_ports):
        """The same to UDP alone, and TCP to those ports; until mend_media()."""
        self._rules = [("ipproto", "udp")] + [("ipproto", "tcp", "dport", str(port)) for port in tcp_ports]
        for at, rule in self._media_rules():
            device = self._device(at)
            _ip(*at, "neighbour", "replace", _NOBODY, "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", device)
            _ip(*at, "route", "replace", "default", "via", _NOBODY, "dev", device, "onlink", "table", self._table)
            _ip(*at, "rule", "add", *rule)

    def mend_media(self):
        for at, rule in self._media_rules():
            _ip(*at, "rule", "del", *rule)
        self._rules = []

    def _media_rules(self):
        for what in self._rules:
            rule = ("pref", "90", *what, "lookup", self._table)
            yield ("-n", self.name), rule
            yield (), ("to", self.there, *rule)

    def _neighbours(self):
        inside = ("-n", self.name)
        found = [(inside, self.here), ((), self.there)] if self._ipv4 else []
        return found + ([(inside, self.here6), ((), self.there6)] if self._ipv6 else [])

    def _device(self, at):
        return "eth0" if at else self._cable

    def leads_nowhere(self):
        """An address that swallows everything: a neighbour who is not there."""
        address = "198.51.100.77"
        self._inside("route", "replace", address, "dev", "eth0")
        self._inside("neighbour", "replace", address, "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "eth0")
        return address

    @property
    def _etc(self):
        return os.path.join("/etc/netns", self.name)

    def close(self):
        self.mend_media()
        _ip("netns", "del", self.name, check=False)  # takes the cable with it
        shutil.rmtree(self._etc, ignore_errors=True)
