"""Nothing leaves the machine: server, publisher and recorder in a network of their own, whose way out counts packets."""
import os
import shutil
import subprocess
import unittest

from lk import launch, server
from lk.recording import Recording

ALONE = True  # what leaves the machine

SCRIPT = r"""
set -euo pipefail
sent () { awk '$1 == "out0:" {print $11}' /proc/net/dev; } # packets transmitted
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 || true
ip link set lo up
ip link add out0 type veth peer name out1
ip addr add 10.99.0.1/24 dev out0
ip link set out0 up
ip link set out1 up
ip route add default dev out0
printf 'counter before: %s\n' "$(sent)"
python3 "$ROOT/subprojects/livekit-server/serve.py" --env-file "$DIR/server.env" --log "$DIR/server.log" &
server=$!
for _ in $(seq 300); do [[ -s $DIR/server.env ]] && break; sleep 0.1; done
. "$DIR/server.env"
gst-launch-1.0 livekitsink room=offline name=s videotestsrc is-live=true ! s. audiotestsrc is-live=true ! s. &
publisher=$!
gst-launch-1.0 -e livekitsrc room=offline name=r webmmux name=m ! filesink buffer-mode=unbuffered location="$DIR/a.webm" \
  r.video_0 ! video/x-vp8 ! queue ! m.video_0  r.audio_0 ! audio/x-opus ! queue ! m.audio_0 &
recorder=$!
for _ in $(seq 200); do [[ $(stat -c %s "$DIR/a.webm" 2>/dev/null || echo 0) -gt 100000 ]] && break; sleep 0.1; done
kill -INT "$recorder"; wait "$recorder" || true
kill -INT "$publisher"; wait "$publisher" || true
kill -TERM "$server"; wait "$server" || true
printf 'counter after: %s\n' "$(sent)"
"""


# Who is not root becomes root of a namespace of users, which a chroot does not allow.
UNSHARE = ["unshare", "-n" if os.geteuid() == 0 else "-rn"]


def can_make_networks():
    try:
        return subprocess.run([*UNSHARE, "bash", "-c", "ip link add a0 type veth peer name a1"], check=False, timeout=10,
                              stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


class Offline(unittest.TestCase):
    @unittest.skipUnless(can_make_networks(), "no right to make a network namespace here")
    def test_a_call_with_default_settings_sends_nothing_to_the_outside(self):
        import tempfile
        directory = tempfile.mkdtemp(prefix="lk-offline-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        env = launch.environment()
        env.update(ROOT=server.ROOT, DIR=directory, LIVEKIT_SERVER=server.serve.find_binary())
        subprocess.run(["gst-inspect-1.0", "livekitsink"], env=env, stdout=subprocess.DEVNULL, check=True, timeout=60)
        done = subprocess.run([*UNSHARE, "bash", "-c", SCRIPT], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        counters = [int(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith("counter")]
        self.assertEqual(len(counters), 2, done.stdout)
        recording = Recording(os.path.join(directory, "a.webm"))
        self.assertEqual({s["codec_type"] for s in recording.streams}, {"audio", "video"})
        self.assertEqual(counters[1] - counters[0], 0, "packets that left")


if __name__ == "__main__":
    unittest.main(verbosity=2)
