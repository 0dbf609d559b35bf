#!/usr/bin/env python3
"""Includes point one way (docs/architecture.md), and each third-party library is named in few rooms.

    base ← {auth net proto} ← {signal data};  base ← cc ← rtc ← media;  all of these ← session ← {gst capi}
    within gst:  participant ← received ← mix ← livekitsrc;  participant ← the other elements
"""
import re
import subprocess
import sys

# The rooms of gst/: what every element is; tracks as they come; mixes of those; an element each.
ELEMENTS = {
    "participant": set(),
    "received": {"participant"},
    "mix": {"participant", "received"},
    "livekitsink": {"participant"},
    "livekitsrc": {"participant", "received", "mix"},
    "livekitdatasink": {"participant"},
    "livekitdatasrc": {"participant"},
}
MAY_INCLUDE = {
    "base": set(),
    "auth": {"base"},
    "net": {"base"},
    "proto": {"base"},
    "signal": {"base", "auth", "net", "proto"},
    "data": {"base", "auth", "net", "proto"},
    "cc": {"base"},
    "rtc": {"base", "cc"},
    "media": {"base", "rtc"},
    "session": {"base", "auth", "net", "proto", "signal", "data", "cc", "rtc", "media"},
    "api": {"base", "auth"},
    "gst": {"api", "base", "auth", "proto", "rtc", "media", "session", *ELEMENTS},
    "capi": {"api", "base", "auth", "proto", "media", "session"},
    "examples": {"base", "auth", "media"},
}
MAY_INCLUDE |= {room: (MAY_INCLUDE["gst"] - set(ELEMENTS)) | below for room, below in ELEMENTS.items()}
# Library → pattern of its headers, rooms that may name it.
LIBRARIES = {
    "libsoup": (r"libsoup/|soup", {"net"}),
    "webrtcbin": (r"gst/webrtc/", {"rtc"}),
    "SDP": (r"gst/sdp/", {"rtc"}),
    "libnice": (r"nice/|agent\.h", {"rtc"}),
    "protobuf": (r"google/protobuf/|.*\.pb\.h", {"proto"}),
    "OpenSSL": (r"openssl/", {"auth"}),
}
# The element may know the participant's model, not the wire, and may have the transport warmed up.
NARROW = {("capi", "proto"): {"proto/model.hpp"}}
for element in ("gst", *ELEMENTS):
    NARROW |= {(element, "rtc"): {"rtc/peer.hpp"}, (element, "proto"): {"proto/model.hpp"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    parts = path.split("/")
    if parts[:2] == ["lib", "src"] and len(parts) > 3:
        return parts[2]
    if parts[0] == "gst" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ("gst", "examples") else None


def check(path, lines):
    room = room_of(path)
    if room is None:
        return
    if room not in MAY_INCLUDE:
        yield f"{path}: room '{room}' is not in the rules of {sys.argv[0]}"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        system, target = match.group(1) == "<", match.group(2)
        for library, (pattern, rooms) in LIBRARIES.items():
            if re.match(pattern, target) and room not in rooms:
                yield f"{path}:{number}: {library} ({target}) may only be named in {', '.join(sorted(rooms))}"
        if system or "/" not in target:
            continue
        other = target.split("/")[0]
        if other not in MAY_INCLUDE or other in (room, "examples"):
            continue
        if other == "gst":
            if not target.startswith("gst/livekit/"):
                yield f"{path}:{number}: {target}: only the plugin includes gst/"
        elif other not in MAY_INCLUDE[room]:
            yield f"{path}:{number}: {room} may not include {other} ({target})"
        elif (room, other) in NARROW and target not in NARROW[room, other]:
            yield f"{path}:{number}: {room} may include of {other} only {', '.join(sorted(NARROW[room, other]))}"


def selftest():
    """A rule that cannot fire is no rule."""
    bad = {"lib/src/base/a.cpp": '#include "net/url.hpp"', "lib/src/rtc/a.cpp": "#include <libsoup/soup.h>",
           "lib/src/media/a.hpp": '#include "session/session.hpp"', "gst/a.cpp": '#include "rtc/sdp.hpp"',
           "lib/src/session/a.cpp": '#include "wire.pb.h"', "lib/src/net/a.cpp": '#include "gst/src.hpp"',
           "gst/b.cpp": "#include <gst/webrtc/webrtc.h>", "gst/c.cpp": '#include "proto/convert.hpp"',
           "gst/mix/a.cpp": '#include "livekitsrc/srctracks.hpp"', "gst/mix/b.cpp": '#include "rtc/sdp.hpp"'}
    good = {"lib/src/signal/a.cpp": '#include "net/url.hpp"', "lib/src/net/a.cpp": "#include <libsoup/soup.h>",
            "gst/a.cpp": '#include "session/session.hpp"', "gst/mix/a.cpp": '#include "received/srctrack.hpp"',
            "lib/src/session/a.cpp": '#include <gst/gst.h>'}
    missed = [path for path, line in bad.items() if not list(check(path, [line]))]
    return missed + [path for path, line in good.items() if list(check(path, [line]))]


def main():
    if wrong := selftest():
        print("the check itself is broken for:", *wrong)
        return 1
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "*.cpp", "*.hpp", "*.h", "*.c"],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    problems = []
    for path in files:
        try:
            with open(path, encoding="utf-8") as text:
                problems += check(path, text)
        except FileNotFoundError:
            continue  # deleted in the working tree
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
